//! The values of a release: documents in order, then what the flags set.

use super::{Map, Mode, SetError, Value, ValuesError, new_map, read_file, set};
use crate::HelmVersion;
use holdfast_gotemplate::{MapType, Numbers, Str};

/// A values document.
#[derive(Clone)]
pub enum Document<'a> {
    /// A YAML text and the name that errors call it by.
    Text {
        /// File name, or what stands for it.
        name: &'a str,
        /// YAML.
        text: &'a [u8],
    },
    /// Values that were parsed already; integers count as floats, as in a text.
    Parsed(&'a serde_json::Map<String, serde_json::Value>),
}

/// Reads a file that `--set-file` names.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// What the user gives over the chart's values. The groups apply in the order of the fields, whatever order the
/// command line had, and within a group later entries win.
#[derive(Clone, Default)]
pub struct Layers<'a> {
    /// `--values`.
    pub documents: Vec<Document<'a>>,
    /// `--set-json`.
    pub set_json: Vec<&'a str>,
    /// `--set`.
    pub set: Vec<&'a str>,
    /// `--set-string`.
    pub set_string: Vec<&'a str>,
    /// `--set-file`; needs `read_file`.
    pub set_file: Vec<&'a str>,
    /// `--set-literal`.
    pub set_literal: Vec<&'a str>,
    /// How `--set-file` gets at files.
    pub read_file: Option<ReadFile<'a>>,
}

/// Why the values of a release cannot be read. The texts are Helm's; they never hold a value but for `--set-json`.
#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    /// A document cannot be read.
    #[error("failed to parse {name}: {error}")]
    Document {
        /// Its name.
        name: String,
        /// Why.
        error: ValuesError,
    },
    /// A `--set-json` is no JSON.
    #[error("failed parsing --set-json data {0}")]
    Json(String),
    /// A `--set-json` that begins like an object is none (Helm 4).
    #[error("failed parsing --set-json data JSON: {0}")]
    JsonObject(String),
    /// Another assignment is refused.
    #[error("failed parsing {flag} data: {error}")]
    Set {
        /// The flag.
        flag: &'static str,
        /// Why.
        error: SetError,
    },
}

impl Layers<'_> {
    /// All layers as one mapping.
    ///
    /// # Errors
    /// [`LayersError`].
    pub fn combine(&self, helm: HelmVersion) -> Result<Map, LayersError> {
        let base = new_map();
        for document in &self.documents {
            let next = match document {
                Document::Text { name, text } => {
                    let values = read_file(text, helm)
                        .map_err(|error| LayersError::Document { name: (*name).to_owned(), error })?;
                    Map::from_json(&values, MapType::Any, Numbers::Float64)
                }
                Document::Parsed(values) => Map::from_json(values, MapType::Any, Numbers::Float64),
            };
            merge_over(&base, &next);
        }
        for text in &self.set_json {
            if helm.sets_json_objects() && text.trim_start().starts_with('{') {
                let values = serde_json::from_str(text);
                let values = values.map_err(|_| LayersError::JsonObject((*text).to_owned()))?;
                merge_over(&base, &Map::from_json(&values, MapType::Any, Numbers::Float64));
            } else {
                set(text, &base, &Mode::Json).map_err(|_| LayersError::Json((*text).to_owned()))?;
            }
        }
        let refuse = |_: &str| Err("files cannot be read here".to_owned());
        let read_file: ReadFile<'_> = self.read_file.unwrap_or(&refuse);
        let groups = [
            ("--set", &self.set, Mode::Typed),
            ("--set-string", &self.set_string, Mode::Text),
            ("--set-file", &self.set_file, Mode::File(read_file)),
            ("--set-literal", &self.set_literal, Mode::Literal),
        ];
        for (flag, texts, mode) in groups {
            for text in texts {
                set(text, &base, &mode).map_err(|error| LayersError::Set { flag, error })?;
            }
        }
        Ok(base)
    }
}

/// A later document over an earlier one: mappings merge, everything else is replaced, nulls included.
fn merge_over(base: &Map, next: &Map) {
    let entries: Vec<(Str, Value)> = next.entries().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (key, value) in entries {
        if let (Value::Map(next), Some(Value::Map(base))) = (&value, base.get(&key)) {
            merge_over(&base, next);
        } else {
            base.insert(key, value);
        }
    }
}
