//! Files that `sops` encrypted.
//!
//! A file keeps its structure in clear; its values read `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`, each bound to its
//! place by the path of keys as additional data. The key is wrapped for every recipient in the file's metadata. A MAC
//! over all values, itself encrypted and bound to the time of the last change, tells whether values were exchanged,
//! added or left out. (`getsops/sops`: the tree, its cipher and its stores.)

mod cipher;
mod json;
mod lines;
mod metadata;
mod shamir;
mod tree;
mod yaml;

pub use metadata::{Metadata, Recipient};
pub(crate) use shamir::combine;

use crate::DataKey;
use lines::Lines;
use serde_json::Value;
use std::fmt;
use tree::Walk;

/// The most bytes that an encrypted file may have, Flux' own limit.
pub const LARGEST_FILE: usize = 5 << 20;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML, several documents too.
    Yaml,
    /// JSON, an object at the top.
    Json,
    /// Lines of `KEY=value`.
    Dotenv,
    /// Sections of `key = value`.
    Ini,
    /// Anything: a JSON envelope while encrypted.
    Binary,
}

impl Format {
    /// The format that a file's name tells, `Binary` where it tells none.
    pub fn of_path(path: &str) -> Self {
        let ends = |with: &str| path.ends_with(with);
        match () {
            () if ends(".yaml") || ends(".yml") => Self::Yaml,
            () if ends(".json") || ends(".dockerconfigjson") => Self::Json,
            () if ends(".env") => Self::Dotenv,
            () if ends(".ini") => Self::Ini,
            () => Self::Binary,
        }
    }

    /// The format of encrypted data, told by what only encrypted data holds.
    pub fn detect(data: &[u8]) -> Option<Self> {
        [Self::Dotenv, Self::Ini, Self::Json, Self::Yaml].into_iter().find(|format| format.is_sealed(data))
    }

    /// Whether data of this format looks encrypted.
    pub fn is_sealed(self, data: &[u8]) -> bool {
        let marker: &[u8] = match self {
            Self::Json | Self::Binary => b"\"mac\": \"ENC[",
            Self::Dotenv => b"sops_mac=ENC[",
            Self::Ini => b"[sops]",
            Self::Yaml => b"mac: ENC[",
        };
        data.windows(marker.len()).any(|window| window == marker)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Dotenv => "dotenv",
            Self::Ini => "INI",
            Self::Binary => "binary",
        })
    }
}

/// Whether a file must be as it was encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mac {
    /// It must: its MAC is verified.
    Verify,
    /// Each value is authentic at its place, and that is enough: others may have been added, left out or exchanged
    /// for older ones.
    Ignore,
}

/// Why a file was not opened. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SopsError {
    /// It cannot be read.
    #[error("failed to load encrypted {format} data: {why}")]
    Unreadable {
        /// As what it was read.
        format: Format,
        /// What is wrong.
        why: String,
    },
    /// It holds no metadata.
    #[error("sops metadata not found")]
    NotSealed,
    /// The metadata asks for something that is not done here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A value is not what was encrypted at this place.
    #[error("error decrypting sops tree: {path}: {why}")]
    Value {
        /// The keys that lead to the value, joined by `.`.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The file is not as it was encrypted.
    #[error(
        "failed to verify sops data integrity: the file was changed after it was encrypted (encrypt it anew with sops)"
    )]
    Mac,
    /// What was decrypted cannot be written so.
    #[error("failed to emit encrypted {from} file as decrypted {to}: {why}")]
    Emit {
        /// The format of the file.
        from: Format,
        /// The format that was asked for.
        to: Format,
        /// Why not.
        why: &'static str,
    },
}

/// An encrypted file, read.
#[derive(Debug, Clone)]
pub struct Sealed {
    format: Format,
    body: Body,
    metadata: Metadata,
}

#[derive(Debug, Clone)]
enum Body {
    /// JSON: one; YAML: the documents, with the text they were read from.
    Tree { documents: Vec<Value>, text: String },
    /// Dotenv and INI.
    Lines(Lines),
}

