//! YAML exactly as the Kubernetes tools read and write it.
//!
//! Two readers exist in that world, and the same text means different things to them: Helm, Flux, Argo CD and
//! kubectl read with `sigs.k8s.io/yaml` over go-yaml v2 ([`Dialect::V2`]), kustomize reads with kyaml over go-yaml v3
//! ([`Dialect::V3`]). Both turn YAML into JSON, so values here are [`serde_json::Value`]s. All of them write with
//! go-yaml v2's emitter: [`to_string`].
//!
//! | text | V2 | V3 |
//! |---|---|---|
//! | `yes`, `on`, `y` | true | the string |
//! | `2001-01-01` | the string | `"2001-01-01T00:00:00Z"` |
//! | `017`, `0o17`, `0b1111`, `1_5` | 15 | 15 |
//! | `08` | 8 (a float) | 8 |
//! | `1.0`, `1e3` | 1, 1000: JSON text has no trace of the point | the same |
//! | `.inf`, `.nan` | an error: JSON has no such numbers | the same |
//! | a key that stands twice | the last one counts | an error |
//! | `<<: *base` | written over the keys before it | only fills in absent keys |
//! | keys `1`, `true` | strings `"1"`, `"true"` | the same at the top level, an error below |
//! | `!custom x` | the string `x` | the same |
//!
//! ```
//! use holdfast_yaml::{Options, documents, parse, to_string};
//!
//! let values = parse(b"on: [017, yes, 1.0]", &Options::v2())?;
//! assert_eq!(values, serde_json::json!({"true": [15, true, 1]}));
//! assert_eq!(to_string(&values), "\"true\":\n- 15\n- true\n- 1\n");
//!
//! let file = documents(b"a: 1\n---\nb: [\n---\nc: 3\n", &Options::v3());
//! assert_eq!(file[1].as_ref().unwrap_err().to_string(), "line 4, column 1: a value is missing");
//! assert_eq!(file[2].as_ref().map(|document| document.line), Ok(5));
//! # Ok::<(), holdfast_yaml::Error>(())
//! ```
//!
//! Where to look: `scan` makes tokens of a text and `event` makes nodes of tokens, both by libyaml's rules; `build`
//! makes a value of nodes, with `scalar`, `resolve`, `number` and `timestamp` for what a scalar means; `emit` writes.
//! [`locate()`] and [`edit`] work on the text itself, for diagnostics and for tools that write back into files.
//!
//! The crate refuses to keep what JSON cannot say (tags, anchors, comments, styles), to serialise Rust types, and to
//! read without limits: see [`Limits`].

mod build;
mod decode;
pub mod edit;
mod emit;
mod error;
mod event;
mod fold;
mod json;
mod locate;
mod number;
mod resolve;
mod scalar;
mod scan;
mod split;
pub mod syntax;
mod timestamp;

pub use emit::{marshal, natural, to_string, write, write_mapping};
pub use error::{Error, ErrorKind};
use event::Events;
pub use json::write_string as write_json_string;
pub use locate::{PathPart, Position, line, locate};
pub use serde_json::Value;

/// Whose reading of YAML.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Dialect {
    /// `sigs.k8s.io/yaml` over go-yaml v2: Helm, Flux, Argo CD, kubectl.
    V2,
    /// kyaml over go-yaml v3: what kustomize reads.
    V3,
}

impl Dialect {
    /// Tokens that the library reads beyond the one it works on.
    fn lookahead(self) -> usize {
        match self {
            Self::V2 => 0,
            Self::V3 => 2,
        }
    }
}

/// Bounds on untrusted texts. Beyond one, reading ends with an error that names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of the text, checked before anything is read. 64 MiB by default.
    pub max_bytes: usize,
    /// Levels of nested sequences and mappings. 256 by default; upstream has 10,000, and no object comes near.
    pub max_depth: usize,
    /// Scalars, sequences and mappings of one document, counted after the expansion of aliases, so that a short text
    /// cannot grow without bounds. 4,000,000 by default.
    pub max_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_depth: 256, max_nodes: 4_000_000 }
    }
}

