//! The types of the schema table as OpenAPI schemas.

use holdfast_object::schema::{ListKind, ObjectType, Scalar, TypeKind, TypeRef};
use serde_json::{Map, Value, json};

/// Collects the schemas that a document's kinds refer to.
#[derive(Default)]
pub(super) struct Components {
    pub(super) schemas: Map<String, Value>,
}

/// The name under which a type is published.
pub(super) fn published_name(name: &str) -> String {
    match name.strip_prefix("meta.") {
        Some(rest) => format!("io.k8s.apimachinery.pkg.apis.meta.{rest}"),
        None => format!("io.k8s.api.{name}"),
    }
}

impl Components {
    /// A type's schema: a reference, for named types, whose schema is added.
    pub(super) fn schema(&mut self, ty: TypeRef<'_>) -> Value {
        let Some(name) = ty.name() else { return self.inline(ty) };
        let name = published_name(name);
        if !self.schemas.contains_key(&name) {
            // A type may contain itself: its name is taken before its fields are looked at.
            self.schemas.insert(name.clone(), Value::Null);
            let schema = self.inline(ty);
            self.schemas.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// A type's schema in place.
    pub(super) fn inline(&mut self, ty: TypeRef<'_>) -> Value {
        match ty.kind() {
            TypeKind::Scalar(scalar) => scalar_schema(scalar, ty),
            TypeKind::Any { .. } => json!({"type": "object"}),
            TypeKind::List(list) => {
                let mut schema = json!({"type": "array", "items": self.schema(list.items())});
                match list.kind() {
                    ListKind::Atomic => schema["x-kubernetes-list-type"] = "atomic".into(),
                    ListKind::Set => schema["x-kubernetes-list-type"] = "set".into(),
                    ListKind::Map(keys) => {
                        schema["x-kubernetes-list-type"] = "map".into();
                        schema["x-kubernetes-list-map-keys"] = json!(keys);
                    }
                }
                schema
            }
            TypeKind::Object(object) => self.object(object),
        }
    }

    fn object(&mut self, object: ObjectType<'_>) -> Value {
        let mut schema = json!({"type": "object"});
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in object.fields() {
            let reference = self.schema(field.ty());
            let mut property = match reference.get("$ref") {
                Some(_) => json!({"allOf": [reference]}),
                None => reference,
            };
            if let Some(default) = field.default() {
                property["default"] = default.clone();
            }
            let patch = field.patch_strategy();
            if let Some(key) = patch.merge_key {
                property["x-kubernetes-patch-merge-key"] = key.into();
            }
            let words =
                [("merge", patch.merge), ("retainKeys", patch.retain_keys), ("replace", patch.replace)];
            let strategy: Vec<&str> = words.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
            if !strategy.is_empty() {
                property["x-kubernetes-patch-strategy"] = strategy.join(",").into();
            }
            if field.is_required() {
                required.push(field.name());
            }
            properties.insert(field.name().to_owned(), property);
        }
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if !properties.is_empty() {
            schema["properties"] = properties.into();
        }
        if let Some(values) = object.other_keys().filter(|_| object.is_map()) {
            schema["additionalProperties"] = self.schema(values);
        }
        if object.is_atomic() {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        schema
    }
}

fn scalar_schema(scalar: Scalar, ty: TypeRef<'_>) -> Value {
    let mut schema = match scalar {
        Scalar::String => json!({"type": "string"}),
        Scalar::Bool => json!({"type": "boolean"}),
        Scalar::Int32 => json!({"type": "integer", "format": "int32"}),
        Scalar::Int64 => json!({"type": "integer", "format": "int64"}),
        Scalar::Integer => json!({"type": "integer"}),
        Scalar::Double => json!({"type": "number", "format": "double"}),
        Scalar::Number => json!({"type": "number"}),
        Scalar::Bytes => json!({"type": "string", "format": "byte"}),
        Scalar::DateTime => json!({"type": "string", "format": "date-time"}),
        Scalar::IntOrString => {
            json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
        }
        Scalar::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
    };
    if !ty.allowed_values().is_empty() {
        schema["enum"] = json!(ty.allowed_values());
    }
    schema
}
