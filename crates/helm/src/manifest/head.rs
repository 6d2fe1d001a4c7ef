//! What Helm reads of a document: kind, name and annotations.

use super::skim::skim;
use crate::decode::{DecodeError, Decoder};
use std::collections::BTreeMap;

/// Why a document's head cannot be read. The texts are Helm's.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The document is not YAML.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(#[from] holdfast_yaml::Error),
    /// The document is not UTF-8.
    #[error("error converting YAML to JSON: yaml: invalid UTF-8")]
    Encoding,
    /// A field has the wrong type.
    #[error("error unmarshaling JSON: while decoding JSON: {0}")]
    Decode(DecodeError),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Head {
    /// Reads a document. All of it must be YAML, though only the head is kept. Of the annotations those of Helm are
    /// there in any case.
    pub(super) fn read(document: &str) -> Result<Self, HeadError> {
        match skim(document) {
            Some(head) => Ok(head),
            None => Self::parse(document),
        }
    }

    /// The same by way of the whole document's value.
    pub(super) fn parse(document: &str) -> Result<Self, HeadError> {
        let value = holdfast_yaml::parse(document.as_bytes(), &holdfast_yaml::Options::v2())?;
        let mut head = Self::default();
        let mut api_version = String::new();
        let root = Decoder::root("SimpleHead", "releaseutil.SimpleHead");
        root.fields(&value, &["apiVersion", "kind", "metadata"], |decoder, field, value| match field {
            "apiVersion" => decoder.text(value, &mut api_version),
            "kind" => decoder.text(value, &mut head.kind),
            _ => decoder.fields(value, &["name", "annotations"], |decoder, field, value| match field {
                "name" => decoder.text(value, &mut head.name),
                _ => decoder.text_map(value, &mut head.annotations),
            }),
        })?;
        Ok(head)
    }
}
