use super::Context;
use crate::arguments::{ClusterArguments, Format, FormatArguments, ScopeArguments};
use crate::cell::{Cell, Table};
use crate::error::{CliError, Exit};
use crate::reading;
use holdfast_cluster::{ApiErrorKind, ApiRequest, Cluster};
use holdfast_object::{GroupKind, GroupVersionKind, Object, Value, json};
use holdfast_types::definitions;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 when nothing is in the way, 1 when something is.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    cluster: ClusterArguments,

    /// Also list what a Flux installation uses that would stand still after a take-over.
    #[arg(long)]
    takeover: bool,
}

/// What was looked at and how it is.
pub(super) struct Finding {
    grade: Grade,
    what: String,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grade {
    Ok,
    /// Works, but someone should know.
    Warning,
    /// In the way.
    Failure,
}

impl Grade {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

impl Finding {
    pub(super) fn new(grade: Grade, what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { grade, what: what.into(), detail: detail.into() }
    }
}

/// Workloads of the original controllers, which would act on the same resources, and what they act on.
const OTHERS: [(&str, &str); 8] = [
    ("source-controller", "Flux sources"),
    ("kustomize-controller", "Kustomizations"),
    ("helm-controller", "HelmReleases"),
    ("notification-controller", "alerts and receivers of Flux"),
    ("image-reflector-controller", "image policies of Flux"),
    ("image-automation-controller", "image automation of Flux"),
    ("argocd-application-controller", "Applications"),
    ("argocd-applicationset-controller", "ApplicationSets"),
];

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let cluster = context.cluster(&arguments.cluster).await?;
    let mut findings = vec![reachable(&cluster).await?];
    cluster.refresh_discovery().await?;
    findings.push(installed(&cluster));
    findings.extend(rights(&cluster).await?);
    findings.extend(others(&cluster).await?);
    findings.extend(resources(&cluster).await?);
    if arguments.takeover {
        findings.extend(super::takeover::findings(&cluster).await?);
    }
    let is_clear = findings.iter().all(|finding| finding.grade != Grade::Failure);
    print(arguments, context, &findings)?;
    Ok(if is_clear { Exit::Success } else { Exit::Negative })
}

async fn reachable(cluster: &Cluster) -> Result<Finding, CliError> {
    let answer = cluster.request(ApiRequest::get("/version")).await?;
    let version: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let version =
        version.get("gitVersion").and_then(Value::as_str).unwrap_or("of unknown version").to_owned();
    Ok(Finding::new(Grade::Ok, "cluster", format!("answers, Kubernetes {version}")))
}

/// Whether the kinds that are acted on are known to the cluster.
fn installed(cluster: &Cluster) -> Finding {
    let (served, missing): (Vec<GroupVersionKind>, Vec<GroupVersionKind>) = definitions()
        .into_iter()
        .map(|definition| definition.gvk)
        .partition(|gvk| cluster.discovery().known(gvk).is_some());
    let names =
        |kinds: &[GroupVersionKind]| kinds.iter().map(|gvk| gvk.kind.as_str()).collect::<Vec<_>>().join(", ");
    match (served.as_slice(), missing.as_slice()) {
        (served, []) => Finding::new(Grade::Ok, "definitions", format!("all {} are installed", served.len())),
        ([], _) => Finding::new(
            Grade::Failure,
            "definitions",
            "none is installed; `holdfast run --install-crds` installs them",
        ),
        (served, missing) => Finding::new(
            Grade::Ok,
            "definitions",
            format!("{} are installed; not {}", served.len(), names(missing)),
        ),
    }
}

/// Whether whoever asks may do what the controllers do.
async fn rights(cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let kind = GroupVersionKind::new("authorization.k8s.io", "v1", "SelfSubjectAccessReview");
    let Ok(resource) = cluster.resource(&kind).await else {
        return Ok(vec![Finding::new(Grade::Warning, "rights", "the cluster does not say what is allowed")]);
    };
    let asked = [
        ("*", "*", "*", "anything"),
        ("watch", "kustomize.toolkit.fluxcd.io", "kustomizations", "watch Kustomizations"),
        ("watch", "source.toolkit.fluxcd.io", "gitrepositories", "watch GitRepositories"),
        ("watch", "source.toolkit.fluxcd.io", "ocirepositories", "watch OCIRepositories"),
        ("patch", "source.toolkit.fluxcd.io", "gitrepositories/status", "write the status of sources"),
        ("watch", "argoproj.io", "applications", "watch Applications"),
        ("patch", "argoproj.io", "applications", "write the status of Applications"),
        (
            "patch",
            "kustomize.toolkit.fluxcd.io",
            "kustomizations/status",
            "write the status of Kustomizations",
        ),
        ("get", "", "secrets", "read Secrets with credentials"),
        ("create", "coordination.k8s.io", "leases", "hold leases"),
    ];
    let mut refused = Vec::new();
    for (verb, group, name, words) in asked {
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec":
            {"resourceAttributes": {"verb": verb, "group": group, "resource": name}}});
        let answer = match cluster.request(ApiRequest::create(&resource, "", review.to_string())).await {
            Ok(answer) => answer,
            Err(error) if error.kind == ApiErrorKind::Unavailable && error.status == 0 => {
                return Err(error.into());
            }
            Err(error) => return Ok(vec![Finding::new(Grade::Warning, "rights", error.message)]),
        };
        let review: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let is_allowed = review.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or_default();
        match (words, is_allowed) {
            ("anything", true) => return Ok(vec![Finding::new(Grade::Ok, "rights", "may do anything")]),
            ("anything", false) | (_, true) => {}
            (words, false) => refused.push(words),
        }
    }
    Ok(vec![match refused.as_slice() {
        [] => Finding::new(Grade::Ok, "rights", "may do what the controllers do to their own resources"),
        refused => Finding::new(Grade::Failure, "rights", format!("may not {}", refused.join(", "))),
    }])
}

