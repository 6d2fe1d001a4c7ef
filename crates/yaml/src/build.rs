//! From events to a value.

use crate::error::{Error, ErrorKind};
use crate::event::{Event, Events, Mark, Properties, Style};
use crate::number::{self, Integer};
use crate::resolve::{Dates, Resolved, resolve};
use crate::{Dialect, Options, fold};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The value of the next document and where its content starts, or `None` at the end of the text.
pub(crate) fn next_document(
    events: &mut Events<'_>,
    options: &Options,
) -> Result<Option<(Value, Mark)>, Error> {
    loop {
        let (event, _) = events.next()?;
        match event {
            Event::StreamEnd => return Ok(None),
            Event::DocumentStart => break,
            _ => {}
        }
    }
    let (event, span) = events.next()?;
    let mut builder = Builder { events, options, anchors: Vec::new(), nodes: 0 };
    let value = builder.document(event, span.start)?;
    Ok(Some((value, span.start)))
}

/// A finished node: its value, and what only its use as a key or as a merged value depends on.
struct Node {
    value: Value,
    /// Nodes it consists of, aliases expanded.
    nodes: usize,
    key: Key,
}

/// How a node serves as a key of a mapping.
enum Key {
    /// The value is a string, which is the key.
    Text,
    /// A plain `<<`: what follows is merged.
    Merge,
    /// Another scalar, in the form it takes as a key.
    Converted(String),
    /// Not usable as a key: what it is.
    Unusable(&'static str),
}

/// A collection that is being read.
enum Open {
    Sequence { items: Vec<Value> },
    Mapping { map: Map<String, Value>, key: Option<(Key, String, Mark)>, merges: Vec<(Value, Mark)> },
}

struct Frame {
    open: Open,
    anchor: usize,
    /// Count of nodes when the collection started.
    nodes_before: usize,
}

/// What an anchor stands for.
#[derive(Clone)]
enum Anchored {
    /// Its node is still being read: an alias to it would contain itself.
    Open,
    Closed(AnchoredNode),
}

#[derive(Clone)]
struct AnchoredNode {
    value: Value,
    nodes: usize,
    key: AnchoredKey,
}

/// [`Key`], as far as an alias can carry it: an alias to `<<` merges nothing.
#[derive(Clone)]
enum AnchoredKey {
    Text,
    Converted(String),
    Unusable(&'static str),
}

struct Builder<'b, 't> {
    events: &'b mut Events<'t>,
    options: &'b Options,
    /// By the anchor's number, less the first one of this document.
    anchors: Vec<(usize, Anchored)>,
    nodes: usize,
}

impl Builder<'_, '_> {
    fn document(&mut self, first: Event<'_>, start: Mark) -> Result<Value, Error> {
        let mut stack: Vec<Frame> = Vec::new();
        let (mut event, mut mark) = (first, start);
        loop {
            let finished = match event {
                Event::Scalar { value, style, properties } => {
                    self.count(1, mark)?;
                    let node = self.scalar(value, style, &properties, mark)?;
                    self.remember(properties.anchor, &node);
                    Some(node)
                }
                Event::Alias(anchor) => Some(self.alias(anchor, mark)?),
                Event::SequenceStart(properties) => {
                    let open = Open::Sequence { items: Vec::new() };
                    self.open(&mut stack, open, &properties, mark)?;
                    None
                }
                Event::MappingStart(properties) => {
                    let open = Open::Mapping { map: Map::new(), key: None, merges: Vec::new() };
                    self.open(&mut stack, open, &properties, mark)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                    Some(frame) => Some(self.close(frame)?),
                    None => None,
                },
                Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => return Ok(Value::Null),
            };
            if let Some(node) = finished {
                match stack.last_mut() {
                    None => return Ok(node.value),
                    Some(frame) => self.attach(frame, node, mark)?,
                }
            }
            let (next, span) = self.events.next()?;
            (event, mark) = (next, span.start);
        }
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), Error> {
        self.nodes = self.nodes.saturating_add(nodes);
        let limit = self.options.limits.max_nodes;
        if self.nodes > limit {
            return Err(mark.error(ErrorKind::Limit { name: "max_nodes", limit }));
        }
        Ok(())
    }

    fn open(
        &mut self,
        stack: &mut Vec<Frame>,
        open: Open,
        properties: &Properties<'_>,
        start: Mark,
    ) -> Result<(), Error> {
        let limit = self.options.limits.max_depth;
        if stack.len() >= limit {
            return Err(start.error(ErrorKind::Limit { name: "max_depth", limit }));
        }
        let nodes_before = self.nodes;
        self.count(1, start)?;
        if properties.anchor != 0 {
            self.anchors.push((properties.anchor, Anchored::Open));
        }
        stack.push(Frame { open, anchor: properties.anchor, nodes_before });
        Ok(())
    }

