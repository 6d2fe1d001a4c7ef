use super::*;
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::Schemas;
use serde_json::json;

fn ty(api_version: &str, kind: &str) -> TypeRef<'static> {
    Schemas::builtin().root(&GroupVersionKind::from_api_version(api_version, kind)).unwrap()
}

fn pod() -> TypeRef<'static> {
    ty("v1", "Pod")
}

#[test]
fn directives_act_when_applied() {
    let original = json!({"spec": {
        "containers": [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}], "args": ["p"]},
            {"name": "b", "image": "b:1"}
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "nodeSelector": {"x": "1", "y": "2"}
    }, "metadata": {"finalizers": ["f/a", "f/b"], "labels": {"a": "1"}}});
    let check = |patch: Value, expected: &[(&str, Value)]| {
        let result = apply(&original, &patch, pod()).unwrap();
        for (pointer, value) in expected {
            assert_eq!(
                result.pointer(pointer).cloned().unwrap_or_default(),
                *value,
                "{pointer} after {patch}"
            );
        }
    };
    check(
        json!({"spec": {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}], "args": ["q"]}]}}),
        &[
            ("/spec/containers/0/env", json!([{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}])),
            ("/spec/containers/0/args", json!(["q"])),
            ("/spec/containers/1/name", json!("b")),
        ],
    );
    check(
        json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}),
        &[("/spec/containers", json!([{"name": "b", "image": "b:1"}]))],
    );
    check(
        json!({"spec": {"containers": [{"$patch": "replace"}, {"name": "c", "image": "c"}]}}),
        &[("/spec/containers", json!([{"name": "c", "image": "c"}]))],
    );
    check(
        json!({"spec": {"nodeSelector": {"$patch": "replace", "z": "3"}}}),
        &[("/spec/nodeSelector", json!({"z": "3"}))],
    );
    check(json!({"spec": {"nodeSelector": {"x": null}}}), &[("/spec/nodeSelector", json!({"y": "2"}))]);
    check(
        json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}}),
        &[("/spec/volumes", json!([{"name": "v", "hostPath": {"path": "/x"}}]))],
    );
    check(
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["f/a"]}}),
        &[("/metadata/finalizers", json!(["f/b"]))],
    );
    check(
        json!({"metadata": {"finalizers": ["f/c"]}}),
        &[("/metadata/finalizers", json!(["f/c", "f/a", "f/b"]))],
    );
    check(
        json!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}),
        &[("/spec/containers/0/name", json!("b")), ("/spec/containers/1/name", json!("a"))],
    );
    check(json!({"$patch": "delete"}), &[("", json!({}))]);
}

#[test]
fn malformed_patches_fail_with_the_servers_words() {
    let original = json!({"spec": {"containers": [{"name": "a"}], "volumes": [{"name": "v"}]}, "metadata": {"labels": {}}});
    let check = |patch: Value, expected: &str| {
        assert_eq!(apply(&original, &patch, pod()).unwrap_err().to_string(), expected);
    };
    check(
        json!({"spec": {"containers": [{"image": "x"}]}}),
        "map: map[image:x] does not contain declared merge key: name",
    );
    check(
        json!({"metadata": {"labels": {"$patch": "add"}}}),
        "unknown patch type: add in map: map[$patch:add]",
    );
    check(
        json!({"spec": {"containers": [{"name": "a", "$patch": "merge"}]}}),
        "merging lists cannot yet be specified in the patch",
    );
    check(
        json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name"], "emptyDir": {}}]}}),
        "invalid patch format of retainKeys",
    );
    check(
        json!({"spec": {"containers": ["a"]}}),
        "list element types are not identical: [[map[name:a]] [a]]",
    );
    check(
        json!({"spec": {
            "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
            "containers": [{"name": "b"}, {"name": "a"}]
        }}),
        "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
    );
}

#[test]
fn patches_say_what_differs() {
    let original = json!({"spec": {"replicas": 1, "template": {"spec": {
        "containers": [{"name": "a", "image": "1"}, {"name": "b"}],
        "volumes": [{"name": "v", "emptyDir": {}}]
    }}}, "metadata": {"finalizers": ["x", "y"], "labels": {"a": "1"}}});
    let modified = json!({"spec": {"replicas": 2, "template": {"spec": {
        "containers": [{"name": "c"}, {"name": "a", "image": "2"}],
        "volumes": [{"name": "v", "hostPath": {"path": "/"}}]
    }}}, "metadata": {"finalizers": ["y", "z"], "labels": {}}});
    let patch = two_way(&original, &modified, ty("apps/v1", "Deployment")).unwrap();
    assert_eq!(
        patch,
        json!({"spec": {"replicas": 2, "template": {"spec": {
            "containers": [{"name": "c"}, {"image": "2", "name": "a"}, {"name": "b", "$patch": "delete"}],
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "volumes": [{"hostPath": {"path": "/"}, "emptyDir": null, "$retainKeys": ["hostPath", "name"], "name": "v"}],
            "$setElementOrder/volumes": [{"name": "v"}]
        }}}, "metadata": {
            "finalizers": ["z"],
            "$deleteFromPrimitiveList/finalizers": ["x"],
            "$setElementOrder/finalizers": ["y", "z"],
            "labels": {"a": null}
        }})
    );
}

