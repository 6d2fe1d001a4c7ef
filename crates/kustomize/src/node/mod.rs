//! The tree the build works on: YAML as it was written, without comments.
//!
//! Kustomize edits documents before their scalars have a type: it compares merge keys, replaces parts of values and
//! copies annotations by the *text* of a scalar (`version: 1.10` becomes the annotation `"1.10"`, not `"1.1"`).
//! A JSON value has lost that text, so a [`Node`] keeps it, with the tag and the style that decide how the scalar is
//! read back, and becomes a value only at the end ([`Node::to_value`]).

mod convert;
mod emit;
mod path;
mod read;
mod scalar;
mod twin;

pub(crate) use convert::{ConvertError, from_value};
pub(crate) use emit::emit;
pub(crate) use holdfast_yaml::Dialect;
pub(crate) use path::{Create, Step, lookup, split_path, split_smart, wrong_kind};
pub(crate) use read::{Document, ReadLimits, read_documents, read_one};
pub(crate) use scalar::resolve;
pub(crate) use twin::Twin;

/// How a scalar was written; decides whether its text is read again or taken as a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// What a scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Not said: a plain text is resolved when the value is read back, a quoted one is a string.
    None,
    Str,
    Null,
    Bool,
    Int,
    Float,
    Time,
}

/// The text of a scalar or key. Nearly all are short: up to 24 bytes lie in the node itself, which saves an allocation
/// for each of them and, in every walk over a tree, a jump to another place in memory.
pub(crate) type Text = compact_str::CompactString;

/// A scalar: its text as written (escapes undone), its tag and style.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: Text,
    pub(crate) tag: Tag,
    pub(crate) style: Style,
    /// Which other scalars of its resource change with it.
    pub(crate) twin: Twin,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.tag, self.style) == (&other.text, other.tag, other.style)
    }
}

/// A mapping key and where it stands in its file (0: nowhere).
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: Text,
    pub(crate) line: u32,
    /// False for a key such as `1` or `true`, which no JSON mapping can hold.
    pub(crate) is_text: bool,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Key {
    pub(crate) fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into(), line: 0, is_text: true }
    }
}

/// A mapping in the order of its file. May hold a key twice; lookups see the first.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<(Key, Node)>,
}

/// A node of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Scalar(Scalar),
    Map(Map),
    Seq(Vec<Node>),
}

impl Default for Node {
    fn default() -> Self {
        Self::null()
    }
}

impl Map {
    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(k, _)| k.text == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(k, _)| k.text == key).map(|(_, v)| v)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|(k, _)| k.text == key).map(|(_, v)| v)
    }

    /// The line of a key, or 0.
    pub(crate) fn line(&self, key: &str) -> u32 {
        self.entries.iter().find(|(k, _)| k.text == key).map_or(0, |(k, _)| k.line)
    }

    pub(crate) fn set(&mut self, key: &str, value: Node) {
        match self.get_mut(key) {
            Some(slot) => *slot = value,
            None => self.entries.push((Key::new(key), value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.position(key)?;
        Some(self.entries.remove(at).1)
    }

    /// The value of a key, made by `make` when absent.
    pub(crate) fn entry(&mut self, key: &str, make: impl FnOnce() -> Node) -> &mut Node {
        let at = self.position(key).unwrap_or_else(|| {
            self.entries.push((Key::new(key), make()));
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }
}

impl Scalar {
    pub(crate) fn new(text: impl Into<Text>, tag: Tag, style: Style) -> Self {
        Self { text: text.into(), tag, style, twin: Twin::NONE }
    }

    /// A string, whatever its text looks like.
    pub(crate) fn text(text: impl Into<Text>) -> Self {
        Self::new(text, Tag::Str, Style::Plain)
    }

    /// A text whose type is decided when it is read back.
    pub(crate) fn untagged(text: impl Into<Text>) -> Self {
        Self::new(text, Tag::None, Style::Plain)
    }

    /// The text as a YAML writer in the original's style prints it: quoted when it was quoted. Replacement paths
    /// match their regular expressions against this form.
    pub(crate) fn rendered(&self) -> String {
        match self.style {
            Style::Single => format!("'{}'", self.text.replace('\'', "''")),
            Style::Double => format!("\"{}\"", self.text.replace('\\', "\\\\").replace('"', "\\\"")),
            _ if self.tag == Tag::Str && (resolve(&self.text, Dialect::V3) != Tag::Str) => {
                format!("\"{}\"", self.text)
            }
            _ => self.text.to_string(),
        }
    }
}

impl Node {
    pub(crate) fn null() -> Self {
        Self::Scalar(Scalar::new("null", Tag::Null, Style::Plain))
    }

    pub(crate) fn text(text: impl Into<Text>) -> Self {
        Self::Scalar(Scalar::text(text))
    }

    pub(crate) fn empty_map() -> Self {
        Self::Map(Map::default())
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    pub(crate) fn as_seq(&self) -> Option<&[Node]> {
        if let Self::Seq(items) = self { Some(items) } else { None }
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        if let Self::Scalar(scalar) = self { Some(scalar) } else { None }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// The text of a scalar; `""` for mappings and lists.
    pub(crate) fn raw_text(&self) -> &str {
        self.as_scalar().map_or("", |s| &s.text)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Scalar { tag: Tag::Null, .. }))
    }

    /// A plain scalar whose type nothing says.
    pub(crate) fn is_untagged(&self) -> bool {
        matches!(self, Self::Scalar(Scalar { tag: Tag::None, style: Style::Plain, .. }))
    }

    /// Null, an empty mapping or an empty list.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.tag == Tag::Null,
            Self::Map(map) => map.entries.is_empty(),
            Self::Seq(items) => items.is_empty(),
        }
    }

    /// True for a scalar that is read as a string.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Scalar(Scalar { tag: Tag::Str | Tag::None, .. }))
    }

    /// What the node is, for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Scalar(Scalar { tag: Tag::Null, .. }) => "nothing",
            Self::Scalar(Scalar { tag: Tag::Bool, .. }) => "a boolean",
            Self::Scalar(Scalar { tag: Tag::Int | Tag::Float, .. }) => "a number",
            Self::Scalar(_) => "a string",
            Self::Map(_) => "a mapping",
            Self::Seq(_) => "a list",
        }
    }

    /// Gives a scalar a new text of undecided type and keeps its style, as the original's setters do.
    pub(crate) fn set_untagged(&mut self, text: impl Into<Text>) {
        let style = self.as_scalar().map_or(Style::Plain, |s| s.style);
        *self = Self::Scalar(Scalar::new(text, Tag::None, style));
    }

    /// Levels of mappings and lists, this one included.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::Map(map) => 1 + map.entries.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            Self::Seq(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
        }
    }

    /// About how much memory the node takes.
    pub(crate) fn bytes(&self) -> usize {
        let own = size_of::<Self>();
        match self {
            Self::Scalar(scalar) => own + scalar.text.len(),
            Self::Map(map) => {
                own + map
                    .entries
                    .iter()
                    .map(|(k, v)| size_of::<Key>() + k.text.len() + v.bytes())
                    .sum::<usize>()
            }
            Self::Seq(items) => own + items.iter().map(Self::bytes).sum::<usize>(),
        }
    }

    /// The number of nodes at and below this one.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Scalar(_) => 1,
            Self::Map(map) => 1 + map.entries.iter().map(|(_, v)| v.size()).sum::<usize>(),
            Self::Seq(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
        }
    }
}