/// Controllers that act on the same resources.
async fn others(cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let mut findings = Vec::new();
    for kind in ["Deployment", "StatefulSet"] {
        let Some(resource) = cluster.discovery().preferred(&GroupKind::new("apps", kind)) else { continue };
        let workloads = match reading::list(cluster, &resource, "", None, None).await {
            Ok(workloads) => workloads,
            Err(error) if error.kind == ApiErrorKind::Forbidden => {
                findings.push(Finding::new(Grade::Warning, "other controllers", error.message));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        findings.extend(workloads.iter().filter_map(rival));
    }
    if findings.is_empty() {
        findings.push(Finding::new(Grade::Ok, "other controllers", "none runs"));
    }
    Ok(findings)
}

fn rival(workload: &Object) -> Option<Finding> {
    let (name, acts_on) = OTHERS.iter().find(|(name, _)| *name == workload.name())?;
    let replicas = workload.get(&["spec", "replicas"]).and_then(Value::as_i64).unwrap_or(1);
    let (kind, namespace) = (workload.kind(), workload.namespace());
    Some(match replicas {
        0 => Finding::new(Grade::Ok, "other controllers", format!("{namespace}/{name} is scaled to 0")),
        _ => Finding::new(
            Grade::Failure,
            "other controllers",
            format!(
                "{kind} {namespace}/{name} acts on {acts_on}, too: scale it to 0 with `kubectl -n {namespace} scale {} {name} --replicas=0`",
                kind.to_lowercase()
            ),
        ),
    })
}

/// Apps and sources that are not run, with the reasons.
async fn resources(cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let Ok(kinds) = reading::kinds(cluster).await else { return Ok(Vec::new()) };
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    let objects = reading::apps_and_sources(cluster, &ScopeArguments::default()).await?;
    let mut findings = Vec::new();
    let mut run = 0;
    for object in &objects {
        let refused = holdfast_platform::unsupported(object);
        if refused.is_empty() {
            run += 1;
            continue;
        }
        let key = object.key();
        let name = format!("{}/{}/{}", key.namespace, holdfast_view::prefix(&key.group_kind()), key.name);
        findings.push(Finding::new(Grade::Warning, name, format!("refused: {}", refused.join(", "))));
    }
    let total = objects.len();
    findings.insert(0, Finding::new(Grade::Ok, "resources", format!("{run} of {total} can be run")));
    Ok(findings)
}

fn print(arguments: &Arguments, context: &Context, findings: &[Finding]) -> Result<(), CliError> {
    let output = &context.output;
    let value = || {
        let one = |f: &Finding| json!({"grade": f.grade.name(), "what": f.what, "detail": f.detail});
        json!({"findings": findings.iter().map(one).collect::<Vec<Value>>()})
    };
    match arguments.format.output {
        Some(Format::Json) => output.json(&value()),
        Some(Format::Yaml) => output.yaml(&value()),
        Some(Format::Name) => {
            let failures = findings.iter().filter(|finding| finding.grade == Grade::Failure);
            failures.into_iter().try_for_each(|finding| output.line(&finding.what))
        }
        Some(Format::Wide) | None => {
            let mut table = Table::bare();
            for finding in findings {
                let name = finding.grade.name();
                table.row(vec![
                    match finding.grade {
                        Grade::Ok => Cell::good(name),
                        Grade::Warning => Cell::busy(name),
                        Grade::Failure => Cell::bad(name),
                    },
                    Cell::plain(&finding.what),
                    Cell::plain(&finding.detail),
                ]);
            }
            output.bytes(table.render(output.has_color()).as_bytes())
        }
    }
}
