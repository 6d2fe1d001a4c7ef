//! From events to a value: collections, anchors, merges, and the limits on them.

use crate::error::{Error, ErrorKind};
use crate::event::{Event, Events, Layout, Mark, Properties};
use crate::scalar::{self, Key, Place};
use crate::{Dialect, Options};
use serde_json::{Map, Value};

/// The value of the next document and where its content starts, or `None` at the end of the text.
pub(crate) fn next_document(
    events: &mut Events<'_>,
    options: &Options,
) -> Result<Option<(Value, Mark)>, Error> {
    let (event, _) = events.next()?;
    if event == Event::StreamEnd {
        return Ok(None);
    }
    let (first, span) = events.next()?;
    let mut builder = Builder { events, options, anchors: Vec::new(), nodes: 0 };
    let value = builder.document(first, span.start)?;
    // What follows on the document's last line still belongs to it.
    events.next()?;
    Ok(Some((value, span.start)))
}

#[derive(Clone)]
struct Node {
    value: Value,
    /// How many nodes it consists of, aliases expanded.
    nodes: usize,
    key: Key,
}

/// A collection that is being read.
struct Frame {
    open: Open,
    layout: Layout,
    anchor: usize,
    /// Count of nodes when the collection started.
    nodes_before: usize,
}

impl Frame {
    /// What the next node is in this collection.
    fn place(&self) -> Place {
        let is_key = matches!(self.open, Open::Mapping { key: None, .. });
        Place { is_key, in_flow: self.layout == Layout::Flow }
    }
}

enum Open {
    Sequence(Vec<Value>),
    Mapping {
        map: Map<String, Value>,
        /// The key whose value comes next, and where it stands.
        key: Option<(MapKey, Mark)>,
        /// What is to be merged at the end.
        merge: Option<(Value, Mark)>,
    },
}

enum MapKey {
    Name(String),
    Merge,
}

