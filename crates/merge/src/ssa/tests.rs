use super::*;
use crate::typed;
use holdfast_object::GroupVersionKind;
use proptest::prelude::*;
use serde_json::json;

const NOW: &str = "2026-11-21T10:00:00Z";
const LATER: &str = "2026-11-21T11:00:00Z";
static NOTHING: FieldSet = FieldSet::EMPTY;

fn pod() -> TypeRef<'static> {
    Schemas::builtin().root(&GroupVersionKind::new("", "v1", "Pod")).unwrap()
}

fn rules() -> KindRules<'static> {
    KindRules { schema: pod(), reset: &NOTHING, convert: &no_other_version }
}

fn applied(
    live: Option<&Value>,
    config: &Value,
    manager: &str,
    force: bool,
    now: &str,
) -> Result<Outcome, ApplyError> {
    apply(&ApplyRequest { live, config, manager, force, subresource: "", kind: rules(), now })
}

fn named(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
}

#[test]
fn conflicts_are_told_to_machines_and_people() {
    let first =
        applied(None, &named(json!({"hostname": "a", "nodeName": "n"})), "one", false, NOW).unwrap().object;
    let error = applied(Some(&first), &named(json!({"hostname": "b"})), "two", false, LATER).unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"one\": .spec.hostname");
    let error = applied(Some(&first), &named(json!({"hostname": "b", "nodeName": "m"})), "two", false, LATER);
    let Err(ApplyError::Conflict(conflicts)) = error else { panic!("a conflict") };
    assert_eq!(
        conflicts.to_string(),
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.hostname\n- .spec.nodeName"
    );
    assert_eq!(
        conflicts.causes()[0],
        json!({"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".spec.hostname"})
    );
}

#[test]
fn an_apply_that_changes_nothing_keeps_the_time() {
    let config = named(json!({"hostname": "a"}));
    let first = applied(None, &config, "one", false, NOW).unwrap();
    assert!(first.changed);
    let again = applied(Some(&first.object), &config, "one", false, LATER).unwrap();
    assert!(!again.changed);
    assert_eq!(again.object, first.object);
    let shared = applied(Some(&first.object), &config, "two", false, LATER).unwrap();
    assert!(shared.changed, "a new owner is a change");
    let owners = Managers::of(&shared.object).unwrap();
    assert_eq!(owners.applier("two", "").unwrap().time, None, "the values did not change");
    assert_eq!(owners.applier("one", "").unwrap().time.as_deref(), Some(NOW));
}

#[test]
fn fields_of_a_version_that_is_gone_have_no_owner() {
    let mut live = applied(None, &named(json!({"hostname": "a"})), "one", false, NOW).unwrap().object;
    live["metadata"]["managedFields"][0]["apiVersion"] = "v0".into();
    let after = applied(Some(&live), &named(json!({"hostname": "b"})), "two", false, LATER).unwrap().object;
    let owners = Managers::of(&after).unwrap();
    assert_eq!(owners.0.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["two"]);
}

#[test]
fn more_than_ten_updaters_are_folded_oldest_first() {
    let mut object = named(json!({}));
    for index in 0..12 {
        let old = (index > 0).then(|| object.clone());
        object["spec"]["nodeName"] = format!("n{index}").into();
        object["metadata"]["labels"][format!("k{index}")] = "v".into();
        let manager = format!("updater-{index:02}");
        let now = format!("2026-11-21T10:00:{index:02}Z");
        let request =
            UpdateRequest { old: old.as_ref(), manager: &manager, subresource: "", kind: rules(), now: &now };
        track_update(&request, &mut object);
        object["metadata"]["uid"] = "u".into();
    }
    let owners = Managers::of(&object).unwrap();
    let names: Vec<&str> = owners.0.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names.len(), 10);
    assert_eq!(names[0], "ancient-changes");
    assert_eq!(names[1], "updater-03");
    assert_eq!(
        owners.0[0].fields,
        FieldSet::of(&[
            &["metadata", "labels"],
            &["metadata", "labels", "k0"],
            &["metadata", "labels", "k1"],
            &["metadata", "labels", "k2"]
        ])
    );
}

#[test]
fn unreadable_owners_stop_an_apply_and_restart_an_update() {
    let mut live = applied(None, &named(json!({"hostname": "a"})), "one", false, NOW).unwrap().object;
    live["metadata"]["managedFields"][0]["operation"] = "Other".into();
    let error = applied(Some(&live), &named(json!({})), "one", false, LATER).unwrap_err();
    assert_eq!(error.to_string(), "failed to decode managed fields: operation must be `Apply` or `Update`");
}

