//! Writing values as `sigs.k8s.io/yaml` prints them: natural key order, block style, the quoting and the folding
//! near column 80 of go-yaml v2's emitter.
//!
//! The emitter is a small state machine, as upstream's: what is written next depends on the column, on whether the
//! last thing written was white space, and on whether the line so far holds only indentation.

mod order;
mod scalar;

pub use order::natural;

use crate::{Error, Limits, Options, json, number, resolve};
use scalar::{Analysis, Style};
use serde_json::Value;

/// Columns after which a space becomes a line break.
const BEST_WIDTH: usize = 80;
/// Spaces per level.
const BEST_INDENT: i32 = 2;
/// Bytes beyond which a key is written in its explicit form, `? key`.
const SIMPLE_KEY_BYTES: usize = 128;

/// The YAML text of a value, byte-equal to what `sigs.k8s.io/yaml`'s `Marshal` prints for it.
///
/// It never fails: what upstream cannot marshal is written in the form that its emitter has for it. [`marshal`] is
/// upstream with its failures.
#[must_use]
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// The YAML text of a value as `Marshal` of `sigs.k8s.io/yaml` gives it, with its faults: it writes the value as JSON
/// and reads that as YAML before it writes YAML. So it fails for characters that YAML texts cannot hold and for keys
/// of more than about 1,000 characters, and folds a U+0085 as the line break that it is in YAML. Helm's `toYaml` makes
/// an empty string of such a failure.
///
/// # Errors
/// Where upstream has one. The place is that in the JSON text.
pub fn marshal(value: &Value) -> Result<String, Error> {
    if !has_pitfall(value) {
        return Ok(to_string(value));
    }
    let mut text = String::new();
    json::write(value, &mut text);
    let limits = Limits { max_bytes: usize::MAX, max_depth: 10_000, max_nodes: usize::MAX };
    let value = crate::parse(text.as_bytes(), &Options { limits, ..Options::v2() })?;
    Ok(to_string(&value))
}

/// Whether a value may change, or not survive, between JSON and YAML.
fn has_pitfall(value: &Value) -> bool {
    // Each character of a key takes at most 6 in JSON, and it has 1,024 with its quotes.
    const HARMLESS_KEY_BYTES: usize = 1000 / 6;
    let in_text = |text: &str| {
        text.bytes().any(|byte| matches!(byte, 0x7f | 0xc2 | 0xef))
            && text.chars().any(|c| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'))
    };
    match value {
        Value::String(text) => in_text(text),
        Value::Array(items) => items.iter().any(has_pitfall),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.len() > HARMLESS_KEY_BYTES || in_text(key) || has_pitfall(value)),
        _ => false,
    }
}

/// Appends the YAML text of a value to `out`; see [`to_string`].
pub fn write(value: &Value, out: &mut String) {
    let mut emitter = Emitter { out, column: 0, whitespace: true, indention: true };
    emitter.node(value, Place::Root, -1);
    emitter.write_indent(0);
}

/// The same for a mapping.
pub fn write_mapping(map: &serde_json::Map<String, Value>, out: &mut String) {
    let mut emitter = Emitter { out, column: 0, whitespace: true, indention: true };
    if map.is_empty() {
        emitter.node(&Value::Object(serde_json::Map::new()), Place::Root, -1);
    } else {
        emitter.mapping(map, -1);
    }
    emitter.write_indent(0);
}

/// A text as a double-quoted scalar on one line.
pub(crate) fn double_quoted(text: &str) -> String {
    let mut out = String::new();
    let mut emitter = Emitter { out: &mut out, column: 0, whitespace: true, indention: true };
    emitter.write_double_quoted(text, false, 0);
    out
}

/// Where a node stands; decides indentation of sequences and whether a scalar may span lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    /// A mapping's value, or a key in its explicit form.
    Value,
    SimpleKey,
}

struct Emitter<'o> {
    out: &'o mut String,
    /// Characters since the last line break.
    column: usize,
    /// The last character written separates: no space is needed before the next token.
    whitespace: bool,
    /// The line so far holds only indentation and `-`, `?`, `:` indicators.
    indention: bool,
}

