//! From OpenAPI v3, as an API server or a custom resource's definition writes it, to a [`Schemas`].

use super::node::{FieldNode, ListNode, Node, ObjectNode, PatchNode, Relation, Rest};
use super::{Scalar, Schemas, Slot, resource};
use crate::GroupVersionKind;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::OnceLock;

/// A schema that is not understood: where, and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct SchemaError {
    at: String,
    what: String,
}

impl SchemaError {
    pub(super) fn at(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }
}

/// Schemas nested deeper than this are refused; Kubernetes' own stay below 20.
const MAX_DEPTH: usize = 100;

const REF_PREFIX: &str = "#/components/schemas/";

pub(super) fn from_server<'v>(
    documents: impl IntoIterator<Item = &'v Value>,
) -> Result<Schemas, SchemaError> {
    let mut schemas = Schemas::default();
    let mut components: Vec<(&str, &Value)> = Vec::new();
    for document in documents {
        match document.get("kind").and_then(Value::as_str) {
            Some("APIGroupDiscoveryList") => resource::from_aggregated(document, &mut schemas.resources)?,
            Some("APIResourceList") => resource::from_plain(document, &mut schemas.resources)?,
            _ => {
                if let Some(found) = document["components"]["schemas"].as_object() {
                    components.extend(found.iter().map(|(name, schema)| (name.as_str(), schema)));
                }
                // The answer of /version; the documents themselves carry no version.
                if let Some(version) = document["gitVersion"].as_str() {
                    version.clone_into(&mut schemas.version);
                }
            }
        }
    }
    // Every group's document repeats the types it refers to.
    components.sort_by_key(|(name, _)| *name);
    components.dedup_by_key(|(name, _)| *name);
    schemas.resources.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    schemas.resources.dedup_by(|a, b| a.sort_key() == b.sort_key());
    let kept: Vec<_> = components.into_iter().filter(|(name, _)| well_known(name).is_none()).collect();
    let mut names: Vec<_> = kept.iter().map(|(name, schema)| (short_name(name), *name, *schema)).collect();
    names.sort_by(|a, b| a.0.cmp(b.0));
    for (index, (short, long, _)) in names.iter().enumerate() {
        if schemas.by_name.insert((*short).into(), index as u32).is_some() {
            return Err(SchemaError::at(*long, format!("a second type with the short name '{short}'")));
        }
    }
    for (index, (short, long, schema)) in names.iter().enumerate() {
        let node = Converter { names: &schemas.by_name, open: false, depth: 0 }.node(schema, long)?;
        if let Some(gvk) = single_kind(schema) {
            schemas.roots.insert(gvk, index as u32);
        }
        schemas.types.push(Slot { name: (*short).into(), line: "", node: OnceLock::from(node) });
    }
    schemas.index_resources();
    Ok(schemas)
}

pub(super) fn from_crd(crd: &Value) -> Result<Schemas, SchemaError> {
    let mut schemas = Schemas::default();
    resource::from_crd(crd, &mut schemas.resources)?;
    schemas.index_resources();
    let preserve = crd["spec"]["preserveUnknownFields"] == true;
    let versions = crd["spec"]["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let kinds: Vec<_> = schemas.resources.iter().map(|r| r.gvk.clone()).collect();
    for gvk in kinds {
        let version = versions.iter().find(|v| v["name"] == gvk.version.as_str());
        let schema = version.map_or(&Value::Null, |v| &v["schema"]["openAPIV3Schema"]);
        push_root(&mut schemas, gvk, schema, preserve)?;
    }
    Ok(schemas)
}

pub(super) fn from_crd_schema(gvk: GroupVersionKind, schema: &Value) -> Result<Schemas, SchemaError> {
    let mut schemas = Schemas::default();
    push_root(&mut schemas, gvk, schema, false)?;
    Ok(schemas)
}

fn push_root(
    schemas: &mut Schemas,
    gvk: GroupVersionKind,
    schema: &Value,
    preserve: bool,
) -> Result<(), SchemaError> {
    let name = format!("{}.{}.{}", gvk.group, gvk.version, gvk.kind);
    let id = schemas.types.len() as u32;
    let mut converter = Converter { names: &HashMap::new(), open: preserve, depth: 0 };
    let mut node = match schema {
        Value::Null => Node::Object(Box::new(ObjectNode {
            rest: Rest::Open,
            preserve_unknown: true,
            ..ObjectNode::default()
        })),
        schema => converter.node(schema, &name)?,
    };
    match &mut node {
        Node::Object(object) => {
            object.preserve_unknown |= preserve;
            embed(object);
        }
        _ => return Err(SchemaError::at(name, "the schema of a kind must have 'type: object'")),
    }
    schemas.by_name.insert(name.as_str().into(), id);
    schemas.roots.insert(gvk, id);
    schemas.types.push(Slot { name: name.into(), line: "", node: OnceLock::from(node) });
    Ok(())
}

/// Gives a custom resource (or an embedded one) the fields that every object has, whatever its schema says of them.
fn embed(object: &mut ObjectNode) {
    let text = || Node::Scalar(Scalar::String, Box::default());
    for (name, node) in [("apiVersion", text()), ("kind", text()), ("metadata", Node::ObjectMeta)] {
        let field = FieldNode {
            name: name.into(),
            node,
            default: None,
            required: false,
            nullable: false,
            patch: PatchNode::default(),
        };
        match object.fields.binary_search_by(|f| f.name.as_ref().cmp(name)) {
            Ok(index) => {
                object.fields[index] = FieldNode { required: object.fields[index].required, ..field }
            }
            Err(index) => object.fields.insert(index, field),
        }
    }
}

/// `apps.v1.Deployment` for `io.k8s.api.apps.v1.Deployment`: group, version and kind are the last three segments.
fn short_name(name: &str) -> &str {
    match name.rmatch_indices('.').nth(2) {
        Some((dot, _)) => &name[dot + 1..],
        None => name,
    }
}

/// Types whose JSON form is not what their schema says.
fn well_known(name: &str) -> Option<Node> {
    match name {
        "io.k8s.apimachinery.pkg.api.resource.Quantity" => {
            Some(Node::Scalar(Scalar::Quantity, Box::default()))
        }
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString" => {
            Some(Node::Scalar(Scalar::IntOrString, Box::default()))
        }
        "io.k8s.apimachinery.pkg.runtime.RawExtension" => Some(Node::Any { atomic: true }),
        _ => None,
    }
}

