//! A comparison run ahead: what a sync would apply, without applying it.

use super::load::{Fetched, fetch, kube_version, render, scope};
use super::request::{self, Identity, Pruning, ReleaseFacts, Target, last_objects};
use super::status::Status;
use crate::credentials::Repositories;
use crate::{ArgoOptions, Preview};
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_source::{FetchPolicy, Sources};
use holdfast_sync::Desired;
use holdfast_types::argocd::ApplicationSpec;
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
    let problems = super::refuse::spec_problems(app, &spec);
    let source = match (&spec.source, problems.as_slice()) {
        (Some(source), []) => source,
        (None, []) => return Err("no source".into()),
        (_, problems) => return Err(problems.join("; ")),
    };
    let repositories = Repositories::new(cluster.clone(), &options.control_namespace);
    let fetched = fetch(sources, &repositories, source, &source.target_revision, Duration::ZERO).await?;
    let Fetched { tree, revision, grants, build_options } = fetched;
    let facts = ReleaseFacts {
        app: app.name().to_owned(),
        instance: request::instance_name(app, &options.control_namespace),
        namespace: spec.destination.namespace.clone(),
        project: spec.project.clone(),
        revision: revision.clone(),
        source: (source.repo_url.clone(), source.path.clone(), source.target_revision.clone()),
        // Without an answer the chart sees the version Helm assumes.
        kube_version: kube_version(cluster).await.unwrap_or_default(),
        api_versions: cluster.discovery().api_versions(),
        build_options,
        now: now.as_nanosecond(),
        seed: options.seed,
    };
    let policy = FetchPolicy { grants, ..FetchPolicy::anonymous(Duration::ZERO) };
    let (source_type, rendered) = render(sources, source, tree, facts, policy, None).await?;
    let identity = Identity::of(app, &spec, &options.control_namespace);
    let target = Target::new((&spec, source), &revision, (source_type, &rendered), &identity, &|kind| {
        scope(cluster, kind)
    })?;
    let (sync_options, _) = request::sync_options(&spec, &[], false);
    let mut objects = target.desired(&sync_options, &|_| true);
    objects.extend(target.created_namespace(&sync_options));
    let status = Status::of(app);
    let mut desired = Desired::new(revision, objects, last_objects(&status.resources));
    desired.applied_before = status.applied(&target.source, &target.revision);
    // A preview shows what a sync with pruning would delete, whether or not the policy prunes by itself.
    let pruning = Pruning { enabled: true, ..Pruning::default() };
    let policy = request::sync_policy(&spec, &identity, &sync_options, &pruning);
    Ok(Preview { desired, policy, hooks: target.hooks, diagnostics: rendered.diagnostics.clone() })
}
