//! Strategic merge as the original does it (kyaml's `merge2` with prepended list elements).
//!
//! Both trees are walked together, also where the patch says nothing: that drops empty nulls and repeated list
//! elements of the target. Several of its outcomes are accidents of shared pointers; they are kept, since people's
//! manifests depend on them, and named where they occur.

use crate::node::{Dialect, Key, Node, Scalar, Style, Tag, Text, Twin, resolve};
use crate::schema::{Schema, Schemas};
use std::collections::{HashMap, HashSet};

/// Lists that merge by several keys are compared pair by pair; beyond this a build would take too long.
const SLOW_LIST_LIMIT: usize = 5_000;

/// Merges a patch into a document. `None` when the patch deletes it.
///
/// # Errors
/// When both hold different things in one place, or a `$patch` directive is unknown.
pub(crate) fn merge(target: Node, patch: Node, schemas: &Schemas) -> Result<Option<Node>, MergeError> {
    let merger = Merger { schemas };
    let schema = schemas.of_node(&target).or_else(|| schemas.of_node(&patch));
    // A root `$patch: replace` builds a document that the original then throws away.
    if let Node::Map(_) = &patch
        && directive(&mut patch.clone())? == Directive::Replace
    {
        return Ok(Some(target));
    }
    merger.walk(Some(target), Some(patch), schema)
}

/// Where a merge failed and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MergeError {
    pub(crate) path: String,
    pub(crate) message: String,
}

/// The first element of target and patch by the text of its key.
type TextIndex = HashMap<Text, (Option<usize>, Option<usize>)>;

type Outcome = Result<Option<Node>, MergeError>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

struct Merger<'s> {
    schemas: &'s Schemas,
}

fn absent(node: Option<&Node>) -> bool {
    node.is_none_or(Node::is_null)
}

