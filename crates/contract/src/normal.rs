//! Answers without what differs from run to run.
//!
//! What is equal stays equal: the second uid of a case is `<uid 2>` wherever it stands.

use regex::{Captures, Regex};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

#[expect(clippy::unwrap_used, reason = "patterns of this file")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

static UID: LazyLock<Regex> =
    LazyLock::new(|| pattern("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
static TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"20(2[6-9]|3[0-9])-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b10\.0\.\d+\.\d+\b"));
/// Where messages tell a revision of the whole store.
static REVISION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(current: |too old resource version: \d+ \(|in record \(|\\"resourceVersion\\":\\")\d+"#)
});
/// Node ports and ages in the cells of tables.
static CELL: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d+(s|m|m\d+s)$|:3[0-2]\d{3}/"));
/// Where messages tell where in its code the server made a scheme or a converter.
static SOURCE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"pkg/[a-z/_]+\.go:\d+|k8s\.io/[a-z/_.-]+\.go:\d+"));

/// The volume that gives a pod its service account's token.
static TOKEN_VOLUME: LazyLock<Regex> = LazyLock::new(|| pattern("kube-api-access-[a-z0-9]{5}"));

/// Makes the answers of one case comparable, in their order.
#[derive(Debug, Default)]
pub struct Normaliser {
    uids: HashMap<String, usize>,
    versions: HashMap<String, usize>,
    names: HashMap<String, String>,
    /// The text of every request: what was sent is not replaced.
    sent: String,
}

impl Normaliser {
    /// Takes note of what a request says: it comes back as it is.
    pub fn sent(&mut self, text: &str) {
        self.sent.push_str(text);
        self.sent.push('\n');
    }

    /// An answer's body, comparable.
    pub fn value(&mut self, value: &Value) -> Value {
        self.learn(value);
        self.at(value, "", "")
    }

