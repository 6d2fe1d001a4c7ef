//! What people and other controllers do to the cluster.

use crate::fleet::{App, Item};
use crate::laws::marks;
use crate::wire::{Asked, Life, Role, Wire};
use crate::world::World;
use anyhow::{Result, bail};
use holdfast_object::{Value, json};
use http::Method;
use http_body_util::BodyExt;
use std::sync::Arc;

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// Somebody who writes to the cluster beside us. Their requests always arrive.
#[derive(Clone)]
pub struct Hands {
    world: World,
    role: Role,
}

impl Hands {
    pub(crate) fn user(world: &World) -> Self {
        Self { world: world.clone(), role: Role::User }
    }

    pub(crate) fn rival(world: &World) -> Self {
        Self { world: world.clone(), role: Role::Rival }
    }

    async fn send(&self, method: Method, path: &str, media: &str, body: Value) -> Result<(u16, Value)> {
        let asked = Asked::of(method, path, media, body.to_string())?;
        let service = self.world.sandbox().service();
        let wire = Wire::new(service, self.world.clone(), self.role, Arc::new(Life::default()));
        let answer = wire.send(asked).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        Ok((status, serde_json::from_slice(&body)?))
    }

    /// Sends a request that must succeed.
    pub(crate) async fn must(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let media = if method == Method::PATCH { MERGE } else { JSON };
        let (status, answer) = self.send(method.clone(), path, media, body).await?;
        if status >= 300 {
            bail!("{method} {path}: {status}: {}", answer["message"]);
        }
        Ok(answer)
    }

    /// Creates any object.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn post(&self, path: &str, body: Value) -> Result<()> {
        self.must(Method::POST, path, body).await.map(|_| ())
    }

    /// Changes any object.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn patch(&self, path: &str, body: Value) -> Result<()> {
        self.must(Method::PATCH, path, body).await.map(|_| ())
    }

    /// Sends a request that may meet an object that is gone or has changed.
    async fn may(&self, method: Method, path: &str, body: Value) -> Result<()> {
        let media = if method == Method::PATCH { MERGE } else { JSON };
        let (status, answer) = self.send(method.clone(), path, media, body).await?;
        if status >= 300 && !matches!(status, 404 | 409) {
            bail!("{method} {path}: {status}: {}", answer["message"]);
        }
        Ok(())
    }

    /// Creates an app's custom resource, unless one is there.
    pub async fn create(&self, app: App) -> Result<()> {
        let path = app.path();
        let collection = path.rsplit_once('/').map(|(collection, _)| collection).unwrap_or_default();
        self.may(Method::POST, collection, crate::fleet::resource(app)).await
    }

    /// Deletes an app's custom resource; its finalizers do the rest.
    pub async fn remove(&self, app: App) -> Result<()> {
        self.may(Method::DELETE, &app.path(), json!({})).await
    }

    /// Changes an app's custom resource.
    pub async fn change(&self, app: App, patch: Value) -> Result<()> {
        self.may(Method::PATCH, &app.path(), patch).await
    }

    /// Suspends a Kustomization, or resumes it.
    pub async fn suspend(&self, app: App, is_suspended: bool) -> Result<()> {
        self.change(app, json!({"spec": {"suspend": is_suspended}})).await?;
        self.world.laws(|laws| laws.set_suspended(app, is_suspended));
        Ok(())
    }

    /// Asks for an Application to be synced, with pruning, as `argocd app sync --prune` does.
    pub async fn sync(&self, app: App) -> Result<()> {
        let operation = json!({"initiatedBy": {"username": "someone"},
            "sync": {"prune": true, "syncStrategy": {"hook": {}}}, "retry": {"limit": 5,
                "backoff": {"duration": "5s", "factor": 2, "maxDuration": "30s"}}});
        self.change(app, json!({ "operation": operation })).await
    }

    /// Asks for a reconcile by annotation.
    pub async fn request(&self, app: App, number: u64) -> Result<()> {
        let annotations = match app.api() {
            crate::fleet::Api::Flux => json!({"reconcile.fluxcd.io/requestedAt": number.to_string()}),
            crate::fleet::Api::ArgoCd => json!({"argocd.argoproj.io/refresh": "normal"}),
        };
        self.change(app, json!({"metadata": {"annotations": annotations}})).await
    }

    /// Changes values of an object that Git says otherwise.
    pub async fn edit(&self, item: &Item, number: u64) -> Result<()> {
        use crate::fleet::Kind;
        let patch = match item.kind {
            Kind::ConfigMap => json!({"data": {"value": format!("edited {number}")}}),
            Kind::Secret => json!({"stringData": {"value": format!("edited {number}")}}),
            // Another port would be a second entry of the list, which nobody can merge with ours.
            Kind::Service => json!({"spec": {"selector": {"app": format!("edited-{number}")}}}),
            Kind::Deployment => json!({"spec": {"replicas": 3 + number % 3}}),
        };
        self.may(Method::PATCH, &item.path(), patch).await
    }

    /// Adds to an object what Git says nothing about.
    pub async fn label(&self, item: &Item, number: u64) -> Result<()> {
        let patch = json!({"metadata": {"labels": {"someone": number.to_string()}}});
        self.may(Method::PATCH, &item.path(), patch).await
    }

    /// Deletes an object.
    pub async fn delete(&self, item: &Item) -> Result<()> {
        self.may(Method::DELETE, &item.path(), json!({})).await
    }

    /// Takes every mark of ours off an object: it is somebody else's from now on.
    pub async fn take_over(&self, item: &Item) -> Result<()> {
        let patch = json!({"metadata": {
            "labels": {"kustomize.toolkit.fluxcd.io/name": null, "kustomize.toolkit.fluxcd.io/namespace": null},
            "annotations": {"argocd.argoproj.io/tracking-id": null}}});
        self.may(Method::PATCH, &item.path(), patch).await
    }

    /// Whether an object is there and carries a mark of ours.
    pub fn is_ours(&self, item: &Item) -> bool {
        self.world.item(item).is_some_and(|live| !marks(item, &live).is_empty())
    }
}