/// The patch's value where it has one; its null removes the target's.
fn chosen(patch: Option<Node>, target: Option<Node>) -> Option<Node> {
    match patch {
        Some(patch) => Some(patch).filter(|p| !p.is_null()),
        None => target,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Map,
    Seq,
    Scalar,
    Nothing,
}

fn kind_of(node: Option<&Node>) -> Kind {
    match node {
        None => Kind::Nothing,
        Some(node) if node.is_null() => Kind::Nothing,
        Some(Node::Map(_)) => Kind::Map,
        Some(Node::Seq(_)) => Kind::Seq,
        Some(Node::Scalar(_)) => Kind::Scalar,
    }
}

impl<'s> Merger<'s> {
    fn schema_of<'a>(
        &'a self,
        known: Option<Schema<'a>>,
        target: Option<&Node>,
        patch: Option<&Node>,
    ) -> Option<Schema<'a>> {
        known.or_else(|| [target, patch].into_iter().flatten().find_map(|node| self.schemas.of_node(node)))
    }

    fn walk(&self, target: Option<Node>, patch: Option<Node>, schema: Option<Schema<'_>>) -> Outcome {
        let (here, there) = (kind_of(target.as_ref()), kind_of(patch.as_ref()));
        let kind = if here == Kind::Nothing { there } else { here };
        if there != Kind::Nothing && here != Kind::Nothing && here != there {
            let message = format!(
                "the patch has {} where the target has {}",
                patch.as_ref().map_or("nothing", Node::kind_name),
                target.as_ref().map_or("nothing", Node::kind_name)
            );
            return Err(MergeError { path: String::new(), message });
        }
        let schema = self.schema_of(schema, target.as_ref(), patch.as_ref());
        match kind {
            Kind::Map | Kind::Nothing => self.walk_map(target, patch, schema),
            Kind::Scalar => Ok(chosen(patch, target)),
            Kind::Seq => match schema.and_then(Schema::merge_keys) {
                Some(keys) => self.walk_list(target, patch, &keys, schema.and_then(Schema::element)),
                None => Ok(chosen(patch, target)),
            },
        }
    }

    fn walk_map(&self, target: Option<Node>, patch: Option<Node>, schema: Option<Schema<'_>>) -> Outcome {
        if absent(target.as_ref()) {
            return self.walk_new(target, patch, schema);
        }
        let Some(mut patch) = patch else { return self.walk_alone(target, schema) };
        if patch.is_null() {
            return Ok(None);
        }
        match directive(&mut patch)? {
            Directive::Delete => Ok(None),
            Directive::Replace => self.settle(patch, schema),
            Directive::Merge => {
                let (Some(Node::Map(mut target)), Node::Map(patch)) = (target, patch) else {
                    return Ok(None);
                };
                let mut theirs: Vec<Option<(Key, Node)>> = patch.entries.into_iter().map(Some).collect();
                for (key, slot) in &mut target.entries {
                    let found =
                        theirs.iter_mut().find(|e| e.as_ref().is_some_and(|(k, _)| k.text == key.text));
                    let value = found.and_then(Option::take).map(|(_, v)| v);
                    let below = schema.and_then(|s| s.field(&key.text));
                    let old = std::mem::take(slot);
                    let twin = old.as_scalar().map_or(Twin::NONE, |scalar| scalar.twin);
                    let merged = self.walk(Some(old), value, below).map_err(|e| in_field(e, &key.text))?;
                    *slot = merged.unwrap_or(GONE);
                    if let Node::Scalar(scalar) = slot {
                        if scalar.twin == Twin::NONE {
                            scalar.twin = twin.changed();
                        }
                        set_type(scalar);
                    }
                }
                target.entries.retain(|(_, value)| !is_gone(value));
                for (key, value) in theirs.into_iter().flatten() {
                    let below = schema.and_then(|s| s.field(&key.text));
                    let merged = self.walk(None, Some(value), below).map_err(|e| in_field(e, &key.text))?;
                    if let Some(value) = merged.filter(|v| !is_gone(v)) {
                        target.set(&key.text, value);
                    }
                }
                Ok(Some(Node::Map(target)))
            }
        }
    }

    /// The target has nothing here, or an explicit null.
    fn walk_new(&self, target: Option<Node>, patch: Option<Node>, schema: Option<Schema<'_>>) -> Outcome {
        let Some(mut patch) = patch else {
            // A null that is written out stays, an empty one is dropped.
            return Ok(target.filter(|t| !t.raw_text().is_empty()));
        };
        if patch.is_null() {
            return Ok(None);
        }
        if directive(&mut patch).unwrap_or(Directive::Merge) == Directive::Delete {
            return Ok(None);
        }
        self.settle(patch, schema)
    }

    /// A value that comes from the patch alone: the original merges it with itself, which drops its nulls and
    /// applies the directives below it.
    fn settle(&self, node: Node, schema: Option<Schema<'_>>) -> Outcome {
        let schema = self.schema_of(schema, Some(&node), None);
        match node {
            Node::Map(mut map) => {
                for (key, slot) in &mut map.entries {
                    let below = schema.and_then(|s| s.field(&key.text));
                    let value = std::mem::take(slot);
                    *slot =
                        self.settle_field(value, below).map_err(|e| in_field(e, &key.text))?.unwrap_or(GONE);
                }
                map.entries.retain(|(_, value)| !is_gone(value));
                Ok(Some(Node::Map(map)))
            }
            Node::Seq(items) => match schema.and_then(Schema::merge_keys) {
                Some(keys) => {
                    // Merged with itself, the list stands on both sides by now, and its directive is read.
                    let mut list = Node::Seq(items);
                    let directive = list_directive(&mut list);
                    match directive.map_err(|message| MergeError { path: String::new(), message })? {
                        Directive::Delete => Ok(None),
                        _ => self.walk_list(None, Some(list), &keys, schema.and_then(Schema::element)),
                    }
                }
                None => Ok(Some(Node::Seq(items))),
            },
            scalar @ Node::Scalar(_) => Ok(Some(scalar)),
        }
    }

    fn settle_field(&self, mut node: Node, schema: Option<Schema<'_>>) -> Outcome {
        if node.is_null() {
            return Ok(None);
        }
        if matches!(node, Node::Map(_)) && directive(&mut node)? == Directive::Delete {
            return Ok(None);
        }
        self.settle(node, schema)
    }

    /// The patch says nothing about this part of the target.
    fn walk_alone(&self, target: Option<Node>, schema: Option<Schema<'_>>) -> Outcome {
        let Some(Node::Map(mut map)) = target else { return Ok(target) };
        for (key, slot) in &mut map.entries {
            if let Node::Scalar(scalar) = slot
                && scalar.tag != Tag::Null
            {
                set_type(scalar);
                continue;
            }
            let below = schema.and_then(|s| s.field(&key.text));
            let value = std::mem::take(slot);
            *slot = self.walk(Some(value), None, below).map_err(|e| in_field(e, &key.text))?.unwrap_or(GONE);
        }
        map.entries.retain(|(_, value)| !is_gone(value));
        Ok(Some(Node::Map(map)))
    }

    fn walk_list(
        &self,
        target: Option<Node>,
        patch: Option<Node>,
        keys: &[&str],
        element: Option<Schema<'_>>,
    ) -> Outcome {
        let mut patch = patch;
        if patch.as_ref().is_some_and(Node::is_null) && !absent(target.as_ref()) {
            return Ok(None);
        }
        // What stands in both places of the walk: the patch alone is merged with itself, its directives unread.
        let fresh = absent(target.as_ref());
        let directive = match &mut patch {
            Some(list @ Node::Seq(_)) if !fresh => {
                list_directive(list).map_err(|message| MergeError { path: String::new(), message })?
            }
            _ => Directive::Merge,
        };
        let (mine, theirs) = match (directive, target, patch) {
            (Directive::Delete, ..) if !fresh => return Ok(None),
            (Directive::Replace, _, Some(Node::Seq(items))) => (items, None),
            (_, _, Some(Node::Seq(items))) if fresh => (items, None),
            (_, Some(Node::Seq(mine)), Some(Node::Seq(theirs))) => (mine, Some(theirs)),
            (_, Some(Node::Seq(mine)), _) => (mine, None),
            (_, target, patch) => return Ok(patch.or(target)),
        };
        let same = fresh || directive == Directive::Replace;
        let lists = Lists::new(mine, theirs, same);
        let values = lists.values(keys);
        if values.is_empty() && keys.is_empty() {
            let scalars = lists.scalar_values();
            return self.merge_elements(lists, scalars, &[""], element);
        }
        self.merge_elements(lists, values, keys, element)
    }

    fn merge_elements(
        &self,
        mut lists: Lists,
        mut values: Vec<Vec<String>>,
        keys: &[&str],
        element: Option<Schema<'_>>,
    ) -> Outcome {
        if let [key] = keys
            && let Some(index) = lists.index(key)
        {
            return self.merge_indexed(lists, &index, &values, element);
        }
        if lists.arena.len() > SLOW_LIST_LIMIT {
            let message = format!(
                "a list of {} elements that merges by {} is over the limit of {SLOW_LIST_LIMIT}",
                lists.arena.len(),
                keys.join(" and ")
            );
            return Err(MergeError { path: String::new(), message });
        }
        if keys.len() > 1 {
            unify(&mut values);
        }
        let mut added: Vec<usize> = Vec::new();
        let mut valid: Vec<&str> = Vec::new();
        for row in &values {
            let texts;
            (valid, texts) = used_keys(&values, row, keys);
            let (own_keys, own_texts) = used_keys(std::slice::from_ref(&texts), &texts, &valid);
            let (mine, theirs) = lists.find(&own_keys, &own_texts);
            let merged = self.merge_element(&mut lists, mine, theirs, element)?;
            let Some(id) = merged.filter(|id| !lists.is_empty(*id)) else {
                lists.delete_from_target(&valid, &texts);
                continue;
            };
            for (key, text) in valid.iter().zip(&texts) {
                lists.fill_key(id, key, text);
            }
            lists.put(&mut added, Some(id), &valid, &texts);
        }
        if values.is_empty() {
            let target = std::mem::take(&mut lists.target);
            return Ok(Some(Node::Seq(lists.take(target))));
        }
        lists.append_target(&mut added, &valid);
        Ok(Some(Node::Seq(lists.take(added))))
    }

    /// The usual case in linear time: one key, which every element has.
    fn merge_indexed(
        &self,
        mut lists: Lists,
        index: &TextIndex,
        values: &[Vec<String>],
        element: Option<Schema<'_>>,
    ) -> Outcome {
        // Rows come with the patch's first; the last element of the target with a text wins its place.
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(values.len());
        let mut added: Vec<usize> = Vec::with_capacity(values.len());
        let mut deleted: HashSet<&str> = HashSet::new();
        for text in values.iter().filter_map(|row| row.first()) {
            let (mine, theirs) = index.get(text.as_str()).copied().unwrap_or_default();
            let merged = self.merge_element(&mut lists, mine, theirs, element)?;
            match merged.filter(|id| !lists.is_empty(*id)) {
                Some(id) => {
                    places.insert(text, added.len());
                    added.push(id);
                }
                None => {
                    deleted.insert(text);
                }
            }
        }
        for (id, text) in lists.target.iter().zip(&lists.target_texts) {
            if deleted.contains(text.as_str()) || lists.is_empty(*id) {
                continue;
            }
            match places.get(text.as_str()) {
                Some(place) => added[*place] = *id,
                None => added.push(*id),
            }
        }
        Ok(Some(Node::Seq(lists.take(added))))
    }

    /// Merges two elements in place and says which one now holds the result.
    fn merge_element(
        &self,
        lists: &mut Lists,
        mine: Option<usize>,
        theirs: Option<usize>,
        schema: Option<Schema<'_>>,
    ) -> Result<Option<usize>, MergeError> {
        let named = |lists: &Lists, id: usize| {
            lists.arena[id].get("name").map_or_else(|| id.to_string(), |n| n.raw_text().to_owned())
        };
        // What a directive deletes stays in the target's list for now: whether it is found there again to be taken
        // out depends on its keys.
        match (mine, theirs) {
            (None, None) => Ok(None),
            (Some(id), None) => {
                let name = named(lists, id);
                if lists.same
                    && directive(&mut lists.arena[id]).map_err(|e| in_field(e, &name))? == Directive::Delete
                {
                    return Ok(None);
                }
                let node = std::mem::take(&mut lists.arena[id]);
                let merged = if lists.same {
                    self.settle_field(node, schema)
                } else {
                    self.walk(Some(node), None, schema)
                };
                Ok(lists.keep(id, merged.map_err(|e| in_field(e, &name))?))
            }
            (None, Some(id)) => {
                let name = named(lists, id);
                let node = std::mem::take(&mut lists.arena[id]);
                let merged = self.walk(None, Some(node), schema).map_err(|e| in_field(e, &name))?;
                Ok(lists.keep(id, merged))
            }
            (Some(id), Some(other)) => {
                if lists.arena[id].as_scalar().is_some() {
                    return Ok(Some(other));
                }
                let name = named(lists, other);
                match directive(&mut lists.arena[other]).map_err(|e| in_field(e, &name))? {
                    Directive::Delete => return Ok(None),
                    // The replacement is found, but the target's own element then takes its place again.
                    Directive::Replace => {
                        let patch = std::mem::take(&mut lists.arena[other]);
                        let settled = self.settle(patch, schema).map_err(|e| in_field(e, &name))?;
                        return Ok(lists.keep(other, settled));
                    }
                    Directive::Merge => {}
                }
                let node = std::mem::take(&mut lists.arena[id]);
                let patch = std::mem::take(&mut lists.arena[other]);
                let merged = self.walk(Some(node), Some(patch), schema).map_err(|e| in_field(e, &name))?;
                Ok(lists.keep(id, merged))
            }
        }
    }
}