/// The kind of a type's objects. Types listed for many kinds (`DeleteOptions`) are request bodies.
fn single_kind(schema: &Value) -> Option<GroupVersionKind> {
    let [only] = schema["x-kubernetes-group-version-kind"].as_array()?.as_slice() else { return None };
    let part = |field: &str| only[field].as_str();
    Some(GroupVersionKind::new(part("group")?, part("version")?, part("kind")?))
}

struct Converter<'n> {
    names: &'n HashMap<Box<str>, u32>,
    /// Inside `x-kubernetes-preserve-unknown-fields`: unknown keys are known to merge, at any depth below.
    open: bool,
    depth: usize,
}

impl Converter<'_> {
    fn node(&mut self, schema: &Value, at: &str) -> Result<Node, SchemaError> {
        if self.depth >= MAX_DEPTH {
            return Err(SchemaError::at(at, format!("nested deeper than {MAX_DEPTH}")));
        }
        let Some(schema) = schema.as_object() else {
            return Err(SchemaError::at(at, "a schema must be a mapping"));
        };
        let (open, depth) = (self.open, self.depth);
        self.open |= flag(schema, "x-kubernetes-preserve-unknown-fields");
        self.depth += 1;
        let node = self.plain(schema, at);
        (self.open, self.depth) = (open, depth);
        node
    }

    fn plain(&mut self, schema: &Map<String, Value>, at: &str) -> Result<Node, SchemaError> {
        if let Some(reference) = reference(schema) {
            return self.reference(schema, reference, at);
        }
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        if flag(schema, "x-kubernetes-int-or-string") || format == "int-or-string" {
            return Ok(Node::Scalar(Scalar::IntOrString, values(schema)));
        }
        let scalar = match (schema.get("type").and_then(Value::as_str), format) {
            (Some("object"), _) => return self.object(schema, at),
            (Some("array"), _) => return self.list(schema, at),
            (Some("string"), "byte") => Scalar::Bytes,
            (Some("string"), "date-time") => Scalar::DateTime,
            (Some("string"), _) => Scalar::String,
            (Some("boolean"), _) => Scalar::Bool,
            (Some("integer"), "int32") => Scalar::Int32,
            (Some("integer"), "int64") => Scalar::Int64,
            (Some("integer"), _) => Scalar::Integer,
            (Some("number"), "double") => Scalar::Double,
            (Some("number"), _) => Scalar::Number,
            (None, _) if schema.contains_key("properties") => return self.object(schema, at),
            (None, _) => return Ok(Node::Any { atomic: false }),
            (Some(other), _) => return Err(SchemaError::at(at, format!("unknown type '{other}'"))),
        };
        Ok(Node::Scalar(scalar, values(schema)))
    }

    fn reference(&self, schema: &Map<String, Value>, target: &str, at: &str) -> Result<Node, SchemaError> {
        let long = target.strip_prefix(REF_PREFIX).unwrap_or(target);
        let atomic = map_type(schema, at)?;
        if let Some(node) = well_known(long) {
            return Ok(node);
        }
        match self.names.get(short_name(long)) {
            Some(id) => Ok(Node::Named { id: *id, atomic }),
            None => Err(SchemaError::at(at, format!("reference to a type that is not there: '{target}'"))),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, at: &str) -> Result<Node, SchemaError> {
        let mut object = ObjectNode {
            atomic: map_type(schema, at)?.unwrap_or(false),
            preserve_unknown: flag(schema, "x-kubernetes-preserve-unknown-fields"),
            ..ObjectNode::default()
        };
        let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let at = format!("{at}.{name}");
                object.fields.push(FieldNode {
                    name: name.as_str().into(),
                    node: self.node(property, &at)?,
                    default: property.get("default").cloned(),
                    required: required.iter().any(|r| r == name.as_str()),
                    nullable: property["nullable"] == true,
                    patch: patch(property, &at)?,
                });
            }
            object.fields.sort_by(|a, b| a.name.cmp(&b.name));
        }
        object.rest = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => Rest::Closed,
            Some(Value::Bool(true)) => Rest::Open,
            Some(of) => Rest::Of(self.node(of, &format!("{at}.*"))?),
            None if self.open || object.fields.is_empty() => Rest::Open,
            None => Rest::Closed,
        };
        if flag(schema, "x-kubernetes-embedded-resource") {
            embed(&mut object);
        }
        Ok(Node::Object(Box::new(object)))
    }

    fn list(&mut self, schema: &Map<String, Value>, at: &str) -> Result<Node, SchemaError> {
        let items = match schema.get("items") {
            Some(items) => self.node(items, &format!("{at}[]"))?,
            None => Node::Any { atomic: true },
        };
        Ok(Node::List(Box::new(ListNode { items, relation: relation(schema, at)? })))
    }
}

