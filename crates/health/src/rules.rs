use crate::{Expression, ExpressionError, Health, HealthStatus, RuleSet, assess};
use holdfast_object::{GroupKind, Object, Value};
use std::sync::Arc;

/// How the health of an app's objects is told: a built-in rule set, with expressions for some kinds over it.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthRules {
    base: RuleSet,
    expressions: Arc<[HealthExpressions]>,
}

/// Expressions over the fields at the top of an object that tell its health (Flux: `healthCheckExprs`).
#[derive(Debug, PartialEq)]
pub struct HealthExpressions {
    group: String,
    /// Every kind of the group when empty.
    kind: String,
    in_progress: Option<Expression>,
    failed: Option<Expression>,
    current: Expression,
}

impl From<RuleSet> for HealthRules {
    fn from(base: RuleSet) -> Self {
        Self { base, expressions: Arc::new([]) }
    }
}

impl HealthRules {
    /// Rules with expressions, of which the first that is about a kind counts.
    pub fn new(base: RuleSet, expressions: Vec<HealthExpressions>) -> Self {
        Self { base, expressions: expressions.into() }
    }

    /// The health of a live object.
    pub fn assess(&self, object: &Object) -> Health {
        let kind = object.gvk().group_kind();
        match self.expressions.iter().find(|expressions| expressions.matches(&kind)) {
            Some(expressions) => expressions.assess(object),
            None => assess(object, self.base),
        }
    }
}

impl HealthExpressions {
    /// Reads the expressions for a kind, or with an empty `kind` for all of the group in `api_version`. Empty
    /// expressions never hold.
    ///
    /// # Errors
    /// [`ExpressionError`] when one is none; `current` is required.
    pub fn parse(
        api_version: &str,
        kind: &str,
        [in_progress, failed, current]: [&str; 3],
    ) -> Result<Self, ExpressionError> {
        let optional = |text: &str| match text {
            "" => Ok(None),
            text => Expression::parse(text, None).map(Some),
        };
        Ok(Self {
            group: api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: kind.to_owned(),
            in_progress: optional(in_progress)?,
            failed: optional(failed)?,
            current: Expression::parse(current, None)?,
        })
    }

    fn matches(&self, kind: &GroupKind) -> bool {
        self.group == kind.group && (self.kind.is_empty() || self.kind == kind.kind)
    }

    /// As Flux' RFC 9 has it: a status for an older generation is no status; then in progress, failed, current, and
    /// in progress when none of them holds.
    fn assess(&self, object: &Object) -> Health {
        let observed = object.get(&["status", "observedGeneration"]).and_then(Value::as_i64);
        if observed.is_some_and(|observed| observed != object.generation()) {
            return Health::new(HealthStatus::Progressing, "its status is for an older generation");
        }
        let in_order = [
            (self.in_progress.as_ref(), HealthStatus::Progressing),
            (self.failed.as_ref(), HealthStatus::Degraded),
            (Some(&self.current), HealthStatus::Healthy),
        ];
        for (expression, status) in in_order {
            let Some(expression) = expression else { continue };
            match expression.holds(object.as_map().iter().map(|(name, value)| (name.as_str(), value))) {
                Ok(true) => return Health::new(status, ""),
                Ok(false) => {}
                Err(error) => return Health::new(HealthStatus::Unknown, error.to_string()),
            }
        }
        Health::new(HealthStatus::Progressing, "none of its health expressions holds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn expressions_are_tried_in_their_order() {
        let expressions = HealthExpressions::parse(
            "cache.io/v1",
            "",
            ["status.phase == 'Busy'", "status.phase in ['Broken', 'Busy']", "status.phase == 'Done'"],
        );
        let rules = HealthRules::new(RuleSet::Kstatus, vec![expressions.unwrap()]);
        let check = |api_version: &str, status: Value, expected: HealthStatus| {
            let object = json!({"apiVersion": api_version, "kind": "Cache",
                "metadata": {"name": "a", "generation": 2}, "status": status});
            let health = rules.assess(&Object::new(object).unwrap());
            assert_eq!(health.status, expected, "{status}: {}", health.message);
        };
        check("cache.io/v2", json!({"phase": "Busy"}), HealthStatus::Progressing);
        check("cache.io/v1", json!({"phase": "Broken"}), HealthStatus::Degraded);
        check("cache.io/v1", json!({"phase": "Done"}), HealthStatus::Healthy);
        check("cache.io/v1", json!({"phase": "Done", "observedGeneration": 1}), HealthStatus::Progressing);
        check("cache.io/v1", json!({"phase": "Done", "observedGeneration": "1"}), HealthStatus::Healthy);
        check("cache.io/v1", json!({"phase": "New"}), HealthStatus::Progressing);
        check("cache.io/v1", json!({}), HealthStatus::Unknown);
        check("other.io/v1", json!({}), HealthStatus::Healthy);
    }
}
