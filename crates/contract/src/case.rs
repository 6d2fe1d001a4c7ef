//! The tables: YAML files of cases, each a list of requests.
//!
//! ```yaml
//! definitions: [...]          # custom resource definitions that the cases need, created first
//! differs:                    # differences that stay, with the reason, and the cases that show them
//! - {because: why, cases: [a name]}
//! cases:
//! - case: a name
//!   each: [...]               # optional: the case once for each value, as `$each` or `$each.key`
//!   steps:
//!   - create: configmaps/a    # one verb of the list below, with a path
//!     body: {data: {k: v}}
//! ```
//!
//! A path that does not begin with `/` is `PLURAL[.GROUP][/NAME[/SUBRESOURCE]]` in the namespace of the case (`$ns`).
//! `$(2.metadata.uid)` is what step 2 answered.
//!
//! | verb | request |
//! |---|---|
//! | `create`, `update`, `apply` | POST, PUT, server-side apply; version, kind and name are filled in |
//! | `get`, `list`, `table`, `watch`, `delete` | as they say; a watch is read for its one second |
//! | `merge`, `strategic`, `json` | PATCH of that type |
//! | `post`, `put`, `patch` | the body as it stands |

use anyhow::{Context, Result, bail};
use holdfast_object::schema::Schemas;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file of cases.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The file's name without its extension.
    pub name: String,
    /// Custom resource definitions that are there before the first case.
    pub definitions: Vec<Value>,
    /// The cases, in order.
    pub cases: Vec<Case>,
}

/// A list of requests that belong together, in a namespace of their own.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about; unique in the file.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// Why the sandbox answers differently, when it does.
    pub differs: Option<String>,
    /// The requests.
    pub steps: Vec<Step>,
}

/// One request and what to do about its answer.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// HTTP method.
    pub method: String,
    /// Path and query, with `$(…)` still in it.
    pub path: String,
    /// The body, with `$(…)` still in it.
    pub body: Body,
    /// `Content-Type`.
    pub media: String,
    /// Other headers.
    pub headers: Vec<(String, String)>,
    /// Repeat until the answer is so: a code, or values by JSON pointer.
    pub until: Option<Value>,
    /// Whether the answer is left out of the recording.
    pub quiet: bool,
}

/// A request's body.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Body {
    /// None at all.
    #[default]
    None,
    /// JSON.
    Json(Value),
    /// This text.
    Text(String),
}

/// The verbs of a table with their method and media type, and whether version, kind and name are filled in.
const VERBS: &[(&str, &str, &str, bool)] = &[
    ("create", "POST", "application/json", true),
    ("update", "PUT", "application/json", true),
    ("apply", "PATCH", "application/apply-patch+yaml", true),
    ("merge", "PATCH", "application/merge-patch+json", false),
    ("strategic", "PATCH", "application/strategic-merge-patch+json", false),
    ("json", "PATCH", "application/json-patch+json", false),
    ("get", "GET", "", false),
    ("list", "GET", "", false),
    ("table", "GET", "", false),
    ("watch", "GET", "", false),
    ("delete", "DELETE", "application/json", false),
    ("post", "POST", "application/json", false),
    ("put", "PUT", "application/json", false),
    ("patch", "PATCH", "application/json", false),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Where an object of a plural lives.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    api_version: String,
    kind: String,
    plural: String,
    namespaced: bool,
}

impl Place {
    fn collection(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let within = if self.namespaced { format!("namespaces/{namespace}/") } else { String::new() };
        format!("/{root}/{}/{within}{}", self.api_version, self.plural)
    }
}

/// Every file of cases of a folder, in the order of their names.
///
/// # Errors
/// A file that cannot be read, is no YAML, or uses a verb or a kind that is not there.
pub fn suites(folder: &Path) -> Result<Vec<Suite>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files.iter().map(|file| read(file).with_context(|| file.display().to_string())).collect()
}

