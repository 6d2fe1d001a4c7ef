//! Random sequences of writes, the same on two servers, compared step by step.
//!
//! A seed gives a sequence: one kind, one or two names, several managers, every way to write. A sequence that two
//! servers answer differently is shrunk until every step in it matters.

use crate::case::{Case, Suite, case, places};
use crate::compare::differences;
use crate::run::{establish, run_case};
use crate::server::Server;
use anyhow::{Context, Result};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What sequences are made of.
#[derive(Debug, Clone)]
pub struct Material {
    definitions: Vec<Value>,
    kinds: Vec<Kind>,
}

#[derive(Debug, Clone)]
struct Kind {
    path: String,
    base: Value,
    parts: Vec<Vec<Value>>,
    subresources: Vec<String>,
    custom: bool,
}

/// One write; indices are taken modulo what there is.
#[derive(Debug, Clone)]
struct Op {
    verb: usize,
    name: bool,
    manager: usize,
    force: bool,
    /// Whether the body has what every object of the kind has.
    whole: bool,
    parts: Vec<(usize, usize)>,
}

/// The managers that write.
const MANAGERS: [&str; 4] = ["one", "two", "three", "kubectl-client-side-apply"];
/// How often a verb comes: it stands here so many times.
const VERBS: [&str; 20] = [
    "apply",
    "apply",
    "apply",
    "apply",
    "apply",
    "apply",
    "merge",
    "merge",
    "unset",
    "strategic",
    "strategic",
    "json",
    "json-remove",
    "update",
    "update",
    "create",
    "create",
    "delete",
    "subresource",
    "subresource-apply",
];
/// The longest sequence.
const STEPS: usize = 10;
/// How often a difference is made smaller at most.
const SHRINKS: usize = 200;

impl Material {
    /// Reads the material.
    ///
    /// # Errors
    /// When the file is not there or not of its form.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read(file).with_context(|| file.display().to_string())?;
        let options = holdfast_yaml::Options::v3();
        let value = holdfast_yaml::parse(&text, &options).map_err(|e| anyhow::anyhow!("{e}"))?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let kind = |entry: &Value| -> Result<Kind> {
            Ok(Kind {
                path: entry["path"].as_str().context("a kind without a path")?.to_owned(),
                base: if entry["base"].is_object() { entry["base"].clone() } else { json!({}) },
                parts: list(&entry["parts"]).iter().map(list).collect(),
                subresources: list(&entry["subresources"])
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                custom: entry["custom"] == true,
            })
        };
        let kinds = list(&value["kinds"]).iter().map(kind).collect::<Result<Vec<_>>>()?;
        Ok(Self { definitions: list(&value["definitions"]), kinds })
    }

    /// Makes a server ready for the sequences.
    ///
    /// # Errors
    /// When it refuses the definitions.
    pub async fn prepare(&self, server: &Server) -> Result<()> {
        for definition in &self.definitions {
            establish(server, definition).await?;
        }
        Ok(())
    }
}

fn sequence(kinds: usize) -> impl Strategy<Value = (usize, Vec<Op>)> {
    let part = (0..64_usize, 0..8_usize);
    let op = (
        0..VERBS.len(),
        any::<bool>(),
        0..MANAGERS.len(),
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(part, 0..4),
    )
        .prop_map(|(verb, name, manager, force, whole, parts)| Op {
            verb,
            name: name && verb % 3 == 0,
            manager,
            force,
            whole: whole || verb >= 13,
            parts,
        });
    (0..kinds, prop::collection::vec(op, 1..=STEPS))
}

/// A difference, as small as it could be made.
#[derive(Debug)]
pub struct Finding {
    /// The seed of the sequence.
    pub seed: u64,
    /// The requests that remained.
    pub requests: Vec<String>,
    /// What differs.
    pub differences: Vec<String>,
}

/// Runs the sequence of a seed on both servers.
///
/// # Errors
/// When a server does not answer.
pub async fn compare_seed(
    material: &Material,
    seed: u64,
    left: &Server,
    right: &Server,
) -> Result<Option<Finding>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut tree = sequence(material.kinds.len())
        .new_tree(&mut runner)
        .map_err(|reason| anyhow::anyhow!("no sequence: {reason}"))?;
    let Some(mut finding) = compare(material, seed, tree.current(), left, right).await? else {
        return Ok(None);
    };
    for _ in 0..SHRINKS {
        if !tree.simplify() {
            break;
        }
        loop {
            if let Some(smaller) = compare(material, seed, tree.current(), left, right).await? {
                finding = smaller;
                break;
            }
            if !tree.complicate() {
                return Ok(Some(finding));
            }
        }
    }
    Ok(Some(finding))
}

async fn compare(
    material: &Material,
    seed: u64,
    (kind, ops): (usize, Vec<Op>),
    left: &Server,
    right: &Server,
) -> Result<Option<Finding>> {
    /// Every run has a namespace of its own.
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let case = written(material, kind % material.kinds.len(), &ops, number)?;
    let (expected, found) = futures::try_join!(run_case(left, &case), run_case(right, &case))?;
    for (expected, found) in expected.iter().zip(&found) {
        let differences = differences(&expected.answer, &found.answer);
        if !differences.is_empty() {
            let shown = |step: &crate::case::Step| {
                format!("{} {} {}", step.method, step.path, shown_body(&step.body))
            };
            let requests = case.steps[..found.step].iter().filter(|s| !s.quiet).map(shown).collect();
            return Ok(Some(Finding { seed, requests, differences }));
        }
    }
    Ok(None)
}

fn shown_body(body: &crate::case::Body) -> String {
    match body {
        crate::case::Body::Json(value) => value.to_string(),
        crate::case::Body::Text(text) => text.clone(),
        crate::case::Body::None => String::new(),
    }
}

