use super::{Behavior, ResId, Resource};
use crate::error::{BuildError, Result};
use crate::node::{Map, Node};
use crate::schema::Scopes;
use std::collections::HashMap;

/// Resources in order. Ids are found by hash; the index is rebuilt after changes that it cannot follow.
#[derive(Debug, Default)]
pub(crate) struct ResSet {
    pub(crate) list: Vec<Resource>,
    by_id: Option<HashMap<u64, Vec<u32>>>,
    by_any_id: Option<HashMap<u64, Vec<u32>>>,
}

impl ResSet {
    /// To be called after ids or positions changed.
    pub(crate) fn ids_changed(&mut self) {
        self.by_id = None;
        self.by_any_id = None;
    }

    /// The resources whose current id is `id`.
    pub(crate) fn with_id(&mut self, id: &ResId) -> Vec<usize> {
        let list = &self.list;
        let index = self.by_id.get_or_insert_with(|| {
            let mut index: HashMap<u64, Vec<u32>> = HashMap::with_capacity(list.len());
            for (at, resource) in list.iter().enumerate() {
                note(&mut index, resource.id.key(), at);
            }
            index
        });
        let found = index.get(&id.key()).map_or(&[][..], Vec::as_slice);
        found.iter().map(|at| *at as usize).filter(|at| list[*at].id == *id).collect()
    }

    /// The resources that have or had the id.
    pub(crate) fn with_any_id(&mut self, id: &ResId) -> Vec<usize> {
        let list = &self.list;
        let index = self.by_any_id.get_or_insert_with(|| {
            let mut index: HashMap<u64, Vec<u32>> = HashMap::with_capacity(list.len());
            for (at, resource) in list.iter().enumerate() {
                note_all(&mut index, resource, at);
            }
            index
        });
        let found = index.get(&id.key()).map_or(&[][..], Vec::as_slice);
        let mut matches: Vec<usize> = found
            .iter()
            .map(|at| *at as usize)
            .filter(|at| {
                let resource = &list[*at];
                !resource.is_gone() && (resource.id == *id || resource.previous_ids().any(|p| p == *id))
            })
            .collect();
        matches.dedup();
        matches
    }

    /// Appends a resource whose id must be new.
    pub(crate) fn append(&mut self, resource: Resource) -> Result<()> {
        if let Some(other) = self.with_id(&resource.id).first() {
            return Err(already_there(&resource, &self.list[*other]));
        }
        let at = self.list.len();
        if let Some(index) = &mut self.by_id {
            note(index, resource.id.key(), at);
        }
        if let Some(index) = &mut self.by_any_id {
            note_all(index, &resource, at);
        }
        self.list.push(resource);
        Ok(())
    }

    pub(crate) fn append_all(&mut self, resources: impl IntoIterator<Item = Resource>) -> Result<()> {
        resources.into_iter().try_for_each(|r| self.append(r))
    }

    /// Fails when two resources have one id.
    pub(crate) fn check_unique(&mut self) -> Result<()> {
        let mut seen: HashMap<u64, Vec<u32>> = HashMap::with_capacity(self.list.len());
        for (at, resource) in self.list.iter().enumerate() {
            let same = seen.entry(resource.id.key()).or_default();
            if let Some(other) = same.iter().find(|other| self.list[**other as usize].id == resource.id) {
                return Err(already_there(resource, &self.list[*other as usize]));
            }
            same.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        Ok(())
    }

    /// Drops what patches deleted.
    pub(crate) fn drop_gone(&mut self) {
        let before = self.list.len();
        self.list.retain(|r| !r.is_gone());
        if self.list.len() != before {
            self.ids_changed();
        }
    }

    /// Takes a generated resource in: creates, replaces or merges as its behavior says.
    pub(crate) fn absorb(&mut self, mut incoming: Resource, scopes: &Scopes) -> Result<()> {
        let matches = self.with_any_id(&incoming.id);
        let at = match matches.as_slice() {
            [] => {
                return match incoming.behavior {
                    Behavior::Merge | Behavior::Replace => Err(BuildError::new(format!(
                        "id {} does not exist; cannot merge or replace",
                        incoming.id
                    ))),
                    _ => self.append(incoming),
                };
            }
            [at] => *at,
            more => {
                let message =
                    format!("found {} objects that could accept merge of {}", more.len(), incoming.id);
                return Err(BuildError::new(message));
            }
        };
        let older = &self.list[at];
        match incoming.behavior {
            Behavior::Replace => {
                incoming.take_metadata_from(older, scopes);
            }
            Behavior::Merge => {
                let origin = older.origin.clone();
                incoming.take_metadata_from(older, scopes);
                merge_data(&mut incoming, older, "data");
                merge_data(&mut incoming, older, "binaryData");
                if origin.is_some() {
                    incoming.origin = origin;
                }
            }
            behavior => {
                return Err(BuildError::new(format!(
                    "id {} exists; can not use behavior: '{}', behavior must be merge or replace",
                    incoming.id,
                    behavior.name()
                )));
            }
        }
        if self.with_id(&incoming.id) != [at] {
            return Err(BuildError::new(format!("cannot find resource with id {} to replace", incoming.id)));
        }
        self.list[at] = incoming;
        self.ids_changed();
        Ok(())
    }
}

fn already_there(resource: &Resource, other: &Resource) -> BuildError {
    let place = other.source.as_ref().map_or_else(String::new, |o| format!(" (from {o})"));
    let mut error = BuildError::new(format!(
        "may not add resource with an already registered id: {}{place}",
        resource.id
    ));
    if let Some(source) = &resource.source {
        error = error.in_file(&source.file).at_line(source.line);
    }
    error
}

fn note(index: &mut HashMap<u64, Vec<u32>>, key: u64, at: usize) {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let list = index.entry(key).or_default();
    if list.last() != Some(&at) {
        list.push(at);
    }
}

fn note_all(index: &mut HashMap<u64, Vec<u32>>, resource: &Resource, at: usize) {
    for id in resource.previous_ids() {
        note(index, id.key(), at);
    }
    note(index, resource.id.key(), at);
}

/// Lays a map of strings under the incoming resource's one.
fn merge_data(incoming: &mut Resource, older: &Resource, field: &str) {
    let texts = |resource: &Resource| -> Vec<(String, String)> {
        let Some(Node::Map(map)) = resource.node.get(field) else { return Vec::new() };
        map.entries.iter().map(|(k, v)| (k.text.to_string(), v.raw_text().to_owned())).collect()
    };
    let mut merged: std::collections::BTreeMap<String, String> = texts(older).into_iter().collect();
    merged.extend(texts(incoming));
    let Node::Map(map) = &mut incoming.node else { return };
    map.remove(field);
    if !merged.is_empty() {
        let entries = merged.into_iter().map(|(k, v)| (crate::node::Key::new(k), Node::text(v))).collect();
        map.set(field, Node::Map(Map { entries }));
    }
}