impl Emitter<'_> {
    fn node(&mut self, value: &Value, place: Place, indent: i32) {
        match value {
            Value::Null => self.plain("null", place, indent),
            Value::Bool(true) => self.plain("true", place, indent),
            Value::Bool(false) => self.plain("false", place, indent),
            Value::Number(number) => {
                if let Some(whole) = number.as_i64() {
                    self.plain(itoa::Buffer::new().format(whole), place, indent);
                } else if let Some(whole) = number.as_u64() {
                    self.plain(itoa::Buffer::new().format(whole), place, indent);
                } else {
                    self.plain(&number::yaml_float(number.as_f64().unwrap_or(0.0)), place, indent);
                }
            }
            Value::String(text) => self.string(text, place, indent),
            Value::Array(items) if items.is_empty() => {
                self.indicator("[", true, true, false);
                self.indicator("]", false, false, false);
            }
            Value::Array(items) => self.sequence(items, place, indent),
            Value::Object(map) if map.is_empty() => {
                self.indicator("{", true, true, false);
                self.indicator("}", false, false, false);
            }
            Value::Object(map) => self.mapping(map, indent),
        }
    }

    fn sequence(&mut self, items: &[Value], place: Place, indent: i32) {
        let indentless = place == Place::Value && !self.indention;
        let indent = deeper(indent, indentless);
        for item in items {
            self.write_indent(indent);
            self.indicator("-", true, false, true);
            self.node(item, Place::Item, indent);
        }
    }

    fn mapping(&mut self, map: &serde_json::Map<String, Value>, indent: i32) {
        let indent = deeper(indent, false);
        for (key, value) in natural(map) {
            self.write_indent(indent);
            let analysis = Analysis::of(key);
            if !analysis.multiline && key.len() <= SIMPLE_KEY_BYTES {
                self.analysed(key, &analysis, Place::SimpleKey, indent);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.analysed(key, &analysis, Place::Value, indent);
                self.write_indent(indent);
                self.indicator(":", true, false, true);
            }
            self.node(value, Place::Value, indent);
        }
    }

    fn string(&mut self, text: &str, place: Place, indent: i32) {
        self.analysed(text, &Analysis::of(text), place, indent);
    }

    fn analysed(&mut self, text: &str, analysis: &Analysis, place: Place, indent: i32) {
        let wanted = if text.contains('\n') {
            Style::Literal
        } else if resolve::needs_quotes_v2(text) {
            Style::DoubleQuoted
        } else {
            Style::Plain
        };
        let simple_key = place == Place::SimpleKey;
        let style = analysis.style(wanted, text, simple_key);
        let indent = scalar_indent(indent);
        match style {
            Style::Plain => self.write_plain(text, !simple_key, indent),
            Style::SingleQuoted => self.write_single_quoted(text, !simple_key, indent),
            Style::DoubleQuoted => self.write_double_quoted(text, !simple_key, indent),
            Style::Literal => self.write_literal(text, indent),
        }
    }

    /// A token that is known to be printable, unbroken and safe as a plain scalar.
    fn plain(&mut self, token: &str, place: Place, indent: i32) {
        self.write_plain(token, place != Place::SimpleKey, scalar_indent(indent));
    }

    fn write_indent(&mut self, indent: i32) {
        let indent = usize::try_from(indent).unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    fn put(&mut self, character: char) {
        self.out.push(character);
        self.column += 1;
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }
}

/// The indentation of a collection inside a node indented by `indent` (-1 outside of the document).
fn deeper(indent: i32, indentless: bool) -> i32 {
    match indent {
        ..0 => 0,
        _ if indentless => indent,
        _ => indent + BEST_INDENT,
    }
}

/// The indentation of a scalar's continuation lines.
fn scalar_indent(indent: i32) -> i32 {
    if indent < 0 { BEST_INDENT } else { indent + BEST_INDENT }
}