fn flag(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get(name) == Some(&Value::Bool(true))
}

/// `$ref`, alone or as the one element of `allOf`, where the server puts it to say more beside it.
fn reference(schema: &Map<String, Value>) -> Option<&str> {
    let direct = schema.get("$ref").and_then(Value::as_str);
    direct.or_else(|| match schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => only["$ref"].as_str(),
        _ => None,
    })
}

fn values(schema: &Map<String, Value>) -> Box<[Value]> {
    schema.get("enum").and_then(Value::as_array).map_or_else(Box::default, |v| v.as_slice().into())
}

fn map_type(schema: &Map<String, Value>, at: &str) -> Result<Option<bool>, SchemaError> {
    match schema.get("x-kubernetes-map-type").and_then(Value::as_str) {
        None => Ok(None),
        Some("atomic") => Ok(Some(true)),
        Some("granular") => Ok(Some(false)),
        Some(other) => Err(SchemaError::at(at, format!("unknown x-kubernetes-map-type '{other}'"))),
    }
}

fn relation(schema: &Map<String, Value>, at: &str) -> Result<Relation, SchemaError> {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    match text("x-kubernetes-list-type") {
        Some("atomic") => return Ok(Relation::Atomic),
        Some("set") => return Ok(Relation::Set),
        Some("map") => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let keys: Box<[Box<str>]> =
                keys.into_iter().flatten().filter_map(Value::as_str).map(Box::from).collect();
            if keys.is_empty() {
                return Err(SchemaError::at(at, "a list of type 'map' needs x-kubernetes-list-map-keys"));
            }
            return Ok(Relation::Map(keys));
        }
        Some(other) => return Err(SchemaError::at(at, format!("unknown x-kubernetes-list-type '{other}'"))),
        None => {}
    }
    let merges = text("x-kubernetes-patch-strategy").is_some_and(|s| s.split(',').any(|s| s == "merge"));
    Ok(match (merges, text("x-kubernetes-patch-merge-key")) {
        (false, _) => Relation::Atomic,
        (true, Some(key)) => Relation::Map([key.into()].into()),
        (true, None) => Relation::Set,
    })
}

fn patch(schema: &Value, at: &str) -> Result<PatchNode, SchemaError> {
    let mut patch = PatchNode {
        merge_key: schema["x-kubernetes-patch-merge-key"].as_str().map(Box::from),
        ..PatchNode::default()
    };
    for strategy in schema["x-kubernetes-patch-strategy"].as_str().into_iter().flat_map(|s| s.split(',')) {
        match strategy {
            "merge" => patch.merge = true,
            "replace" => patch.replace = true,
            "retainKeys" => patch.retain_keys = true,
            other => return Err(SchemaError::at(at, format!("unknown patch strategy '{other}'"))),
        }
    }
    Ok(patch)
}
