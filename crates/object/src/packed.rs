//! Values kept small.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Texts that are shared at most: beyond, each value holds its own.
const MAX_SHARED: usize = 1 << 14;
/// Longer texts are seldom seen twice.
const MAX_SHARED_KEY: usize = 64;
const MAX_SHARED_VALUE: usize = 32;
/// Texts with more digits than this are hashes, times and numbered names.
const MAX_DIGITS_OF_KEY: usize = 8;
const MAX_DIGITS_OF_VALUE: usize = 2;

// The byte that a part begins with. Texts that are shared or short have their number or length in it.
const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const POSITIVE: u8 = 3;
const NEGATIVE: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
const LIST: u8 = 7;
const MAP: u8 = 8;
const END: u8 = 9;
const EMPTY_MAP: u8 = 10;
const SHORT_TEXT: u8 = 0x40;
const SHARED: u8 = 0x80;
const SHARED_WIDE: u8 = 0xc0;
/// What fits into the six bits beside a mark.
const SMALL: usize = 0x3f;

/// A value as a few bytes: what a tree of values takes is some twenty times as much, its JSON some three times. Only
/// the [`Packer`] that made it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// How many bytes it takes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for the default, which holds no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Packs values, and knows the texts that they share: names of fields, kinds, managers. Objects of a cluster consist
/// of few different ones.
#[derive(Debug, Default)]
pub struct Packer {
    texts: RwLock<Texts>,
}

#[derive(Debug, Default)]
struct Texts {
    numbers: HashMap<Arc<str>, u16>,
    all: Vec<Arc<str>>,
}

impl Packer {
    /// Packs a value.
    pub fn pack(&self, value: &Value) -> Packed {
        let mut bytes = Vec::new();
        self.put(&mut bytes, value);
        Packed(bytes.into())
    }

    /// Packs a JSON document without building it.
    ///
    /// # Errors
    /// What is wrong with the document.
    pub fn pack_json(&self, json: &[u8]) -> Result<Packed, serde_json::Error> {
        let mut bytes = Vec::with_capacity(json.len() / 2);
        let mut document = serde_json::Deserializer::from_slice(json);
        Part { packer: self, bytes: &mut bytes }.deserialize(&mut document)?;
        document.end()?;
        Ok(Packed(bytes.into()))
    }

    /// The value that was packed; null for the default of [`Packed`], and for what another packer made of a value.
    pub fn unpack(&self, packed: &Packed) -> Value {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        Reader { bytes: &packed.0, texts: &texts }.value().unwrap_or_default()
    }