/// A scalar that has no type yet becomes a string here if YAML 1.1 would read it as something else: the original
/// quotes such texts when it puts them into a mapping.
fn set_type(scalar: &mut Scalar) {
    if scalar.tag == Tag::None
        && scalar.style == Style::Plain
        && !scalar.text.contains('\n')
        && resolve(&scalar.text, Dialect::V2) != Tag::Str
    {
        scalar.tag = Tag::Str;
    }
}

/// Marks a field to be removed: no document holds this text.
const GONE: Node = Node::Scalar(Scalar {
    text: Text::const_new(""),
    tag: Tag::Null,
    style: Style::Double,
    twin: Twin::NONE,
});

fn is_gone(node: &Node) -> bool {
    matches!(node, Node::Scalar(Scalar { tag: Tag::Null, style: Style::Double, text, .. }) if text.is_empty())
}

fn in_field(mut error: MergeError, field: &str) -> MergeError {
    error.path = if error.path.is_empty() { field.to_owned() } else { format!("{field}.{}", error.path) };
    error
}

fn parse_directive(text: &str) -> Result<Directive, String> {
    match text {
        "delete" => Ok(Directive::Delete),
        "replace" => Ok(Directive::Replace),
        "merge" => Ok(Directive::Merge),
        other => Err(format!("unknown patch strategy '{other}'")),
    }
}