fn read(file: &Path) -> Result<Suite> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read(file)?;
    let value =
        holdfast_yaml::parse(&text, &holdfast_yaml::Options::v3()).map_err(|e| anyhow::anyhow!("{e}"))?;
    let definitions: Vec<Value> = list(&value["definitions"]).to_vec();
    let places = places(&definitions);
    let mut cases: Vec<Case> = Vec::new();
    for entry in list(&value["cases"]) {
        let title = entry["case"].as_str().context("a case without a name")?;
        for (suffix, entry) in expanded(entry) {
            let name = format!("{title}{suffix}");
            let case = case(&name, cases.len(), &file_prefix(file), &entry, &places)
                .with_context(|| format!("case {name:?}"))?;
            cases.push(case);
        }
    }
    for entry in list(&value["differs"]) {
        let reason = entry["because"].as_str().context("a difference without a reason")?;
        for name in list(&entry["cases"]) {
            let case = cases.iter_mut().find(|case| *name == case.name.as_str());
            case.with_context(|| format!("no case {name}"))?.differs = Some(reason.to_owned());
        }
    }
    let mut names: Vec<&str> = cases.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("two cases are named {:?}", pair[0]);
    }
    Ok(Suite { name, definitions, cases })
}

fn file_prefix(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The kinds that tables may name: the built-in ones by plural and group, the newest version of each, and the suite's
/// own.
pub(crate) fn places(definitions: &[Value]) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for resource in Schemas::builtin().resources() {
        let (group, version) = (&resource.gvk.group, &resource.gvk.version);
        let api_version = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
        let place = Place {
            api_version,
            kind: resource.gvk.kind.clone(),
            plural: resource.plural.clone(),
            namespaced: resource.namespaced,
        };
        let key = key(&resource.plural, group);
        places.insert(format!("{key}@{version}"), place.clone());
        let preview = version.contains("alpha") || version.contains("beta");
        if !preview || !places.contains_key(&key) {
            places.insert(key, place);
        }
    }
    for definition in definitions {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for version in list(&spec["versions"]) {
            let place = Place {
                api_version: format!("{}/{}", text(&spec["group"]), text(&version["name"])),
                kind: text(&spec["names"]["kind"]),
                plural: text(&spec["names"]["plural"]),
                namespaced: spec["scope"] == "Namespaced",
            };
            let key = key(&place.plural, &text(&spec["group"]));
            places.insert(format!("{key}@{}", text(&version["name"])), place.clone());
            places.insert(key, place);
        }
    }
    places
}

fn key(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

/// The cases that an entry stands for: itself, or one for each value of `each`.
fn expanded(entry: &Value) -> Vec<(String, Value)> {
    let Some(values) = entry["each"].as_array() else { return vec![(String::new(), entry.clone())] };
    let mut entry = entry.clone();
    if let Some(map) = entry.as_object_mut() {
        map.shift_remove("each");
    }
    values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let title = value["title"].as_str().or(value.as_str()).map(str::to_owned);
            let title = title.unwrap_or_else(|| {
                if value.is_object() || value.is_array() {
                    (index + 1).to_string()
                } else {
                    value.to_string()
                }
            });
            (format!(": {title}"), with_each(&entry, value))
        })
        .collect()
}

