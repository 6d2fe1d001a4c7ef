//! What a scalar is as a value, and what it is as a key.

use crate::event::{Properties, Style};
use crate::number::{self, Integer};
use crate::resolve::{Dates, Resolved, resolve};
use crate::{Dialect, Options, fold};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use std::borrow::Cow;

/// Base64 as Go reads it: padded, but with any bits in what the padding leaves over.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// How a node serves as a key of a mapping.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Key {
    /// The value is a string, which is the key.
    Text,
    /// `<<`: what follows is merged.
    Merge,
    /// Another scalar, in the form it takes as a key.
    Converted(String),
    /// Not usable as a key: what it is.
    Unusable(&'static str),
}

/// Where a scalar stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Place {
    pub(crate) is_key: bool,
    /// In brackets or braces.
    pub(crate) in_flow: bool,
}

/// Reads a scalar. Where it has no meaning in JSON, the error says why.
pub(crate) fn read(
    text: Cow<'_, str>,
    style: Style,
    place: Place,
    properties: &Properties<'_>,
    options: &Options,
) -> Result<(Value, Key), String> {
    if place.is_key
        && properties.anchor == 0
        && let Some(name) = special_float_key(&text, style, properties, options)
    {
        return Ok((Value::Null, Key::Converted(name)));
    }
    if !options.round_trips() {
        return read_text(text, style, properties.tag.as_deref(), options.dialect);
    }
    if place.in_flow && text.is_empty() && properties.tag.is_none() {
        // Written as `''` there, where a missing value would end the collection.
        return Ok(string(text));
    }
    let text = if style == Style::Folded { fold::through_v3(text)? } else { text };
    let (value, key) = read_text(text.clone(), style, properties.tag.as_deref(), options.dialect)?;
    let key = match key {
        Key::Converted(_) if value.is_null() && !text.is_empty() => Key::Unusable("null"),
        // kustomize reads keys into strings: they stay as they are written.
        Key::Converted(_) => Key::Converted(text.into_owned()),
        key => key,
    };
    Ok((value, key))
}

/// The name of a key that is no number in JSON: those that are no values can still be keys.
fn special_float_key(
    text: &str,
    style: Style,
    properties: &Properties<'_>,
    options: &Options,
) -> Option<String> {
    if style != Style::Plain || properties.tag.is_some() || !text.contains(['n', 'N']) {
        return None;
    }
    match resolve(text, options.dialect, Dates::Ignored) {
        Resolved::Float(value) if value.is_finite() => None,
        Resolved::Float(_) if options.round_trips() => Some(text.to_owned()),
        Resolved::Float(value) => Some(match (options.dialect, value.is_nan(), value.is_sign_negative()) {
            (Dialect::V2, true, _) => ".nan".to_owned(),
            (Dialect::V2, false, false) => ".inf".to_owned(),
            (Dialect::V2, false, true) => "-.inf".to_owned(),
            (Dialect::V3, true, _) => "NaN".to_owned(),
            (Dialect::V3, false, false) => "+Inf".to_owned(),
            (Dialect::V3, false, true) => "-Inf".to_owned(),
        }),
        _ => None,
    }
}

fn read_text(
    text: Cow<'_, str>,
    style: Style,
    tag: Option<&str>,
    dialect: Dialect,
) -> Result<(Value, Key), String> {
    match tag {
        None if style == Style::Plain => plain(text, dialect),
        None => Ok(string(text)),
        Some(tag) => tagged(text, style, tag, dialect),
    }
}

fn string(text: Cow<'_, str>) -> (Value, Key) {
    (Value::String(text.into_owned()), Key::Text)
}

fn merge_key(text: Cow<'_, str>) -> (Value, Key) {
    (Value::String(text.into_owned()), Key::Merge)
}

fn plain(text: Cow<'_, str>, dialect: Dialect) -> Result<(Value, Key), String> {
    match resolve(&text, dialect, Dates::Allowed) {
        Resolved::Text => Ok(string(text)),
        Resolved::Merge => Ok(merge_key(text)),
        resolved => value(resolved, text, dialect),
    }
}

fn tagged(text: Cow<'_, str>, style: Style, tag: &str, dialect: Dialect) -> Result<(Value, Key), String> {
    // The non-specific tag makes a string of any scalar in v2 and is ignored in v3.
    if tag == "!" {
        return match (dialect, style) {
            (Dialect::V3, Style::Plain) => plain(text, dialect),
            (Dialect::V2, _) if text == "<<" => Ok(merge_key(text)),
            _ => Ok(string(text)),
        };
    }
    let wanted = match tag.strip_prefix("tag:yaml.org,2002:") {
        Some(wanted @ ("bool" | "int" | "float" | "null" | "timestamp")) => wanted,
        Some("binary") => return binary(&text),
        Some("merge") if text == "<<" => return Ok(merge_key(text)),
        // Strings, collections' tags and tags of one's own: the text as it is.
        _ => return Ok(string(text)),
    };
    let dates = if wanted == "timestamp" { Dates::Allowed } else { Dates::Ignored };
    let resolved = match resolve(&text, dialect, dates) {
        #[allow(clippy::cast_precision_loss)] // As upstream's conversion to float64.
        Resolved::Integer(Integer::Signed(value)) if wanted == "float" => Resolved::Float(value as f64),
        resolved => resolved,
    };
    let found = resolved.tag();
    if found.trim_start_matches('!') != wanted {
        return Err(format!("`{text}` is {found}, not !!{wanted} as its tag says"));
    }
    value(resolved, text, dialect)
}

fn binary(text: &str) -> Result<(Value, Key), String> {
    let encoded = text.replace(['\n', '\r'], "");
    let bytes = BASE64.decode(encoded).map_err(|_| "the !!binary value is not valid base64".to_owned())?;
    // JSON cannot say other bytes than text: Go's encoder replaces them.
    Ok(string(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())))
}

fn value(resolved: Resolved, text: Cow<'_, str>, dialect: Dialect) -> Result<(Value, Key), String> {
    Ok(match resolved {
        Resolved::Text | Resolved::Merge => string(text),
        Resolved::Null if dialect == Dialect::V2 => (Value::Null, Key::Unusable("null")),
        Resolved::Null => (Value::Null, Key::Converted("<nil>".to_owned())),
        Resolved::Bool(value) => (Value::Bool(value), Key::Converted(value.to_string())),
        Resolved::Integer(Integer::Signed(value)) => (Value::from(value), Key::Converted(value.to_string())),
        Resolved::Integer(Integer::Unsigned(value)) => {
            let key = match dialect {
                Dialect::V2 => Key::Unusable("an integer beyond 9223372036854775807"),
                Dialect::V3 => Key::Converted(value.to_string()),
            };
            (Value::from(value), key)
        }
        Resolved::Float(value) => {
            let key = match dialect {
                Dialect::V2 => number::shortest_f32(value),
                Dialect::V3 => number::shortest(value),
            };
            match number::json_float(value) {
                Some(number) => (number, Key::Converted(key)),
                None => return Err(format!("JSON has no number `{text}`: quote it to have a string")),
            }
        }
        Resolved::Timestamp(_) if dialect == Dialect::V2 => string(text),
        Resolved::Timestamp(time) => (Value::String(time), Key::Converted(text.into_owned())),
    })
}