    fn close(&mut self, frame: Frame) -> Result<Node, Error> {
        let (value, kind) = match frame.open {
            Open::Sequence { items } => (Value::Array(items), "a sequence"),
            Open::Mapping { mut map, merges, .. } => {
                for (merged, mark) in merges {
                    merge(&mut map, merged, mark, self.options.dialect)?;
                }
                (Value::Object(map), "a mapping")
            }
        };
        let nodes = self.nodes - frame.nodes_before;
        let node = Node { value, nodes, key: Key::Unusable(kind) };
        self.remember(frame.anchor, &node);
        Ok(node)
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor == 0 {
            return;
        }
        let key = match &node.key {
            Key::Text | Key::Merge => AnchoredKey::Text,
            Key::Converted(key) => AnchoredKey::Converted(key.clone()),
            Key::Unusable(kind) => AnchoredKey::Unusable(kind),
        };
        let closed = Anchored::Closed(AnchoredNode { value: node.value.clone(), nodes: node.nodes, key });
        match self.anchors.iter_mut().rev().find(|(number, _)| *number == anchor) {
            Some((_, anchored)) => *anchored = closed,
            None => self.anchors.push((anchor, closed)),
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<Node, Error> {
        let at = self.anchors.binary_search_by_key(&anchor, |(number, _)| *number);
        let anchored = at.ok().and_then(|at| self.anchors.get(at)).map(|(_, anchored)| anchored);
        let nodes = match anchored {
            Some(Anchored::Closed(node)) => node.nodes,
            Some(Anchored::Open) => {
                return Err(mark.error(ErrorKind::Meaning("the anchor's value contains itself".to_owned())));
            }
            None => return Err(mark.error(ErrorKind::Syntax("unknown anchor".to_owned()))),
        };
        // Counted before it is copied: what is over the limit never exists.
        self.count(nodes, mark)?;
        let Some(Anchored::Closed(node)) = at.ok().and_then(|at| self.anchors.get(at)).map(|(_, a)| a) else {
            return Err(mark.error(ErrorKind::Syntax("unknown anchor".to_owned())));
        };
        let key = match &node.key {
            AnchoredKey::Text => Key::Text,
            AnchoredKey::Converted(key) => Key::Converted(key.clone()),
            AnchoredKey::Unusable(kind) => Key::Unusable(kind),
        };
        Ok(Node { value: node.value.clone(), nodes, key })
    }

    fn attach(&mut self, frame: &mut Frame, node: Node, mark: Mark) -> Result<(), Error> {
        match &mut frame.open {
            Open::Sequence { items } => items.push(node.value),
            Open::Mapping { map, key, merges } => match key.take() {
                None => *key = Some(self.key(node, mark)?),
                Some((Key::Merge, ..)) => match self.options.dialect {
                    // v2 merges on the spot, over what stands before; v3 at the end, below everything.
                    Dialect::V2 => merge(map, node.value, mark, Dialect::V2)?,
                    Dialect::V3 if merges.is_empty() => merges.push((node.value, mark)),
                    Dialect::V3 => return Err(duplicate("<<".to_owned(), mark)),
                },
                Some((_, name, at)) => {
                    if self.options.dialect == Dialect::V3 && map.contains_key(&name) {
                        return Err(duplicate(name, at));
                    }
                    map.insert(name, node.value);
                }
            },
        }
        Ok(())
    }

    fn key(&self, node: Node, mark: Mark) -> Result<(Key, String, Mark), Error> {
        let name = match (&node.key, node.value) {
            (Key::Converted(name), _) => name.clone(),
            (Key::Unusable(kind), _) => {
                return Err(mark.error(ErrorKind::Meaning(format!("{kind} cannot be a key"))));
            }
            (Key::Merge, _) => String::new(),
            (Key::Text, Value::String(text)) => text,
            (Key::Text, other) => other.to_string(),
        };
        Ok((node.key, name, mark))
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: Style,
        properties: &Properties<'_>,
        mark: Mark,
    ) -> Result<Node, Error> {
        let dialect = self.options.dialect;
        let fail = |message: String| mark.error(ErrorKind::Meaning(message));
        let string =
            |text: Cow<'_, str>| Node { value: Value::String(text.into_owned()), nodes: 1, key: Key::Text };
        let round_trip = dialect == Dialect::V3 && self.options.kyaml_round_trip;
        let text = if style == Style::Folded && round_trip { fold::through_v3(text) } else { text };
        let tag = properties.tag.as_deref();
        let wanted = match tag {
            None if style != Style::Plain => return Ok(string(text)),
            None => None,
            // The non-specific tag makes a string of any scalar in v2 and is ignored in v3.
            Some("!") if style == Style::Plain && dialect == Dialect::V3 => None,
            Some("!") => return Ok(string(text)),
            Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:") {
                Some(wanted @ ("bool" | "int" | "float" | "null" | "timestamp")) => Some(wanted),
                Some("binary") => {
                    let Ok(bytes) = BASE64.decode(text.replace(['\n', '\r'], "")) else {
                        return Err(fail("the !!binary value is not valid base64".to_owned()));
                    };
                    return Ok(string(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())));
                }
                Some("merge") if text == "<<" => {
                    return Ok(Node { value: Value::String(text.into_owned()), nodes: 1, key: Key::Merge });
                }
                // Strings, collections' tags and tags of one's own: the text as it is.
                _ => return Ok(string(text)),
            },
        };
        let dates = match (dialect, wanted) {
            (_, None | Some("timestamp")) => Dates::Allowed,
            _ => Dates::Ignored,
        };
        let mut resolved = resolve(&text, dialect, dates);
        if let Some(wanted) = wanted {
            if wanted == "float"
                && let Resolved::Integer(Integer::Signed(value)) = resolved
            {
                #[allow(clippy::cast_precision_loss)] // As upstream's float64(v).
                let value = value as f64;
                resolved = Resolved::Float(value);
            }
            if resolved.tag().trim_start_matches('!') != wanted {
                let found = resolved.tag();
                return Err(fail(format!("cannot decode {found} `{text}` as a !!{wanted}")));
            }
        }
        self.resolved(resolved, text, mark)
    }

