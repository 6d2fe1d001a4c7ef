use super::{Key, Map, Node, Scalar, Style, Tag, resolve};
use holdfast_yaml::syntax::{Event, Events, Mark, Properties, Span, chunks};
use holdfast_yaml::{Dialect, syntax};
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let unified;
    let text = if text.contains("\r\n") {
        unified = text.replace("\r\n", "\n");
        &unified
    } else {
        text
    };
    let mut documents = Vec::new();
    let mut budget = limits.nodes;
    for (index, chunk) in chunks(text).into_iter().enumerate() {
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

/// Reads the first document of a text in the V3 dialect.
pub(crate) fn read_one(text: &str) -> Result<Option<Node>, ReadError> {
    let limits = ReadLimits::default();
    let mut budget = limits.nodes;
    Ok(read_chunk(text, Dialect::V3, 0, limits.depth, &mut budget)?.map(|(node, _)| node))
}

type Parsed = Option<(Node, u32)>;

fn read_chunk(
    text: &str,
    dialect: Dialect,
    lines: u32,
    depth: usize,
    budget: &mut usize,
) -> Result<Parsed, ReadError> {
    let mut reader =
        Reader { events: Events::new(text, depth), dialect, lines, depth, budget, anchors: HashMap::new() };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::DocumentStart => {}
            Event::DocumentEnd | Event::StreamEnd => return Ok(None),
            event => {
                let line = reader.line(span.start);
                let node = reader.node(event, span, 0)?;
                return Ok(Some((node, line)));
            }
        }
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

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, ReadError> {
        if depth > self.depth {
            return Err(self.error(span.start, format!("nested deeper than the limit of {} levels", self.depth)));
        }
        self.take(1, span.start)?;
        let (node, anchor) = match event {
            Event::Scalar { value, style, properties } => {
                let anchor = properties.anchor;
                let style = style_of(style);
                let tag = tag_of(&value, style, &properties, self.dialect);
                (Node::Scalar(Scalar { text: value.into_owned(), tag, style }), anchor)
            }
            Event::SequenceStart(properties) => (self.sequence(depth)?, properties.anchor),
            Event::MappingStart(properties) => (self.mapping(depth)?, properties.anchor),
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

    fn sequence(&mut self, depth: usize) -> Result<Node, ReadError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Node::Seq(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, ReadError> {
        let mut map = Map::default();
        let mut merge: Option<(Node, Mark)> = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar { value, style: syntax::Style::Plain, .. } if value == "<<");
            let key = self.key(event, span, depth)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            if !is_merge {
                map.entries.push((key, value));
            } else if merge.replace((value, span.start)).is_some() {
                return Err(self.error(span.start, "duplicate merge key"));
            }
        }
        if let Some((source, mark)) = merge {
            merge_into(&mut map, source).map_err(|message| self.error(mark, message))?;
        }
        Ok(Node::Map(map))
    }

    fn key(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Key, ReadError> {
        match self.node(event, span, depth + 1)? {
            Node::Scalar(scalar) => {
                let is_text = matches!(scalar.tag, Tag::Str | Tag::None | Tag::Time) || self.dialect == Dialect::V2;
                Ok(Key { text: scalar.text, line: self.line(span.start), is_text })
            }
            other => {
                Err(self.error(span.start, format!("a mapping key must be a scalar, got {}", other.kind_name())))
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
    match properties.tag.as_deref().map(|tag| tag.strip_prefix("tag:yaml.org,2002:")) {
        None if style == Style::Plain => resolve(text, dialect),
        Some(Some("null")) => Tag::Null,
        Some(Some("bool")) => Tag::Bool,
        Some(Some("int")) => Tag::Int,
        Some(Some("float")) => Tag::Float,
        Some(Some("timestamp")) if dialect == Dialect::V3 => Tag::Time,
        _ => Tag::Str,
    }
}
