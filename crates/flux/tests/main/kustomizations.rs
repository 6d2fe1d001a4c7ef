use crate::bed::{Bed, applied, is_ready, ready};
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, json};
use holdfast_types::flux::{git_repository, kustomization};

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn manifest(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

fn has_value(value: &'static str) -> impl Fn(Option<&Object>) -> bool {
    move |object| object.and_then(|o| o.get(&["data", "key"])).and_then(|v| v.as_str()) == Some(value)
}

#[tokio::test(start_paused = true)]
async fn a_commit_reaches_the_cluster_and_the_next_one_too() {
    let bed = Bed::start().await;
    let first =
        bed.repository.commit(&[("a.yaml", &manifest("a", "one")), ("b.yaml", &manifest("b", "one"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    let status = bed.until(&kustomization(), "flux-system", "app", applied(&first)).await.unwrap();
    let ids: Vec<_> = status.get(&["status", "inventory", "entries"]).unwrap().as_array().unwrap().clone();
    assert_eq!(
        ids,
        [json!({"id": "default_a__ConfigMap", "v": "v1"}), json!({"id": "default_b__ConfigMap", "v": "v1"})]
    );
    assert!(bed.until(&config_map(), "default", "a", has_value("one")).await.is_some());
    let source = bed.get(&git_repository(), "flux-system", "app").await;
    assert_eq!(
        ready(source.as_ref()).unwrap().2,
        format!("stored artifact for revision 'main@sha1:{first}'")
    );

    let second = bed.repository.commit(&[("a.yaml", &manifest("a", "two"))]);
    bed.push().await;
    bed.until(&kustomization(), "flux-system", "app", applied(&second)).await;
    assert!(bed.until(&config_map(), "default", "a", has_value("two")).await.is_some());
    bed.until(&config_map(), "default", "b", |object| object.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_change_is_put_right() {
    let bed = Bed::start().await;
    let revision = bed.repository.commit(&[("a.yaml", &manifest("a", "ours"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    bed.until(&config_map(), "default", "a", has_value("ours")).await;
    bed.delete(&config_map(), "default", "a").await;
    bed.until(&config_map(), "default", "a", has_value("ours")).await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_commit_leaves_what_is_there_and_says_where() {
    let bed = Bed::start().await;
    let first = bed.repository.commit(&[("a.yaml", &manifest("a", "one"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&first)).await;
    bed.repository.commit(&[("a.yaml", "kind: [\n")]);
    bed.push().await;
    let failed =
        |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "BuildFailed");
    let object = bed.until(&kustomization(), "flux-system", "app", failed).await;
    let (_, _, message) = ready(object.as_ref()).unwrap();
    assert!(message.contains("a.yaml:"), "{message}");
    assert!(has_value("one")(bed.get(&config_map(), "default", "a").await.as_ref()));
}

#[tokio::test(start_paused = true)]
async fn dependencies_and_cycles() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a/a.yaml", &manifest("a", "x")), ("b/b.yaml", &manifest("b", "x"))]);
    bed.source().await;
    bed.kustomization("second", json!({"path": "b", "dependsOn": [{"name": "first"}]})).await;
    let waits =
        |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "DependencyNotReady");
    bed.until(&kustomization(), "flux-system", "second", waits).await;
    bed.kustomization("first", json!({"path": "a"})).await;
    bed.until(&kustomization(), "flux-system", "second", is_ready).await;

    bed.kustomization("x", json!({"path": "a", "dependsOn": [{"name": "y"}]})).await;
    bed.kustomization("y", json!({"path": "b", "dependsOn": [{"name": "x"}]})).await;
    let cycle = |object: Option<&Object>| {
        ready(object).is_some_and(|(.., message)| message.contains("dependency cycle"))
    };
    bed.until(&kustomization(), "flux-system", "x", cycle).await;
}

#[tokio::test(start_paused = true)]
async fn a_definition_and_its_first_object_come_in_one_commit() {
    let bed = Bed::start().await;
    let definition = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: first}
spec: {size: 3}
"#;
    let revision = bed.repository.commit(&[("all.yaml", definition)]);
    bed.source().await;
    bed.kustomization("app", json!({"wait": true, "timeout": "2m"})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    let widget = GroupVersionKind::new("example.com", "v1", "Widget");
    bed.until(&widget, "default", "first", |found| found.is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn deletion_takes_the_objects_along_and_suspend_keeps_them() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a/a.yaml", &manifest("a", "x")), ("b/b.yaml", &manifest("b", "x"))]);
    bed.source().await;
    for name in ["a", "b"] {
        bed.kustomization(name, json!({"path": name})).await;
        bed.until(&kustomization(), "flux-system", name, is_ready).await;
    }
    bed.kustomization("b", json!({"path": "b", "suspend": true})).await;
    for name in ["a", "b"] {
        bed.delete(&kustomization(), "flux-system", name).await;
        bed.until(&kustomization(), "flux-system", name, |object| object.is_none()).await;
    }
    bed.until(&config_map(), "default", "a", |object| object.is_none()).await;
    assert!(bed.get(&config_map(), "default", "b").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_run_is_refused_by_name() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a.yaml", &manifest("a", "x"))]);
    bed.source().await;
    let decryption = json!({"provider": "sops", "serviceAccountName": "vault"});
    bed.kustomization("app", json!({"decryption": decryption})).await;
    let refused =
        |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "Unsupported");
    let object = bed.until(&kustomization(), "flux-system", "app", refused).await;
    assert_eq!(ready(object.as_ref()).unwrap().2, "not supported: spec.decryption.serviceAccountName");
}

#[tokio::test(start_paused = true)]
async fn a_failed_object_does_not_hide_the_others() {
    let bed = Bed::start().await;
    let missing = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lost, namespace: nowhere}\n";
    bed.repository.commit(&[("a.yaml", &manifest("a", "x")), ("lost.yaml", missing)]);
    bed.source().await;
    bed.kustomization("app", json!({"targetNamespace": null})).await;
    let failed = |object: Option<&Object>| {
        ready(object).is_some_and(|(_, reason, _)| reason == "ReconciliationFailed")
    };
    let object = bed.until(&kustomization(), "flux-system", "app", failed).await;
    let (_, _, message) = ready(object.as_ref()).unwrap();
    assert!(
        message.contains("ConfigMap/nowhere/lost (lost.yaml:1): namespaces \"nowhere\" not found"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_two_claim_is_not_fought_over() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a/a.yaml", &manifest("shared", "a")), ("b/b.yaml", &manifest("shared", "b"))]);
    bed.source().await;
    bed.kustomization("a", json!({"path": "a"})).await;
    bed.until(&kustomization(), "flux-system", "a", is_ready).await;
    bed.kustomization("b", json!({"path": "b"})).await;
    bed.until(&kustomization(), "flux-system", "b", is_ready).await;
    let object = bed.until(&config_map(), "default", "shared", has_value("b")).await.unwrap();
    // Longer than any healing takes, and shorter than the interval.
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    let later = bed.get(&config_map(), "default", "shared").await.unwrap();
    assert_eq!(later.resource_version(), object.resource_version(), "it is left to the last one");
    let event = GroupVersionKind::new("", "v1", "Event");
    let resource = bed.cluster.resource(&event).await.unwrap();
    let list =
        bed.cluster.request(holdfast_cluster::ApiRequest::get(resource.path("flux-system"))).await.unwrap();
    let list: holdfast_object::Value = serde_json::from_slice(&list.body).unwrap();
    let warnings = list["items"].as_array().unwrap().iter().filter(|e| e["reason"] == "ObjectClaimedTwice");
    let said: Vec<&str> = warnings.filter_map(|e| e["message"].as_str()).collect();
    let expected = "ConfigMap/default/shared is applied by Kustomization flux-system/b and by flux-system/a; it \
                    belongs to the last one that applied it";
    assert!(said.contains(&expected), "{said:?}");

    // Taken out of one, it stays with the other.
    bed.repository.commit(&[("a/x.yaml", &manifest("other", "a")), ("b/b.yaml", &manifest("shared", "b"))]);
    bed.push().await;
    bed.until(&config_map(), "default", "other", |object| object.is_some()).await;
    bed.until(&kustomization(), "flux-system", "a", is_ready).await;
    assert!(bed.get(&config_map(), "default", "shared").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_shard_runs_what_carries_its_label() {
    let selector = holdfast_flux::WatchSelector::parse("sharding.fluxcd.io/key=one").unwrap();
    let options = holdfast_flux::FluxOptions { watch_selector: Some(selector), ..Default::default() };
    let bed = Bed::with(options).await;
    bed.repository.commit(&[("a.yaml", &manifest("a", "x"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    let label = json!({"metadata": {"labels": {"sharding.fluxcd.io/key": "one"}}});
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let untouched = bed.get(&kustomization(), "flux-system", "app").await;
    assert_eq!(ready(untouched.as_ref()), None, "it is another's");
    bed.merge(&git_repository(), "flux-system", "app", label.clone()).await;
    bed.merge(&kustomization(), "flux-system", "app", label).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;
}

#[tokio::test(start_paused = true)]
async fn fields_are_left_to_others_once_the_object_is_there() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a.yaml", &manifest("a", "ours"))]);
    bed.source().await;
    let ignore = json!([{"paths": ["/data/key"], "target": {"kind": "ConfigMap", "name": "a"}}]);
    bed.kustomization("app", json!({"ignore": ignore})).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;
    bed.until(&config_map(), "default", "a", has_value("ours")).await;
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    bed.merge(&kustomization(), "flux-system", "app", patch).await;
    let handled = |object: Option<&Object>| {
        object.and_then(|o| o.get(&["status", "lastHandledReconcileAt"])).is_some() && is_ready(object)
    };
    bed.until(&kustomization(), "flux-system", "app", handled).await;
    assert!(has_value("theirs")(bed.get(&config_map(), "default", "a").await.as_ref()));
}

#[tokio::test(start_paused = true)]
async fn variables_are_replaced_after_the_build() {
    let bed = Bed::start().await;
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  key: ${inline}-${map}-${secret}\n  \
                    kept: $plain $${literal}\n  or: ${nothing:=default}\n";
    bed.repository.commit(&[("a.yaml", template)]);
    bed.source().await;
    let values = |kind: &str, name: &str, values: holdfast_object::Value| {
        let field = if kind == "Secret" { "stringData" } else { "data" };
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "flux-system"}, field: values})
    };
    bed.apply(values(
        "ConfigMap",
        "vars",
        json!({"map": "m", "inline": "overridden", "secret": "overridden"}),
    ))
    .await;
    let from = json!([{"kind": "ConfigMap", "name": "vars"}, {"kind": "Secret", "name": "vars"},
        {"kind": "Secret", "name": "none", "optional": true}]);
    let post_build = json!({"substitute": {"name": "a", "inline": "i"}, "substituteFrom": from});
    bed.kustomization("app", json!({"retryInterval": "5s", "postBuild": post_build})).await;
    let failed =
        |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "BuildFailed");
    let object = bed.until(&kustomization(), "flux-system", "app", failed).await;
    let expected =
        "post build failed: substitute from 'Secret/vars' error: secret 'flux-system/vars' not found";
    assert_eq!(ready(object.as_ref()).unwrap().2, expected);
    bed.apply(values("Secret", "vars", json!({"secret": "s"}))).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;
    let made = bed.get(&config_map(), "default", "a").await.unwrap();
    let data = json!({"key": "i-m-s", "kept": "$plain ${literal}", "or": "default"});
    assert_eq!(made.get(&["data"]), Some(&data));

    // Without a value and without a default, a variable is an error that names it.
    bed.kustomization("strict", json!({"postBuild": {"substitute": {"name": "b"}}})).await;
    let object = bed.until(&kustomization(), "flux-system", "strict", failed).await;
    assert!(ready(object.as_ref()).unwrap().2.contains("inline"), "{object:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watched_config_starts_its_users_at_once() {
    let bed = Bed::start().await;
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: made\ndata:\n  key: ${value}\n";
    bed.repository.commit(&[("a.yaml", template)]);
    bed.source().await;
    let values = |kind: &str, value: &str, watched: bool| {
        let mut labels = json!({});
        if watched {
            labels["reconcile.fluxcd.io/watch"] = "Enabled".into();
        }
        let field = if kind == "Secret" { "stringData" } else { "data" };
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "vars", "namespace": "flux-system",
            "labels": labels}, field: {"value": value}})
    };
    bed.apply(values("ConfigMap", "one", false)).await;
    bed.apply(values("Secret", "secret", true)).await;
    let made = async |value: &'static str| {
        bed.until(&config_map(), "default", "made", has_value(value)).await;
    };
    let from = |kind: &str| json!({"postBuild": {"substituteFrom": [{"kind": kind, "name": "vars"}]}});
    bed.kustomization("app", from("ConfigMap")).await;
    made("one").await;
    // Without the label the change counts at the next reconcile.
    bed.apply(values("ConfigMap", "two", false)).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    made("one").await;
    for value in ["three", "four"] {
        bed.apply(values("ConfigMap", value, true)).await;
        made(value).await;
    }
    // What is not referred to does not matter, and once it is it does.
    bed.kustomization("app", from("Secret")).await;
    made("secret").await;
    bed.apply(values("Secret", "other", true)).await;
    made("other").await;
}

#[tokio::test(start_paused = true)]
async fn what_was_put_right_is_told_with_who_had_changed_it() {
    let bed = Bed::start().await;
    let revision = bed.repository.commit(&[("a.yaml", &manifest("a", "ours"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    assert!(
        !bed.events("flux-system", "app").await.iter().any(|e| e.starts_with("DriftCorrected")),
        "a first apply is no drift"
    );
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    bed.until(&config_map(), "default", "a", has_value("ours")).await;
    let told = "DriftCorrected: put right: ConfigMap/default/a (a.yaml:1): .data.key was \"theirs\", wanted \"ours\", \
                set by someone/Update at ";
    bed.until_event("flux-system", "app", told).await;
    bed.delete(&config_map(), "default", "a").await;
    bed.until_event(
        "flux-system",
        "app",
        "DriftCorrected: put right: ConfigMap/default/a (a.yaml:1) was missing",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_large_prune_waits_for_a_yes_to_its_revision() {
    let bed = Bed::with(FluxOptions { prune_limit: Some(1), ..FluxOptions::default() }).await;
    let (a, b, c) = (manifest("a", "x"), manifest("b", "x"), manifest("c", "x"));
    let first = bed.repository.commit(&[("a.yaml", &a), ("b.yaml", &b), ("c.yaml", &c)]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&first)).await;
    let second = bed.repository.commit(&[("a.yaml", &manifest("a", "y"))]);
    bed.push().await;
    let held = |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "PruneFailed");
    let object = bed.until(&kustomization(), "flux-system", "app", held).await;
    let (_, _, message) = ready(object.as_ref()).unwrap();
    assert_eq!(
        message,
        format!(
            "prune is held: 2 objects would be deleted, more than the limit of 1: ConfigMap/default/c, \
             ConfigMap/default/b; say yes with `holdfast sync --approve-prune`, or the annotation \
             holdfast.dev/approve-prune=main@sha1:{second}"
        )
    );
    assert!(has_value("y")(bed.get(&config_map(), "default", "a").await.as_ref()), "the rest is applied");
    let approve = |revision: &str| json!({"metadata": {"annotations": {"holdfast.dev/approve-prune": format!("main@sha1:{revision}")}}});
    // A yes to another revision is none to this one.
    bed.merge(&kustomization(), "flux-system", "app", approve(&first)).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert!(bed.get(&config_map(), "default", "b").await.is_some());
    let asked = tokio::time::Instant::now();
    bed.merge(&kustomization(), "flux-system", "app", approve(&second)).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&second)).await;
    assert!(asked.elapsed() < std::time::Duration::from_secs(30), "a yes is taken at once");
    for name in ["b", "c"] {
        assert!(bed.get(&config_map(), "default", name).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rewritten_or_deleted_branch_leaves_the_last_good_revision_in_force() {
    let bed = Bed::start().await;
    let first = bed.repository.commit(&[("a.yaml", &manifest("a", "one"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&first)).await;
    bed.repository.delete_branch();
    bed.push().await;
    let failed = |object: Option<&Object>| ready(object).is_some_and(|(status, ..)| status == "False");
    let source = bed.until(&git_repository(), "flux-system", "app", failed).await.unwrap();
    let revision = source.get(&["status", "artifact", "revision"]).and_then(|r| r.as_str());
    assert_eq!(revision, Some(format!("main@sha1:{first}").as_str()));
    let (_, reason, message) = ready(Some(&source)).unwrap();
    assert_eq!(reason, "GitOperationFailed");
    assert!(message.contains("main"), "{message}");
    // What was applied last is still healed.
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    bed.until(&config_map(), "default", "a", has_value("one")).await;
    let second = bed.repository.commit(&[("a.yaml", &manifest("a", "two"))]);
    bed.push().await;
    bed.until(&kustomization(), "flux-system", "app", applied(&second)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_suspended_answers_requests_and_does_nothing() {
    let bed = Bed::start().await;
    let first = bed.repository.commit(&[("a.yaml", &manifest("a", "one"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&first)).await;
    for (gvk, name) in [(git_repository(), "app"), (kustomization(), "app")] {
        bed.merge(&gvk, "flux-system", name, json!({"spec": {"suspend": true}})).await;
    }
    bed.repository.commit(&[("a.yaml", &manifest("a", "two"))]);
    for gvk in [git_repository(), kustomization()] {
        let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
        bed.merge(&gvk, "flux-system", "app", asked).await;
        bed.until(&gvk, "flux-system", "app", |object| {
            object.and_then(|o| o.get(&["status", "lastHandledReconcileAt"])) == Some(&json!("now"))
        })
        .await;
    }
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    tokio::time::sleep(std::time::Duration::from_secs(1200)).await;
    assert!(has_value("theirs")(bed.get(&config_map(), "default", "a").await.as_ref()), "drift is left");
}

/// An object's version when it was made; none of these changes afterwards.
async fn version(bed: &Bed, gvk: &GroupVersionKind, name: &str) -> u64 {
    bed.get(gvk, "default", name).await.unwrap().resource_version().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn kinds_of_a_custom_stage_come_before_the_rest() {
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\nrules: []\n";
    let roles = GroupVersionKind::new("rbac.authorization.k8s.io", "v1", "Role");
    for (stage, is_first) in [(vec![], false), (vec!["ConfigMap".to_owned()], true)] {
        let bed = Bed::with(FluxOptions { custom_stage_kinds: stage, ..FluxOptions::default() }).await;
        let revision = bed.repository.commit(&[("a.yaml", &manifest("a", "x")), ("role.yaml", role)]);
        bed.source().await;
        bed.kustomization("app", json!({})).await;
        bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
        let (map, role) = (version(&bed, &config_map(), "a").await, version(&bed, &roles, "a").await);
        assert_eq!(map < role, is_first, "ConfigMap {map}, Role {role}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_overridden_manager_sets_is_undone_at_the_interval() {
    let options = FluxOptions { override_managers: vec!["legacy".into()], ..FluxOptions::default() };
    let bed = Bed::with(options).await;
    let revision = bed.repository.commit(&[("a.yaml", &manifest("a", "ours"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    let resource = bed.cluster.resource(&config_map()).await.unwrap();
    for manager in ["legacy", "other"] {
        let mut patch = json!({"data": {}});
        patch["data"][manager] = "x".into();
        let merge = holdfast_cluster::PatchKind::Merge;
        let request =
            holdfast_cluster::ApiRequest::patch(&resource, "default", "a", merge, patch.to_string())
                .query("fieldManager", manager);
        bed.cluster.request(request).await.unwrap();
    }
    let data =
        async || bed.get(&config_map(), "default", "a").await.unwrap().get(&["data"]).cloned().unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(data().await, json!({"key": "ours", "legacy": "x", "other": "x"}));
    tokio::time::sleep(std::time::Duration::from_secs(660)).await;
    assert_eq!(data().await, json!({"key": "ours", "other": "x"}));
}