/// Reads and removes the `$patch` key of a mapping.
fn directive(node: &mut Node) -> Result<Directive, MergeError> {
    let Node::Map(map) = node else { return Ok(Directive::Merge) };
    let Some(value) = map.get("$patch").filter(|v| !v.is_null()) else { return Ok(Directive::Merge) };
    let found = parse_directive(value.raw_text());
    map.remove("$patch");
    found.map_err(|message| MergeError { path: "$patch".into(), message })
}

/// Reads and removes a list's `- $patch: …` element.
fn list_directive(node: &mut Node) -> Result<Directive, String> {
    let Node::Seq(items) = node else { return Ok(Directive::Merge) };
    let found = items.iter().find(|item| item.get("$patch").is_some());
    let Some(Node::Map(map)) = found else { return Ok(Directive::Merge) };
    // Among other keys it is meant for the element.
    if map.entries.len() > 1 {
        return Ok(Directive::Merge);
    }
    let text = map.get("$patch").map_or("", Node::raw_text).to_owned();
    let directive = parse_directive(&text)?;
    items.retain(|item| !(item.is_nothing() || item.get("$patch").is_some_and(|v| v.raw_text() == text)));
    Ok(directive)
}

/// The elements of both lists of one merge. Lists are lists of numbers, since one element may stand in several.
struct Lists {
    arena: Vec<Node>,
    target: Vec<usize>,
    patch: Vec<usize>,
    /// The texts of the target's only key, once indexed.
    target_texts: Vec<Text>,
    /// The patch's list stands for the target's as well.
    same: bool,
}

