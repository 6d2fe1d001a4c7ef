//! What holds an app back, told from what is known: pure, for `why` and whoever else wants to tell it.

use crate::places::Places;
use holdfast_merge::drift::Difference;
use holdfast_object::{Value, json};
use holdfast_sync::{PlannedChange, Reason, explain_at};
use holdfast_view::{App, json as as_json, line};

/// Everything that is known of what holds an app back.
pub(crate) struct Story {
    /// The app, as its status tells.
    pub(crate) app: App,
    /// Why it is not run at all.
    pub(crate) refused: Vec<String>,
    /// What a sync would change now; `Err` with the reason why that cannot be told, `None` when it was not asked.
    pub(crate) changes: Option<Result<Vec<PlannedChange>, String>>,
    /// Where the fields stand that it would set.
    pub(crate) places: Places,
}

/// What a line that goes on with the one before begins with.
const GOES_ON: &str = "\n    ";

/// The story in words, the nearest cause first.
pub(crate) fn lines(story: &Story, now: jiff::Timestamp) -> Vec<String> {
    let app = &story.app;
    let mut lines = Vec::new();
    if app.suspended {
        lines.push(format!("it is suspended: `holdfast resume {}` lets it run again", app.name()));
    }
    lines.extend(story.refused.iter().map(|reason| format!("it is refused: {reason}")));
    lines.extend(app.waiting.iter().map(|waiting| format!("it waits for {waiting}")));
    if let Some(attempted) = &app.attempted {
        lines.push(format!(
            "it tried {} and has {} in force",
            line::short_revision(attempted),
            match app.revision.as_str() {
                "" => "nothing".to_owned(),
                revision => line::short_revision(revision),
            }
        ));
    }
    for condition in app.conditions.iter().filter(|c| is_telling(c)) {
        let since = line::age(condition.since, now);
        let since = if since.is_empty() { String::new() } else { format!(" for {since}") };
        let reason =
            if condition.reason.is_empty() { String::new() } else { format!(" ({})", condition.reason) };
        lines.push(format!(
            "{} is {}{since}{reason}: {}",
            condition.kind, condition.status, condition.message
        ));
    }
    if let Some(operation) = app.operation.as_ref().filter(|o| o.phase != "Succeeded") {
        let retries = match operation.retries {
            0 => String::new(),
            retries => format!(", tried again {retries} times"),
        };
        lines.push(format!("its sync is {}{retries}: {}", operation.phase, operation.message));
    }
    match &story.changes {
        Some(Ok(changes)) => {
            lines.extend(changes.iter().flat_map(|change| change_lines(change, &story.places)))
        }
        Some(Err(why)) => lines.push(format!("what a sync would change cannot be told: {why}")),
        None => {}
    }
    if lines.is_empty() {
        lines.push("nothing holds it back".to_owned());
    }
    // Some messages have a line for each of several objects.
    lines.iter().map(|line| line.replace('\n', GOES_ON)).collect()
}

/// Whether a condition says more than that all is well.
fn is_telling(condition: &holdfast_view::Condition) -> bool {
    match condition.kind.as_str() {
        // These two only repeat what Ready says.
        "Reconciling" | "Stalled" => false,
        "Ready" | "Healthy" => condition.status != "True",
        // Who is at odds with us, and what is seen late.
        "Contested" | "Unwatched" => condition.status == "True",
        _ => condition.status == "True" && condition.reason.is_empty(),
    }
}

fn change_lines(change: &PlannedChange, places: &Places) -> Vec<String> {
    let op = &change.op;
    explain_at(&op.object, op.origin.as_ref(), &op.why, &|field| places.of(&op.object.key, field).cloned())
}

