//! Hooks: objects that a sync is to make at one of its moments and that are no part of what is compared.
//!
//! They are not run yet. What is never silent: each is named by a condition, a sync that would have to run them is
//! refused, and a person may ask for one without them, as Argo CD's `apply` strategy does.

use super::operation::SyncOperation;
use super::refuse::not_yet;
use super::status::{Condition, condition};
use holdfast_object::{Object, ObjectSet, Origin};

/// Argo CD's annotation that makes an object a hook; it counts before Helm's.
const ARGO_HOOK: &str = "argocd.argoproj.io/hook";
/// Helm's annotation for the same.
const HELM_HOOK: &str = "helm.sh/hook";
/// How many hooks a message names.
const SHOWN: usize = 5;

/// What a rendered object is, as far as hooks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookKind {
    /// No hook: an object like any other.
    None,
    /// It is never applied (`Skip`; Helm's tests and rollback hooks).
    Never,
    /// It runs at some point of a sync or deletion.
    Runs,
}

/// Whether an object is a hook. Argo CD's annotation counts before Helm's; `crd-install` is none.
pub(crate) fn hook_kind(object: &Object) -> HookKind {
    if let Some(list) = object.annotation(ARGO_HOOK) {
        let runs = list.split(',').map(str::trim).any(|hook| {
            matches!(hook, "PreSync" | "Sync" | "PostSync" | "SyncFail" | "PreDelete" | "PostDelete")
        });
        return if runs { HookKind::Runs } else { HookKind::Never };
    }
    let Some(list) = object.annotation(HELM_HOOK) else { return HookKind::None };
    let hooks: Vec<&str> = list.split(',').map(str::trim).collect();
    if hooks.contains(&"crd-install") {
        return HookKind::None;
    }
    let runs = hooks.iter().any(|hook| {
        matches!(
            *hook,
            "pre-install" | "pre-upgrade" | "post-install" | "post-upgrade" | "pre-delete" | "post-delete"
        )
    });
    if runs { HookKind::Runs } else { HookKind::Never }
}

/// A hook that would run.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// What it would make.
    pub object: Object,
    /// Where it is written.
    pub origin: Option<Origin>,
    /// When it would run, in the words of its annotation: `PreSync`, `pre-install,pre-upgrade`.
    pub moments: String,
}

impl Hook {
    /// `Job/migrate`, or with the beginning of its name where the server makes up the rest.
    fn name(&self) -> String {
        let generated = || self.object.get(&["metadata", "generateName"])?.as_str();
        let name = match self.object.name() {
            "" => generated().unwrap_or_default(),
            name => name,
        };
        format!("{}/{name}", self.object.kind())
    }

    fn described(&self) -> String {
        let place = self.origin.as_ref().map(|origin| format!("; {origin}")).unwrap_or_default();
        format!("{} ({}{place})", self.name(), self.moments)
    }
}

/// Takes the hooks out of rendered objects: what stays is compared and applied. Those that never run are dropped.
pub(crate) fn set_apart(objects: ObjectSet) -> (ObjectSet, Vec<Hook>) {
    let (mut others, mut hooks) = (ObjectSet::new(), Vec::new());
    for entry in objects {
        match hook_kind(&entry.object) {
            HookKind::None => others.push(entry.object, entry.origin),
            HookKind::Never => {}
            HookKind::Runs => {
                let moments = [ARGO_HOOK, HELM_HOOK].iter().find_map(|a| entry.object.annotation(a));
                let moments = moments.unwrap_or_default().to_owned();
                hooks.push(Hook { object: entry.object, origin: entry.origin, moments });
            }
        }
    }
    (others, hooks)
}

/// What an Application's conditions say about its hooks.
pub(crate) fn warning(hooks: &[Hook]) -> Option<Condition> {
    let count = match hooks {
        [] => return None,
        [_] => "1 hook is not run".to_owned(),
        more => format!("{} hooks are not run", more.len()),
    };
    let message = format!(
        "{count}: {}; a sync with the strategy `apply` (`holdfast sync --without-hooks`) does without",
        listed(hooks, Hook::described)
    );
    Some(Condition::new(condition::UNSUPPORTED_HOOK, message))
}

/// Why an operation cannot run, when it would have to run hooks. As with Argo CD the strategy `apply` and syncs of
/// single objects run none.
pub(crate) fn refusal(hooks: &[Hook], sync: &SyncOperation) -> Option<String> {
    if hooks.is_empty() || !sync.runs_hooks() {
        return None;
    }
    Some(not_yet(&format!("hooks: {}", listed(hooks, Hook::name))))
}

fn listed(hooks: &[Hook], text: impl Fn(&Hook) -> String) -> String {
    let shown = hooks.iter().take(SHOWN).map(text).collect::<Vec<_>>().join(", ");
    match hooks.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{Value, json};

    fn job(metadata: Value) -> Object {
        Object::new(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata})).unwrap()
    }

    #[test]
    fn argo_cds_annotation_counts_before_helms() {
        let kind = |annotations: Value| hook_kind(&job(json!({"name": "a", "annotations": annotations})));
        assert_eq!(kind(json!({})), HookKind::None);
        assert_eq!(kind(json!({"argocd.argoproj.io/hook": "Skip"})), HookKind::Never);
        assert_eq!(kind(json!({"argocd.argoproj.io/hook": "PreSync,Skip"})), HookKind::Runs);
        assert_eq!(
            kind(json!({"argocd.argoproj.io/hook": "Skip", "helm.sh/hook": "pre-install"})),
            HookKind::Never
        );
        assert_eq!(kind(json!({"helm.sh/hook": "test"})), HookKind::Never);
        assert_eq!(kind(json!({"helm.sh/hook": "crd-install"})), HookKind::None);
        assert_eq!(kind(json!({"helm.sh/hook": "pre-install, pre-upgrade"})), HookKind::Runs);
    }

    #[test]
    fn hooks_are_set_apart_named_and_keep_a_sync_from_passing_them_over() {
        let mut set = ObjectSet::new();
        set.push(job(json!({"name": "work"})), None);
        let of = |hook: &str| json!({"argocd.argoproj.io/hook": hook});
        set.push(job(json!({"name": "migrate", "annotations": of("PreSync")})), None);
        let origin = Origin { file: "app/seed.yaml".into(), line: 3, document: 0 };
        set.push(job(json!({"generateName": "seed-", "annotations": of("PostSync")})), Some(origin));
        set.push(job(json!({"name": "skipped", "annotations": of("Skip")})), None);
        let (others, hooks) = set_apart(set);
        assert_eq!(others.iter().map(|entry| entry.object.name()).collect::<Vec<_>>(), ["work"]);
        assert_eq!(
            warning(&hooks).unwrap().message,
            "2 hooks are not run: Job/migrate (PreSync), Job/seed- (PostSync; app/seed.yaml:3); a sync with the \
             strategy `apply` (`holdfast sync --without-hooks`) does without"
        );
        let refused = |sync: Value| refusal(&hooks, &serde_json::from_value(sync).unwrap());
        let expected = Some("hooks: Job/migrate, Job/seed- is not supported yet".to_owned());
        assert_eq!(refused(json!({})), expected);
        assert_eq!(refused(json!({"syncStrategy": {"hook": {}}})), expected);
        assert_eq!(refused(json!({"syncStrategy": {"apply": {"force": true}}})), None);
        assert_eq!(refused(json!({"resources": [{"kind": "Job", "name": "work"}]})), None);
        assert_eq!(refusal(&[], &SyncOperation::default()), None);
        assert_eq!(warning(&[]), None);
    }
}