    /// A text of an answer, comparable.
    pub fn text(&mut self, text: &str) -> String {
        let mut text = UID.replace_all(text, |found: &Captures<'_>| self.uid(&found[0])).into_owned();
        let sent = |found: &str| self.sent.contains(found);
        let or = |found: &Captures<'_>, other: &str| {
            if sent(&found[0]) { found[0].to_owned() } else { other.to_owned() }
        };
        text = TIME.replace_all(&text, |found: &Captures<'_>| or(found, "<time>")).into_owned();
        text = ADDRESS.replace_all(&text, |found: &Captures<'_>| or(found, "<address>")).into_owned();
        text = REVISION.replace_all(&text, "$1<revision>").into_owned();
        text = TOKEN_VOLUME.replace_all(&text, "kube-api-access-<id>").into_owned();
        text = SOURCE.replace_all(&text, "<source>").into_owned();
        for (name, shown) in &self.names {
            if text.contains(name.as_str()) {
                text = text.replace(name.as_str(), shown);
            }
        }
        text
    }

    fn uid(&mut self, uid: &str) -> String {
        if self.sent.contains(uid) && !self.uids.contains_key(uid) {
            return uid.to_owned();
        }
        let next = self.uids.len() + 1;
        format!("<uid {}>", self.uids.entry(uid.to_owned()).or_insert(next))
    }

    fn version(&mut self, version: &str) -> String {
        let next = self.versions.len() + 1;
        format!("<version {}>", self.versions.entry(version.to_owned()).or_insert(next))
    }

    /// Finds generated names, which messages and lists repeat.
    fn learn(&mut self, value: &Value) {
        let metadata = &value["metadata"];
        if let (Some(stem), Some(name)) = (metadata["generateName"].as_str(), metadata["name"].as_str())
            && name.len() == stem.len() + 5
            && name.starts_with(stem)
        {
            let next = self.names.len() + 1;
            self.names.entry(name.to_owned()).or_insert(format!("{stem}<{next}>"));
        }
        for item in value["items"].as_array().into_iter().flatten() {
            self.learn(item);
        }
        if value["object"].is_object() {
            self.learn(&value["object"]);
        }
    }

    fn at(&mut self, value: &Value, key: &str, parent: &str) -> Value {
        match value {
            Value::String(text) if key == "resourceVersion" && parent == "list" => {
                if text.is_empty() {
                    Value::from("")
                } else {
                    "<revision>".into()
                }
            }
            Value::String(text) if key == "resourceVersion" && text.parse::<u64>().is_ok() => {
                if text == "0" {
                    "0".into()
                } else {
                    self.version(text).into()
                }
            }
            Value::String(text) if key == "continue" && !text.is_empty() => "<token>".into(),
            Value::String(text) if key == "cells" && text.ends_with('s') && CELL.is_match(text) => {
                "<age>".into()
            }
            Value::String(text) if key == "cells" && !self.sent.contains(text) => {
                CELL.replace_all(&self.text(text), ":<port>/").into_owned().into()
            }
            Value::String(text) => self.text(text).into(),
            Value::Number(number) if matches!(key, "nodePort" | "healthCheckNodePort") => {
                if self.sent.contains(&number.to_string()) { value.clone() } else { "<port>".into() }
            }
            // The order of managers follows the seconds of their writes, which differ from run to run.
            Value::Array(items) if key == "managedFields" => {
                let mut items: Vec<Value> = items.iter().map(|item| self.at(item, key, parent)).collect();
                items.sort_by_key(|item| {
                    [&item["operation"], &item["manager"], &item["subresource"], item].map(Value::to_string)
                });
                items.into()
            }
            Value::Array(items) => items.iter().map(|item| self.at(item, key, parent)).collect(),
            Value::Object(map) => self.object(map),
            other => other.clone(),
        }
    }

    fn object(&mut self, map: &Map<String, Value>) -> Value {
        let is_list = map.contains_key("items") || map.contains_key("columnDefinitions");
        // Metadata first: the numbers of uids and versions follow what a reader reads first.
        let mut out = Map::new();
        for (key, value) in map {
            if key == "description" && map.contains_key("priority") && map.contains_key("format") {
                // Descriptions of a table's columns are documentation, which is not ours.
                continue;
            }
            let normal = if key == "metadata" && is_list && value.is_object() {
                let metadata = value.as_object().into_iter().flatten();
                metadata
                    .map(|(key, value)| (key.clone(), self.at(value, key, "list")))
                    .collect::<Map<_, _>>()
                    .into()
            } else {
                self.at(value, key, "")
            };
            out.insert(self.text(key), normal);
        }
        if out.get("reason").is_some_and(|reason| reason == "Conflict") {
            sort_conflicts(&mut out);
        }
        out.sort_keys();
        Value::Object(out)
    }
}

/// The original tells the conflicts of an apply with several managers in any order.
fn sort_conflicts(status: &mut Map<String, Value>) {
    if let Some(Value::String(message)) = status.get_mut("message")
        && message.starts_with("Apply failed with")
    {
        let mut lines: Vec<&str> = message.lines().flat_map(|line| line.split(": ")).collect();
        lines.sort_unstable();
        *message = lines.join("\n");
    }
    if let Some(causes) =
        status.get_mut("details").and_then(|d| d.get_mut("causes")).and_then(Value::as_array_mut)
    {
        causes.sort_by_key(Value::to_string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_equal_stays_equal() {
        let mut normal = Normaliser::default();
        let (a, b) = ("11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-666666666666");
        let shown = normal.value(&json!({"metadata": {"name": "web-abcde", "generateName": "web-", "uid": a, "resourceVersion": "7"},
            "items": [{"metadata": {"uid": b, "resourceVersion": "7"}, "x": format!("of {a} named web-abcde")}]}));
        assert_eq!(
            shown,
            json!({"metadata": {"name": "web-<1>", "generateName": "web-", "uid": "<uid 1>", "resourceVersion": "<revision>"},
                "items": [{"metadata": {"uid": "<uid 2>", "resourceVersion": "<version 1>"}, "x": "of <uid 1> named web-<1>"}]})
        );
    }

    #[test]
    fn what_was_sent_stays() {
        let mut normal = Normaliser::default();
        normal.sent(r#"{"clusterIP":"10.0.3.4","at":"2027-01-01T00:00:00Z"}"#);
        let shown = normal.value(&json!({"a": "10.0.3.4", "b": "10.0.9.9", "c": "2027-01-01T00:00:00Z", "d": "2027-01-02T00:00:00Z"}));
        assert_eq!(
            shown,
            json!({"a": "10.0.3.4", "b": "<address>", "c": "2027-01-01T00:00:00Z", "d": "<time>"})
        );
    }
}