    fn put(&self, bytes: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Null => bytes.push(NULL),
            Value::Bool(is_true) => bytes.push(if *is_true { TRUE } else { FALSE }),
            Value::Number(number) => put_number(bytes, number),
            Value::String(text) => self.put_text(bytes, text, is_shared_value(text)),
            Value::Array(list) => {
                bytes.push(LIST);
                list.iter().for_each(|item| self.put(bytes, item));
                bytes.push(END);
            }
            Value::Object(map) if map.is_empty() => bytes.push(EMPTY_MAP),
            Value::Object(map) => {
                bytes.push(MAP);
                for (key, value) in map {
                    self.put_text(bytes, key, is_shared_key(key));
                    self.put(bytes, value);
                }
                bytes.push(END);
            }
        }
    }

    fn put_text(&self, bytes: &mut Vec<u8>, text: &str, is_shared: bool) {
        match is_shared.then(|| self.number(text)).flatten() {
            Some(number) if usize::from(number) <= SMALL => bytes.push(SHARED | low(number)),
            Some(number) => bytes.extend([SHARED_WIDE | low(number >> 8), low_byte(number)]),
            None => {
                match u8::try_from(text.len()) {
                    Ok(length) if usize::from(length) <= SMALL => bytes.push(SHORT_TEXT | length),
                    _ => {
                        bytes.push(TEXT);
                        put_length(bytes, text.len() as u64);
                    }
                }
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// The number of a shared text, which it gets now unless too many have one.
    fn number(&self, text: &str) -> Option<u16> {
        let known = self.texts.read().unwrap_or_else(PoisonError::into_inner).numbers.get(text).copied();
        if known.is_some() {
            return known;
        }
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = texts.numbers.get(text) {
            return Some(*number);
        }
        let number = u16::try_from(texts.all.len()).ok().filter(|n| usize::from(*n) < MAX_SHARED)?;
        let text: Arc<str> = text.into();
        texts.all.push(text.clone());
        texts.numbers.insert(text, number);
        Some(number)
    }
}

fn is_shared_key(text: &str) -> bool {
    text.len() <= MAX_SHARED_KEY && digits(text) <= MAX_DIGITS_OF_KEY
}

fn is_shared_value(text: &str) -> bool {
    text.len() <= MAX_SHARED_VALUE && digits(text) <= MAX_DIGITS_OF_VALUE
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// The six low bits.
fn low(number: u16) -> u8 {
    low_byte(number) & 0x3f
}

fn low_byte(number: u16) -> u8 {
    number.to_le_bytes()[0]
}

fn put_number(bytes: &mut Vec<u8>, number: &Number) {
    if let Some(number) = number.as_u64() {
        bytes.push(POSITIVE);
        put_length(bytes, number);
    } else if let Some(number) = number.as_i64() {
        bytes.push(NEGATIVE);
        put_length(bytes, number.unsigned_abs());
    } else {
        bytes.push(FLOAT);
        bytes.extend(number.as_f64().unwrap_or_default().to_le_bytes());
    }
}

/// Seven bits to a byte, the lowest first.
fn put_length(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Reads what was packed.
struct Reader<'a> {
    bytes: &'a [u8],
    texts: &'a Texts,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// The text that begins with a byte, if one does.
    fn text(&mut self, first: u8) -> Option<&'a str> {
        let small = usize::from(first & 0x3f);
        let length = match first {
            SHARED_WIDE.. => {
                let rest = usize::from(self.byte()?);
                return self.shared((small << 8) | rest);
            }
            SHARED.. => return self.shared(small),
            SHORT_TEXT.. => small,
            TEXT => usize::try_from(self.length()?).ok()?,
            _ => return None,
        };
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn shared(&self, number: usize) -> Option<&'a str> {
        self.texts.all.get(number).map(AsRef::as_ref)
    }

    fn value(&mut self) -> Option<Value> {
        let first = self.byte()?;
        self.value_at(first)
    }

    fn value_at(&mut self, first: u8) -> Option<Value> {
        Some(match first {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            POSITIVE => self.length()?.into(),
            NEGATIVE => 0i64.checked_sub_unsigned(self.length()?)?.into(),
            FLOAT => f64::from_le_bytes(self.take(8)?.try_into().ok()?).into(),
            EMPTY_MAP => Value::Object(Map::new()),
            LIST => {
                let mut list = Vec::new();
                loop {
                    match self.byte()? {
                        END => break Value::Array(list),
                        first => list.push(self.value_at(first)?),
                    }
                }
            }
            MAP => {
                let mut map = Map::new();
                loop {
                    match self.byte()? {
                        END => break Value::Object(map),
                        first => {
                            let key = self.text(first)?.to_owned();
                            map.insert(key, self.value()?);
                        }
                    }
                }
            }
            first => Value::String(self.text(first)?.to_owned()),
        })
    }
}

/// Packs one part of a document as it is read.
struct Part<'a> {
    packer: &'a Packer,
    bytes: &'a mut Vec<u8>,
}

impl Part<'_> {
    fn below(&mut self) -> Part<'_> {
        Part { packer: self.packer, bytes: self.bytes }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.bytes.push(NULL);
        Ok(())
    }

    fn visit_bool<E: Error>(self, is_true: bool) -> Result<(), E> {
        self.bytes.push(if is_true { TRUE } else { FALSE });
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        put_number(self.bytes, &number.into());
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        put_number(self.bytes, &number.into());
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.packer.put(self.bytes, &number.into());
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.packer.put_text(self.bytes, text, is_shared_value(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.bytes.push(LIST);
        while list.next_element_seed(self.below())?.is_some() {}
        self.bytes.push(END);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let began = self.bytes.len();
        self.bytes.push(MAP);
        while map.next_key_seed(Key(self.below()))?.is_some() {
            map.next_value_seed(self.below())?;
        }
        if self.bytes.len() == began + 1 {
            self.bytes[began] = EMPTY_MAP;
        } else {
            self.bytes.push(END);
        }
        Ok(())
    }
}

/// A key of a map.
struct Key<'a>(Part<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.packer.put_text(self.0.bytes, text, is_shared_key(text));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn samples() -> Vec<Value> {
        vec![
            json!(null),
            json!([true, false, null, [], {}, [[{}]]]),
            json!([0, 1, 127, 128, u64::MAX, -1, -128, i64::MIN, i64::MAX]),
            json!([0.1, -0.0, 1e300, 5e-324, 1.0]),
            json!(["", "v1", "a".repeat(63), "b".repeat(64), "ü".repeat(300), "2026-01-01T00:00:00Z"]),
            json!({"": "", "a": {"b": {"c": [1, {"d": "Deployment"}]}}, "z": 1, "b": 2,
                "k:{\"uid\":\"0b7f3a3e-1b7c-4c61-9d2f-3f1b3a7d9a55\"}": {}, "x".repeat(65): "x"}),
        ]
    }

    #[test]
    fn what_is_packed_comes_back_as_it_was() {
        let packer = Packer::default();
        for sample in samples() {
            let packed = packer.pack(&sample);
            let back = packer.unpack(&packed);
            assert_eq!(back, sample);
            assert_eq!(back.to_string(), sample.to_string(), "in the same order, too");
            let read = packer.pack_json(sample.to_string().as_bytes()).unwrap();
            assert_eq!(packer.unpack(&read).to_string(), sample.to_string());
        }
        assert_eq!(packer.unpack(&Packed::default()), Value::Null);
        assert!(packer.pack_json(b"{\"a\": }").is_err());
        assert!(packer.pack_json(b"{} {}").is_err());
    }

    #[test]
    fn beyond_the_limit_texts_are_no_longer_shared() {
        let packer = Packer::default();
        let letters = |mut number: usize| {
            let mut text = String::new();
            while number > 0 {
                text.push(char::from(b'a' + low_byte((number % 26) as u16)));
                number /= 26;
            }
            text
        };
        for number in 0..MAX_SHARED + 100 {
            let value = json!({ letters(number): letters(number) });
            assert_eq!(packer.unpack(&packer.pack(&value)), value);
        }
        assert_eq!(packer.texts.read().unwrap().all.len(), MAX_SHARED);
    }

    #[test]
    fn objects_of_a_kind_share_most_of_what_they_say() {
        let packer = Packer::default();
        let object = |number: usize| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("map-{number:04}"),
                "namespace": "default", "labels": {"kustomize.toolkit.fluxcd.io/name": format!("app-{number:04}")},
                "managedFields": [{"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v1",
                    "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels":
                        {"f:kustomize.toolkit.fluxcd.io/name": {}}}}}]}})
        };
        packer.pack(&object(0));
        let second = object(1000);
        let packed = packer.pack(&second);
        assert!(
            packed.len() * 4 < second.to_string().len(),
            "{} of {}",
            packed.len(),
            second.to_string().len()
        );
    }
}
