//! Rendered templates into manifests and hooks, in the order Helm installs them.

mod head;
mod skim;
mod split;

pub use head::HeadError;
pub(crate) use split::split;

use crate::HelmVersion;
use crate::decode;
use crate::engine::RenderedFile;
use head::Head;
use std::sync::Arc;

/// A document of a template that is no hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The template, by its full path: `chart/charts/below/templates/a.yaml`.
    pub source: Arc<str>,
    /// The document, trimmed; with Helm 4 only at its start.
    pub content: String,
    /// `kind`, or empty.
    pub kind: String,
    /// `metadata.name`, or empty.
    pub name: String,
    /// The document's place among the template's, from 0.
    pub document: u32,
    /// The line of the template that wrote the document's first key, from 1; that of the action where another
    /// template wrote it.
    pub line: u32,
}

/// A document that Helm applies at an event of the release's life instead of with the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub manifest: Manifest,
    /// When it runs.
    pub events: Vec<Event>,
    /// Lower runs first; 0 when absent or no number.
    pub weight: i64,
    /// When it is deleted, as written in lower case: `hook-succeeded`, `hook-failed`, `before-hook-creation`.
    pub delete_policies: Vec<String>,
    /// When its logs are printed, as written in lower case: `hook-succeeded`, `hook-failed`.
    pub output_log_policies: Vec<String>,
}

/// An event of a release's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Event {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl Event {
    /// The event that an annotation names; `test-success` is Helm 2's `test`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }

    /// The event's name in annotations.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }
}

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("YAML parse error on {source_file}: {error}")]
pub struct ManifestError {
    /// The template.
    pub source_file: String,
    /// Why.
    pub error: HeadError,
}

/// Manifests and hooks of all templates.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) warnings: Vec<String>,
}

/// Splits the rendered templates (sorted by path) and sorts what they hold by kind.
pub(crate) fn sort(files: &[RenderedFile], helm: HelmVersion) -> Result<Sorted, ManifestError> {
    let mut sorted = Sorted::default();
    for file in files {
        let fail = |error| ManifestError { source_file: file.source.to_string(), error };
        let content = std::str::from_utf8(&file.content).map_err(|_| fail(HeadError::Encoding))?;
        for (index, document) in split(content, helm).enumerate() {
            let head = Head::read(document.text).map_err(fail)?;
            let manifest = Manifest {
                source: file.source.clone(),
                content: document.text.to_owned(),
                kind: head.kind.clone(),
                name: head.name.clone(),
                document: u32::try_from(index).unwrap_or(u32::MAX),
                line: file.line(document.start + first_key(document.text)),
            };
            match head.annotations.get("helm.sh/hook") {
                None => sorted.manifests.push(manifest),
                Some(events) => match hook(manifest, events, &head) {
                    Some(hook) => sorted.hooks.push(hook),
                    None => sorted.warnings.push(format!("skipping unknown hook: {events:?}")),
                },
            }
        }
    }
    sorted.manifests.sort_by(|a, b| order(&a.kind, helm).cmp(&order(&b.kind, helm)));
    sorted.hooks.sort_by(|a, b| order(&a.manifest.kind, helm).cmp(&order(&b.manifest.kind, helm)));
    Ok(sorted)
}

/// Where a document's first line is that is neither blank nor a comment nor a separator.
fn first_key(document: &str) -> usize {
    let mut at = 0;
    for line in document.split_inclusive('\n') {
        let content = line.trim_start();
        if !content.is_empty() && !content.starts_with('#') && !line.starts_with("---") {
            return at + (line.len() - content.len());
        }
        at += line.len();
    }
    0
}

fn hook(manifest: Manifest, events: &str, head: &Head) -> Option<Hook> {
    let events: Option<Vec<Event>> =
        events.split(',').map(|event| Event::parse(&event.trim().to_lowercase())).collect();
    let policies = |annotation: &str| -> Vec<String> {
        let list = head.annotations.get(annotation);
        list.map(|l| l.split(',').map(|p| p.trim().to_lowercase()).collect()).unwrap_or_default()
    };
    Some(Hook {
        manifest,
        events: events?,
        weight: head.annotations.get("helm.sh/hook-weight").and_then(|w| w.parse().ok()).unwrap_or_default(),
        delete_policies: policies("helm.sh/hook-delete-policy"),
        output_log_policies: policies("helm.sh/hook-output-log-policy"),
    })
}

/// Where a kind comes: known ones in the order of installation, then the others by name.
fn order(kind: &str, helm: HelmVersion) -> (usize, &str) {
    let webhooks = if helm.orders_webhooks() { WEBHOOKS } else { &[] };
    match INSTALL_ORDER.iter().chain(webhooks).position(|known| *known == kind) {
        Some(index) => (index, ""),
        None => (usize::MAX, kind),
    }
}

const INSTALL_ORDER: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// See [`HelmVersion::orders_webhooks`].
const WEBHOOKS: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

impl From<decode::DecodeError> for HeadError {
    fn from(error: decode::DecodeError) -> Self {
        Self::Decode(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(files: &[(&str, &str)]) -> Sorted {
        let files: Vec<_> = files.iter().map(|(name, text)| RenderedFile::plain(name, text)).collect();
        sort(&files, HelmVersion::V3).unwrap()
    }

    #[test]
    fn known_kinds_then_others_by_name() {
        let found = sorted(&[
            ("a", "kind: Zebra\n---\nkind: Service\n---\nkind: Apple\nn: 1\n---\n# nothing\n"),
            ("b", "kind: Namespace\n---\nkind: Apple\nn: 2\n"),
        ]);
        let order: Vec<_> =
            found.manifests.iter().map(|m| (m.kind.as_str(), &*m.source, m.document)).collect();
        assert_eq!(
            order,
            [
                ("Namespace", "b", 0),
                ("Service", "a", 1),
                ("", "a", 3),
                ("Apple", "a", 2),
                ("Apple", "b", 1),
                ("Zebra", "a", 0)
            ]
        );
    }

    #[test]
    fn hooks() {
        let annotated = |annotations: &str| {
            format!("kind: Job\nmetadata:\n  name: j\n  annotations:\n    {annotations}\n")
        };
        let text = annotated(
            "helm.sh/hook: \" Pre-Install,test-success\"\n    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: Hook-Succeeded, x",
        );
        let found = sorted(&[("t", &text)]);
        let hook = &found.hooks[0];
        assert_eq!(hook.events, [Event::PreInstall, Event::Test]);
        assert_eq!((hook.weight, hook.manifest.name.as_str()), (-5, "j"));
        assert_eq!(hook.delete_policies, ["hook-succeeded", "x"]);
        let found = sorted(&[("t", &annotated("helm.sh/hook: pre-install,never"))]);
        assert!(found.hooks.is_empty() && found.manifests.is_empty());
        assert_eq!(found.warnings, ["skipping unknown hook: \"pre-install,never\""]);
    }

    #[test]
    fn errors_name_the_template() {
        let check = |text: &str, expected: &str| {
            let file = RenderedFile::plain("c/templates/a.yaml", text);
            let error = sort(&[file], HelmVersion::V3).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            "- a",
            "YAML parse error on c/templates/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type releaseutil.SimpleHead",
        );
        check(
            "metadata: {annotations: {a: [1]}}",
            "YAML parse error on c/templates/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field SimpleHead.metadata.annotations of type string",
        );
    }
}
