use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn set(fields: Value) -> FieldSet {
    FieldSet::from_fields_v1(&fields).unwrap()
}

#[test]
fn fields_v1_is_read_and_written_in_the_servers_order() {
    let fields = json!({
        "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
        "f:spec": {
            "f:finalizers": {"v:\"a\"": {}, "v:\"b\"": {}},
            "f:list": {"i:0": {}},
            "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}
        }
    });
    assert_eq!(set(fields.clone()).to_fields_v1().to_string(), fields.to_string());
    let shuffled = json!({"f:b": {}, "f:a": {"f:d": {}, ".": {}, "f:c": {}}});
    assert_eq!(set(shuffled).to_fields_v1().to_string(), r#"{"f:a":{".":{},"f:c":{},"f:d":{}},"f:b":{}}"#);
}

#[test]
fn elements_of_unknown_kinds_are_ignored_and_malformed_ones_named() {
    assert_eq!(set(json!({"x:future": {}, "f:a": {}})), FieldSet::of(&[&["a"]]));
    let check = |key: &str, expected: &str| {
        let error = FieldSet::from_fields_v1(&json!({key: {}})).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check("nokind", "'nokind' is no path element: no kind");
    check("k:[1]", "'k:[1]' is no path element: no object after the kind");
    check("v:{", "'v:{' is no path element: no JSON after the kind");
    check("i:x", "'i:x' is no path element: no index after the kind");
}

#[test]
fn paths_read_as_in_conflict_messages() {
    let shown: Vec<String> = set(json!({
        "f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}, "f:replicas": {}},
        "f:tags": {"v:\"x\"": {}, "v:2": {}},
        "f:at": {"i:3": {}}
    }))
    .paths()
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(
        shown,
        [
            ".at[3]",
            ".spec.replicas",
            ".spec.containers[name=\"a\"]",
            ".spec.containers[name=\"a\"].image",
            ".tags[=2]",
            ".tags[=\"x\"]",
        ]
    );
}

#[test]
fn difference_keeps_children_unless_recursive() {
    let all = FieldSet::of(&[&["a"], &["a", "b"], &["a", "b", "c"], &["d"]]);
    let some = FieldSet::of(&[&["a", "b"]]);
    assert_eq!(all.difference(&some), FieldSet::of(&[&["a"], &["a", "b", "c"], &["d"]]));
    assert_eq!(all.difference_recursive(&some), FieldSet::of(&[&["a"], &["d"]]));
    assert_eq!(all.leaves(), FieldSet::of(&[&["a", "b", "c"], &["d"]]));
}

fn any_set() -> impl Strategy<Value = FieldSet> {
    let element = prop_oneof![
        "[a-c]".prop_map(|name| PathElement::field(&name)),
        (0..3u8).prop_map(|n| PathElement::key([("n", Value::from(n)), ("m", json!("x"))])),
        "[a-c]".prop_map(|v| PathElement::Value(Value::from(v))),
        (0..3usize).prop_map(PathElement::Index),
    ];
    let path = proptest::collection::vec(element, 1..4);
    proptest::collection::vec(path, 0..12).prop_map(|paths| {
        let mut set = FieldSet::default();
        for path in &paths {
            set.insert(path);
        }
        set
    })
}

proptest! {
    #[test]
    fn sets_obey_the_laws_of_sets(a in any_set(), b in any_set()) {
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert_eq!(a.difference(&b).intersection(&b), FieldSet::EMPTY);
        prop_assert_eq!(a.union(&b).len() + a.intersection(&b).len(), a.len() + b.len());
        prop_assert_eq!(FieldSet::from_fields_v1(&a.to_fields_v1()).unwrap(), a.clone());
        for path in a.paths() {
            prop_assert!(a.contains(&path.0));
            prop_assert_eq!(a.difference(&b).contains(&path.0), !b.contains(&path.0));
        }
    }
}
