use super::{Key, Map, Node, Scalar, Style, Tag, resolve};
use holdfast_yaml::Dialect;
use holdfast_yaml::syntax::{self, Event, Events, Layout, Mark, Properties, Span};
use std::borrow::Cow;
use std::collections::HashMap;

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) node: Node,
    /// Line of its first node, from 1.
    pub(crate) line: u32,
    /// Its place in the file, from 0.
    pub(crate) index: u32,
}

/// Bounds on one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadLimits {
    /// Nodes after aliases are expanded.
    pub(crate) nodes: usize,
    /// Nesting of mappings and lists.
    pub(crate) depth: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { nodes: 2_000_000, depth: 128 }
    }
}

/// Why a file is no YAML.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadError {
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// Reads every document of a file. Empty documents are left out.
pub(crate) fn read_documents(
    text: &str,
    dialect: Dialect,
    limits: ReadLimits,
) -> Result<Vec<Document>, ReadError> {
    let text = decode(text)?;
    let unified;
    let text = if text.contains("\r\n") {
        unified = text.replace("\r\n", "\n");
        unified.as_str()
    } else {
        &text
    };
    let mut documents = Vec::new();
    let mut budget = limits.nodes;
    for (index, chunk) in syntax::chunks(text, dialect).into_iter().enumerate() {
        if let Some(error) = chunk.error {
            return Err(ReadError { line: error.line(), message: error.kind().to_string() });
        }
        if let Some((node, line)) = read_chunk(chunk.text, dialect, chunk.lines, limits.depth, &mut budget)?
            && !node.is_null()
        {
            documents.push(Document { node, line, index: u32::try_from(index).unwrap_or(u32::MAX) });
        }
    }
    Ok(documents)
}

fn decode(text: &str) -> Result<Cow<'_, str>, ReadError> {
    syntax::decode(text.as_bytes(), usize::MAX)
        .map_err(|e| ReadError { line: e.line(), message: e.kind().to_string() })
}

/// Reads the first document of a text in the V3 dialect.
pub(crate) fn read_one(text: &str) -> Result<Option<Node>, ReadError> {
    let limits = ReadLimits::default();
    let mut budget = limits.nodes;
    let text = decode(text)?;
    Ok(read_chunk(&text, Dialect::V3, 0, limits.depth, &mut budget)?.map(|(node, _)| node))
}

type Parsed = Option<(Node, u32)>;

fn read_chunk(
    text: &str,
    dialect: Dialect,
    lines: u32,
    depth: usize,
    budget: &mut usize,
) -> Result<Parsed, ReadError> {
    let mut reader = Reader {
        events: syntax::events(text, dialect),
        dialect,
        lines,
        depth,
        budget,
        anchors: HashMap::new(),
        open_entries: Vec::new(),
        open_items: Vec::new(),
    };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::DocumentStart => {}
            Event::DocumentEnd | Event::StreamEnd => return Ok(None),
            event => {
                let line = reader.line(span.start);
                let node = reader.node(event, span, Place::default())?;
                // What follows on the document's last line still belongs to it.
                reader.next()?;
                return Ok(Some((node, line)));
            }
        }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    /// In brackets or braces.
    in_flow: bool,
}

impl Place {
    fn below(self, layout: Layout) -> Self {
        Self { depth: self.depth + 1, in_flow: layout == Layout::Flow }
    }
}

struct Reader<'t, 'b> {
    events: Events<'t>,
    dialect: Dialect,
    /// Lines before the chunk.
    lines: u32,
    depth: usize,
    budget: &'b mut usize,
    anchors: HashMap<usize, Node>,
    /// What the open mappings and sequences hold so far. A finished one moves out as a list that has just its length:
    /// lists that grow by themselves would take twice the memory.
    open_entries: Vec<(Key, Node)>,
    open_items: Vec<Node>,
}

