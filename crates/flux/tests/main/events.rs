//! What is told in events: to the cluster, and to Flux' notification-controller, as the original tells it.

use crate::bed::{Bed, NAMESPACE, applied, is_ready, ready};
use axum::extract::State;
use axum::http::StatusCode;
use holdfast_flux::FluxOptions;
use holdfast_object::{Object, Value, json};
use holdfast_types::flux::kustomization;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn manifest(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

fn count(events: &[String], text: &str) -> usize {
    events.iter().filter(|event| event.starts_with(text)).count()
}

const FINISHED: &str = "ReconciliationSucceeded: Reconciliation finished in ";

#[tokio::test(start_paused = true)]
async fn every_reconcile_of_an_interval_is_told_and_counted() {
    let mut bed = Bed::start().await;
    let revision = bed.repository.commit(&[("a.yaml", &manifest("a", "one"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    bed.until_event(NAMESPACE, "app", FINISHED).await;
    let events = bed.events(NAMESPACE, "app").await;
    assert_eq!(count(&events, FINISHED), 1, "{events:#?}");
    assert_eq!(count(&events, "Progressing: ConfigMap/default/a created"), 1, "{events:#?}");

    // A restart finds everything in force: that is no reconcile.
    bed.restart().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(count(&bed.events(NAMESPACE, "app").await, FINISHED), 1);

    // The interval is ten minutes, and what it finds is told though nothing changed.
    tokio::time::sleep(Duration::from_secs(650)).await;
    let total = async || {
        let app = bed.get(&kustomization(), "flux-system", "app").await.unwrap();
        app.get(&["status", "history"]).unwrap()[0]["totalReconciliations"].as_i64().unwrap()
    };
    assert_eq!((count(&bed.events(NAMESPACE, "app").await, FINISHED), total().await), (2, 2));

    let ask = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    bed.merge(&kustomization(), "flux-system", "app", ask).await;
    let answered = |object: Option<&Object>| {
        object.and_then(|o| o.get(&["status", "lastHandledReconcileAt"])) == Some(&json!("now"))
            && is_ready(object)
    };
    bed.until(&kustomization(), "flux-system", "app", answered).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((count(&bed.events(NAMESPACE, "app").await, FINISHED), total().await), (3, 3));

    // What is deleted is told apart from what is applied.
    bed.repository.commit(&[("b.yaml", &manifest("b", "one"))]);
    bed.push().await;
    bed.until_event(NAMESPACE, "app", "Progressing: ConfigMap/default/a deleted").await;
    let events = bed.events(NAMESPACE, "app").await;
    assert_eq!(count(&events, "Progressing: ConfigMap/default/b created"), 1, "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_failed_has_not_finished() {
    let bed = Bed::start().await;
    let missing = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lost, namespace: nowhere}\n";
    bed.repository.commit(&[("a.yaml", &manifest("a", "x")), ("lost.yaml", missing)]);
    bed.source().await;
    bed.kustomization("app", json!({"targetNamespace": null})).await;
    bed.until_event(NAMESPACE, "app", "ReconciliationFailed: ").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(count(&bed.events(NAMESPACE, "app").await, FINISHED), 0);
}

#[tokio::test(start_paused = true)]
async fn waiting_is_no_failure() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a.yaml", &manifest("a", "x"))]);
    bed.namespace(NAMESPACE).await;
    bed.kustomization("early", json!({})).await;
    let says = |text: &'static str| {
        move |object: Option<&Object>| ready(object).is_some_and(|(.., message)| message.contains(text))
    };
    bed.until(&kustomization(), "flux-system", "early", says("not found")).await;
    bed.source().await;
    bed.until(&kustomization(), "flux-system", "early", is_ready).await;
    bed.kustomization("second", json!({"dependsOn": [{"name": "first"}]})).await;
    bed.until(&kustomization(), "flux-system", "second", says("dependency 'flux-system/first' not found"))
        .await;
    let told = "DependencyNotReady: Dependencies do not meet ready condition, retrying in 30s";
    bed.until_event(NAMESPACE, "second", told).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    for name in ["early", "second"] {
        assert_eq!(bed.warnings("Kustomization", NAMESPACE, name).await, Vec::<String>::new(), "{name}");
    }
}

/// A notification-controller that notes what it is sent; the first time it is out of order.
struct Receiver {
    address: String,
    received: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    async fn start() -> Self {
        let received = Arc::<Mutex<Vec<Value>>>::default();
        let tries = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let take = async move |State(noted): State<Arc<Mutex<Vec<Value>>>>, body: String| {
            if tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            noted.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            StatusCode::ACCEPTED
        };
        let app = axum::Router::new().fallback(take).with_state(received.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, received }
    }

    async fn until(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            if let Some(found) = self.received.lock().unwrap().iter().find(|event| is_wanted(event)) {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not received: {:#?}", self.received.lock().unwrap());
    }
}

#[tokio::test]
async fn notification_controller_is_sent_what_it_expects() {
    let receiver = Receiver::start().await;
    let options = FluxOptions { events_address: Some(receiver.address.clone()), ..FluxOptions::default() };
    let bed = Bed::with(options).await;
    let revision = bed.repository.commit(&[("a.yaml", &manifest("a", "one"))]);
    bed.namespace(NAMESPACE).await;
    bed.kustomization("app", json!({})).await;
    let annotations = json!({"event.toolkit.fluxcd.io/team": "blue", "other": "x"});
    let patch = json!({"metadata": {"annotations": annotations}});
    bed.merge(&kustomization(), "flux-system", "app", patch).await;
    bed.source().await;
    let app = bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await.unwrap();
    // The one that met a receiver out of order is sent again, so nothing is lost.
    let stored = receiver.until(|event| event["reason"] == "NewArtifact").await;
    assert_eq!(stored["reportingController"], "source-controller");
    assert_eq!(stored["severity"], "info");
    assert_eq!(stored["metadata"]["source.toolkit.fluxcd.io/revision"], format!("main@sha1:{revision}"));
    receiver.until(|event| event["message"] == "ConfigMap/default/a created").await;
    let finished = |event: &Value| {
        event["message"].as_str().is_some_and(|message| message.starts_with("Reconciliation finished in "))
    };
    let event = receiver.until(finished).await;
    let metadata = json!({"kustomize.toolkit.fluxcd.io/revision": format!("main@sha1:{revision}"),
        "kustomize.toolkit.fluxcd.io/commit_status": "update", "event.toolkit.fluxcd.io/team": "blue"});
    assert_eq!(event["metadata"], metadata);
    assert_eq!(event["reason"], "ReconciliationSucceeded");
    assert_eq!(event["reportingController"], "kustomize-controller");
    let involved = &event["involvedObject"];
    assert_eq!(involved["apiVersion"], "kustomize.toolkit.fluxcd.io/v1");
    assert_eq!((involved["kind"].as_str(), involved["name"].as_str()), (Some("Kustomization"), Some("app")));
    assert_eq!(involved["uid"], app.uid());

    bed.repository.commit(&[("a.yaml", "kind: [\n")]);
    bed.push().await;
    let failed = receiver.until(|event| event["reason"] == "BuildFailed").await;
    assert_eq!(failed["severity"], "error");
}