impl Lists {
    fn new(mine: Vec<Node>, theirs: Option<Vec<Node>>, same: bool) -> Self {
        let mut arena = mine;
        let target: Vec<usize> = (0..arena.len()).collect();
        let patch = match theirs {
            Some(theirs) => {
                let start = arena.len();
                arena.extend(theirs);
                (start..arena.len()).collect()
            }
            None => Vec::new(),
        };
        Self { arena, target, patch, target_texts: Vec::new(), same }
    }

    /// The texts of the keys of every element, the patch's first; each once.
    fn values(&self, keys: &[&str]) -> Vec<Vec<String>> {
        let mut values: Vec<Vec<String>> = Vec::new();
        if keys.is_empty() {
            return values;
        }
        let mut seen = HashSet::new();
        for id in self.patch.iter().chain(&self.target) {
            let row: Vec<String> = keys.iter().map(|key| self.key_text(*id, key).to_owned()).collect();
            if seen.insert(row.clone()) {
                values.push(row);
            }
        }
        values
    }

    fn key_text(&self, id: usize, key: &str) -> &str {
        self.arena[id].get(key).filter(|v| !v.is_nothing()).map_or("", Node::raw_text)
    }

    fn scalar_values(&self) -> Vec<Vec<String>> {
        let mut seen = HashSet::new();
        let texts = self.patch.iter().chain(&self.target).map(|id| self.arena[*id].raw_text());
        texts.filter(|text| seen.insert(*text)).map(|text| vec![text.to_owned()]).collect()
    }