    fn resolved(&self, resolved: Resolved, text: Cow<'_, str>, mark: Mark) -> Result<Node, Error> {
        let dialect = self.options.dialect;
        let (value, key) = match resolved {
            Resolved::Text => (Value::String(text.into_owned()), Key::Text),
            Resolved::Merge => (Value::String(text.into_owned()), Key::Merge),
            Resolved::Null if dialect == Dialect::V2 => (Value::Null, Key::Unusable("null")),
            Resolved::Null => (Value::Null, Key::Converted("<nil>".to_owned())),
            Resolved::Bool(value) => (Value::Bool(value), Key::Converted(value.to_string())),
            Resolved::Integer(Integer::Signed(value)) => {
                (Value::from(value), Key::Converted(value.to_string()))
            }
            Resolved::Integer(Integer::Unsigned(value)) => {
                let key = match dialect {
                    Dialect::V2 => Key::Unusable("an integer beyond 64 bits with a sign"),
                    Dialect::V3 => Key::Converted(value.to_string()),
                };
                (Value::from(value), key)
            }
            Resolved::Float(value) => {
                let key = match dialect {
                    Dialect::V2 => number::shortest_f32(value),
                    Dialect::V3 => number::shortest(value),
                };
                match number::json_float(value) {
                    Some(number) => (number, Key::Converted(key)),
                    None => {
                        let message = format!("`{text}` has no form in JSON: quote it to have a string");
                        return Err(mark.error(ErrorKind::Meaning(message)));
                    }
                }
            }
            Resolved::Timestamp(_) if dialect == Dialect::V2 => (Value::String(text.into_owned()), Key::Text),
            Resolved::Timestamp(time) => (Value::String(time), Key::Text),
        };
        Ok(Node { value, nodes: 1, key })
    }
}

fn duplicate(key: String, mark: Mark) -> Error {
    mark.error(ErrorKind::DuplicateKey { key })
}

/// Merges what stands behind `<<`: a mapping, or a sequence of mappings of which earlier ones win.
fn merge(map: &mut Map<String, Value>, merged: Value, mark: Mark, dialect: Dialect) -> Result<(), Error> {
    let sources = match merged {
        Value::Object(_) => vec![merged],
        Value::Array(items) => items,
        _ => return Err(not_mergeable(mark)),
    };
    let mut put = |source: Value| -> Result<(), Error> {
        let Value::Object(source) = source else { return Err(not_mergeable(mark)) };
        for (key, value) in source {
            match dialect {
                Dialect::V2 => {
                    map.insert(key, value);
                }
                Dialect::V3 => {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Ok(())
    };
    match dialect {
        Dialect::V2 => sources.into_iter().rev().try_for_each(&mut put),
        Dialect::V3 => sources.into_iter().try_for_each(&mut put),
    }
}

fn not_mergeable(mark: Mark) -> Error {
    let message = "`<<` merges a mapping or a sequence of mappings".to_owned();
    mark.error(ErrorKind::Meaning(message))
}
