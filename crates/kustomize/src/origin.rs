//! `buildMetadata`: where a resource came from and what changed it, as annotations.

use crate::node::{Key, Map, Node, emit};
use crate::remote::RepoUrl;

/// The place of a resource, generator or transformer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OriginNote {
    /// Relative to the folder the build was asked for, or to the repository's root.
    pub(crate) path: String,
    pub(crate) repo: String,
    pub(crate) reference: String,
    /// The file of the generator or transformer.
    pub(crate) configured_in: String,
    /// The generator or transformer itself.
    pub(crate) configured_by: ConfiguredBy,
}

/// What identifies a generator or transformer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ConfiguredBy {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl OriginNote {
    /// The place that a path leads to from here.
    pub(crate) fn join(&self, path: &str) -> Self {
        let mut joined = self.clone();
        let mut path = path.to_owned();
        if let Some(url) = RepoUrl::parse(&path) {
            joined.repo = url.source.repo;
            joined.reference = url.source.reference;
            joined.path = String::new();
            // The original takes the name of its placeholder folder for an empty path.
            path = if url.path.is_empty() { "notCloned".into() } else { url.path };
        }
        joined.path = clean_join(&joined.path, &path);
        joined
    }

    /// A built-in generator or transformer of the kustomization here.
    pub(crate) fn builtin(&self, file_name: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            repo: self.repo.clone(),
            reference: self.reference.clone(),
            configured_in: clean_join(&self.path, file_name),
            configured_by: ConfiguredBy {
                api_version: "builtin".into(),
                kind: kind.into(),
                ..ConfiguredBy::default()
            },
        }
    }

    /// A generator or transformer whose configuration has this place.
    pub(crate) fn plugin(&self, by: ConfiguredBy) -> Self {
        Self {
            path: String::new(),
            repo: self.repo.clone(),
            reference: self.reference.clone(),
            configured_in: self.path.clone(),
            configured_by: by,
        }
    }

    fn node(&self) -> Node {
        let by = &self.configured_by;
        let by = texts(&[
            ("apiVersion", &by.api_version),
            ("kind", &by.kind),
            ("name", &by.name),
            ("namespace", &by.namespace),
        ]);
        let mut map = texts(&[
            ("path", &self.path),
            ("repo", &self.repo),
            ("ref", &self.reference),
            ("configuredIn", &self.configured_in),
        ]);
        if !by.entries.is_empty() {
            map.set("configuredBy", Node::Map(by));
        }
        Node::Map(map)
    }

    pub(crate) fn to_yaml(&self) -> String {
        emit(&self.node())
    }

    pub(crate) fn list_to_yaml(notes: &[Self]) -> String {
        emit(&Node::Seq(notes.iter().map(Self::node).collect()))
    }
}

fn texts(pairs: &[(&str, &String)]) -> Map {
    let filled = pairs.iter().filter(|(_, text)| !text.is_empty());
    Map { entries: filled.map(|(key, text)| (Key::new(*key), Node::text(text.as_str()))).collect() }
}

/// Joins and shortens a path; `..` at the start stays.
pub(crate) fn clean_join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
