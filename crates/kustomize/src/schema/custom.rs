use super::Type;
use crate::error::{BuildError, Result};
use crate::node::{Dialect, ReadLimits, read_documents};
use serde_json::Value;
use std::collections::HashMap;

/// An OpenAPI document that a kustomization brings along (`openapi.path`).
#[derive(Debug)]
pub(crate) struct CustomSchema {
    document: Value,
    /// Names of definitions by `apiVersion` and kind.
    kinds: HashMap<(String, String), String>,
    /// Whether references reach the built-in definitions.
    pub(super) builtin_too: bool,
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Definition<'v> {
    Own(&'v Value),
    Builtin(Type),
}

const REF_LIMIT: usize = 32;

impl CustomSchema {
    /// Reads a document in JSON or YAML.
    pub(crate) fn read(text: &str, limits: ReadLimits) -> Result<Self> {
        let documents = read_documents(text, Dialect::V3, limits)
            .map_err(|e| BuildError::new(format!("invalid schema file: {}", e.message)).at_line(e.line))?;
        let Some(first) = documents.into_iter().next() else { return Err("the schema file is empty".into()) };
        let document = first.node.into_value().map_err(|e| {
            BuildError::new(format!("invalid schema file: {}", e.why)).at_line(e.line).of_field(&e.path)
        })?;
        let mut kinds = HashMap::new();
        let definitions = document.get("definitions").and_then(Value::as_object);
        for (name, definition) in definitions.into_iter().flatten() {
            let types = definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
            for gvk in types.into_iter().flatten() {
                if let Some(key) = type_of(gvk) {
                    kinds.insert(key, name.clone());
                }
            }
        }
        Ok(Self { document, kinds, builtin_too: false })
    }

    pub(crate) fn of(&self, api_version: &str, kind: &str) -> Option<&Value> {
        let name = self.kinds.get(&(api_version.to_owned(), kind.to_owned()))?;
        self.document.get("definitions")?.get(name)
    }

    /// The kinds whose scope the document's paths tell, and whether they have namespaces.
    pub(crate) fn scopes(&self) -> HashMap<(String, String), bool> {
        let mut scopes = HashMap::new();
        let paths = self.document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            let get = item.get("get");
            let gvk = get.and_then(|g| g.get("x-kubernetes-group-version-kind"));
            let Some(key) = gvk.and_then(type_of) else { continue };
            let namespaced = path.contains("namespaces/{namespace}");
            let known = scopes.entry(key).or_insert(namespaced);
            *known |= namespaced;
        }
        scopes
    }

    fn follow<'v>(&'v self, mut value: &'v Value) -> Option<Definition<'v>> {
        for _ in 0..REF_LIMIT {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return Some(Definition::Own(value));
            };
            let pointer = reference.strip_prefix('#')?;
            if self.builtin_too
                && let Some(ty) = pointer.strip_prefix("/definitions/").and_then(Type::of_definition)
            {
                return Some(Definition::Builtin(ty));
            }
            value = self.document.pointer(pointer)?;
        }
        None
    }

    pub(super) fn field<'v>(&'v self, value: &'v Value, name: &str) -> Option<Definition<'v>> {
        let property = value.get("properties").and_then(|p| p.get(name));
        let found = property.or_else(|| value.get("additionalProperties").filter(|a| a.is_object()))?;
        self.follow(found)
    }

    pub(super) fn element<'v>(&'v self, value: &'v Value) -> Option<Definition<'v>> {
        if value.get("type").and_then(Value::as_str) != Some("array") {
            return None;
        }
        self.follow(value.get("items")?)
    }
}

fn type_of(gvk: &Value) -> Option<(String, String)> {
    let text = |field: &str| gvk.get(field).and_then(Value::as_str).unwrap_or_default();
    let (group, version, kind) = (text("group"), text("version"), text("kind"));
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (!kind.is_empty()).then(|| (api_version, kind.to_owned()))
}

/// The merge keys of a list in the document; needs a patch strategy, as in the original.
pub(crate) fn merge_keys(value: &Value) -> Option<Vec<&str>> {
    let strategy = value.get("x-kubernetes-patch-strategy")?.as_str()?;
    if !strategy.split(',').any(|s| s == "merge") {
        return None;
    }
    if let Some(keys) = value.get("x-kubernetes-list-map-keys").and_then(Value::as_array) {
        return Some(keys.iter().filter_map(Value::as_str).collect());
    }
    Some(value.get("x-kubernetes-patch-merge-key").and_then(Value::as_str).into_iter().collect())
}