impl Sealed {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SopsError::Unreadable`], [`SopsError::NotSealed`], [`SopsError::Unsupported`].
    pub fn parse(data: &[u8], format: Format) -> Result<Self, SopsError> {
        let unreadable = |why: String| SopsError::Unreadable { format, why };
        if data.len() > LARGEST_FILE {
            let why =
                format!("{} bytes exceed the limit of {LARGEST_FILE} (size of encrypted files)", data.len());
            return Err(unreadable(why));
        }
        let text = std::str::from_utf8(data).map_err(|_| unreadable("it is no UTF-8".into()))?;
        let (body, metadata) = match format {
            Format::Yaml => {
                let mut documents = yaml::documents(data).map_err(unreadable)?;
                let metadata = take_metadata(&mut documents)?;
                (Body::Tree { documents, text: text.to_owned() }, metadata)
            }
            Format::Json | Format::Binary => {
                let value: Value = serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
                let mut documents = vec![value];
                let metadata = take_metadata(&mut documents)?;
                (Body::Tree { documents, text: String::new() }, metadata)
            }
            Format::Dotenv => {
                let (lines, metadata) = Lines::dotenv(text).map_err(unreadable)?;
                (Body::Lines(lines), metadata)
            }
            Format::Ini => {
                let (lines, metadata) = Lines::ini(text).map_err(unreadable)?;
                (Body::Lines(lines), metadata)
            }
        };
        Ok(Self { format, body, metadata: Metadata::read(&metadata)? })
    }

    /// An object that carries its metadata in `sops`, as a build leaves it. What the build added is in clear and is
    /// left alone. `None` when it is not encrypted.
    ///
    /// # Errors
    /// As [`Sealed::parse`].
    pub fn of_object(object: &Value) -> Result<Option<Self>, SopsError> {
        let has_mac = object.pointer("/sops/mac").and_then(Value::as_str).is_some_and(|mac| !mac.is_empty());
        if !has_mac {
            return Ok(None);
        }
        let mut documents = vec![object.clone()];
        let metadata = Metadata::read(&take_metadata(&mut documents)?)?;
        let body = Body::Tree { documents, text: String::new() };
        Ok(Some(Self { format: Format::Json, body, metadata }))
    }

    /// Whom the file is for, and what of it is encrypted.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Opens the file and writes it in a format.
    ///
    /// # Errors
    /// [`SopsError::Value`], [`SopsError::Mac`], [`SopsError::Emit`].
    pub fn open(&self, key: &DataKey, mac: Mac, to: Format) -> Result<Vec<u8>, SopsError> {
        let emit = |why: &'static str| SopsError::Emit { from: self.format, to, why };
        let mut walk = Walk::new(key, &self.metadata);
        match &self.body {
            Body::Lines(lines) => {
                let opened = lines.open(&mut walk)?;
                self.check(walk, key, mac)?;
                if to == self.format {
                    return Ok(opened.into_text().into_bytes());
                }
                write_tree(&[opened.into_value()], None, to).map_err(emit)
            }
            Body::Tree { documents, text } => {
                let mut opened = documents.clone();
                for document in &mut opened {
                    walk.value(document, &mut Vec::new())?;
                }
                let data = walk.take_data();
                // As it stands, so that comments and styles stay: what is made of the bytes (a generator's hash) is
                // the same as with sops.
                let is_yaml = (self.format, to) == (Format::Yaml, Format::Yaml);
                let revealed = is_yaml.then(|| yaml::reveal(text, &mut walk)).flatten();
                self.check(walk, key, mac)?;
                match revealed {
                    Some(text) => Ok(text.into_bytes()),
                    None => write_tree(&opened, data, to).map_err(emit),
                }
            }
        }
    }

    /// Opens an object.
    ///
    /// # Errors
    /// [`SopsError::Value`], [`SopsError::Mac`].
    pub fn open_object(&self, key: &DataKey, mac: Mac) -> Result<Value, SopsError> {
        let Body::Tree { documents, .. } = &self.body else { return Err(SopsError::NotSealed) };
        let mut walk = Walk::new(key, &self.metadata);
        let mut opened = documents.first().cloned().unwrap_or_default();
        walk.value(&mut opened, &mut Vec::new())?;
        self.check(walk, key, mac)?;
        Ok(opened)
    }

    fn check(&self, walk: Walk<'_>, key: &DataKey, mac: Mac) -> Result<(), SopsError> {
        match mac {
            Mac::Ignore => Ok(()),
            Mac::Verify => {
                let stored = self.metadata.mac(key).ok_or(SopsError::Mac)?;
                if walk.mac() == stored { Ok(()) } else { Err(SopsError::Mac) }
            }
        }
    }
}

/// Takes the metadata out of every document; that of the first counts.
fn take_metadata(documents: &mut [Value]) -> Result<Value, SopsError> {
    let mut first = None;
    for (number, document) in documents.iter_mut().enumerate() {
        let found = document.as_object_mut().and_then(|map| map.shift_remove("sops"));
        if number == 0 {
            first = found;
        }
    }
    first.filter(Value::is_object).ok_or(SopsError::NotSealed)
}

fn write_tree(documents: &[Value], data: Option<Vec<u8>>, to: Format) -> Result<Vec<u8>, &'static str> {
    let [document] = documents else {
        return match to {
            Format::Yaml => Ok(yaml::write(documents).into_bytes()),
            _ => Err("it holds several documents"),
        };
    };
    match to {
        Format::Yaml => Ok(yaml::write(documents).into_bytes()),
        Format::Json => Ok(json::write(document).into_bytes()),
        Format::Binary => data.ok_or("no binary data found in tree"),
        Format::Dotenv => lines::write_dotenv(document).map(String::into_bytes),
        Format::Ini => lines::write_ini(document).map(String::into_bytes),
    }
}
