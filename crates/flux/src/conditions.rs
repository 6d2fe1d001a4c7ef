use holdfast_object::{Object, Value, json};
use jiff::Timestamp;

/// The conditions of a status, kept in Flux' order: Stalled, Reconciling and Ready, then the newest generation's, then
/// by name.
///
/// A condition's time is that of its last change of status, reason or message, as with Flux.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conditions {
    list: Vec<Value>,
    generation: i64,
    now: String,
}

impl Conditions {
    /// The conditions that are on the object, to change now.
    pub(crate) fn of(object: &Object, now: Timestamp) -> Self {
        let list =
            object.get(&["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
        Self { list, generation: object.generation(), now: seconds(now) }
    }

    /// The conditions of a status that is about to be written, to change now.
    pub(crate) fn in_status(status: &Value, object: &Object, now: Timestamp) -> Self {
        let list = status.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        Self { list, generation: object.generation(), now: seconds(now) }
    }

    fn text<'v>(condition: &'v Value, field: &str) -> &'v str {
        condition.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The status of a condition, if it is there.
    pub(crate) fn status(&self, kind: &str) -> Option<&str> {
        self.list.iter().find(|c| Self::text(c, "type") == kind).map(|c| Self::text(c, "status"))
    }

    /// Sets a condition.
    pub(crate) fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let before = self.list.iter().position(|c| Self::text(c, "type") == kind);
        let is_same = |c: &&Value| {
            [("status", status), ("reason", reason), ("message", message)]
                .iter()
                .all(|(field, value)| Self::text(c, field) == *value)
        };
        let since = before
            .map(|at| &self.list[at])
            .filter(is_same)
            .map(|c| Self::text(c, "lastTransitionTime").to_owned())
            .filter(|time| !time.is_empty());
        let condition = json!({
            "type": kind,
            "status": status,
            "observedGeneration": self.generation,
            "lastTransitionTime": since.unwrap_or_else(|| self.now.clone()),
            "reason": reason,
            "message": shortened(message),
        });
        match before {
            Some(at) => self.list[at] = condition,
            None => self.list.push(condition),
        }
        self.list.sort_by_key(|c| {
            let kind = Self::text(c, "type").to_owned();
            let place = FIRST.iter().position(|first| *first == kind).unwrap_or(FIRST.len());
            let generation = c.get("observedGeneration").and_then(Value::as_i64).unwrap_or_default();
            (place, if place < FIRST.len() { 0 } else { -generation }, kind)
        });
    }

    /// Reason and message of a condition, if it is there.
    pub(crate) fn says(&self, kind: &str) -> Option<(String, String)> {
        let found = self.list.iter().find(|c| Self::text(c, "type") == kind)?;
        Some((Self::text(found, "reason").to_owned(), Self::text(found, "message").to_owned()))
    }

    /// Says again what a condition says, of the object as it is now.
    pub(crate) fn confirm(&mut self, kind: &str) {
        let generation = self.generation;
        for condition in self.list.iter_mut().filter(|c| Self::text(c, "type") == kind) {
            condition["observedGeneration"] = generation.into();
        }
    }

    /// Takes a condition away.
    pub(crate) fn remove(&mut self, kind: &str) {
        self.list.retain(|c| Self::text(c, "type") != kind);
    }

    /// Ready: what was asked for is so. Nothing is going on and nothing is stuck.
    pub(crate) fn ready(&mut self, reason: &str, message: &str) {
        self.set("Ready", "True", reason, message);
        self.remove("Reconciling");
        self.remove("Stalled");
    }

    /// Not ready, and tried again.
    pub(crate) fn failed(&mut self, reason: &str, message: &str) {
        self.set("Ready", "False", reason, message);
        self.set("Reconciling", "True", "ProgressingWithRetry", message);
        self.remove("Stalled");
    }

    /// Not ready, and not tried again before the spec changes.
    pub(crate) fn stalled(&mut self, reason: &str, message: &str) {
        self.set("Ready", "False", reason, message);
        self.set("Stalled", "True", reason, message);
        self.remove("Reconciling");
    }

    /// On its way.
    pub(crate) fn progressing(&mut self, message: &str) {
        self.set("Ready", "Unknown", "Progressing", message);
        self.set("Reconciling", "True", "Progressing", message);
        self.remove("Stalled");
    }

    /// The generation that a condition was set for, if it is there.
    pub(crate) fn generation_of(&self, kind: &str) -> Option<i64> {
        let found = self.list.iter().find(|c| Self::text(c, "type") == kind)?;
        found.get("observedGeneration").and_then(Value::as_i64)
    }

    /// The list for the status.
    pub(crate) fn into_value(self) -> Value {
        Value::Array(self.list)
    }
}

/// What stands before all others, in this order.
const FIRST: &[&str] = &["Stalled", "Reconciling", "Ready"];

/// The API refuses longer messages.
fn shortened(message: &str) -> String {
    const LIMIT: usize = 32_768;
    if message.len() <= LIMIT {
        return message.to_owned();
    }
    let cut = (0..=LIMIT - 3).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
    format!("{}...", &message[..cut])
}

/// `metav1.Time` has whole seconds.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(conditions: Value) -> Object {
        Object::new(json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "a", "generation": 3},
            "status": {"conditions": conditions}}))
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_time_moves_with_what_is_said() {
        let mut first = Conditions::of(&object(json!([])), at("2026-01-01T00:00:00Z"));
        first.failed("BuildFailed", "no");
        let mut second = Conditions::of(&object(first.into_value()), at("2026-01-01T00:01:00Z"));
        second.failed("BuildFailed", "no");
        let list = second.clone().into_value();
        assert_eq!(list[1]["lastTransitionTime"], "2026-01-01T00:00:00Z");
        second.failed("BuildFailed", "still no");
        let list = second.clone().into_value();
        assert_eq!(list[1]["lastTransitionTime"], "2026-01-01T00:01:00Z");
        assert_eq!(list[1]["message"], "still no");
        second.ready("Succeeded", "yes");
        let list = second.into_value();
        assert_eq!(list.as_array().unwrap().len(), 1);
        assert_eq!(list[0]["lastTransitionTime"], "2026-01-01T00:01:00Z");
        assert_eq!(list[0]["observedGeneration"], 3);
    }

    #[test]
    fn what_is_wrong_comes_first() {
        let mut conditions = Conditions::of(&object(json!([])), at("2026-01-01T00:00:00Z"));
        conditions.set("ArtifactInStorage", "True", "a", "");
        conditions.stalled("b", "");
        let kinds: Vec<_> =
            conditions.into_value().as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
        assert_eq!(kinds, ["Stalled", "Ready", "ArtifactInStorage"]);
    }
}
