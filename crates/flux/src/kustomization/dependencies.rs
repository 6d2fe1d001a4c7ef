//! Kustomizations that must be ready before.

use super::Kustomizations;
use holdfast_health::{Expression, ExpressionError};
use holdfast_object::{Object, ObjectKey, ObjectRef, Value};
use holdfast_types::flux::{Dependency, KustomizationSpec, SourceReference, kustomization};
use std::collections::HashSet;

/// Why a Kustomization cannot begin.
pub(super) enum Unready {
    /// A dependency is not there yet.
    Waits(String),
    /// An expression is none; nothing helps but another spec.
    Invalid(String),
}

impl Kustomizations {
    /// Whether every dependency is ready, in their order.
    pub(super) fn check_dependencies(
        &self,
        object: &Object,
        spec: &KustomizationSpec,
        revision: &str,
    ) -> Result<(), Unready> {
        for dependency in &spec.depends_on {
            let key = key(object, dependency);
            let name = format!("{}/{}", key.namespace, key.name);
            let Some(found) = self.shared.resource(&kustomization(), &key) else {
                return Err(Unready::Waits(format!("dependency '{name}' not found")));
            };
            if let Some(cycle) = self.cycle(&object.key(), &key) {
                return Err(Unready::Waits(format!("dependency cycle: {cycle}; it can never become ready")));
            }
            if !dependency.ready_expr.is_empty() {
                self.check_expression(object, &found, dependency, &name)?;
                if !self.shared.options.additive_ready_expressions {
                    continue;
                }
            }
            check(object, &spec.source_ref, &found, revision)
                .map_err(|why| Unready::Waits(format!("dependency '{name}' {why}")))?;
        }
        Ok(())
    }

    fn check_expression(
        &self,
        object: &Object,
        found: &Object,
        dependency: &Dependency,
        name: &str,
    ) -> Result<(), Unready> {
        let variables = [("self", object.to_value()), ("dep", found.to_value())];
        let holds = Expression::parse(&dependency.ready_expr, Some(&["self", "dep"]))
            .and_then(|expression| expression.holds(variables.iter().map(|(name, value)| (*name, value))));
        match holds {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Unready::Waits(format!("dependency '{name}' is not ready according to readyExpr eval")))
            }
            Err(error @ ExpressionError::Syntax { .. }) => {
                Err(Unready::Invalid(format!("failed to evaluate dependency {}: {error}", dependency.name)))
            }
            Err(error) => Err(Unready::Waits(error.to_string())),
        }
    }

    /// The way from a dependency back to `start`, if there is one.
    fn cycle(&self, start: &ObjectKey, from: &ObjectKey) -> Option<String> {
        let mut path = vec![start.clone(), from.clone()];
        let mut seen: HashSet<ObjectKey> = HashSet::new();
        loop {
            let last = path.last()?.clone();
            if last == *start {
                let names: Vec<_> = path.iter().map(|k| format!("{}/{}", k.namespace, k.name)).collect();
                return Some(names.join(" -> "));
            }
            let next = self.shared.resource(&kustomization(), &last).and_then(|object| {
                let spec: KustomizationSpec =
                    serde_json::from_value(object.as_map().get("spec").cloned()?).ok()?;
                let keys = keys(&object, &spec);
                keys.iter().find(|k| *k == start).or_else(|| keys.iter().find(|k| !seen.contains(k))).cloned()
            });
            seen.insert(last);
            match next {
                Some(next) if next == *start || !seen.contains(&next) => path.push(next),
                _ => {
                    path.pop();
                    if path.len() < 2 {
                        return None;
                    }
                }
            }
        }
    }
}

/// Flux' own test of a dependency: ready for what it is now, and where both have one source, at its revision.
fn check(
    object: &Object,
    source: &SourceReference,
    dependency: &Object,
    revision: &str,
) -> Result<(), &'static str> {
    let status = |path: &str| dependency.as_map().get("status").and_then(|s| s.pointer(path));
    let conditions = status("/conditions").and_then(Value::as_array);
    let is_ready = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
    let is_observed = status("/observedGeneration").and_then(Value::as_i64) == Some(dependency.generation());
    if !is_ready || !is_observed {
        return Err("is not ready");
    }
    let theirs = dependency.get(&["spec", "sourceRef"]);
    let text = |name: &str| theirs.and_then(|s| s.get(name)).and_then(Value::as_str).unwrap_or_default();
    let or = |namespace: &str, own: &str| if namespace.is_empty() { own } else { namespace }.to_owned();
    let has_same_source = text("name") == source.name
        && text("kind") == source.kind
        && or(text("namespace"), dependency.namespace()) == or(&source.namespace, object.namespace());
    let applied = status("/lastAppliedRevision").and_then(Value::as_str);
    if has_same_source && applied != Some(revision) {
        return Err("revision is not up to date");
    }
    Ok(())
}

fn key(object: &Object, dependency: &Dependency) -> ObjectKey {
    let namespace = match dependency.namespace.as_str() {
        "" => object.namespace(),
        other => other,
    };
    ObjectRef::new(&kustomization(), namespace, &dependency.name).key
}

/// The Kustomizations that this one depends on.
pub(super) fn keys(object: &Object, spec: &KustomizationSpec) -> Vec<ObjectKey> {
    spec.depends_on.iter().map(|dependency| key(object, dependency)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn a_dependency_is_ready_for_what_it_is_now() {
        let object =
            Object::new(json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "a", "namespace": "n"}}))
            .unwrap();
        let source =
            SourceReference { kind: "GitRepository".into(), name: "s".into(), namespace: String::new() };
        let test = |status: Value, source_ref: Value| {
            let dependency = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": "b", "namespace": "m", "generation": 2},
                "spec": {"sourceRef": source_ref}, "status": status});
            check(&object, &source, &Object::new(dependency).unwrap(), "main@sha1:1")
        };
        let ready = |generation: i64, revision: &str| {
            json!({"observedGeneration": generation, "lastAppliedRevision": revision,
                "conditions": [{"type": "Ready", "status": "True"}]})
        };
        let own = json!({"kind": "GitRepository", "name": "s"});
        let same = json!({"kind": "GitRepository", "name": "s", "namespace": "n"});
        assert_eq!(test(json!({}), own.clone()), Err("is not ready"));
        assert_eq!(test(ready(1, "main@sha1:1"), same.clone()), Err("is not ready"));
        assert_eq!(test(ready(2, "main@sha1:1"), same.clone()), Ok(()));
        assert_eq!(test(ready(2, "main@sha1:0"), same), Err("revision is not up to date"));
        assert_eq!(test(ready(2, "main@sha1:0"), own), Ok(()), "another source of the same name");
    }
}
