//! JSON as Go writes it, indented as sops indents it.

use holdfast_yaml::write_json_string;
use serde_json::{Map, Value};

pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, 0, &mut out);
    out.push('\n');
    out
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(list) if list.is_empty() => out.push_str("[]"),
        Value::Object(map) => {
            out.push('{');
            for (number, (key, value)) in map.iter().enumerate() {
                begin_item(number, depth, out);
                write_json_string(key, out);
                out.push_str(": ");
                write_value(value, depth + 1, out);
            }
            end_items(depth, '}', out);
        }
        Value::Array(list) => {
            out.push('[');
            for (number, value) in list.iter().enumerate() {
                begin_item(number, depth, out);
                write_value(value, depth + 1, out);
            }
            end_items(depth, ']', out);
        }
        Value::String(text) => write_json_string(text, out),
        Value::Number(number) if number.is_f64() => {
            out.push_str(&float(number.as_f64().unwrap_or_default()));
        }
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::Bool(on) => out.push_str(if *on { "true" } else { "false" }),
        Value::Null => out.push_str("null"),
    }
}

fn begin_item(number: usize, depth: usize, out: &mut String) {
    out.push_str(if number == 0 { "\n" } else { ",\n" });
    out.extend(std::iter::repeat_n('\t', depth + 1));
}

fn end_items(depth: usize, close: char, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', depth));
    out.push(close);
}

/// A number as Go's `encoding/json` writes it: with an exponent only where it is very small or large.
fn float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number}")
}

/// The mapping that a value is, made one when it is nothing.
pub(super) fn object_mut(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was made a mapping above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_gos() {
        for (number, text) in
            [(1e21, "1e+21"), (1.5, "1.5"), (1e20, "100000000000000000000"), (1.5e-7, "1.5e-07")]
        {
            assert_eq!(float(number), text);
        }
    }
}
