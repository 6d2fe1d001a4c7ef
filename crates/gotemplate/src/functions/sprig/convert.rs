//! Conversions that sprig applies to arguments of any type: to strings, to numbers.

use crate::exec::{Context, FuncError};
use crate::fmt::byte_slice;
use crate::parse::literal::{parse_float, parse_uint};
use crate::value::{List, Str, Value, View};

/// sprig's `toString`: `String()` where there is one, otherwise `%v`.
pub(super) fn to_text(context: &mut Context<'_>, value: &Value) -> Result<Str, FuncError> {
    match value {
        Value::Str(text) => return Ok(text.clone()),
        Value::List(list) => {
            if let Some(bytes) = byte_slice(list) {
                return Ok(bytes.into());
            }
        }
        _ => {}
    }
    let args = std::slice::from_ref(value);
    match context.print(|printer| printer.print(args))? {
        Value::Str(text) => Ok(text),
        _ => Ok(Str::default()),
    }
}

/// sprig's `toStrings`: the elements that are not nil, as strings; anything else is a list of one.
pub(super) fn to_texts(context: &mut Context<'_>, value: &Value) -> Result<Vec<Str>, FuncError> {
    match elements(value) {
        Some(list) => {
            context.take_steps(list.len())?;
            let items = list.items().iter().filter(|item| !item.is_nil());
            items.map(|item| to_text(context, item)).collect()
        }
        None if value.is_nil() => Ok(Vec::new()),
        None => Ok(vec![to_text(context, value)?]),
    }
}

/// The elements of anything that is a slice in Go.
pub(super) fn elements(value: &Value) -> Option<List> {
    value.as_list()
}

/// `cast.ToInt64`: what cannot be converted is 0. Strings may have a base prefix and a fraction of zeros.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(value) => i64::from(*value),
        Value::Int(value) | Value::Int64(value) => *value,
        Value::Uint8(value) => i64::from(*value),
        Value::Uint64(value) => value.cast_signed(),
        Value::Float(value) => float_to_int(*value),
        Value::Str(text) => text.to_str().and_then(|text| parse_int(trim_zero_decimal(text), 0)).unwrap_or(0),
        Value::Object(object) => match object.view() {
            View::Scalar(value) => to_int(&value),
            _ => 0,
        },
        _ => 0,
    }
}

/// Go's conversion on amd64, where everything out of range is the least number.
pub(super) fn float_to_int(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// `cast.ToFloat64`: what cannot be converted is 0.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Int(value) | Value::Int64(value) => *value as f64,
        Value::Uint8(value) => f64::from(*value),
        Value::Uint64(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Str(text) => text.to_str().and_then(parse_float).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Go's `strconv.ParseInt`.
pub(super) fn parse_int(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = parse_uint(digits, base)?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Cuts a fraction that consists of zeros: `8.00` is `8`, but `8.` stays.
fn trim_zero_decimal(text: &str) -> &str {
    let without = text.trim_end_matches('0');
    match without.strip_suffix('.') {
        Some(whole) if without.len() < text.len() => whole,
        _ => text,
    }
}