impl<'t> Reader<'t, '_> {
    fn line(&self, mark: Mark) -> u32 {
        mark.line.saturating_add(self.lines)
    }

    fn error(&self, mark: Mark, message: impl Into<String>) -> ReadError {
        ReadError { line: self.line(mark), message: message.into() }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), ReadError> {
        self.events.next().map_err(|e| ReadError {
            line: e.line().saturating_add(self.lines),
            message: e.kind().to_string(),
        })
    }

    fn take(&mut self, nodes: usize, mark: Mark) -> Result<(), ReadError> {
        *self.budget = self.budget.checked_sub(nodes).ok_or_else(|| {
            self.error(mark, "more values than the limit of YAML nodes allows (aliases are counted expanded)")
        })?;
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, span: Span, place: Place) -> Result<Node, ReadError> {
        if place.depth > self.depth {
            return Err(
                self.error(span.start, format!("nested deeper than the limit of {} levels", self.depth))
            );
        }
        self.take(1, span.start)?;
        let (node, anchor) = match event {
            Event::Scalar { value, style, properties } => {
                let anchor = properties.anchor;
                let mut style = style_of(style);
                let tag = tag_of(&value, style, &properties, self.dialect);
                if self.dialect == Dialect::V3
                    && place.in_flow
                    && value.is_empty()
                    && tag == Tag::Null
                    && properties.tag.is_none()
                {
                    // Written as `''` there, where a missing value would end the collection.
                    style = Style::Single;
                }
                (Node::Scalar(Scalar::new(value, tag, style)), anchor)
            }
            Event::SequenceStart(properties, layout) => {
                (self.sequence(place.below(layout))?, properties.anchor)
            }
            Event::MappingStart(properties, layout) => {
                (self.mapping(place.below(layout))?, properties.anchor)
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(self.error(span.start, "alias to a value that contains it"));
                };
                self.take(node.size(), span.start)?;
                return Ok(node);
            }
            _ => return Err(self.error(span.start, "expected a value")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, place: Place) -> Result<Node, ReadError> {
        let first = self.open_items.len();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => {
                    return Ok(Node::Seq(self.open_items.split_off(first)));
                }
                (event, span) => {
                    let item = self.node(event, span, place)?;
                    self.open_items.push(item);
                }
            }
        }
    }

    fn mapping(&mut self, place: Place) -> Result<Node, ReadError> {
        let first = self.open_entries.len();
        let mut merge: Option<(Node, Mark)> = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar { value, style: syntax::Style::Plain, .. } if value == "<<");
            let key = self.key(event, span, place)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, place)?;
            if !is_merge {
                self.open_entries.push((key, value));
            } else if merge.replace((value, span.start)).is_some() {
                return Err(self.error(span.start, "duplicate merge key"));
            }
        }
        let mut map = Map { entries: self.open_entries.split_off(first) };
        if let Some((source, mark)) = merge {
            merge_into(&mut map, source).map_err(|message| self.error(mark, message))?;
        }
        Ok(Node::Map(map))
    }

    fn key(&mut self, event: Event<'t>, span: Span, place: Place) -> Result<Key, ReadError> {
        match self.node(event, span, place)? {
            Node::Scalar(scalar) => {
                let is_text =
                    matches!(scalar.tag, Tag::Str | Tag::None | Tag::Time) || self.dialect == Dialect::V2;
                Ok(Key { text: scalar.text, line: self.line(span.start), is_text })
            }
            other => {
                Err(self
                    .error(span.start, format!("a mapping key must be a scalar, got {}", other.kind_name())))
            }
        }
    }
}

/// YAML's merge key: own keys win, then the first source that has a key.
fn merge_into(map: &mut Map, source: Node) -> Result<(), &'static str> {
    let sources = match source {
        Node::Seq(items) => items,
        source => vec![source],
    };
    for source in sources {
        let Node::Map(source) = source else {
            return Err("map merge requires map or sequence of maps as the value");
        };
        for (key, value) in source.entries {
            if map.get(&key.text).is_none() {
                map.entries.push((key, value));
            }
        }
    }
    Ok(())
}

fn style_of(style: syntax::Style) -> Style {
    match style {
        syntax::Style::Plain => Style::Plain,
        syntax::Style::SingleQuoted => Style::Single,
        syntax::Style::DoubleQuoted => Style::Double,
        syntax::Style::Literal => Style::Literal,
        syntax::Style::Folded => Style::Folded,
    }
}

fn tag_of(text: &str, style: Style, properties: &Properties<'_>, dialect: Dialect) -> Tag {
    let tag = properties.tag.as_deref().filter(|tag| *tag != "!" || dialect == Dialect::V2);
    match tag.map(|tag| tag.strip_prefix("tag:yaml.org,2002:")) {
        None if style == Style::Plain => resolve(text, dialect),
        Some(Some("null")) => Tag::Null,
        Some(Some("bool")) => Tag::Bool,
        Some(Some("int")) => Tag::Int,
        Some(Some("float")) => Tag::Float,
        Some(Some("timestamp")) if dialect == Dialect::V3 => Tag::Time,
        _ => Tag::Str,
    }
}
