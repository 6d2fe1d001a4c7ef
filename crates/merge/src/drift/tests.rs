use super::*;
use holdfast_testkit::conformance;
use serde_json::Value;

/// Every recorded case: Flux's verdict on one twin, Argo CD's on the other.
#[test]
fn recorded_changes_get_the_recorded_verdicts() {
    let Some(folder) = conformance("drift") else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        count += 1;
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let title = path.file_stem().unwrap().to_string_lossy().into_owned();
        wrong.extend(check_flux(&case["flux"]).map(|what| format!("{title}: flux: {what}")));
        wrong.extend(check_argocd(&case["argocd"]).map(|what| format!("{title}: argocd: {what}")));
    }
    assert!(count > 0, "no cases in the folder");
    assert!(wrong.is_empty(), "{} of {count} cases\n{}", wrong.len(), wrong.join("\n"));
}

fn check_flux(case: &Value) -> Option<String> {
    let manager = case["fieldManager"].as_str().unwrap();
    let judge = |live: &Value| {
        flux(&FluxRequest {
            desired: &case["desired"],
            live,
            manager,
            schema: None,
            fold: &FoldPolicy::kustomize_controller(manager, &[]),
            applied_before: true,
            defaults: None,
        })
    };
    let before = judge(&case["before"]);
    let drift = judge(&case["after"]);
    let word = match drift.verdict() {
        Verdict::InForce | Verdict::OwnershipLost => "in-force",
        Verdict::Fold => "fold",
        Verdict::OrderDrift | Verdict::ValueDrift => "drift",
        Verdict::Unknown => "unknown",
    };
    let same = word == case["verdict"]
        && drift.metadata == case["metadata"].as_bool().unwrap()
        && Value::from(drift.folds.clone()) == case["folds"]
        && drift.removes_last_applied() == case["removesLastApplied"].as_bool().unwrap()
        && before.verdict() == Verdict::InForce;
    (!same).then(|| {
        format!(
            "{word}, expected {} {} {}; before: {:?} {before:?}\n      {drift:?}",
            case["verdict"],
            case["folds"],
            case["metadata"],
            before.verdict()
        )
    })
}

fn check_argocd(case: &Value) -> Option<String> {
    let ignore = ["/status".to_owned()];
    let manager = case["fieldManager"].as_str().unwrap();
    let judge = |live: &Value| {
        argocd(&ArgocdRequest { desired: &case["desired"], live, ignore: &ignore, manager, defaults: None })
    };
    let (before, after) = (judge(&case["before"]), judge(&case["after"]));
    let same = before.modified() == case["modifiedBefore"].as_bool().unwrap()
        && after.modified() == case["modified"].as_bool().unwrap();
    (!same).then(|| {
        format!(
            "expected {} {}\n   before {before:?}\n    after {after:?}",
            case["modifiedBefore"], case["modified"]
        )
    })
}

mod flux_rule {
    use super::super::*;
    use crate::fields::FieldSet;
    use crate::ssa::{self, ApplyRequest, KindRules, UpdateRequest};
    use holdfast_object::GroupVersionKind;
    use holdfast_object::schema::{Schemas, TypeRef};
    use serde_json::{Value, json};

    const ME: &str = "kustomize-controller";
    static NOTHING: FieldSet = FieldSet::EMPTY;