struct Builder<'b, 't> {
    events: &'b mut Events<'t>,
    options: &'b Options,
    /// By the anchor's number, less one. `None` while its node is still being read.
    anchors: Vec<Option<Node>>,
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
                    let place = stack.last().map_or(Place::default(), Frame::place);
                    let (value, key) = scalar::read(value, style, place, &properties, self.options)
                        .map_err(|message| mark.error(ErrorKind::Meaning(message)))?;
                    let node = Node { value, nodes: 1, key };
                    self.remember(properties.anchor, &node);
                    Some(node)
                }
                Event::Alias(anchor) => Some(self.alias(anchor, mark)?),
                Event::SequenceStart(properties, layout) => {
                    self.open(&mut stack, Open::Sequence(Vec::new()), layout, &properties, mark)?;
                    None
                }
                Event::MappingStart(properties, layout) => {
                    let open = Open::Mapping { map: Map::new(), key: None, merge: None };
                    self.open(&mut stack, open, layout, &properties, mark)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                    Some(frame) => Some(self.close(frame)?),
                    None => None,
                },
                Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => return Ok(Value::Null),
            };
            if let Some(node) = finished {
                let nested = stack.len() > 1;
                match stack.last_mut() {
                    None => return Ok(node.value),
                    Some(frame) => self.attach(&mut frame.open, node, mark, nested)?,
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
        layout: Layout,
        properties: &Properties<'_>,
        mark: Mark,
    ) -> Result<(), Error> {
        let limit = self.options.limits.max_depth;
        if stack.len() >= limit {
            return Err(mark.error(ErrorKind::Limit { name: "max_depth", limit }));
        }
        let nodes_before = self.nodes;
        self.count(1, mark)?;
        if properties.anchor != 0 {
            self.anchors.push(None);
        }
        stack.push(Frame { open, layout, anchor: properties.anchor, nodes_before });
        Ok(())
    }

    fn close(&mut self, frame: Frame) -> Result<Node, Error> {
        let (value, key) = match frame.open {
            Open::Sequence(items) => (Value::Array(items), Key::Unusable("a sequence")),
            Open::Mapping { mut map, merge, .. } => {
                if let Some((merged, mark)) = merge {
                    merge_into(&mut map, merged, mark, self.options.dialect)?;
                }
                (Value::Object(map), Key::Unusable("a mapping"))
            }
        };
        let node = Node { value, nodes: self.nodes - frame.nodes_before, key };
        self.remember(frame.anchor, &node);
        Ok(node)
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor == 0 {
            return;
        }
        let mut node = node.clone();
        if node.key == Key::Merge {
            // An alias to `<<` is a string.
            node.key = Key::Text;
        }
        match self.anchors.get_mut(anchor - 1) {
            Some(anchored) => *anchored = Some(node),
            None => self.anchors.push(Some(node)),
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<Node, Error> {
        let Some(nodes) = self.anchored(anchor).map(|node| node.nodes) else {
            return Err(mark.error(ErrorKind::Meaning("the anchor's value contains itself".to_owned())));
        };
        // Counted before it is copied: what is over the limit never exists.
        self.count(nodes, mark)?;
        let node = self.anchored(anchor).cloned();
        node.ok_or_else(|| mark.error(ErrorKind::Syntax("unknown anchor".to_owned())))
    }

    /// Puts a finished node where it belongs in the collection around it, which may be nested in others.
    fn attach(&self, open: &mut Open, node: Node, mark: Mark, nested: bool) -> Result<(), Error> {
        let (map, key, merge) = match open {
            Open::Sequence(items) => {
                items.push(node.value);
                return Ok(());
            }
            Open::Mapping { map, key, merge } => (map, key, merge),
        };
        match (key.take(), self.options.dialect) {
            (None, _) => *key = Some((self.map_key(node, mark, nested)?, mark)),
            // v2 merges on the spot, over what stands before; v3 at the end, below everything.
            (Some((MapKey::Merge, _)), Dialect::V2) => merge_into(map, node.value, mark, Dialect::V2)?,
            (Some((MapKey::Merge, at)), Dialect::V3) => {
                if merge.replace((node.value, mark)).is_some() {
                    return Err(duplicate("<<".to_owned(), at));
                }
            }
            (Some((MapKey::Name(name), at)), Dialect::V3) => {
                if map.contains_key(&name) {
                    return Err(duplicate(name, at));
                }
                map.insert(name, node.value);
            }
            (Some((MapKey::Name(name), _)), Dialect::V2) => {
                map.insert(name, node.value);
            }
        }
        Ok(())
    }

    fn map_key(&self, node: Node, mark: Mark, nested: bool) -> Result<MapKey, Error> {
        match (node.key, node.value) {
            (Key::Converted(name), _) if nested && !name.is_empty() && self.options.round_trips() => {
                let message =
                    format!("kustomize takes only strings as keys below the top level: quote `{name}`");
                Err(mark.error(ErrorKind::Meaning(message)))
            }
            (Key::Text, Value::String(name)) | (Key::Converted(name), _) => Ok(MapKey::Name(name)),
            (Key::Text, other) => Ok(MapKey::Name(other.to_string())),
            (Key::Merge, _) => Ok(MapKey::Merge),
            (Key::Unusable(kind), _) => {
                Err(mark.error(ErrorKind::Meaning(format!("{kind} cannot be a key"))))
            }
        }
    }

    fn anchored(&self, anchor: usize) -> Option<&Node> {
        self.anchors.get(anchor.checked_sub(1)?)?.as_ref()
    }
}

fn duplicate(key: String, mark: Mark) -> Error {
    mark.error(ErrorKind::DuplicateKey { key })
}

/// Merges what stands behind `<<`: a mapping, or a sequence of mappings of which earlier ones win.
fn merge_into(
    map: &mut Map<String, Value>,
    merged: Value,
    mark: Mark,
    dialect: Dialect,
) -> Result<(), Error> {
    let mut sources = match merged {
        Value::Object(_) => vec![merged],
        Value::Array(items) => items,
        _ => return Err(not_mergeable(mark)),
    };
    if dialect == Dialect::V2 {
        sources.reverse();
    }
    for source in sources {
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
    }
    Ok(())
}

fn not_mergeable(mark: Mark) -> Error {
    mark.error(ErrorKind::Meaning("`<<` merges a mapping or a sequence of mappings".to_owned()))
}