#[test]
fn three_ways_keep_what_others_added() {
    let deployment = ty("apps/v1", "Deployment");
    let in_pod = |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let original = in_pod(json!([{"name": "a", "image": "1", "tty": true}, {"name": "gone"}]));
    let modified = in_pod(json!([{"name": "a", "image": "2"}]));
    let current = in_pod(
        json!([{"name": "sidecar"}, {"name": "a", "image": "1", "tty": true, "stdin": true}, {"name": "gone"}]),
    );
    let patch = three_way(&original, &modified, &current, deployment, true).unwrap();
    let result = apply(&current, &patch, deployment).unwrap();
    assert_eq!(result, in_pod(json!([{"name": "sidecar"}, {"name": "a", "image": "2", "stdin": true}])));

    let changed = in_pod(json!([{"name": "a", "image": "3", "tty": true}, {"name": "gone"}]));
    assert!(matches!(
        three_way(&original, &modified, &changed, deployment, false),
        Err(PatchError::Conflict { .. })
    ));
    assert!(three_way(&original, &modified, &original, deployment, false).is_ok());
}

#[test]
fn a_field_that_the_kind_does_not_have_cannot_be_merged() {
    let error =
        two_way(&json!({"spec": {"x": {"a": 1}}}), &json!({"spec": {"x": {"a": 2}}}), pod()).unwrap_err();
    assert_eq!(error.to_string(), "unable to find api field in struct PodSpec for the json field \"x\"");
    assert!(two_way(&json!({"spec": {"x": {"a": 1}}}), &json!({"spec": {"x": {"a": 1}}}), pod()).is_ok());
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn named(extra: impl Strategy<Value = Map<String, Value>>) -> impl Strategy<Value = Value> {
        proptest::collection::btree_map("[a-d]", extra, 0..4).prop_map(|items| {
            items
                .into_iter()
                .map(|(name, mut fields)| {
                    fields.insert("name".into(), name.into());
                    Value::Object(fields)
                })
                .collect()
        })
    }

    fn fields(names: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
        proptest::collection::vec((proptest::sample::select(names), "[x-z]"), 0..3)
            .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
    }

    fn any_pod() -> impl Strategy<Value = Value> {
        let env = named(fields(&["value"]));
        let container = (fields(&["image", "workingDir"]), env, proptest::collection::vec("[p-r]", 0..3))
            .prop_map(|(mut fields, env, args)| {
                fields.insert("env".into(), env);
                fields.insert("args".into(), args.into());
                fields
            });
        let volume = proptest::sample::select(vec!["emptyDir", "hostPath"])
            .prop_map(|source| Map::from_iter([(source.to_owned(), json!({}))]));
        (
            named(container),
            named(volume),
            fields(&["a", "b", "c"]),
            proptest::collection::btree_set("[f-i]", 0..4),
            any::<bool>(),
        )
            .prop_flat_map(|(containers, volumes, labels, finalizers, reversed)| {
                let list: Vec<Value> = containers.as_array().cloned().unwrap_or_default();
                (Just(list).prop_shuffle(), Just((volumes, labels, finalizers, reversed)))
            })
            .prop_map(|(containers, (volumes, labels, finalizers, reversed))| {
                let mut finalizers: Vec<String> = finalizers.into_iter().collect();
                if reversed {
                    finalizers.reverse();
                }
                json!({
                    "metadata": {"labels": labels, "finalizers": finalizers},
                    "spec": {"containers": containers, "volumes": volumes}
                })
            })
    }

    proptest! {
        #[test]
        fn a_two_way_patch_gives_the_modified_object(a in any_pod(), b in any_pod()) {
            let patch = two_way(&a, &b, pod()).unwrap();
            prop_assert_eq!(apply(&a, &patch, pod()).unwrap(), b, "{}", patch);
        }

        #[test]
        fn no_difference_is_no_patch(a in any_pod()) {
            prop_assert_eq!(two_way(&a, &a, pod()).unwrap(), json!({}));
            prop_assert_eq!(three_way(&a, &a, &a, pod(), false).unwrap(), json!({}));
        }

        #[test]
        fn three_ways_from_what_was_applied_give_what_is_wanted(a in any_pod(), b in any_pod()) {
            let patch = three_way(&a, &b, &a, pod(), true).unwrap();
            prop_assert_eq!(apply(&a, &patch, pod()).unwrap(), b, "{}", patch);
        }

        #[test]
        fn three_ways_are_settled_after_one_patch(a in any_pod(), b in any_pod(), live in any_pod()) {
            let once = apply(&live, &three_way(&a, &b, &live, pod(), true).unwrap(), pod()).unwrap();
            let again = three_way(&b, &b, &once, pod(), true).unwrap();
            prop_assert_eq!(apply(&once, &again, pod()).unwrap(), once);
        }
    }
}