/// The story as JSON: fields are only ever added.
pub(crate) fn value(story: &Story) -> Value {
    let app = &story.app;
    let conditions = app.conditions.iter().filter(|c| is_telling(c));
    let mut value = json!({
        "app": format!("{}/{}", app.namespace(), app.name()),
        "sync": app.sync.to_string(),
        "health": app.health.to_string(),
        "suspended": app.suspended,
        "refused": story.refused,
        "waiting": app.waiting.iter().map(as_json::waiting).collect::<Vec<_>>(),
        "conditions": conditions.map(as_json::condition).collect::<Vec<_>>(),
        "message": app.message,
    });
    match &story.changes {
        Some(Ok(changes)) => {
            value["changes"] = changes.iter().map(|change| change_value(change, &story.places)).collect();
        }
        Some(Err(why)) => value["changesUnknown"] = json!(why),
        None => {}
    }
    value
}

fn change_value(change: &PlannedChange, places: &Places) -> Value {
    let op = &change.op;
    let mut value = as_json::reference(&op.object);
    let is_secret = op.object.key.kind == "Secret" && op.object.key.group.is_empty();
    value["why"] = json!(op.why.to_string());
    if let Some(origin) = &op.origin {
        value["origin"] = json!(origin.to_string());
    }
    if let Reason::Differs(differences) = &op.why {
        let one = |d: &Difference| {
            let shown = |value: &Option<Value>| if is_secret { Value::Null } else { json!(value) };
            let mut value = json!({
                "field": d.path.to_string(),
                "live": shown(&d.live),
                "wanted": shown(&d.desired),
                "manager": d.taken_by.as_ref().map(ToString::to_string),
                "at": d.taken_by.as_ref().and_then(|taker| taker.time.clone()),
            });
            if let Some(place) = places.of(&op.object.key, d) {
                value["origin"] = json!(place.to_string());
            }
            value
        };
        value["differences"] = differences.iter().map(one).collect();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_merge::drift::{ArgocdRequest, argocd};
    use holdfast_object::{Object, Origin};
    use holdfast_sync::{Change, Op, Propagation, Verb};

    fn app(status: Value) -> App {
        let object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "shop", "namespace": "flux-system", "generation": 3},
            "spec": {"interval": "10m", "sourceRef": {"kind": "GitRepository", "name": "fleet"}}, "status": status});
        holdfast_view::apps(&[Object::new(object).unwrap()]).remove(0)
    }

    fn change(kind: &str, live: Value, wanted: Value, line: u32) -> PlannedChange {
        let object = |data: &Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "n"}, "data": data});
        let (mut live, desired) = (object(&live), object(&wanted));
        live["metadata"]["managedFields"] = json!([{"manager": "kubectl-edit", "operation": "Update",
            "apiVersion": "v1", "time": "2026-01-01T10:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:color": {}}}}]);
        let request =
            ArgocdRequest { desired: &desired, live: &live, ignore: &[], manager: "us", defaults: None };
        let why = Reason::Differs(argocd(&request).differences);
        let object = Object::new(desired.clone()).unwrap().reference();
        let verb = Verb::Delete { propagation: Propagation::Background };
        let origin = Some(Origin { file: "shop/a.yaml".into(), line, document: 0 });
        PlannedChange { op: Op { object, verb, why, origin, precondition: None }, change: Change::Configured }
    }

    fn failed() -> Story {
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 3,
                "lastTransitionTime": "2026-01-01T11:00:00Z"})
        };
        let message = "ConfigMap/n/a (shop/a.yaml:3): admission webhook \"x\" denied the request: no";
        let status = json!({"observedGeneration": 2,
            "lastAppliedRevision": "main@sha1:0123456789abcdef0123456789abcdef01234567",
            "lastAttemptedRevision": "main@sha1:fedcba9876543210fedcba9876543210fedcba98",
            "history": [{"lastReconciled": "2026-01-01T11:55:00Z"}],
            "conditions": [condition("Ready", "False", "ReconciliationFailed", message),
                condition("Reconciling", "True", "ProgressingWithRetry", message),
                condition("Contested", "True", "FieldsContested", "ConfigMap/n/b: .data.x was put right 3 times\nConfigMap/n/c: .data.x was put right 4 times")]});
        let changes = vec![
            change("ConfigMap", json!({"color": "red"}), json!({"color": "green"}), 3),
            change("Secret", json!({"color": "cmVk"}), json!({"color": "Z3JlZW4="}), 9),
        ];
        Story { app: app(status), refused: Vec::new(), changes: Some(Ok(changes)), places: Places::default() }
    }

    #[test]
    fn the_nearest_cause_comes_first() {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        insta::assert_snapshot!(lines(&failed(), now).join("\n"), @r#"
        it waits for the next try, due at 2026-01-01T12:05:00Z
        it tried main@fedcba98 and has main@01234567 in force
        Ready is False for 60m (ReconciliationFailed): ConfigMap/n/a (shop/a.yaml:3): admission webhook "x" denied the request: no
        Contested is True for 60m (FieldsContested): ConfigMap/n/b: .data.x was put right 3 times
            ConfigMap/n/c: .data.x was put right 4 times
        ConfigMap/n/a (shop/a.yaml:3): .data.color is "red", wanted "green", set by kubectl-edit/Update at 2026-01-01T10:00:00Z
        Secret/n/a (shop/a.yaml:9): .data.color is a value that is not shown, wanted a value that is not shown, set by kubectl-edit/Update at 2026-01-01T10:00:00Z
        "#);
        let suspended = Story {
            app: App { suspended: true, ..app(json!({})) },
            refused: Vec::new(),
            changes: None,
            places: Places::default(),
        };
        insta::assert_snapshot!(lines(&suspended, now).join("\n"), @r"
        it is suspended: `holdfast resume ks/shop` lets it run again
        it waits for a controller to take it up
        ");
        let refused = Story {
            app: app(json!({})),
            refused: vec!["spec.decryption".into()],
            changes: None,
            places: Places::default(),
        };
        insta::assert_snapshot!(lines(&refused, now).join("\n"), @r"
        it is refused: spec.decryption
        it waits for a controller to take it up
        ");
        let unknown = Story {
            app: app(json!({})),
            refused: Vec::new(),
            changes: Some(Err("no route".into())),
            places: Places::default(),
        };
        insta::assert_snapshot!(lines(&unknown, now).join("\n"), @r"
        it waits for a controller to take it up
        what a sync would change cannot be told: no route
        ");
    }

    #[test]
    fn the_same_as_json_keeps_secrets_too() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&value(&failed())).unwrap(), @r#"
        {
          "app": "flux-system/ks/shop",
          "sync": "OutOfSync",
          "health": "Unknown",
          "suspended": false,
          "refused": [],
          "waiting": [
            {
              "for": "retry",
              "until": "2026-01-01T12:05:00Z"
            }
          ],
          "conditions": [
            {
              "type": "Ready",
              "status": "False",
              "reason": "ReconciliationFailed",
              "message": "ConfigMap/n/a (shop/a.yaml:3): admission webhook \"x\" denied the request: no",
              "since": "2026-01-01T11:00:00Z"
            },
            {
              "type": "Contested",
              "status": "True",
              "reason": "FieldsContested",
              "message": "ConfigMap/n/b: .data.x was put right 3 times\nConfigMap/n/c: .data.x was put right 4 times",
              "since": "2026-01-01T11:00:00Z"
            }
          ],
          "message": "ConfigMap/n/a (shop/a.yaml:3): admission webhook \"x\" denied the request: no",
          "changes": [
            {
              "apiVersion": "v1",
              "kind": "ConfigMap",
              "namespace": "n",
              "name": "a",
              "why": "differs at .data.color",
              "origin": "shop/a.yaml:3",
              "differences": [
                {
                  "field": ".data.color",
                  "live": "red",
                  "wanted": "green",
                  "manager": "kubectl-edit/Update",
                  "at": "2026-01-01T10:00:00Z"
                }
              ]
            },
            {
              "apiVersion": "v1",
              "kind": "Secret",
              "namespace": "n",
              "name": "a",
              "why": "differs at .data.color",
              "origin": "shop/a.yaml:9",
              "differences": [
                {
                  "field": ".data.color",
                  "live": null,
                  "wanted": null,
                  "manager": "kubectl-edit/Update",
                  "at": "2026-01-01T10:00:00Z"
                }
              ]
            }
          ]
        }
        "#);
    }
}
