use super::*;
use serde_json::json;

fn builtin(api_version: &str, kind: &str) -> TypeRef<'static> {
    Schemas::builtin().root(&GroupVersionKind::from_api_version(api_version, kind)).unwrap()
}

/// A type in the words of the table, one level deep.
fn shown(ty: TypeRef<'_>) -> String {
    match ty.kind() {
        TypeKind::Scalar(scalar) => format!("{scalar:?}"),
        TypeKind::Any { atomic } => format!("any atomic={atomic}"),
        TypeKind::Object(object) => format!(
            "object atomic={} preserve={} others={} fields={:?}",
            object.is_atomic(),
            object.preserves_unknown(),
            object.other_keys().map_or("none".to_owned(), shown),
            object.fields().map(Field::name).collect::<Vec<_>>()
        ),
        TypeKind::List(list) => format!("list {:?}", list.kind()),
    }
}

#[test]
fn every_line_of_the_table_is_read_and_written_back() {
    Schemas::builtin().check().unwrap();
    assert_eq!(Schemas::builtin().to_text(), include_str!("kubernetes.types"));
}

#[test]
fn what_the_table_says_of_well_known_fields() {
    let check = |kind: (&str, &str), path: &[&str], expected: &str| {
        assert_eq!(shown(builtin(kind.0, kind.1).at(path).unwrap()), expected, "{path:?}");
    };
    let deployment = ("apps/v1", "Deployment");
    let pod = ["spec", "template", "spec"];
    let in_pod = |rest: &[&'static str]| [&pod[..], rest].concat();
    check(deployment, &["spec", "replicas"], "Int32");
    check(deployment, &in_pod(&["containers"]), r#"list Map(["name"])"#);
    check(deployment, &in_pod(&["containers", "*", "ports"]), r#"list Map(["containerPort", "protocol"])"#);
    check(deployment, &in_pod(&["containers", "*", "ports", "*", "containerPort"]), "Int32");
    check(deployment, &in_pod(&["containers", "*", "command"]), "list Atomic");
    check(deployment, &in_pod(&["containers", "*", "resources", "limits", "cpu"]), "Quantity");
    check(
        deployment,
        &in_pod(&["nodeSelector"]),
        "object atomic=true preserve=false others=String fields=[]",
    );
    check(
        deployment,
        &["spec", "selector", "matchLabels"],
        "object atomic=false preserve=false others=String fields=[]",
    );
    check(deployment, &["metadata", "finalizers"], "list Set");
    check(deployment, &["metadata", "creationTimestamp"], "DateTime");
    check(("v1", "Secret"), &["data", "a"], "Bytes");
    check(("v1", "Service"), &["spec", "ports", "*", "targetPort"], "IntOrString");
    check(("apps/v1", "ControllerRevision"), &["data"], "any atomic=true");
    assert!(builtin("apps/v1", "Deployment").at(&["spec", "replica"]).is_none());
}

#[test]
fn a_reference_may_be_atomic_where_the_type_is_not() {
    let deployment = builtin("apps/v1", "Deployment");
    let selector = deployment.at(&["spec", "selector"]).unwrap();
    assert_eq!(selector.name(), Some("meta.v1.LabelSelector"));
    let TypeKind::Object(object) = selector.kind() else { panic!("an object") };
    assert!(object.is_atomic());
}

#[test]
fn fields_carry_defaults_and_patch_strategies() {
    let service = builtin("v1", "Service").at(&["spec"]).unwrap();
    let ports = service.field("ports").unwrap();
    assert_eq!(
        ports.patch_strategy(),
        PatchStrategy { merge: true, merge_key: Some("port"), ..PatchStrategy::default() }
    );
    let port = ports.ty().items().unwrap();
    assert_eq!(port.field("protocol").unwrap().default(), Some(&json!("TCP")));
    assert!(port.field("port").unwrap().is_required());
    assert!(!port.field("protocol").unwrap().is_required());
    let volumes = builtin("v1", "Pod").at(&["spec"]).unwrap().field("volumes").unwrap();
    assert_eq!(
        volumes.patch_strategy(),
        PatchStrategy { merge: true, replace: false, retain_keys: true, merge_key: Some("name") }
    );
}

#[test]
fn resources_say_where_a_kind_is_served() {
    let deployment = Schemas::builtin().resource(&GroupVersionKind::new("apps", "v1", "Deployment")).unwrap();
    assert_eq!((deployment.plural.as_str(), deployment.singular.as_str()), ("deployments", "deployment"));
    assert_eq!(deployment.short_names, ["deploy"]);
    assert_eq!(deployment.categories, ["all"]);
    assert!(deployment.namespaced && deployment.has_subresource("status"));
    let scale = deployment.subresources.iter().find(|s| s.name == "scale").unwrap();
    assert_eq!(scale.gvk, GroupVersionKind::new("autoscaling", "v1", "Scale"));
    let node = Schemas::builtin().resource(&GroupVersionKind::new("", "v1", "Node")).unwrap();
    assert!(!node.namespaced);
}

fn widget() -> Value {
    json!({
        "spec": {
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": true, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "metadata": {"type": "object"},
                        "spec": {"type": "object", "properties": {
                            "size": {"type": "integer", "default": 3, "nullable": true},
                            "level": {"type": "string", "enum": ["low", "high"]},
                            "port": {"x-kubernetes-int-or-string": true},
                            "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                            "parts": {"type": "array", "x-kubernetes-list-type": "map",
                                "x-kubernetes-list-map-keys": ["name"],
                                "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
                            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                                "properties": {"known": {"type": "object", "properties": {"a": {"type": "string"}}}}},
                            "pod": {"type": "object", "x-kubernetes-embedded-resource": true,
                                "properties": {"spec": {"type": "object"}}}
                        }}
                    }
                }}},
                {"name": "v2", "served": true, "schema": {"openAPIV3Schema": {"type": "object",
                    "x-kubernetes-preserve-unknown-fields": true}}},
                {"name": "v0", "served": false}
            ]
        }
    })
}

