//! A comparison run ahead: what a sync would apply, without applying it.

use super::load::{How, fetch_all, kube_version, render_all, scope};
use super::refuse;
use super::request::{self, Identity, Pruning, ReleaseFacts, Target, last_objects};
use super::status::Status;
use crate::credentials::Repositories;
use crate::{ArgoOptions, Preview};
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_source::Sources;
use holdfast_sync::Desired;
use holdfast_types::argocd::{ApplicationSpec, RevisionSet};
use jiff::Timestamp;
use std::time::Duration;

/// What an Application makes of its source at the newest revision.
pub(crate) async fn preview(
    cluster: &Cluster,
    sources: &Sources,
    app: &Object,
    options: &ArgoOptions,
    now: Timestamp,
) -> Result<Preview, String> {
    let spec = app.get(&["spec"]).cloned().unwrap_or_default();
    let spec: ApplicationSpec = serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))?;
    let problems = refuse::spec_problems(app, &spec);
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    let repositories = Repositories::new(cluster.clone(), &options.control_namespace);
    let (set, newest) = (&spec.sources, RevisionSet::default());
    let fetched = fetch_all(sources, &repositories, set, &newest, Duration::ZERO).await?;
    let revisions = RevisionSet::of(set, fetched.iter().map(|fetched| fetched.revision.clone()).collect());
    let facts = ReleaseFacts {
        app: app.name().to_owned(),
        instance: request::instance_name(app, &options.control_namespace),
        namespace: spec.destination.namespace.clone(),
        project: spec.project.clone(),
        names: refuse::references(set).into_iter().map(str::to_owned).collect(),
        // Without an answer the chart sees the version Helm assumes.
        kube_version: kube_version(cluster).await.unwrap_or_default(),
        api_versions: cluster.discovery().api_versions(),
        now: now.as_nanosecond(),
        seed: options.seed,
        ..ReleaseFacts::default()
    };
    let how = How { sources, max_age: Duration::ZERO, renders: None };
    let files = fetched.iter().map(|fetched| fetched.tree.clone()).collect();
    let parts = render_all(&how, set, fetched, &facts).await?;
    let identity = Identity::of(app, &spec, &options.control_namespace);
    let target = Target::new((&spec, set), &revisions, &parts, &identity, &|kind| scope(cluster, kind))?;
    let (sync_options, _) = request::sync_options(&spec, &[], false);
    let mut objects = target.desired(&sync_options, &|_| true);
    objects.extend(target.created_namespace(&sync_options));
    let status = Status::of(app);
    let mut desired = Desired::new(revisions.to_string(), objects, last_objects(&status.resources));
    desired.applied_before = status.applied(&target.sources, &target.revisions);
    // A preview shows what a sync with pruning would delete, whether or not the policy prunes by itself.
    let pruning = Pruning { enabled: true, ..Pruning::default() };
    let policy = request::sync_policy(&spec, &identity, &sync_options, &pruning);
    let diagnostics = parts.iter().flat_map(|(_, rendered)| rendered.diagnostics.iter().cloned()).collect();
    Ok(Preview { desired, policy, hooks: target.hooks, diagnostics, files })
}
