//! Bodies in the API's protobuf form, which `kubectl create` and other typed clients send. Answers are JSON: those
//! clients accept both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::Schemas;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;
use time::OffsetDateTime;

/// What every body starts with.
const MAGIC: &[u8] = b"k8s\0";
/// The deepest nesting that is read.
const DEPTH_MAX: usize = 100;

/// A message's fields by number: name and kind.
type Message = HashMap<u64, (&'static str, &'static str)>;

static MESSAGES: LazyLock<HashMap<&'static str, Message>> = LazyLock::new(|| {
    let lines = include_str!("kubernetes.wire").lines().filter(|l| !l.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let field = |word: &'static str| {
                let (name, rest) = word.split_once('=')?;
                let (number, kind) = rest.split_once(':')?;
                Some((number.parse().ok()?, (name, kind)))
            };
            Some((name, words.filter_map(field).collect()))
        })
        .collect()
});

/// Reads an object. `None` for what is no such body, or of a kind that is not built in.
pub(super) fn decode(body: &[u8]) -> Option<Value> {
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in fields(body.strip_prefix(MAGIC)?) {
        match field? {
            (1, Wire::Bytes(meta)) => {
                for field in fields(meta) {
                    match field? {
                        (1, Wire::Bytes(text)) => api_version = text_of(text),
                        (2, Wire::Bytes(text)) => kind = text_of(text),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let gvk = GroupVersionKind::from_api_version(&api_version, &kind);
    let group = gvk.group.split('.').next().filter(|g| !g.is_empty()).unwrap_or("core");
    let name = match kind.as_str() {
        "DeleteOptions" => "meta.v1.DeleteOptions".to_owned(),
        _ => format!("{group}.{}.{kind}", gvk.version),
    };
    let mut object = Map::new();
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    object.extend(message(raw, &name, 0)?);
    Some(Value::Object(object))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

enum Wire<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// The fields of a message in order; `None` where it is malformed.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u64, Wire<'_>)>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = field(&mut bytes);
        if field.is_none() {
            bytes = &[];
        }
        Some(field)
    })
}

fn field<'b>(bytes: &mut &'b [u8]) -> Option<(u64, Wire<'b>)> {
    let key = varint(bytes)?;
    let wire = match key & 7 {
        0 => Wire::Number(varint(bytes)?),
        1 => Wire::Number(u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?)),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            Wire::Bytes(take(bytes, length)?)
        }
        5 => Wire::Number(u64::from(u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?))),
        _ => return None,
    };
    Some((key >> 3, wire))
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn message(bytes: &[u8], name: &str, depth: usize) -> Option<Map<String, Value>> {
    if depth > DEPTH_MAX {
        return None;
    }
    let known = MESSAGES.get(name)?;
    let ty = Schemas::builtin().named(name);
    let mut out = Map::new();
    for field in fields(bytes) {
        let (number, wire) = field?;
        let Some((key, kind)) = known.get(&number) else { continue };
        if let Some(item) = kind.strip_prefix("[]") {
            let item = value(&wire, item, depth)?;
            let list = out.entry(*key).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()?.push(item);
        } else if let Some(item) = kind.strip_prefix("{}") {
            let Wire::Bytes(entry) = wire else { return None };
            let (entry_key, entry_value) = entry_of(entry, item, depth)?;
            let map = out.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            map.as_object_mut()?.insert(entry_key, entry_value);
        } else {
            let value = value(&wire, kind, depth)?;
            // What JSON writes in place has a name of its own here.
            match (ty, value) {
                (Some(ty), Value::Object(inner)) if ty.field(key).is_none() && !is_root(name) => {
                    out.extend(inner)
                }
                (_, value) => {
                    out.insert((*key).to_owned(), value);
                }
            }
        }
    }
    Some(out)
}

/// Resources themselves have no name in the table of types, and write nothing in place.
fn is_root(name: &str) -> bool {
    Schemas::builtin().named(name).is_none()
}

fn entry_of(bytes: &[u8], kind: &str, depth: usize) -> Option<(String, Value)> {
    let (mut key, mut found) = (String::new(), None);
    for field in fields(bytes) {
        match field? {
            (1, Wire::Bytes(text)) => key = text_of(text),
            (2, wire) => found = Some(value(&wire, kind, depth)?),
            _ => {}
        }
    }
    Some((key, found.unwrap_or_else(|| "".into())))
}

fn value(wire: &Wire<'_>, kind: &str, depth: usize) -> Option<Value> {
    let bytes = match wire {
        Wire::Number(number) => {
            let signed = number.cast_signed();
            return Some(match kind {
                "bool" => (*number != 0).into(),
                "double" => f64::from_bits(*number).into(),
                _ => signed.into(),
            });
        }
        Wire::Bytes(bytes) => *bytes,
    };
    Some(match kind {
        "string" => text_of(bytes).into(),
        "bytes" => STANDARD.encode(bytes).into(),
        "meta.v1.Time" | "meta.v1.MicroTime" => moment(bytes, kind)?,
        "api.resource.Quantity" => first_text(bytes)?.into(),
        "util.intstr.IntOrString" => int_or_string(bytes)?,
        "meta.v1.FieldsV1" | "pkg.runtime.RawExtension" => serde_json::from_str(&first_text(bytes)?).ok()?,
        name => Value::Object(message(bytes, name, depth + 1)?),
    })
}

fn first_text(bytes: &[u8]) -> Option<String> {
    fields(bytes).flatten().find_map(|field| match field {
        (1, Wire::Bytes(text)) => Some(text_of(text)),
        _ => None,
    })
}

/// Seconds and nanoseconds; the zero time is no time.
fn moment(bytes: &[u8], kind: &str) -> Option<Value> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in fields(bytes) {
        match field? {
            (1, Wire::Number(number)) => seconds = number.cast_signed(),
            (2, Wire::Number(number)) => nanos = number.cast_signed(),
            _ => {}
        }
    }
    if seconds == 0 {
        return Some(Value::Null);
    }
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()? + time::Duration::nanoseconds(nanos);
    Some(
        if kind.ends_with("MicroTime") {
            crate::clock::format_micro_time(at)
        } else {
            crate::clock::format_time(at)
        }
        .into(),
    )
}

fn int_or_string(bytes: &[u8]) -> Option<Value> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for field in fields(bytes) {
        match field? {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(value)) => text = text_of(value),
            _ => {}
        }
    }
    Some(if is_text { text.into() } else { number.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bytes(number: u8, inside: &[u8]) -> Vec<u8> {
        let length = u8::try_from(inside.len()).expect("a short field");
        [&[number << 3 | 2, length], inside].concat()
    }

    #[test]
    fn an_object_is_read_by_its_numbers() {
        let meta = [bytes(1, b"v1"), bytes(2, b"ConfigMap")].concat();
        let entry = [bytes(1, b"k"), bytes(2, b"v")].concat();
        let object = [bytes(1, &bytes(1, b"name")), bytes(2, &entry)].concat();
        let body = [MAGIC.to_vec(), bytes(1, &meta), bytes(2, &object)].concat();
        assert_eq!(
            decode(&body),
            Some(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "name"}, "data": {"k": "v"}})
            )
        );
    }

    #[test]
    fn what_is_cut_off_is_no_object() {
        let body = [MAGIC.to_vec(), vec![0x0a, 0x7f, 0x01]].concat();
        assert_eq!(decode(&body), None);
        assert_eq!(decode(b"{}"), None);
    }
}
