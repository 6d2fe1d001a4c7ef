//! What a Flux installation uses that would stand still after a take-over.

use super::check::{Finding, Grade};
use crate::error::CliError;
use crate::reading;
use holdfast_cluster::{ApiErrorKind, Cluster};
use holdfast_object::{GroupKind, GroupVersionKind, Object, Value};

/// The groups of Flux' kinds.
const GROUPS: [&str; 7] = [
    "source.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "helm.toolkit.fluxcd.io",
    "notification.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
    "source.extensions.fluxcd.io",
    "fluxcd.controlplane.io",
];

/// The original controllers whose work is done here, and their flags that have a counterpart or need none.
const FLAGS: [(&str, &[&str]); 2] = [
    (
        "kustomize-controller",
        &[
            "custom-apply-stage-kinds",
            "default-service-account",
            "events-addr",
            "interval-jitter-percentage",
            "no-cross-namespace-refs",
            "no-remote-bases",
            "override-manager",
            "requeue-dependency",
            "sops-age-secret",
            "watch-configs-label-selector",
            "watch-label-selector",
        ],
    ),
    (
        "source-controller",
        &[
            "artifact-retention-records",
            "artifact-retention-ttl",
            "events-addr",
            "interval-jitter-percentage",
            "storage-addr",
            "storage-adv-addr",
            "storage-path",
            "watch-label-selector",
        ],
    ),
];

/// Flags that tune the original controllers and mean nothing here: nobody waits on a worker, requests follow what the
/// server bears, and logs have settings of their own.
const NEEDLESS: [&str; 20] = [
    "concurrent",
    "concurrent-ssa",
    "enable-leader-election",
    "health-addr",
    "http-retry",
    "kube-api-burst",
    "kube-api-qps",
    "leader-election-lease-duration",
    "leader-election-release-on-cancel",
    "leader-election-renew-deadline",
    "leader-election-retry-period",
    "log-encoding",
    "log-level",
    "max-retry-delay",
    "metrics-addr",
    "min-retry-delay",
    "requeue-interval",
    "watch-all-namespaces",
    "graceful-shutdown-timeout",
    "dependency-requeue-interval",
];

/// Gates whose default is also how it is here, or which tune what there is none of here: caches, fetches between
/// controllers, how a status is polled, how a log line looks. Setting one to its default is no difference.
const NEEDLESS_GATES: [&str; 8] = [
    "CacheSecretsAndConfigMaps",
    "CancelHealthCheckOnNewRevision",
    "DirectSourceFetch",
    "DisableStatusPollerCache",
    "ExternalArtifact",
    "GroupChangeLog",
    "ObjectLevelWorkloadIdentity",
    "OptimizedGitClones",
];

/// Kinds of Flux that are in use and not run, and flags of its controllers without a counterpart.
pub(super) async fn findings(cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let mut findings = kinds(cluster).await?;
    findings.extend(flags(cluster).await?);
    if findings.is_empty() {
        findings.push(Finding::new(Grade::Ok, "take-over", "everything that Flux runs here is run"));
    }
    Ok(findings)
}

async fn kinds(cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let run: Vec<GroupVersionKind> = [
        holdfast_types::flux::git_repository(),
        holdfast_types::flux::oci_repository(),
        holdfast_types::flux::external_artifact(),
        holdfast_types::flux::kustomization(),
    ]
    .to_vec();
    let served = cluster.discovery().all();
    let mut findings = Vec::new();
    for resource in served.iter().filter(|r| GROUPS.contains(&r.gvk.group.as_str())) {
        let kind = resource.gvk.group_kind();
        let is_preferred = cluster.discovery().preferred(&kind).is_some_and(|p| p.gvk == resource.gvk);
        if !is_preferred || run.iter().any(|gvk| gvk.group_kind() == kind) {
            continue;
        }
        match reading::list(cluster, resource, "", None, None).await {
            Ok(objects) if objects.is_empty() => {}
            Ok(objects) => findings.push(Finding::new(
                Grade::Warning,
                "take-over",
                format!("{} of {} in use are not run yet: {}", objects.len(), kind.kind, names(&objects)),
            )),
            Err(error) if error.kind == ApiErrorKind::Forbidden => {
                findings.push(Finding::new(Grade::Warning, "take-over", error.message));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(findings)
}

fn names(objects: &[Object]) -> String {
    /// More names than these are not listed.
    const SHOWN: usize = 5;
    let mut names: Vec<String> =
        objects.iter().take(SHOWN).map(|o| format!("{}/{}", o.namespace(), o.name())).collect();
    if objects.len() > SHOWN {
        names.push("…".into());
    }
    names.join(", ")
}

/// Flags of the original controllers that have no counterpart.
async fn flags(cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let Some(resource) = cluster.discovery().preferred(&GroupKind::new("apps", "Deployment")) else {
        return Ok(Vec::new());
    };
    let deployments = match reading::list(cluster, &resource, "", None, None).await {
        Ok(deployments) => deployments,
        Err(error) if error.kind == ApiErrorKind::Forbidden => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let findings = deployments.iter().filter_map(|deployment| {
        let unknown = unknown_flags(deployment);
        let place = format!("{}/{}", deployment.namespace(), deployment.name());
        (!unknown.is_empty()).then(|| {
            let what = format!("flags of {place} without a counterpart: {}", unknown.join(", "));
            Finding::new(Grade::Warning, "take-over", what)
        })
    });
    Ok(findings.collect())
}

fn unknown_flags(deployment: &Object) -> Vec<String> {
    let Some((_, known)) = FLAGS.iter().find(|(name, _)| *name == deployment.name()) else {
        return Vec::new();
    };
    let containers = deployment.get(&["spec", "template", "spec", "containers"]).and_then(Value::as_array);
    let arguments = containers
        .into_iter()
        .flatten()
        .filter_map(|container| container.get("args").and_then(Value::as_array))
        .flatten()
        .filter_map(Value::as_str);
    let flags = arguments.filter(|argument| argument.starts_with("--")).flat_map(|argument| {
        let (name, value) = argument.trim_start_matches('-').split_once('=').unwrap_or((argument, ""));
        let name = name.trim_start_matches('-');
        match name {
            "feature-gates" => value
                .split(',')
                .filter(|gate| !has_counterpart(gate))
                .map(|gate| format!("--feature-gates={gate}"))
                .collect(),
            _ if known.contains(&name) || NEEDLESS.contains(&name) => Vec::new(),
            _ => vec![argument.to_owned()],
        }
    });
    flags.collect()
}

/// Whether a gate, `NAME=BOOL`, changes nothing here or can be given as it is.
fn has_counterpart(gate: &str) -> bool {
    let name = gate.split('=').next().unwrap_or_default();
    NEEDLESS_GATES.contains(&name) || crate::flux_arguments::knows_gate(name)
}