    /// The first element of either list whose keys have these texts.
    fn find(&self, keys: &[&str], texts: &[String]) -> (Option<usize>, Option<usize>) {
        let matches = |id: &&usize| {
            let node = &self.arena[**id];
            if keys.first().is_none_or(|k| k.is_empty()) {
                return texts.first().is_some_and(|t| node.raw_text() == t);
            }
            keys.iter().zip(texts).all(|(key, text)| {
                matches!(node, Node::Map(_)) && node.get(key).is_some_and(|v| v.raw_text() == text)
            })
        };
        (self.target.iter().find(matches).copied(), self.patch.iter().find(matches).copied())
    }

    fn keep(&mut self, id: usize, merged: Option<Node>) -> Option<usize> {
        let kept = merged.is_some().then_some(id);
        self.arena[id] = merged.unwrap_or(GONE);
        kept
    }

    fn is_empty(&self, id: usize) -> bool {
        match &self.arena[id] {
            Node::Map(map) => map.entries.is_empty(),
            node => node.is_null(),
        }
    }

    /// Gives an element that was matched by fewer keys the one it lacks.
    fn fill_key(&mut self, id: usize, key: &str, text: &str) {
        if key.is_empty() || text.is_empty() {
            return;
        }
        if let Node::Map(map) = &mut self.arena[id]
            && map.get(key).is_none()
        {
            map.set(key, Node::text(text));
        }
    }

    fn delete_from_target(&mut self, keys: &[&str], texts: &[String]) {
        let mut target = std::mem::take(&mut self.target);
        self.put(&mut target, None, keys, texts);
        self.target = target;
    }

    /// Puts an element in the place of those with the same keys, or at the end; `None` removes them. Without texts
    /// every other element is lost, as in the original.
    fn put(&self, list: &mut Vec<usize>, element: Option<usize>, keys: &[&str], texts: &[String]) {
        let by_field =
            keys.first().is_some_and(|k| !k.is_empty()) && texts.first().is_some_and(|t| !t.is_empty());
        let mut found = false;
        let mut kept = Vec::with_capacity(list.len() + 1);
        for id in list.iter().copied() {
            let node = &self.arena[id];
            if self.is_empty(id) {
                continue;
            }
            if by_field && !matches!(node, Node::Map(_)) {
                kept.push(id);
                continue;
            }
            let matches = keys.iter().enumerate().all(|(at, key)| {
                // A key beyond the texts counts as found once the one before it was, as in the original.
                let Some(text) = texts.get(at) else { return at > 0 };
                if key.is_empty() {
                    return node.raw_text() == text;
                }
                node.get(key).is_some_and(|v| text.is_empty() || v.raw_text() == text)
            });
            if matches {
                found = true;
                kept.extend(element);
            } else if !texts.is_empty() {
                kept.push(id);
            }
        }
        if let Some(element) = element.filter(|id| !found && !self.arena[*id].is_null()) {
            kept.push(element);
        }
        *list = kept;
    }

