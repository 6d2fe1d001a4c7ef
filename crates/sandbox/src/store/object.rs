use super::Name;
use crate::crd::Says;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::io::Write;
use std::sync::OnceLock;

/// An entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The owner's uid.
    pub uid: Box<str>,
    /// The owner's kind.
    pub kind: Box<str>,
    /// The owner's name.
    pub name: Box<str>,
    /// Whether the owner controls the object.
    pub controller: bool,
    /// Whether the object holds the owner in a foreground deletion.
    pub blocks: bool,
    /// The owner's API version.
    pub api_version: Box<str>,
}

/// An object as it is kept.
///
/// `rest` is its JSON after `"metadata":{`, without the resource version: the API version, the kind and the
/// resource version are written in front when it is read, so that one object serves all versions and lists.
#[derive(Debug)]
pub struct Stored {
    name: Name,
    uid: Box<str>,
    revision: u64,
    deleting: bool,
    labels: Box<[(Box<str>, Box<str>)]>,
    owners: Box<[Owner]>,
    rest: Bytes,
    /// What it says as a definition, read when first asked for: an object never changes, and clusters that begin with
    /// the same one share it.
    says: OnceLock<Box<Says>>,
}

impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        let parts = |o: &Self| (o.revision, o.deleting);
        // The rest of the fields is read out of these.
        parts(self) == parts(other) && self.name == other.name && self.rest == other.rest
    }
}

/// An object on its way into the store, which gives it a revision.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(super) name: Name,
    uid: Box<str>,
    deleting: bool,
    labels: Box<[(Box<str>, Box<str>)]>,
    owners: Box<[Owner]>,
    rest: Bytes,
}

impl Draft {
    /// Takes an object; its API version, kind and resource version are left out.
    pub(crate) fn new(object: &Value) -> Self {
        let empty = Map::new();
        let meta = object.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
        let text = |key: &str| meta.get(key).and_then(Value::as_str).unwrap_or_default();
        let labels = meta.get("labels").and_then(Value::as_object).map(|labels| {
            labels.iter().map(|(k, v)| (k.as_str().into(), v.as_str().unwrap_or_default().into())).collect()
        });
        Self {
            name: Name::new(text("namespace"), text("name")),
            uid: text("uid").into(),
            deleting: meta.get("deletionTimestamp").is_some_and(|v| !v.is_null()),
            labels: labels.unwrap_or_default(),
            owners: owners(meta),
            rest: rest_of(object, meta).into(),
        }
    }

    pub(super) fn at(self, revision: u64) -> Stored {
        Stored {
            name: self.name,
            uid: self.uid,
            revision,
            deleting: self.deleting,
            labels: self.labels,
            owners: self.owners,
            rest: self.rest,
            says: OnceLock::new(),
        }
    }
}

fn owners(meta: &Map<String, Value>) -> Box<[Owner]> {
    let references = meta.get("ownerReferences").and_then(Value::as_array);
    let owner = |reference: &Value| {
        let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or_default().into();
        Owner {
            uid: text("uid"),
            kind: text("kind"),
            name: text("name"),
            controller: reference["controller"] == true,
            blocks: reference["blockOwnerDeletion"] == true,
            api_version: text("apiVersion"),
        }
    };
    references.into_iter().flatten().map(owner).collect()
}

fn rest_of(object: &Value, meta: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut first = true;
    for (key, value) in meta.iter().filter(|(key, _)| *key != "resourceVersion") {
        if !first {
            out.push(b',');
        }
        first = false;
        write_entry(&mut out, key, value);
    }
    out.push(b'}');
    for (key, value) in object.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
            out.push(b',');
            write_entry(&mut out, key, value);
        }
    }
    out.push(b'}');
    out
}

fn write_entry(out: &mut Vec<u8>, key: &str, value: &Value) {
    write_text(out, key);
    out.push(b':');
    write_json(out, value);
}

/// Appends a value's JSON.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &Value) {
    // Writing into memory cannot fail, and every key of a `Value` is a string.
    let _ = serde_json::to_writer(out, value);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

impl Stored {
    /// Namespace and name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The revision of the write that made this state: `metadata.resourceVersion`.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// True when the object waits for its finalizers.
    pub fn is_deleting(&self) -> bool {
        self.deleting
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(k, _)| &**k == key).map(|(_, v)| &**v)
    }

    /// The same object at another revision.
    pub(crate) fn moved_to(&self, revision: u64) -> Self {
        Self {
            name: self.name.clone(),
            uid: self.uid.clone(),
            revision,
            deleting: self.deleting,
            labels: self.labels.clone(),
            owners: self.owners.clone(),
            rest: self.rest.clone(),
            says: OnceLock::new(),
        }
    }

    /// Appends the object's JSON as the given version and kind.
    pub fn write(&self, out: &mut Vec<u8>, api_version: &str, kind: &str) {
        out.extend_from_slice(b"{\"apiVersion\":");
        write_text(out, api_version);
        out.extend_from_slice(b",\"kind\":");
        write_text(out, kind);
        out.push(b',');
        self.write_tail(out);
    }

    /// Appends the object's JSON without version and kind, as the items of a built-in list are written.
    pub fn write_item(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.write_tail(out);
    }

    fn write_tail(&self, out: &mut Vec<u8>) {
        let _ = write!(out, "\"metadata\":{{\"resourceVersion\":\"{}\"", self.revision);
        if self.rest.first() != Some(&b'}') {
            out.push(b',');
        }
        out.extend_from_slice(&self.rest);
    }

    /// The labels, in order.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The owners, in order.
    pub fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// The owner that controls the object.
    pub fn controller(&self) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.controller)
    }

    /// The number of bytes that the object's JSON takes.
    pub fn size(&self) -> usize {
        self.rest.len()
    }

    /// The object as a value of the given version and kind.
    pub fn value(&self, api_version: &str, kind: &str) -> Value {
        let mut text = Vec::with_capacity(self.rest.len() + 160);
        self.write(&mut text, api_version, kind);
        // The store only holds what a `Value` wrote.
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// What the object says as a definition.
    pub(crate) fn says(&self) -> &Says {
        self.says.get_or_init(|| Box::new(Says::of(&self.bare())))
    }

    /// The object without its version and kind.
    pub fn bare(&self) -> Value {
        let mut text = Vec::with_capacity(self.rest.len() + 64);
        self.write_item(&mut text);
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_goes_in_comes_out_with_its_revision() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "resourceVersion": "3", "labels": {"x": "é\n"}},
            "spec": {"n": 1.5, "s": null},
        });
        let stored = Draft::new(&object).at(7);
        assert_eq!(
            stored.value("apps/v1", "Deployment"),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "a", "resourceVersion": "7", "labels": {"x": "é\n"}},
                "spec": {"n": 1.5, "s": null},
            })
        );
        assert_eq!(stored.label("x"), Some("é\n"));
    }

    #[test]
    fn an_empty_metadata_still_is_json() {
        let stored = Draft::new(&json!({"data": {}})).at(1);
        assert_eq!(stored.bare(), json!({"metadata": {"resourceVersion": "1"}, "data": {}}));
    }
}
