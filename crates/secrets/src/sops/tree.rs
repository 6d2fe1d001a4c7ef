use super::cipher::{self, Plain};
use super::{Metadata, SopsError};
use crate::DataKey;
use serde_json::{Number, Value};
use sha2::{Digest, Sha512};
use std::collections::BTreeSet;

/// What a MAC over encrypted values alone begins with, so that it differs from one over all: sops' own constant.
const MAC_ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b,
    0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// An encrypted value and what it was.
pub(super) struct Leaf {
    pub(super) sealed: String,
    pub(super) plain: Revealed,
}

/// What an encrypted text turns out to be.
pub(super) enum Revealed {
    Value(Value),
    /// A time, which stands without quotes.
    Time(String),
    /// Comments between the elements of a list are written as elements.
    Comment(String),
}

/// Opens the values of a file in their order, and makes its MAC.
pub(super) struct Walk<'a> {
    key: &'a DataKey,
    metadata: &'a Metadata,
    hash: Sha512,
    leaves: Vec<Leaf>,
    /// The bytes of the value `data` at the top: what a binary file holds.
    data: Option<Vec<u8>>,
    /// Every place where comments may stand.
    places: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(key: &'a DataKey, metadata: &'a Metadata) -> Self {
        let mut hash = Sha512::new();
        if metadata.mac_only_encrypted() {
            hash.update(MAC_ONLY_ENCRYPTED);
        }
        Self { key, metadata, hash, leaves: Vec::new(), data: None, places: BTreeSet::new() }
    }

    /// Opens a value and all below it. The elements of a list have the list's place.
    pub(super) fn value(&mut self, value: &mut Value, path: &mut Vec<String>) -> Result<(), SopsError> {
        if value.is_object() || value.is_array() {
            self.places.insert(place(path));
        }
        match value {
            Value::Null => Ok(()),
            Value::Array(list) => {
                let mut kept = Vec::with_capacity(list.len());
                for mut item in std::mem::take(list) {
                    if !self.is_comment(&item, path) {
                        self.value(&mut item, path)?;
                        kept.push(item);
                    }
                }
                *list = kept;
                Ok(())
            }
            Value::Object(map) => map.iter_mut().try_for_each(|(key, value)| {
                path.push(key.clone());
                let done = self.value(value, path);
                path.pop();
                done
            }),
            leaf => {
                *leaf = self.leaf(leaf, path)?;
                Ok(())
            }
        }
    }

    /// Opens a list's element that is a comment.
    fn is_comment(&mut self, item: &Value, path: &[String]) -> bool {
        let Some(sealed) = item.as_str().filter(|text| text.ends_with(",type:comment]")) else {
            return false;
        };
        let Ok(Plain::Comment(plain)) = cipher::open(sealed, self.key.bytes(), &place(path)) else {
            return false;
        };
        let plain = Revealed::Comment(String::from_utf8_lossy(&plain).into_owned());
        self.leaves.push(Leaf { sealed: sealed.to_owned(), plain });
        true
    }

    /// Opens a text at a place.
    pub(super) fn text(&mut self, text: &str, path: &[String]) -> Result<String, SopsError> {
        Ok(match self.leaf(&Value::String(text.to_owned()), path)? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// Opens a comment, which is in no MAC. One that is not encrypted stands as it is.
    pub(super) fn comment(&self, text: &str, path: &[String]) -> String {
        match cipher::open(text, self.key.bytes(), &place(path)) {
            Ok(Plain::Comment(plain)) => String::from_utf8_lossy(&plain).into_owned(),
            _ => text.to_owned(),
        }
    }

    /// Opens a comment of which only the text is known: it is bound to one of the places that were walked.
    pub(super) fn comment_anywhere(&self, text: &str) -> Option<String> {
        let mut opened =
            self.places.iter().filter_map(|place| cipher::open(text, self.key.bytes(), place).ok());
        match opened.next()? {
            Plain::Comment(plain) => String::from_utf8(plain).ok(),
            _ => None,
        }
    }

    fn leaf(&mut self, value: &Value, path: &[String]) -> Result<Value, SopsError> {
        if !self.metadata.encrypts(path) {
            if !self.metadata.mac_only_encrypted() {
                self.hash.update(clear_bytes(value));
            }
            if path == ["data"] {
                self.data = value.as_str().map(|text| text.as_bytes().to_vec());
            }
            return Ok(value.clone());
        }
        let fail = |why| SopsError::Value { path: path.join("."), why };
        let sealed =
            value.as_str().ok_or_else(|| fail("it is not encrypted, though the metadata says so"))?;
        let plain = cipher::open(sealed, self.key.bytes(), &place(path)).map_err(fail)?;
        self.hash.update(plain_bytes(&plain));
        if let (true, Plain::Text(bytes)) = (path == ["data"], &plain) {
            self.data = Some(bytes.clone());
        }
        let time = match &plain {
            Plain::Time(text) => Some(Revealed::Time(text.clone())),
            _ => None,
        };
        let plain = into_value(plain);
        if !sealed.is_empty() {
            let plain = time.unwrap_or_else(|| Revealed::Value(plain.clone()));
            self.leaves.push(Leaf { sealed: sealed.to_owned(), plain });
        }
        Ok(plain)
    }

    /// The values that were opened, in their order.
    pub(super) fn take_leaves(&mut self) -> Vec<Leaf> {
        std::mem::take(&mut self.leaves)
    }

    pub(super) fn take_data(&mut self) -> Option<Vec<u8>> {
        self.data.take()
    }

    /// The MAC over all that was walked, in hex.
    pub(super) fn mac(self) -> String {
        hex::encode_upper(self.hash.finalize())
    }
}

fn place(path: &[String]) -> String {
    format!("{}:", path.join(":"))
}

/// A value in clear as it counts in the MAC.
fn clear_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Bool(true) => b"True".to_vec(),
        Value::Bool(false) => b"False".to_vec(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.to_string().into_bytes(),
            // Never with an exponent.
            (None, Some(float)) => format!("{float}").into_bytes(),
            (None, None) => number.to_string().into_bytes(),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

fn plain_bytes(plain: &Plain) -> Vec<u8> {
    match plain {
        Plain::Text(bytes) | Plain::Comment(bytes) => bytes.clone(),
        Plain::Integer(integer) => integer.to_string().into_bytes(),
        Plain::Float(float) => format!("{float}").into_bytes(),
        Plain::Bool(on) => {
            if *on {
                b"True".to_vec()
            } else {
                b"False".to_vec()
            }
        }
        Plain::Time(text) => text.clone().into_bytes(),
    }
}

fn into_value(plain: Plain) -> Value {
    match plain {
        Plain::Text(bytes) | Plain::Comment(bytes) => {
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        }
        Plain::Integer(integer) => integer.into(),
        // A whole number has no trace of the point, as in JSON that Go writes.
        Plain::Float(float) if float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
        Plain::Float(float) => Number::from_f64(float).map_or(Value::Null, Value::Number),
        Plain::Bool(on) => Value::Bool(on),
        Plain::Time(text) => Value::String(text),
    }
}