/// Pods of few names and values, so that managers meet.
fn any_config() -> impl Strategy<Value = Value> {
    let env = proptest::collection::btree_map("[A-C]", "[x-z]", 0..3).prop_map(|vars| {
        vars.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>()
    });
    let container = ("[a-c]", proptest::option::of("[x-z]"), env, proptest::collection::vec("[p-q]", 0..2));
    let containers = proptest::collection::vec(container, 0..3).prop_map(|list| {
        let mut seen = std::collections::BTreeSet::new();
        list.into_iter()
            .filter(|(name, ..)| seen.insert(name.clone()))
            .map(|(name, image, env, args)| {
                let mut container = json!({"name": name});
                if let Some(image) = image {
                    container["image"] = image.into();
                }
                if !env.is_empty() {
                    container["env"] = env.into();
                }
                if !args.is_empty() {
                    container["args"] = args.into();
                }
                container
            })
            .collect::<Vec<_>>()
    });
    let labels = proptest::collection::hash_map("[a-c]", "[x-z]", 0..3);
    (containers, labels, proptest::option::of("[x-z]")).prop_map(|(containers, labels, host)| {
        let mut config = named(json!({}));
        if !containers.is_empty() {
            config["spec"]["containers"] = containers.into();
        }
        if !labels.is_empty() {
            config["metadata"]["labels"] = labels.into_iter().collect();
        }
        if let Some(host) = host {
            config["spec"]["hostname"] = host.into();
        }
        config
    })
}

fn any_history() -> impl Strategy<Value = Vec<(Value, &'static str)>> {
    proptest::collection::vec((any_config(), proptest::sample::select(vec!["one", "two", "three"])), 1..6)
}

proptest! {
    #[test]
    fn a_forced_apply_gives_what_it_says_and_settles(history in any_history()) {
        let mut live: Option<Value> = None;
        for (config, manager) in history {
            let outcome = applied(live.as_ref(), &config, manager, true, NOW).unwrap();
            // Everything that was applied is there …
            let wanted = typed::field_set(&config, pod());
            let shown = typed::extract(&outcome.object, &wanted, pod());
            prop_assert!(typed::compare(&shown, &config, pod()).changed().is_empty(), "{} {}", shown, config);
            // … and owned by its applier, with no field owned that is not there.
            let owners = Managers::of(&outcome.object).unwrap();
            let all = typed::name_fields(&typed::field_set(&outcome.object, pod()), pod());
            for owner in &owners.0 {
                prop_assert!(owner.fields.leaves().difference(&all).is_empty(), "{:?}", owner.fields.paths());
            }
            let again = applied(Some(&outcome.object), &config, manager, true, LATER).unwrap();
            prop_assert!(!again.changed, "{} {}", again.object, outcome.object);
            live = Some(outcome.object);
        }
    }

    #[test]
    fn what_only_one_manager_applied_goes_with_it(config in any_config(), other in any_config()) {
        let first = applied(None, &config, "one", true, NOW).unwrap().object;
        let second = applied(Some(&first), &other, "two", true, NOW).unwrap().object;
        let without = applied(Some(&second), &named(json!({})), "one", true, LATER).unwrap().object;
        let alone = applied(None, &other, "two", true, NOW).unwrap().object;
        let body = |object: &Value| {
            let mut object = object.clone();
            take_managed_fields(&mut object);
            // An empty struct is a field of its own only for him who wrote it.
            typed::field_set(&object, pod()).difference(&FieldSet::of(&[&["spec"]]))
        };
        prop_assert_eq!(body(&without), body(&alone));
    }

    #[test]
    fn removing_and_extracting_part_an_object(config in any_config(), other in any_config()) {
        let all = typed::field_set(&config, pod());
        let some = all.intersection(&typed::field_set(&other, pod())).leaves();
        let (kept, taken) = (typed::remove(&config, &some, pod()), typed::extract(&config, &some, pod()));
        let rest = typed::field_set(&kept, pod());
        prop_assert!(rest.intersection(&some).is_empty());
        prop_assert!(some.difference(&typed::field_set(&taken, pod())).is_empty());
    }

    #[test]
    fn comparing_sees_every_difference(a in any_config(), b in any_config()) {
        let there = typed::compare(&a, &b, pod());
        let back = typed::compare(&b, &a, pod());
        prop_assert_eq!(&there.added, &back.removed);
        prop_assert_eq!(&there.modified, &back.modified);
        let merged = typed::merge(&a, &b, pod());
        if typed::covers(&a, &b, pod()) {
            prop_assert_eq!(&merged, &a);
        }
        prop_assert!(typed::covers(&merged, &b, pod()), "{} {}", merged, b);
        prop_assert!(typed::compare(&a, &merged, pod()).removed.is_empty());
        prop_assert!(typed::compare(&merged, &b, pod()).changed().is_empty());
    }
}