/// A sequence as a case.
fn written(material: &Material, kind: usize, ops: &[Op], number: usize) -> Result<Case> {
    let kind = &material.kinds[kind];
    let mut steps = Vec::new();
    for op in ops {
        write(kind, op, &mut steps);
    }
    steps.push(json!({"get": format!("{}/a", kind.path)}));
    let suite = Suite { name: String::new(), definitions: material.definitions.clone(), cases: Vec::new() };
    case(&kind.path, number, "random", &json!({ "steps": steps }), &places(&suite.definitions))
}

fn write(kind: &Kind, op: &Op, steps: &mut Vec<Value>) {
    let name = if op.name { "b" } else { "a" };
    let path = format!("{}/{name}", kind.path);
    let managed = |path: &str| format!("{path}?fieldManager={}", MANAGERS[op.manager]);
    let parts: Vec<&Value> = op
        .parts
        .iter()
        .filter(|_| !kind.parts.is_empty())
        .map(|(part, form)| {
            let forms = &kind.parts[part % kind.parts.len()];
            &forms[form % forms.len()]
        })
        .collect();
    let mut body = if op.whole { kind.base.clone() } else { json!({}) };
    for part in &parts {
        merge(&mut body, part);
    }
    let force = if op.force { "&force=true" } else { "" };
    match VERBS[op.verb] {
        "apply" => steps.push(json!({"apply": format!("{}{force}", managed(&path)), "body": body})),
        "merge" => steps.push(json!({"merge": managed(&path), "body": body})),
        "strategic" => steps.push(json!({"strategic": managed(&path), "body": body})),
        "unset" => {
            let mut patch = json!({});
            for part in &parts {
                let (leaf, _) = leaf(part);
                merge(&mut patch, &nested(&leaf, Value::Null));
            }
            steps.push(json!({"merge": managed(&path), "body": patch}));
        }
        "json" | "json-remove" => {
            let removes = VERBS[op.verb] == "json-remove";
            let patch: Vec<Value> = parts
                .iter()
                .map(|part| {
                    let (leaf, value) = leaf(part);
                    let pointer: String =
                        leaf.iter().map(|key| format!("/{}", key.replace('/', "~1"))).collect();
                    if removes {
                        json!({"op": "remove", "path": pointer})
                    } else {
                        json!({"op": "add", "path": pointer, "value": value})
                    }
                })
                .collect();
            steps.push(json!({"json": managed(&path), "body": patch}));
        }
        "update" => {
            steps.push(json!({"get": path, "quiet": true}));
            if kind.custom || op.force {
                body["metadata"]["resourceVersion"] =
                    format!("$(?{}.metadata.resourceVersion)", steps.len()).into();
            }
            steps.push(json!({"update": managed(&path), "body": body}));
        }
        "create" => steps.push(json!({"create": managed(&path), "body": body})),
        "delete" => steps.push(json!({ "delete": path })),
        verb => {
            let Some(sub) = kind.subresources.get(op.parts.len() % kind.subresources.len().max(1)) else {
                return;
            };
            // Never what any part says: a scale that changes nothing is a case of its own.
            let replicas = op.parts.len() + 5;
            let path = managed(&format!("{path}/{sub}"));
            match (sub.as_str(), verb) {
                ("scale", "subresource") => {
                    steps.push(json!({"merge": path, "body": {"spec": {"replicas": replicas}}}));
                }
                ("status", "subresource") => {
                    steps.push(json!({"merge": path, "body": {"status": {"replicas": replicas}, "metadata": {"labels": {"s": "t"}}}}));
                }
                ("status", _) => {
                    steps.push(json!({"apply": format!("{path}{force}"), "body": {"status": {"replicas": replicas}}}));
                }
                _ => steps.push(json!({"merge": path, "body": {"spec": {"replicas": replicas + 1}}})),
            }
        }
    }
}

/// The keys in which the items of lists may agree.
const KEYS: [&str; 6] = ["name", "containerPort", "port", "key", "host", "type"];

/// Puts one body into another: mappings merge, and so do items that agree in a key; other items are added.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(key) {
                    Some(place) => merge(place, value),
                    None => {
                        into.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => {
            for item in from {
                let key = KEYS.iter().find(|key| item.get(**key).is_some());
                let same = |other: &&mut Value| match key {
                    Some(key) => other.get(*key) == item.get(*key),
                    None => *other == item,
                };
                match into.iter_mut().find(same) {
                    Some(place) => merge(place, item),
                    None => into.push(item.clone()),
                }
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// The path to the first thing that is no mapping, and that thing.
fn leaf(part: &Value) -> (Vec<String>, &Value) {
    let mut path = Vec::new();
    let mut value = part;
    while let Some((key, next)) = value.as_object().and_then(|map| map.iter().next()) {
        path.push(key.clone());
        value = next;
    }
    (path, value)
}

fn nested(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, key| Value::Object(Map::from_iter([(key.clone(), inner)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_put_together() {
        let mut body = json!({"spec": {"containers": [{"name": "a", "image": "x"}], "n": 1}});
        merge(
            &mut body,
            &json!({"spec": {"containers": [{"name": "a", "args": ["y"]}, {"name": "b"}], "n": 2}}),
        );
        assert_eq!(
            body,
            json!({"spec": {"containers": [{"name": "a", "image": "x", "args": ["y"]}, {"name": "b"}], "n": 2}})
        );
        assert_eq!(leaf(&json!({"a": {"b": [1]}})), (vec!["a".to_owned(), "b".to_owned()], &json!([1])));
        assert_eq!(nested(&["a".to_owned(), "b".to_owned()], Value::Null), json!({"a": {"b": null}}));
    }
}
