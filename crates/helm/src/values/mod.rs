//! Values: reading them, setting them, laying one over the other.

mod coalesce;
mod layers;
mod strvals;

pub use coalesce::CoalesceError;
pub use layers::{Document, Layers, LayersError, ReadFile};
pub use strvals::{MAX_INDEX, MAX_INDEX_LEVEL, MAX_NAME_LEVEL, Mode, SetError, set};

pub(crate) use coalesce::{Nulls, coalesce_chart, copy, merge_tables, table_at};

use crate::HelmVersion;
use holdfast_gotemplate::{Map, Value};
use serde_json::{Map as JsonMap, Number, Value as Json};

/// Why a document of values cannot be read. The texts are Helm's.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// The text is not YAML, or has no JSON meaning.
    #[error("error converting YAML to JSON: {0}")]
    Yaml(#[from] holdfast_yaml::Error),
    /// The document is no mapping.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {0} into Go value of type map[string]interface {{}}"
    )]
    NotAMapping(&'static str),
    /// One of several documents cannot be read (Helm 4).
    #[error("cannot unmarshal yaml document: {0}")]
    Inner(Box<ValuesError>),
    /// Something else than a comment follows `---` (Helm 4).
    #[error("error reading yaml document: invalid Yaml document separator: {0}")]
    Separator(String),
}

/// Reads a values document: YAML 1.1, the first document only, every number a float.
///
/// # Errors
/// [`ValuesError`].
pub fn read(text: &[u8]) -> Result<JsonMap<String, Json>, ValuesError> {
    let found = match document(text)? {
        Json::Null => return Ok(JsonMap::new()),
        Json::Object(mut map) => {
            map.values_mut().for_each(floats);
            return Ok(map);
        }
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
    };
    Err(ValuesError::NotAMapping(found))
}

/// Reads a file of values: its first document, or with Helm 4 all of them, later ones over earlier ones.
pub(crate) fn read_file(text: &[u8], helm: HelmVersion) -> Result<JsonMap<String, Json>, ValuesError> {
    if !helm.merges_value_documents() {
        return read(text);
    }
    let mut values = JsonMap::new();
    for document in documents(text)? {
        merge(&mut values, read(&document).map_err(|error| ValuesError::Inner(Box::new(error)))?);
    }
    Ok(values)
}

/// Cuts at lines that begin with `---`. The separator stays with the document when nothing came before it.
fn documents(text: &[u8]) -> Result<Vec<Vec<u8>>, ValuesError> {
    let mut documents = Vec::new();
    let mut document = Vec::new();
    for line in text.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(after) = line.strip_prefix(b"---") {
            let after = String::from_utf8_lossy(after).trim().to_owned();
            if !after.is_empty() && !after.starts_with('#') {
                return Err(ValuesError::Separator(after));
            }
            if !document.is_empty() {
                documents.push(std::mem::take(&mut document));
                continue;
            }
        }
        document.extend_from_slice(line);
        document.push(b'\n');
    }
    documents.push(document);
    Ok(documents)
}

fn merge(base: &mut JsonMap<String, Json>, next: JsonMap<String, Json>) {
    for (key, value) in next {
        match (base.get_mut(&key), value) {
            (Some(Json::Object(base)), Json::Object(next)) => merge(base, next),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Reads a YAML document as Helm reads all of its files.
pub(crate) fn document(text: &[u8]) -> Result<Json, holdfast_yaml::Error> {
    holdfast_yaml::parse(text, &holdfast_yaml::Options::v2())
}

fn floats(value: &mut Json) {
    match value {
        Json::Number(number) => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(floats),
        Json::Object(map) => map.values_mut().for_each(floats),
        _ => {}
    }
}

/// JSON as Go writes it: `<`, `>` and `&` escaped, mappings in the order given.
pub(crate) fn go_json(value: &Json, out: &mut String) {
    for c in value.to_string().chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
}

/// An empty mapping of its own.
pub(crate) fn new_map() -> Map {
    std::iter::empty().collect()
}
