use crate::table;
use holdfast_object::{GroupVersionKind, Value, json};

/// A CustomResourceDefinition of a kind that Holdfast speaks.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The kind it defines.
    pub gvk: GroupVersionKind,
    /// The definition, ready to be applied.
    pub value: Value,
}

const TABLES: &[&str] = &[
    include_str!("../tables/gitrepository.crd"),
    include_str!("../tables/ocirepository.crd"),
    include_str!("../tables/helmrepository.crd"),
    include_str!("../tables/helmchart.crd"),
    include_str!("../tables/bucket.crd"),
    include_str!("../tables/externalartifact.crd"),
    include_str!("../tables/kustomization.crd"),
    include_str!("../tables/helmrelease.crd"),
    include_str!("../tables/imagepolicy.crd"),
    include_str!("../tables/imagerepository.crd"),
    include_str!("../tables/imageupdateautomation.crd"),
    include_str!("../tables/alert.crd"),
    include_str!("../tables/provider.crd"),
    include_str!("../tables/receiver.crd"),
    include_str!("../tables/application.crd"),
    include_str!("../tables/appproject.crd"),
];

/// Every definition.
pub fn definitions() -> Vec<Definition> {
    TABLES.iter().filter_map(|text| table::read(text).ok()).map(define).collect()
}

fn define(mut table: table::Table) -> Definition {
    table::close(&mut table.schema);
    for (field, schema) in [
        ("apiVersion", json!({"type": "string"})),
        ("kind", json!({"type": "string"})),
        ("metadata", json!({"type": "object"})),
    ] {
        table.schema["properties"][field] = schema;
    }
    let columns: Vec<Value> = (table.columns.iter())
        .map(|column| {
            let kind = if column.path == ".metadata.creationTimestamp" { "date" } else { "string" };
            let mut value = json!({"name": column.title, "type": kind, "jsonPath": column.path});
            if column.priority != 0 {
                value["priority"] = column.priority.into();
            }
            value
        })
        .collect();
    let mut version = json!({
        "name": table.version,
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": table.schema},
        "additionalPrinterColumns": columns,
    });
    if table.has_status {
        version["subresources"] = json!({"status": {}});
    }
    let value = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", table.plural, table.group)},
        "spec": {
            "group": table.group,
            "scope": if table.namespaced { "Namespaced" } else { "Cluster" },
            "names": {
                "kind": table.kind,
                "listKind": format!("{}List", table.kind),
                "plural": table.plural,
                "singular": table.singular,
                "shortNames": table.short,
                "categories": table.categories,
            },
            "versions": [version],
        },
    });
    Definition { gvk: GroupVersionKind::new(table.group, table.version, table.kind), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(kind: &str) -> Value {
        let definition = definitions().into_iter().find(|d| d.gvk.kind == kind).unwrap();
        definition.value["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
    }

    #[test]
    fn every_table_can_be_read() {
        for text in TABLES {
            if let Err(error) = table::read(text) {
                panic!("{error} in {}", text.lines().next().unwrap_or_default());
            }
        }
        assert_eq!(definitions().len(), TABLES.len());
    }

    /// A structural schema, which the API server asks for: every node says its type, or that it may be anything.
    #[test]
    fn every_schema_says_its_type() {
        fn untyped(schema: &Value, path: &str, found: &mut Vec<String>) {
            let is_any = schema["x-kubernetes-preserve-unknown-fields"] == true
                || schema["x-kubernetes-int-or-string"] == true;
            if !is_any && !schema["type"].is_string() {
                found.push(path.to_owned());
            }
            for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
                untyped(inner, &format!("{path}.{name}"), found);
            }
            for inner in ["items", "additionalProperties"] {
                if schema[inner].is_object() {
                    untyped(&schema[inner], &format!("{path}.{inner}"), found);
                }
            }
        }
        let mut found = Vec::new();
        for definition in definitions() {
            untyped(&schema(&definition.gvk.kind), &definition.gvk.kind, &mut found);
        }
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_field_keeps_its_constraints() {
        let git = schema("GitRepository");
        let spec = &git["properties"]["spec"];
        assert_eq!(spec["properties"]["timeout"]["default"], "60s");
        assert_eq!(spec["properties"]["interval"]["pattern"], r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$");
        assert_eq!(spec["required"], json!(["interval", "url"]));
        assert_eq!(git["properties"]["status"]["default"], json!({"observedGeneration": -1}));
        assert_eq!(
            spec["properties"]["include"]["items"]["properties"]["repository"]["required"],
            json!(["name"])
        );
    }

    #[test]
    fn repeated_fields_are_there_in_full() {
        let app = schema("Application");
        let spec = &app["properties"]["spec"]["properties"];
        assert_eq!(spec["source"]["properties"]["directory"]["properties"]["recurse"]["type"], "boolean");
        assert_eq!(spec["sources"]["items"]["properties"]["path"]["type"], "string");
        assert_eq!(spec["source"]["required"], json!(["repoURL"]));
    }
}
