//! A resource on its way through a build, and the set that holds them in order.
//!
//! The original keeps its notes about a resource (earlier names, prefixes, the wish for a hash) in annotations of
//! the object and removes them at the end. Here they are fields; what shows of them in the output is reproduced by
//! [`Resource::finish`].

mod id;
mod set;

pub(crate) use id::{Gvk, ResId, split_api_version};
pub(crate) use set::ResSet;

use crate::error::{BuildError, Result};
use crate::node::{Map, Node, Tag};
use crate::origin::OriginNote;
use crate::schema::Scopes;
use holdfast_object::Origin;

/// What a generated resource does to one that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// An earlier name of a resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PrevId {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Effective namespace at the time.
    pub(crate) namespace: String,
}

/// A resource: its document and what the build knows about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resource {
    /// The document; null once a patch deleted it.
    pub(crate) node: Node,
    /// Identity as the document says it now; [`Resource::refresh`] keeps it so.
    pub(crate) id: ResId,
    pub(crate) previous: Vec<PrevId>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    pub(crate) behavior: Behavior,
    pub(crate) needs_hash: bool,
    /// Rendered by Helm, which sets namespaces itself.
    pub(crate) from_helm: bool,
    /// Names of the variables that read from it.
    pub(crate) vars: Vec<String>,
    /// Groups of scalars that change together, as far as there may be any.
    pub(crate) twins: u32,
    /// The file it came from, for the caller.
    pub(crate) source: Option<Origin>,
    /// `config.kubernetes.io/origin`, where asked for.
    pub(crate) origin: Option<OriginNote>,
    /// `alpha.config.kubernetes.io/transformations`, where asked for.
    pub(crate) transformations: Vec<OriginNote>,
}

impl Resource {
    pub(crate) fn new(node: Node, source: Option<Origin>, scopes: &Scopes) -> Self {
        let mut resource = Self { node, source, ..Self::default() };
        resource.refresh(scopes);
        resource
    }

    /// Reads the identity from the document again.
    pub(crate) fn refresh(&mut self, scopes: &Scopes) {
        let api_version = self.node.get("apiVersion").map_or("", Node::raw_text);
        let kind = self.node.get("kind").map_or("", Node::raw_text);
        let meta = self.node.get("metadata");
        let meta_text = |field: &str| {
            meta.and_then(|m| m.get(field)).filter(|n| !n.is_nothing()).map_or("", Node::raw_text)
        };
        let (name, namespace) = (meta_text("name"), meta_text("namespace"));
        let (group, version) = split_api_version(api_version);
        let id = &self.id;
        let same_type = id.gvk.kind == kind && id.gvk.version == version && id.gvk.group == group;
        if same_type && id.name == name && id.namespace == namespace {
            return;
        }
        let cluster_scoped =
            if same_type { id.cluster_scoped } else { scopes.is_cluster_scoped(api_version, kind) };
        self.id = ResId {
            gvk: Gvk::new(group, version, kind),
            name: name.into(),
            namespace: namespace.into(),
            cluster_scoped,
        };
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.node.is_nothing()
    }

    /// Remembers the identity before it changes.
    pub(crate) fn remember(&mut self) {
        self.previous.push(PrevId {
            kind: self.id.gvk.kind.clone(),
            name: self.id.name.clone(),
            namespace: self.id.effective_namespace().to_owned(),
        });
    }

    /// Lets the scalars that change together follow those that were changed.
    pub(crate) fn settle_twins(&mut self) {
        if self.twins > 0 {
            self.node.settle_twins();
        }
    }

