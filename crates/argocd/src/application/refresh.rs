//! When the cluster is compared with the source again, and how thoroughly (Argo CD: `needRefreshAppStatus`).

use super::status::{Status, parse_time};
use holdfast_controller::Reason;
use holdfast_object::{Object, Value};
use holdfast_types::argocd::{ApplicationSpec, REFRESH};
use jiff::{SignedDuration, Timestamp};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// How thoroughly to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// With the commit that was compared last: only the cluster changed.
    Recent,
    /// With the newest commit, as the source cache knows it.
    Latest,
    /// With the newest commit, asked for at the source.
    Resolve,
    /// The same, and rendered anew.
    Hard,
}

/// What the level is decided on.
pub(crate) struct Question<'a> {
    /// The Application.
    pub(crate) app: &'a Object,
    /// Its spec.
    pub(crate) spec: &'a ApplicationSpec,
    /// Its status.
    pub(crate) status: &'a Status,
    /// Why it is reconciled, as far as that may change what the status says.
    pub(crate) reasons: &'a [&'a Reason],
    /// The rendered target is at hand and of this spec.
    pub(crate) has_target: bool,
    /// When the last comparison is too old.
    pub(crate) expires: Option<Timestamp>,
    /// The time.
    pub(crate) now: Timestamp,
}

impl Question<'_> {
    /// The level of the comparison that is due; `None` when none is.
    pub(crate) fn level(&self) -> Option<Level> {
        if let Some(requested) = requested(self.app) {
            return Some(requested);
        }
        let compared = &self.status.sync.compared_to;
        if compared.sources != self.spec.sources || self.reasons.contains(&&Reason::SourceChanged) {
            return Some(Level::Resolve);
        }
        let is_expired = self.expires.is_none_or(|expires| expires <= self.now);
        let ignored = self.app.get(&["spec", "ignoreDifferences"]).cloned().unwrap_or(Value::Null);
        if is_expired
            || !self.has_target
            || compared.destination != self.spec.destination
            || compared.ignore_differences != ignored
        {
            return Some(Level::Latest);
        }
        (!self.reasons.is_empty()).then_some(Level::Recent)
    }
}

/// The comparison that the annotation asks for.
pub(crate) fn requested(app: &Object) -> Option<Level> {
    let kind = app.annotation(REFRESH)?;
    Some(if kind == "hard" { Level::Hard } else { Level::Resolve })
}

/// When a comparison made now is too old: after the interval and a part of the jitter that is always the same for one
/// Application, so that those that start together do not ask together.
pub(crate) fn expiry(app: &Object, interval: Duration, jitter: Duration, now: Timestamp) -> Timestamp {
    let mut hasher = DefaultHasher::new();
    (app.namespace(), app.name(), app.uid()).hash(&mut hasher);
    let share = jitter.mul_f64((hasher.finish() % 1_000) as f64 / 1_000.0);
    let pause = SignedDuration::try_from(interval + share).unwrap_or(SignedDuration::MAX);
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// When the last comparison that its status tells of is too old.
pub(crate) fn expiry_of_status(
    app: &Object,
    status: &Status,
    interval: Duration,
    jitter: Duration,
) -> Option<Timestamp> {
    let at = parse_time(status.reconciled_at.as_deref()?)?;
    Some(expiry(app, interval, jitter, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn check(change: impl Fn(&mut Value), reasons: &[Reason], now: i64, expected: Option<Level>) {
        let spec =
            json!({"source": {"repoURL": "https://x/r", "path": "."}, "destination": {"namespace": "a"}});
        let mut app = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "a", "annotations": {}}, "spec": spec,
            "status": {"sync": {"status": "Synced", "comparedTo": spec}}});
        change(&mut app);
        let object = Object::new(app).unwrap();
        let spec: ApplicationSpec = serde_json::from_value(object.get(&["spec"]).unwrap().clone()).unwrap();
        let question = Question {
            app: &object,
            spec: &spec,
            status: &Status::of(&object),
            reasons: &reasons.iter().collect::<Vec<_>>(),
            has_target: true,
            expires: Some(at(100)),
            now: at(now),
        };
        assert_eq!(question.level(), expected);
    }

    #[test]
    fn what_changed_decides_how_thorough() {
        let nothing = |_: &mut Value| {};
        let due = [Reason::Due];
        check(nothing, &[], 50, None);
        check(nothing, &due, 50, Some(Level::Recent));
        check(nothing, &due, 100, Some(Level::Latest));
        check(nothing, &[Reason::SourceChanged], 50, Some(Level::Resolve));
        check(|a| a["spec"]["source"]["path"] = json!("b"), &due, 50, Some(Level::Resolve));
        check(|a| a["spec"]["destination"]["namespace"] = json!("b"), &due, 50, Some(Level::Latest));
        check(|a| a["spec"]["ignoreDifferences"] = json!([{"kind": "A"}]), &due, 50, Some(Level::Latest));
        check(|a| a["metadata"]["annotations"][REFRESH] = json!("hard"), &[], 50, Some(Level::Hard));
        check(|a| a["metadata"]["annotations"][REFRESH] = json!("normal"), &[], 50, Some(Level::Resolve));
    }

    #[test]
    fn the_jitter_is_an_applications_own() {
        let app = |name: &str| {
            Object::new(json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": name}})).unwrap()
        };
        let (interval, jitter) = (Duration::from_secs(120), Duration::from_secs(60));
        let of = |name: &str| expiry(&app(name), interval, jitter, at(0));
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        assert!(of("a") >= at(120) && of("a") <= at(180));
    }
}
