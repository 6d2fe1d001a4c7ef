//! What a comparison saw of each object, kept small: enough to tell that an event changes nothing of what was said,
//! from the one object that it is about.

use super::compare::{IGNORE_HEALTH, images};
use super::reconcile::Round;
use super::request::{Identity, Pruning, sync_options, sync_policy};
use holdfast_controller::Reason;
use holdfast_health::{RuleSet, argocd_has_rule, assess};
use holdfast_object::{Object, ObjectKey, ObjectRef, Value};
use holdfast_sync::{Live, LiveView, Question};
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What was seen of every object of an Application, by the comparison that its status tells of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sights {
    objects: HashMap<ObjectKey, Sight>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    version: String,
    digest: u64,
}

impl Sights {
    /// Notes an object as it was seen; `None`: it is not there.
    pub(crate) fn note(&mut self, object: &ObjectRef, live: Option<&Object>) {
        let sight = Sight { version: object.version.clone(), digest: digest(live) };
        self.objects.insert(object.key.clone(), sight);
    }

    /// The objects of a kind.
    fn of_kind<'s>(&'s self, kind: &'s holdfast_object::GroupKind) -> impl Iterator<Item = &'s ObjectKey> {
        self.objects.keys().filter(move |key| key.group_kind() == *kind)
    }
}

/// A digest of what a comparison reads of an object besides the fields that are compared with the source: its health,
/// its images, and whose it says to be.
fn digest(live: Option<&Object>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Some(live) = live else { return hasher.finish() };
    (live.uid(), live.is_deleting(), &live.gvk().version).hash(&mut hasher);
    for field in ["annotations", "ownerReferences"] {
        live.get(&["metadata", field]).map(Value::to_string).hash(&mut hasher);
    }
    if argocd_has_rule(live) && live.annotation(IGNORE_HEALTH) != Some("true") {
        let health = assess(live, RuleSet::ArgoCd);
        (health.status.argocd_name(), health.message).hash(&mut hasher);
    }
    let mut all = BTreeSet::new();
    images(live, &mut all);
    all.hash(&mut hasher);
    hasher.finish()
}

impl Round<'_> {
    /// The reasons that may have changed what the status says. Most events do not: the seal of their object and what
    /// else was seen of it are as they were, which is told without looking at any other object.
    pub(super) fn telling<'r>(&self, reasons: &'r [Reason]) -> Vec<&'r Reason> {
        let is_telling = |reason: &&Reason| match reason {
            Reason::Object(key) => !self.is_as_seen(key),
            Reason::Listed(kind) => {
                let mut seen = self.memory.sights.of_kind(kind).peekable();
                seen.peek().is_none() || !seen.all(|key| self.is_as_seen(key))
            }
            _ => true,
        };
        reasons.iter().filter(is_telling).collect()
    }

    fn is_as_seen(&self, key: &ObjectKey) -> bool {
        let (Some(sight), Some(target)) = (self.memory.sights.objects.get(key), &self.memory.target) else {
            return false;
        };
        let live = self.shared.engine.live();
        let (options, _) = sync_options(&target.spec, &[], false);
        if let Some(desired) = target.desired_one(&options, key) {
            let identity = Identity::of(&self.app, &target.spec, &self.shared.options.control_namespace);
            let policy = sync_policy(&target.spec, &identity, &options, &Pruning::default());
            let mode = desired.policy.write.as_ref().unwrap_or(&policy.write);
            if !live.in_force(&desired.reference, &Question::of(&desired, mode, &policy.drift)) {
                return false;
            }
        }
        let object = ObjectRef { key: key.clone(), version: sight.version.clone() };
        let now = match live.get(&object) {
            Live::Unknown => return false,
            Live::Absent | Live::NoSuchKind => digest(None),
            Live::Present(found) => digest(Some(&found.object)),
        };
        now == sight.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn deployment(change: impl Fn(&mut Value)) -> Object {
        let mut value = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "prod", "uid": "u", "resourceVersion": "1"},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}},
            "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}});
        change(&mut value);
        Object::new(value).unwrap()
    }

    #[test]
    fn what_the_status_tells_is_in_the_digest_and_nothing_else() {
        let of = |change: fn(&mut Value)| digest(Some(&deployment(change)));
        let same = of(|_| {});
        assert_eq!(same, of(|v| v["metadata"]["resourceVersion"] = json!("2")));
        assert_eq!(same, of(|v| v["metadata"]["labels"] = json!({"theirs": "x"})));
        assert_eq!(same, of(|v| v["status"]["observedGeneration"] = json!(0)));
        assert_ne!(same, of(|v| v["status"]["availableReplicas"] = json!(0)));
        assert_ne!(same, of(|v| v["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2")));
        assert_ne!(same, of(|v| v["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z")));
        assert_ne!(
            same,
            of(|v| v["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"}))
        );
        assert_ne!(same, of(|v| v["metadata"]["uid"] = json!("other")));
        assert_ne!(same, digest(None));
    }
}