#[test]
fn a_custom_resource_definition_is_read_at_run_time() {
    let schemas = Schemas::from_crd(&widget()).unwrap();
    let gvk = GroupVersionKind::new("example.com", "v1", "Widget");
    let root = schemas.root(&gvk).unwrap();
    let check = |path: &[&str], expected: &str| {
        assert_eq!(shown(root.at(path).unwrap()), expected, "{path:?}");
    };
    check(&["metadata", "finalizers"], "list Set");
    check(&["apiVersion"], "String");
    check(&["spec", "port"], "IntOrString");
    check(&["spec", "tags"], "list Set");
    check(&["spec", "parts"], r#"list Map(["name"])"#);
    check(&["spec", "free", "other"], "any atomic=false");
    // Unknown keys merge at any depth below, but only the object that says so keeps them from pruning.
    check(
        &["spec", "free", "known"],
        r#"object atomic=false preserve=false others=any atomic=false fields=["a"]"#,
    );
    check(&["spec", "pod", "metadata", "labels", "x"], "String");
    assert!(root.at(&["spec", "other"]).is_none());
    let size = root.at(&["spec"]).unwrap().field("size").unwrap();
    assert_eq!(size.default(), Some(&json!(3)));
    assert!(size.is_nullable() && root.field("spec").unwrap().is_required());
    assert_eq!(root.at(&["spec", "level"]).unwrap().allowed_values(), [json!("low"), json!("high")]);

    let resource = schemas.resource(&gvk).unwrap();
    assert_eq!(resource.singular, "widget");
    assert!(resource.has_subresource("status") && !resource.has_subresource("scale"));
    assert_eq!(schemas.resources().count(), 2);
    let second = schemas.root(&GroupVersionKind::new("example.com", "v2", "Widget")).unwrap();
    assert_eq!(shown(second.at(&["anything", "below"]).unwrap()), "any atomic=false");
}

#[test]
fn a_schema_that_is_not_understood_says_where() {
    let gvk = || GroupVersionKind::new("example.com", "v1", "Widget");
    let check = |schema: Value, expected: &str| {
        assert_eq!(Schemas::from_crd_schema(gvk(), &schema).unwrap_err().to_string(), expected);
    };
    check(json!({"type": "string"}), "example.com.v1.Widget: the schema of a kind must have 'type: object'");
    check(
        json!({"type": "object", "properties": {"a": {"type": "text"}}}),
        "example.com.v1.Widget.a: unknown type 'text'",
    );
    check(
        json!({"type": "object", "properties": {"a": {"type": "array", "x-kubernetes-list-type": "map",
            "items": {"type": "object"}}}}),
        "example.com.v1.Widget.a: a list of type 'map' needs x-kubernetes-list-map-keys",
    );
    check(
        json!({"type": "object", "properties": {"a": {"$ref": "#/components/schemas/x.y.Z"}}}),
        "example.com.v1.Widget.a: reference to a type that is not there: '#/components/schemas/x.y.Z'",
    );
    let mut deep = json!({"type": "string"});
    for _ in 0..200 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    assert!(
        Schemas::from_crd_schema(gvk(), &deep).unwrap_err().to_string().ends_with("nested deeper than 100")
    );
}

#[test]
fn a_bad_line_of_a_table_is_named() {
    let error = Schemas::parse("resource apps/v1/Deployment\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "schema table: a resource with missing columns in 'resource apps/v1/Deployment'"
    );
    let check = |line: &'static str, expected: &str| {
        assert_eq!(Schemas::parse(line).unwrap().check().unwrap_err().to_string(), expected);
    };
    check("type a.v1.B {c:d}", "schema table: no type 'd' at byte 4 in '{c:d}'");
    check("type a.v1.B {c:string", "schema table: '}' expected at byte 9 in '{c:string'");
    check("type a.v1.B {c:string=}", "schema table: JSON expected at byte 10 in '{c:string=}'");
}

#[test]
fn untyped_values_merge_maps_and_replace_lists() {
    let untyped = TypeRef::untyped();
    assert_eq!(shown(untyped.at(&["a", "*", "b"]).unwrap()), "any atomic=false");
    assert!(matches!(untyped.kind(), TypeKind::Any { atomic: false }));
}