    fn rules() -> KindRules<'static> {
        let schema: TypeRef<'static> =
            Schemas::builtin().root(&GroupVersionKind::new("apps", "v1", "Deployment")).unwrap();
        KindRules { schema, reset: &NOTHING, convert: &ssa::no_other_version }
    }

    fn wanted() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "labels": {"a": "b"}}, "spec": {
            "replicas": 2, "paused": false,
            "template": {"spec": {"containers": [
                {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}
            ]}}
        }})
    }

    /// The wanted object, applied; `paused: false` is left out as Go does.
    fn live() -> Value {
        let request = ApplyRequest {
            live: None,
            config: &wanted(),
            manager: ME,
            force: true,
            subresource: "",
            kind: rules(),
            now: "2026-11-21T10:00:00Z",
        };
        let mut object = ssa::apply(&request).unwrap().object;
        object["metadata"]["uid"] = "u".into();
        object["spec"].as_object_mut().unwrap().shift_remove("paused");
        object
    }

    fn changed(manager: &str, change: impl Fn(&mut Value)) -> Value {
        let old = live();
        let mut new = old.clone();
        change(&mut new);
        new["metadata"].as_object_mut().unwrap().shift_remove("managedFields");
        let now = "2026-11-21T11:00:00Z";
        ssa::track_update(
            &UpdateRequest { old: Some(&old), manager, subresource: "", kind: rules(), now },
            &mut new,
        );
        new
    }

    fn judged(live: &Value, desired: &Value, applied_before: bool) -> Drift {
        let fold = FoldPolicy::kustomize_controller(ME, &["helm".to_owned()]);
        flux(&FluxRequest {
            desired,
            live,
            manager: ME,
            schema: None,
            fold: &fold,
            applied_before,
            defaults: None,
        })
    }

    /// The verdict and what is said of each difference.
    fn shown(drift: &Drift) -> String {
        let mut text = format!("{:?}", drift.verdict());
        for difference in drift.differences.iter().chain(&drift.unsure) {
            text += &format!("; {difference:?}");
        }
        text
    }

    #[test]
    fn differences_name_the_path_and_who_took_it() {
        let check =
            |live: &Value, expected: &str| assert_eq!(shown(&judged(live, &wanted(), true)), expected);
        check(&live(), "InForce");
        check(
            &changed("hpa", |o| o["spec"]["replicas"] = 5.into()),
            "ValueDrift; Changed .spec.replicas by hpa/Update",
        );
        check(
            &changed("x", |o| drop(o["metadata"]["labels"].as_object_mut().unwrap().shift_remove("a"))),
            "ValueDrift; Missing .metadata.labels",
        );
        check(
            &changed("x", |o| {
                o["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap().reverse()
            }),
            "OrderDrift; Order .spec.template.spec.containers[name=\"a\"].env",
        );
        check(&changed("kubectl-edit", |o| o["metadata"]["labels"]["c"] = "d".into()), "Fold");
        check(&changed("helm-thing", |o| o["metadata"]["labels"]["c"] = "d".into()), "Fold");
        let mut wiped = live();
        wiped["metadata"].as_object_mut().unwrap().shift_remove("managedFields");
        check(&wiped, "Unknown; Missing .spec.paused");
        wiped["spec"]["paused"] = false.into();
        check(&wiped, "OwnershipLost");
    }

    #[test]
    fn what_may_be_a_default_is_not_judged() {
        let mut desired = wanted();
        desired["spec"].as_object_mut().unwrap().shift_remove("replicas");
        assert_eq!(shown(&judged(&live(), &desired, false)), "Unknown; Extra .spec.replicas");
        let fold = FoldPolicy::default();
        let one = |object: &mut Value| {
            if object["spec"]["replicas"].is_null() {
                object["spec"]["replicas"] = 1.into();
            }
        };
        let request = FluxRequest {
            desired: &desired,
            live: &live(),
            manager: ME,
            schema: None,
            fold: &fold,
            applied_before: false,
            defaults: Some(&one),
        };
        assert_eq!(shown(&flux(&request)), "ValueDrift; Changed .spec.replicas");
    }

    #[test]
    fn what_the_server_would_refuse_is_unknown() {
        let mut desired = wanted();
        desired["spec"]["nope"] = 1.into();
        let drift = judged(&live(), &desired, false);
        assert_eq!(drift.verdict(), Verdict::Unknown);
        assert!(drift.refused.unwrap().to_string().ends_with(".spec.nope: field not declared in schema"));
    }

    #[test]
    fn values_stay_out_of_debug_output() {
        let live = changed("x", |o| {
            o["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "hunter2".into()
        });
        let drift = judged(&live, &wanted(), true);
        assert_eq!(drift.differences[0].live, Some(json!("hunter2")));
        assert!(!format!("{drift:?}").contains("hunter2"));
    }

    #[test]
    fn seals_are_equal_as_long_as_nothing_of_ours_changes() {
        let fold = FoldPolicy::kustomize_controller(ME, &[]);
        let sealed = |object: &Value| seal(object, ME, &fold).unwrap();
        let before = sealed(&live());
        let same = |manager: &str, change: fn(&mut Value)| before == sealed(&changed(manager, change));
        assert!(same("x", |o| o["status"] = json!({"replicas": 1})));
        assert!(same("x", |o| o["metadata"]["labels"]["c"] = "d".into()));
        assert!(same("x", |o| o["spec"]["template"]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "s"}))));
        assert!(!same("x", |o| o["spec"]["replicas"] = 5.into()));
        assert!(!same("kubectl-edit", |o| o["metadata"]["labels"]["c"] = "d".into()));
        assert!(!same("x", |o| o["metadata"]["uid"] = "v".into()));
        assert!(!same("x", |o| o["metadata"]["deletionTimestamp"] = "2026-11-21T11:00:00Z".into()));
        assert!(!same("x", |o| {
            o["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap().reverse();
        }));
        assert_eq!(seal(&live(), "somebody", &fold), None);
    }
}

/// Argo CD's rule on what the server fills in beside keys that a patch keeps.
mod retained {
    use super::*;
    use serde_json::json;

    fn check(strategy: Value, volume: Value, expected: &[&str]) {
        let object = |image: &str, strategy: &Value, volume: &Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "n"},
                "spec": {"strategy": strategy, "template": {"spec": {
                    "containers": [{"name": "a", "image": image}], "volumes": [volume]}}}})
        };
        let (kept, named) = (json!({"type": "RollingUpdate"}), json!({"name": "v"}));
        let desired = object("b", &kept, &named);
        let mut live = object("a", &strategy, &volume);
        let applied = object("a", &kept, &named).to_string();
        live["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
        let request =
            ArgocdRequest { desired: &desired, live: &live, ignore: &[], manager: "us", defaults: None };
        let found: Vec<String> = argocd(&request)
            .differences
            .iter()
            .map(|d| d.path.to_string())
            .filter(|path| !path.contains("annotations"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn defaults_are_no_difference_and_other_values_are() {
        let image = ".spec.template.spec.containers[name=\"a\"].image";
        let rolling = |surge: &str| json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": "25%"}});
        let empty = json!({"name": "v", "emptyDir": {}});
        check(rolling("25%"), empty.clone(), &[image]);
        check(rolling("50%"), empty, &[".spec.strategy.rollingUpdate.maxSurge", image]);
        let host = json!({"name": "v", "hostPath": {"path": "/"}});
        check(rolling("25%"), host, &[image, ".spec.template.spec.volumes[name=\"v\"].hostPath"]);
    }
}