    /// Earlier ids, oldest first. They have today's group and version, as in the original.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = ResId> + '_ {
        self.previous.iter().map(|p| ResId {
            gvk: Gvk { kind: p.kind.clone(), ..self.id.gvk.clone() },
            name: p.name.clone(),
            namespace: p.namespace.clone(),
            cluster_scoped: false,
        })
    }

    /// The id it was loaded with.
    pub(crate) fn original_id(&self) -> ResId {
        self.previous_ids().next().unwrap_or_else(|| self.id.clone())
    }

    pub(crate) fn metadata(&self) -> Option<&Map> {
        self.node.get("metadata")?.as_map()
    }

    pub(crate) fn metadata_mut(&mut self) -> &mut Map {
        if !matches!(self.node, Node::Map(_)) {
            self.node = Node::empty_map();
        }
        let Node::Map(map) = &mut self.node else { unreachable!("made a mapping above") };
        let slot = map.entry("metadata", Node::empty_map);
        if !matches!(slot, Node::Map(_)) {
            *slot = Node::empty_map();
        }
        let Node::Map(meta) = slot else { unreachable!("made a mapping above") };
        meta
    }

    /// Labels or annotations by text; of a key written twice the last counts.
    pub(crate) fn texts(&self, section: &str) -> Vec<(String, String)> {
        let Some(Node::Map(map)) = self.metadata().and_then(|m| m.get(section)) else { return Vec::new() };
        let mut texts: Vec<(String, String)> = Vec::with_capacity(map.entries.len());
        for (key, value) in &map.entries {
            match texts.iter_mut().find(|(k, _)| *k == key.text) {
                Some(slot) => slot.1 = value.raw_text().to_owned(),
                None => texts.push((key.text.to_string(), value.raw_text().to_owned())),
            }
        }
        texts
    }

    /// Replaces labels or annotations by strings, sorted by key; none removes the section.
    pub(crate) fn set_texts(&mut self, section: &str, mut texts: Vec<(String, String)>) {
        let meta = self.metadata_mut();
        meta.remove(section);
        if texts.is_empty() {
            return;
        }
        texts.sort();
        let entries = texts.into_iter().map(|(k, v)| (crate::node::Key::new(k), Node::text(v))).collect();
        meta.set(section, Node::Map(Map { entries }));
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        set_text(self.metadata_mut(), "name", name);
    }

    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            if let Some(Node::Map(meta)) = self.node.as_map_mut().and_then(|m| m.get_mut("metadata")) {
                meta.remove("namespace");
            }
            return;
        }
        set_text(self.metadata_mut(), "namespace", namespace);
    }

    pub(crate) fn set_kind(&mut self, kind: &str) {
        if let Node::Map(map) = &mut self.node {
            set_text(map, "kind", kind);
        }
    }

    pub(crate) fn set_api_version(&mut self, api_version: &str) {
        if let Node::Map(map) = &mut self.node {
            set_text(map, "apiVersion", api_version);
        }
    }

    /// True when the resource had notes that the original would have kept in its annotations.
    pub(crate) fn has_notes(&self) -> bool {
        !self.previous.is_empty()
            || !self.prefixes.is_empty()
            || !self.suffixes.is_empty()
            || self.needs_hash
            || self.behavior != Behavior::Unspecified
            || self.from_helm
            || self.origin.is_some()
    }

    /// Lays the metadata of `older` under this resource's and takes over its names, as a generated resource does
    /// that merges into or replaces another.
    pub(crate) fn take_metadata_from(&mut self, older: &Self, scopes: &Scopes) {
        for section in ["labels", "annotations"] {
            let mut merged = older.texts(section);
            for (key, value) in self.texts(section) {
                match merged.iter_mut().find(|(k, _)| *k == key) {
                    Some(slot) => slot.1 = value,
                    None => merged.push((key, value)),
                }
            }
            self.set_texts(section, merged);
        }
        self.set_name(&older.id.name);
        self.set_namespace(&older.id.namespace);
        self.previous.clone_from(&older.previous);
        self.prefixes.clone_from(&older.prefixes);
        self.suffixes.clone_from(&older.suffixes);
        self.behavior = older.behavior;
        self.needs_hash = self.needs_hash && older.needs_hash;
        self.vars.clone_from(&older.vars);
        self.from_helm = older.from_helm;
        self.origin = self.origin.take().or_else(|| older.origin.clone());
        if self.transformations.is_empty() {
            self.transformations.clone_from(&older.transformations);
        }
        self.refresh(scopes);
    }

    /// The last step: notes go, annotations become strings in order, `origin` and `transformations` are written
    /// where the kustomization asks for them.
    pub(crate) fn finish(&mut self, keep_origin: bool, keep_transformations: bool) -> Result<()> {
        let mut annotations = self.texts("annotations");
        annotations.retain(|(key, _)| !is_build_note(key));
        if keep_origin && let Some(origin) = &self.origin {
            annotations.push(("config.kubernetes.io/origin".into(), origin.to_yaml()));
        }
        if keep_transformations && !self.transformations.is_empty() {
            let text = OriginNote::list_to_yaml(&self.transformations);
            annotations.push(("alpha.config.kubernetes.io/transformations".into(), text));
        }
        if self.is_gone() {
            return Err(BuildError::new("the resource is empty").of_object(&self.id));
        }
        self.set_texts("annotations", annotations);
        Ok(())
    }
}

fn set_text(map: &mut Map, key: &str, text: &str) {
    match map.get_mut(key) {
        Some(Node::Scalar(scalar)) if scalar.text == text => scalar.tag = Tag::None,
        Some(node @ Node::Scalar(_)) => node.set_untagged(text.to_owned()),
        Some(node) => *node = Node::text(text),
        None => map.set(key, Node::text(text)),
    }
}

/// Annotations that the original uses during a build and never prints.
fn is_build_note(key: &str) -> bool {
    const INTERNAL: [&str; 16] = [
        "previousKinds",
        "previousNames",
        "prefixes",
        "suffixes",
        "previousNamespaces",
        "allowNameChange",
        "allowKindChange",
        "refBy",
        "generatorBehavior",
        "needsHashSuffix",
        "path",
        "index",
        "seqindent",
        "id",
        "annotations-migration-resource-id",
        "helm-generated",
    ];
    if let Some(name) = key.strip_prefix("internal.config.kubernetes.io/") {
        return INTERNAL.contains(&name);
    }
    matches!(
        key,
        "config.kubernetes.io/path"
            | "config.kubernetes.io/index"
            | "config.k8s.io/id"
            | "config.kubernetes.io/origin"
            | "alpha.config.kubernetes.io/transformations"
    )
}