    /// Appends the target's elements to the merged ones; an element that is there already keeps its place, unless
    /// there is more than one key: then it goes to the end.
    fn append_target(&self, added: &mut Vec<usize>, keys: &[&str]) {
        let single = keys.len() <= 1;
        if keys.first().is_none_or(|k| k.is_empty()) {
            for id in &self.target {
                let texts = [self.arena[*id].raw_text().to_owned()];
                self.put(added, Some(*id), &[""], &texts);
            }
            return;
        }
        for id in &self.target {
            let mut texts = Vec::with_capacity(keys.len());
            for key in keys {
                match self.arena[*id].get(key) {
                    Some(value) => texts.push(value.raw_text().to_owned()),
                    None => added.push(*id),
                }
            }
            if !single {
                self.put(added, None, keys, &texts);
            }
            self.put(added, Some(*id), keys, &texts);
        }
    }

    /// The elements; one that stands in the list twice is copied.
    fn take(mut self, ids: Vec<usize>) -> Vec<Node> {
        let mut left = vec![0_usize; self.arena.len()];
        ids.iter().for_each(|id| left[*id] += 1);
        ids.into_iter()
            .map(|id| {
                left[id] -= 1;
                if left[id] == 0 { std::mem::take(&mut self.arena[id]) } else { self.arena[id].clone() }
            })
            .collect()
    }

    /// The first element of either list by the text of its only key; `None` unless every element has one. The
    /// target's texts are kept, as merging takes the elements apart.
    fn index(&mut self, key: &str) -> Option<TextIndex> {
        let text_of = |node: &Node| {
            let scalar = if key.is_empty() { Some(node) } else { node.get(key) };
            scalar
                .and_then(Node::as_scalar)
                .filter(|s| s.tag != Tag::Null && !s.text.is_empty())
                .map(|s| s.text.clone())
        };
        let mut index: TextIndex = HashMap::with_capacity(self.arena.len());
        let mut texts = Vec::with_capacity(self.target.len());
        for id in &self.target {
            let text = text_of(&self.arena[*id])?;
            index.entry(text.clone()).or_default().0.get_or_insert(*id);
            texts.push(text);
        }
        for id in &self.patch {
            index.entry(text_of(&self.arena[*id])?).or_default().1.get_or_insert(*id);
        }
        self.target_texts = texts;
        Some(index)
    }
}

/// Rows that agree in one key and leave others open become one: `80` and `80/TCP` are the same port.
fn unify(values: &mut [Vec<String>]) {
    for i in 0..values.len() {
        for j in 0..values.len() {
            if let Some(row) = joined(&values[i], &values[j]) {
                values[i].clone_from(&row);
                values[j] = row;
            }
        }
    }
}

fn joined(a: &[String], b: &[String]) -> Option<Vec<String>> {
    let mut common = false;
    let mut row = Vec::with_capacity(a.len());
    for (x, y) in a.iter().zip(b) {
        if x == y {
            common = true;
        } else if !x.is_empty() && !y.is_empty() {
            return None;
        }
        row.push(if x.is_empty() { y.clone() } else { x.clone() });
    }
    common.then_some(row)
}

/// The keys that any row has a text for, and this row's texts for them.
fn used_keys<'k>(rows: &[Vec<String>], row: &[String], keys: &[&'k str]) -> (Vec<&'k str>, Vec<String>) {
    let used = |at: usize| rows.iter().any(|r| r.get(at).is_some_and(|t| !t.is_empty()));
    if !(0..keys.len()).any(used) {
        return (keys.to_vec(), row.to_vec());
    }
    let valid = keys.iter().enumerate().filter(|(at, _)| used(*at)).map(|(_, k)| *k).collect();
    let texts =
        row.iter().enumerate().filter(|(at, t)| !t.is_empty() || used(*at)).map(|(_, t)| t.clone()).collect();
    (valid, texts)
}