/// `$each` and `$each.key` replaced, in keys and values.
fn with_each(template: &Value, each: &Value) -> Value {
    match template {
        Value::String(text) => match text.strip_prefix("$each") {
            Some("") => each.clone(),
            Some(rest) if rest.starts_with('.') && each.get(&rest[1..]).is_some() => each[&rest[1..]].clone(),
            _ => each_in(text, each).into(),
        },
        Value::Array(items) => items.iter().map(|item| with_each(item, each)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (each_in(key, each), with_each(value, each)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn each_in(text: &str, each: &Value) -> String {
    if !text.contains("$each") {
        return text.to_owned();
    }
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut text = text.to_owned();
    for (key, value) in each.as_object().into_iter().flatten() {
        text = text.replace(&format!("$each.{key}"), &shown(value));
    }
    text.replace("$each", &shown(each))
}

pub(crate) fn case(
    name: &str,
    number: usize,
    prefix: &str,
    entry: &Value,
    places: &BTreeMap<String, Place>,
) -> Result<Case> {
    let namespace = format!("{prefix}-{number}");
    let mut steps = Vec::new();
    for step in list(&entry["steps"]) {
        steps.push(self::step(step, &namespace, places).with_context(|| step.to_string())?);
    }
    if steps.is_empty() {
        bail!("no steps");
    }
    Ok(Case { name: name.to_owned(), namespace, differs: None, steps })
}

/// The keys of a step beside its verb.
const OPTIONS: &[&str] = &["body", "text", "type", "accept", "as", "groups", "agent", "until", "quiet"];

fn step(entry: &Value, namespace: &str, places: &BTreeMap<String, Place>) -> Result<Step> {
    let map = entry.as_object().context("a step is a mapping")?;
    let mut found = None;
    for (key, value) in map {
        match VERBS.iter().find(|verb| verb.0 == key) {
            Some(verb) if found.is_none() => found = Some((*verb, value)),
            None if OPTIONS.contains(&key.as_str()) => {}
            _ => bail!("{key:?} is no verb and no option, or a second verb"),
        }
    }
    let ((verb, method, media, fills), path) = found.context("a step without a verb")?;
    let path = path.as_str().context("a path is a text")?.replace("$ns", namespace);
    let mut body = with_namespace(&entry["body"], namespace);
    let path = full_path(&path, verb, namespace, places, fills.then_some(&mut body))?;
    let body = match (entry["text"].as_str(), body) {
        (Some(text), _) => Body::Text(text.replace("$ns", namespace)),
        (None, Value::Null) => Body::None,
        (None, body) => Body::Json(body),
    };
    let mut headers = Vec::new();
    let mut header = |name: &str, value: &Value| {
        if let Some(text) = value.as_str() {
            headers.push((name.to_owned(), text.replace("$ns", namespace)));
        }
    };
    header("accept", &entry["accept"]);
    header("impersonate-user", &entry["as"]);
    header("user-agent", if entry["agent"].is_null() { &Value::Null } else { &entry["agent"] });
    for group in list(&entry["groups"]) {
        header("impersonate-group", group);
    }
    if verb == "table" {
        headers.push(("accept".into(), TABLE.into()));
    }
    let media = entry["type"].as_str().unwrap_or(if body == Body::None { "" } else { media });
    Ok(Step {
        method: method.into(),
        path,
        media: media.to_owned(),
        body,
        headers,
        until: entry.get("until").cloned(),
        quiet: entry["quiet"] == true,
    })
}

fn with_namespace(value: &Value, namespace: &str) -> Value {
    match value {
        Value::String(text) => text.replace("$ns", namespace).into(),
        Value::Array(items) => items.iter().map(|item| with_namespace(item, namespace)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.replace("$ns", namespace), with_namespace(value, namespace)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The whole path of a short one; fills the body in where one is given.
fn full_path(
    short: &str,
    verb: &str,
    namespace: &str,
    places: &BTreeMap<String, Place>,
    body: Option<&mut Value>,
) -> Result<String> {
    let (path, query) = short.split_once('?').unwrap_or((short, ""));
    let mut query = query.to_owned();
    if verb == "watch" {
        query = format!("{query}{}watch=1&timeoutSeconds=1", if query.is_empty() { "" } else { "&" });
    }
    let query = if query.is_empty() { query } else { format!("?{query}") };
    if path.starts_with('/') {
        return Ok(format!("{path}{query}"));
    }
    let (plural, rest) = path.split_once('/').unwrap_or((path, ""));
    let place = places.get(plural).with_context(|| format!("no resource {plural:?}"))?;
    let (name, sub) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(body) = body {
        fill(body, place, name);
    }
    let mut path = place.collection(namespace);
    if !name.is_empty() && (verb != "create" || !sub.is_empty()) {
        path = format!("{path}/{name}");
    }
    if !sub.is_empty() {
        path = format!("{path}/{sub}");
    }
    Ok(format!("{path}{query}"))
}

/// Writes version, kind and name where they are missing. A field that the table sets to null is left out.
fn fill(body: &mut Value, place: &Place, name: &str) {
    let given = std::mem::take(body);
    let mut filled = Map::new();
    filled.insert("apiVersion".into(), place.api_version.as_str().into());
    filled.insert("kind".into(), place.kind.as_str().into());
    filled.insert("metadata".into(), Value::Object(Map::new()));
    for (key, value) in given.as_object().into_iter().flatten() {
        filled.insert(key.clone(), value.clone());
    }
    if let Some(metadata) = filled.get_mut("metadata").and_then(Value::as_object_mut)
        && !metadata.contains_key("name")
        && !name.is_empty()
    {
        metadata.insert("name".into(), name.into());
    }
    *body = Value::Object(filled);
}