/// How to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whose reading of YAML.
    pub dialect: Dialect,
    /// Bounds on the text.
    pub limits: Limits,
    /// In V3, whether values are those that kustomize ends up with: it writes every resource with go-yaml v3 and
    /// reads it again, which adds line breaks to some folded scalars (`>`), makes empty strings of values that are
    /// missing in braces (`{key: }`), and fails for keys below the top level that are no strings. Otherwise, and
    /// always in V2, values are what the text says.
    pub kyaml_round_trip: bool,
}

impl Options {
    /// As Helm, Flux, Argo CD and kubectl read, with the default limits.
    #[must_use]
    pub fn v2() -> Self {
        Self { dialect: Dialect::V2, limits: Limits::default(), kyaml_round_trip: false }
    }

    /// As kustomize reads, with its round trip of folded scalars and the default limits.
    #[must_use]
    pub fn v3() -> Self {
        Self { dialect: Dialect::V3, limits: Limits::default(), kyaml_round_trip: true }
    }
}

impl Options {
    fn round_trips(&self) -> bool {
        self.kyaml_round_trip && self.dialect == Dialect::V3
    }
}

/// A document of a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    /// Its value; null where there is none.
    pub value: Value,
    /// The line of the first content, from 1; where there is none, the document's first line.
    pub line: u32,
    /// Its place in the file, from 0, empty documents counted.
    pub index: u32,
}

/// The value of the first document; what follows is not read, as in Go's `Unmarshal`. An empty text is null.
///
/// # Errors
/// When the text is not YAML, or has a meaning that is no JSON value, or exceeds a limit.
pub fn parse(text: &[u8], options: &Options) -> Result<Value, Error> {
    let text = decode::decode(text, options.limits.max_bytes)?;
    let mut events = Events::new(&text, options.dialect.lookahead());
    Ok(build::next_document(&mut events, options)?.map_or(Value::Null, |(value, _)| value))
}

/// All documents of a file, split as [`documents`] does.
///
/// # Errors
/// Those of the first broken document.
pub fn parse_all(text: &[u8], options: &Options) -> Result<Vec<Document>, Error> {
    documents(text, options).into_iter().collect()
}

/// The documents of a file, each read by itself, so that a broken one does not hide the others.
///
/// The file is cut at lines that start with `---`, before any YAML is read, as the Kubernetes tools do
/// (apimachinery's `YAMLReader`, kyaml's `ByteReader`): anchors do not reach into the next document, and a `%YAML`
/// directive before a `---` is a broken document of its own, and nothing but a comment may follow a `---`. Blank or comment-only documents are null; two separators
/// with nothing between them are no document. Lines of errors and documents are those of the file.
#[must_use]
pub fn documents(text: &[u8], options: &Options) -> Vec<Result<Document, Error>> {
    let text = match decode::decode(text, options.limits.max_bytes) {
        Ok(text) => text,
        Err(error) => return vec![Err(error)],
    };
    let mut documents = Vec::new();
    for chunk in split::chunks(&text, options.dialect) {
        let index = u32::try_from(documents.len()).unwrap_or(u32::MAX);
        let in_file = |line: u32| line.saturating_add(chunk.lines);
        if let Some(error) = chunk.error {
            documents.push(Err(error.moved(0, index)));
            continue;
        }
        let mut events = Events::new(chunk.text, options.dialect.lookahead());
        documents.push(match build::next_document(&mut events, options) {
            Ok(Some((value, mark))) => Ok(Document { value, line: in_file(mark.line), index }),
            Ok(None) => Ok(Document { value: Value::Null, line: in_file(1), index }),
            Err(error) => Err(error.moved(chunk.lines, index)),
        });
    }
    documents
}
