use crate::{GroupKind, GroupVersionKind, ObjectKey, ObjectRef};
use serde_json::{Map, Value};

/// Why a value is no Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// The value is a list, a scalar or null.
    #[error("expected a mapping, got {0}")]
    NotAMapping(&'static str),
    /// `apiVersion`, `kind` or `metadata` is missing, empty or not of the right type.
    #[error("field '{0}' is missing or not {1}")]
    Field(&'static str, &'static str),
}

/// A Kubernetes object: a mapping with a string `apiVersion` and `kind`. A `metadata` that is present is a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Object(Map<String, Value>);

impl Object {
    /// Takes a value as an object.
    ///
    /// # Errors
    /// [`NotAnObject`] when it is not a mapping with a non-empty `apiVersion` and `kind`.
    pub fn new(value: Value) -> Result<Self, NotAnObject> {
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return Err(NotAnObject::NotAMapping("nothing")),
            Value::Array(_) => return Err(NotAnObject::NotAMapping("a list")),
            Value::String(_) => return Err(NotAnObject::NotAMapping("a string")),
            Value::Number(_) => return Err(NotAnObject::NotAMapping("a number")),
            Value::Bool(_) => return Err(NotAnObject::NotAMapping("a boolean")),
        };
        for field in ["apiVersion", "kind"] {
            if map.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(NotAnObject::Field(field, "a non-empty string"));
            }
        }
        if map.get("metadata").is_some_and(|m| !m.is_object() && !m.is_null()) {
            return Err(NotAnObject::Field("metadata", "a mapping"));
        }
        Ok(Self(map))
    }

    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn meta(&self, field: &str) -> Option<&Value> {
        self.0.get("metadata").and_then(|m| m.get(field))
    }

    fn meta_text(&self, field: &str) -> &str {
        self.meta(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The `apiVersion` field.
    pub fn api_version(&self) -> &str {
        self.text("apiVersion")
    }

    /// The `kind` field.
    pub fn kind(&self) -> &str {
        self.text("kind")
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::from_api_version(self.api_version(), self.kind())
    }

    /// `metadata.name`, or `""`.
    pub fn name(&self) -> &str {
        self.meta_text("name")
    }

    /// `metadata.namespace`, or `""`.
    pub fn namespace(&self) -> &str {
        self.meta_text("namespace")
    }

    /// `metadata.uid`, or `""` on an object that is not live.
    pub fn uid(&self) -> &str {
        self.meta_text("uid")
    }

    /// `metadata.resourceVersion`, or `""` on an object that is not live.
    pub fn resource_version(&self) -> &str {
        self.meta_text("resourceVersion")
    }

    /// `metadata.generation`, or 0.
    pub fn generation(&self) -> i64 {
        self.meta("generation").and_then(Value::as_i64).unwrap_or_default()
    }

    /// True once deletion was requested (`metadata.deletionTimestamp` is set).
    pub fn is_deleting(&self) -> bool {
        self.meta("deletionTimestamp").is_some_and(|v| !v.is_null())
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.meta("labels").and_then(|l| l.get(key)).and_then(Value::as_str)
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.meta("annotations").and_then(|l| l.get(key)).and_then(Value::as_str)
    }

    /// Sets a label.
    pub fn set_label(&mut self, key: &str, value: impl Into<String>) {
        self.set_in("labels", key, value.into());
    }

    /// Sets an annotation.
    pub fn set_annotation(&mut self, key: &str, value: impl Into<String>) {
        self.set_in("annotations", key, value.into());
    }

    /// Sets `metadata.namespace`; the empty string removes it.
    pub fn set_namespace(&mut self, namespace: &str) {
        let meta = self.metadata_mut();
        if namespace.is_empty() {
            meta.shift_remove("namespace");
        } else {
            meta.insert("namespace".into(), namespace.into());
        }
    }

    fn set_in(&mut self, section: &str, key: &str, value: String) {
        let slot = self.metadata_mut().entry(section).or_insert_with(|| Value::Object(Map::new()));
        if !slot.is_object() {
            *slot = Value::Object(Map::new());
        }
        if let Value::Object(map) = slot {
            map.insert(key.into(), Value::String(value));
        }
    }

    /// The `metadata` mapping, made when absent.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        let slot = self.0.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if !slot.is_object() {
            *slot = Value::Object(Map::new());
        }
        match slot {
            Value::Object(map) => map,
            _ => unreachable!("made a mapping above"),
        }
    }

    /// The value at a path of mapping keys.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(key))
    }

    /// The kind that a CustomResourceDefinition defines; `None` for other objects.
    pub fn defined_kind(&self) -> Option<GroupKind> {
        if self.kind() != "CustomResourceDefinition" {
            return None;
        }
        let text = |path: &[&str]| self.get(path).and_then(Value::as_str);
        Some(GroupKind::new(text(&["spec", "group"])?, text(&["spec", "names", "kind"])?))
    }

    /// What identifies the object, whatever its version.
    pub fn key(&self) -> ObjectKey {
        self.reference().key
    }

    /// A reference to the object at its version.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(&self.gvk(), self.namespace(), self.name())
    }

    /// The object's mapping.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The object's mapping, to change. `apiVersion` and `kind` must stay non-empty strings.
    pub fn as_map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// The object as a value.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// A copy as a value.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_object_says_why() {
        let check = |value: Value, expected: &str| {
            assert_eq!(Object::new(value).unwrap_err().to_string(), expected);
        };
        check(json!(null), "expected a mapping, got nothing");
        check(json!([1]), "expected a mapping, got a list");
        check(json!({"kind": "A"}), "field 'apiVersion' is missing or not a non-empty string");
        check(json!({"apiVersion": "v1", "kind": 3}), "field 'kind' is missing or not a non-empty string");
        check(
            json!({"apiVersion": "v1", "kind": "A", "metadata": []}),
            "field 'metadata' is missing or not a mapping",
        );
    }

    #[test]
    fn a_key_has_no_version() {
        let at = |version: &str| {
            Object::new(
                json!({"apiVersion": version, "kind": "Job", "metadata": {"name": "a", "namespace": "b"}}),
            )
            .unwrap()
        };
        assert_eq!(at("batch/v1").key(), at("batch/v1beta1").key());
        assert_ne!(at("batch/v1").reference(), at("batch/v1beta1").reference());
        assert_eq!(at("batch/v1").key().to_string(), "Job/b/a");
    }

    #[test]
    fn metadata_is_made_when_absent() {
        let mut object = Object::new(json!({"apiVersion": "v1", "kind": "A", "metadata": null})).unwrap();
        object.set_label("a", "b");
        object.set_namespace("n");
        assert_eq!(object.label("a"), Some("b"));
        object.set_namespace("");
        assert_eq!(
            object.to_value(),
            json!({"apiVersion": "v1", "kind": "A", "metadata": {"labels": {"a": "b"}}})
        );
    }
}
