//! `syncOptions` of an Application and the annotations that say the same of one object.

use holdfast_object::Object;
use holdfast_sync::Propagation;

/// The annotation with an object's own sync options.
pub(crate) const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// The annotation with an object's or Application's comparison options.
pub(crate) const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
/// The annotation with an object's sync wave.
pub(crate) const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Helm's annotation that keeps an object.
pub(crate) const HELM_RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// The sync options of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SyncOptions {
    /// Make the destination's namespace.
    pub(crate) create_namespace: bool,
    /// Write by server-side apply.
    pub(crate) server_side_apply: bool,
    /// Replace whole objects.
    pub(crate) replace: bool,
    /// Delete and make anew what cannot be changed in place.
    pub(crate) force: bool,
    /// Prune after everything else.
    pub(crate) prune_last: bool,
    /// List only what was written in the result.
    pub(crate) apply_out_of_sync_only: bool,
    /// Refuse to sync objects that belong to another Application.
    pub(crate) fail_on_shared_resource: bool,
    /// Do not require that kinds are served before the first write.
    pub(crate) skip_dry_run_on_missing_resource: bool,
    /// Nothing is pruned.
    pub(crate) no_prune: bool,
    /// What happens to dependents of pruned objects; nothing is foreground.
    pub(crate) propagation: Option<Propagation>,
}

impl SyncOptions {
    /// Reads `Key=value` texts; later ones win. What is not understood is returned beside, to be refused.
    pub(crate) fn read<'a>(texts: impl IntoIterator<Item = &'a str>) -> (Self, Vec<String>) {
        let mut options = Self::default();
        let mut refused = Vec::new();
        for text in texts.into_iter().map(str::trim).filter(|text| !text.is_empty()) {
            if !options.take(text) {
                refused.push(text.to_owned());
            }
        }
        (options, refused)
    }

    fn take(&mut self, text: &str) -> bool {
        let (key, value) = text.split_once('=').unwrap_or((text, "true"));
        let flag = match value {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        match (key, flag) {
            ("CreateNamespace", Some(on)) => self.create_namespace = on,
            ("ServerSideApply", Some(on)) => self.server_side_apply = on,
            ("Replace", Some(on)) => self.replace = on,
            ("Force", Some(on)) => self.force = on,
            ("PruneLast", Some(on)) => self.prune_last = on,
            ("ApplyOutOfSyncOnly", Some(on)) => self.apply_out_of_sync_only = on,
            ("FailOnSharedResource", Some(on)) => self.fail_on_shared_resource = on,
            ("SkipDryRunOnMissingResource", Some(on)) => self.skip_dry_run_on_missing_resource = on,
            ("Prune", Some(on)) => self.no_prune = !on,
            // Manifests are checked by the server alone, and no field manager is migrated: nothing to turn off.
            ("Validate", Some(_))
            | ("ClientSideApplyMigration" | "RespectIgnoreDifferences", Some(false)) => {}
            ("PrunePropagationPolicy", None) => match value {
                "foreground" => self.propagation = Some(Propagation::Foreground),
                "background" => self.propagation = Some(Propagation::Background),
                "orphan" => self.propagation = Some(Propagation::Orphan),
                _ => return false,
            },
            _ => return false,
        }
        true
    }
}

/// Whether a comma-separated annotation holds this option.
pub(crate) fn has_option(object: &Object, annotation: &str, option: &str) -> bool {
    object.annotation(annotation).is_some_and(|list| list.split(',').any(|text| text.trim() == option))
}

/// Whether pruning leaves a live object alone.
pub(crate) fn is_kept_from_pruning(live: &Object) -> bool {
    has_option(live, SYNC_OPTIONS, "Prune=false") || has_helm_keep(live)
}

/// Whether an Application's deletion leaves a live object alone.
pub(crate) fn is_kept_from_deletion(live: &Object) -> bool {
    live.kind() == "CustomResourceDefinition"
        || has_option(live, SYNC_OPTIONS, "Delete=false")
        || has_helm_keep(live)
}

fn has_helm_keep(live: &Object) -> bool {
    has_option(live, HELM_RESOURCE_POLICY, "keep")
}

/// The sync wave of an object: Argo CD's annotation, else Helm's weight, else 0.
pub(crate) fn wave(object: &Object) -> i32 {
    let number = |key: &str| object.annotation(key)?.trim().parse().ok();
    number(SYNC_WAVE).or_else(|| number("helm.sh/hook-weight")).unwrap_or(0)
}

/// What an object's own annotation asks for, over the operation's options; and what of it is not supported.
pub(crate) fn of_object(object: &Object) -> (ObjectOptions, Vec<String>) {
    let mut own = ObjectOptions::default();
    let mut refused = Vec::new();
    let texts = object.annotation(SYNC_OPTIONS).unwrap_or_default();
    for text in texts.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        match text {
            "ServerSideApply=true" => own.server_side_apply = Some(true),
            "ServerSideApply=false" => own.server_side_apply = Some(false),
            "Replace=true" => own.replace = Some(true),
            "Replace=false" => own.replace = Some(false),
            "Force=true" => own.force = true,
            "SkipDryRunOnMissingResource=true" => own.skip_dry_run_on_missing_resource = true,
            "Force=false" | "SkipDryRunOnMissingResource=false" | "Validate=false" | "Validate=true" => {}
            // Read from the live object when it comes to that.
            "Prune=false" | "Prune=true" | "Delete=false" | "Delete=true" => {}
            "PruneLast=false" | "ClientSideApplyMigration=false" => {}
            other => refused.push(other.to_owned()),
        }
    }
    (own, refused)
}

/// An object's own sync options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ObjectOptions {
    /// Write by server-side apply, or not.
    pub(crate) server_side_apply: Option<bool>,
    /// Replace the whole object, or not.
    pub(crate) replace: Option<bool>,
    /// Delete it and make it anew when it cannot be changed in place.
    pub(crate) force: bool,
    /// Its kind need not be served before the first write.
    pub(crate) skip_dry_run_on_missing_resource: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn options_are_read_and_what_is_not_understood_is_named() {
        let (options, refused) = SyncOptions::read([
            "CreateNamespace=true",
            "PrunePropagationPolicy=background",
            "Validate=false",
            "RespectIgnoreDifferences=true",
            "PrunePropagationPolicy=sideways",
            "Prune=confirm",
            "PruneLast=true",
            "PruneLast=false",
        ]);
        assert_eq!(
            options,
            SyncOptions {
                create_namespace: true,
                propagation: Some(Propagation::Background),
                ..SyncOptions::default()
            }
        );
        assert_eq!(
            refused,
            ["RespectIgnoreDifferences=true", "PrunePropagationPolicy=sideways", "Prune=confirm"]
        );
    }

    fn annotated(annotations: holdfast_object::Value) -> Object {
        Object::new(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": annotations}}),
        )
        .unwrap()
    }

    #[test]
    fn an_objects_annotations_speak_for_it() {
        let object =
            annotated(json!({SYNC_OPTIONS: "Prune=false, Replace=true,PruneLast=true", SYNC_WAVE: "-3"}));
        let (own, refused) = of_object(&object);
        assert_eq!(own.replace, Some(true));
        assert_eq!(refused, ["PruneLast=true"]);
        assert!(is_kept_from_pruning(&object) && !is_kept_from_deletion(&object));
        assert_eq!(wave(&object), -3);
        assert_eq!(wave(&annotated(json!({"helm.sh/hook-weight": "7"}))), 7);
        assert!(is_kept_from_deletion(&annotated(json!({HELM_RESOURCE_POLICY: "keep"}))));
    }
}
