//! Reading of the field tables. A line is one of
//!
//! ```text
//! kind <group> <version> <Kind> <plural> <singular>
//! scope Namespaced|Cluster        short <name>…        categories <name>…        subresource status
//! column "<title>" <JSON path> [<priority>]
//! default <path> <JSON>           rule <path> "<CEL>" "<message>"
//! <path>[*] <type> [constraint=<JSON>…] [same=<path>]
//! ```
//!
//! In paths `[]` is an item of a list and `{}` a value of a map; `*` marks a required field; `same` repeats the fields
//! below another path.

use holdfast_object::{Map, Value, json};

/// A table, read.
pub(crate) struct Table {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) namespaced: bool,
    pub(crate) short: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) has_status: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) schema: Value,
}

/// A column of `kubectl get`.
pub(crate) struct Column {
    pub(crate) title: String,
    pub(crate) path: String,
    pub(crate) priority: i64,
}

struct Field<'a> {
    path: &'a str,
    required: bool,
    kind: &'a str,
    constraints: Map<String, Value>,
    same: Option<&'a str>,
}

/// Reads a table.
///
/// # Errors
/// The line that cannot be read; the tables are part of this crate, and a test reads them all.
pub(crate) fn read(text: &str) -> Result<Table, String> {
    let mut table = Table {
        group: String::new(),
        version: String::new(),
        kind: String::new(),
        plural: String::new(),
        singular: String::new(),
        namespaced: true,
        short: Vec::new(),
        categories: Vec::new(),
        has_status: false,
        columns: Vec::new(),
        schema: json!({"type": "object"}),
    };
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut extras: Vec<(&str, &str, Vec<Value>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let bad = || format!("unreadable line: {line}");
        let (word, rest) = line.split_once(' ').ok_or_else(bad)?;
        match word {
            "kind" => {
                let parts: Vec<String> = rest.split(' ').map(str::to_owned).collect();
                let [group, version, kind, plural, singular]: [String; 5] =
                    parts.try_into().map_err(|_| bad())?;
                (table.group, table.version, table.kind) = (group, version, kind);
                (table.plural, table.singular) = (plural, singular);
            }
            "scope" => table.namespaced = rest == "Namespaced",
            "short" => table.short = rest.split(' ').map(str::to_owned).collect(),
            "categories" => table.categories = rest.split(' ').map(str::to_owned).collect(),
            "subresource" => table.has_status = true,
            "column" => table.columns.push(column(rest).ok_or_else(bad)?),
            "default" | "rule" => {
                let (path, values) = rest.split_once(' ').ok_or_else(bad)?;
                extras.push((word, path, values_of(values).ok_or_else(bad)?));
            }
            path => fields.push(field(path, rest).ok_or_else(bad)?),
        }
    }
    for field in &fields {
        put(&mut table.schema, field)?;
        if let Some(same) = field.same {
            for other in fields.iter().filter(|f| is_below(f.path, same)) {
                let path = format!("{}{}", item_path(field), &other.path[same.len()..]);
                put(
                    &mut table.schema,
                    &Field { path: &path, constraints: other.constraints.clone(), same: None, ..*other },
                )?;
            }
        }
    }
    for (word, path, values) in extras {
        let schema = at(&mut table.schema, path)?;
        match (word, values.as_slice()) {
            ("default", [value]) => schema["default"] = value.clone(),
            (_, [rule, message]) => {
                let rules = schema.as_object_mut().ok_or("no schema")?.entry("x-kubernetes-validations");
                let rules = rules.or_insert_with(|| json!([]));
                rules.as_array_mut().ok_or("no list")?.push(json!({"rule": rule, "message": message}));
            }
            _ => return Err(format!("unreadable {word} at {path}")),
        }
    }
    Ok(table)
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
}

/// Where the fields below a repeated one go: into the items, when it is a list of objects.
fn item_path(field: &Field<'_>) -> String {
    if field.kind == "[]object" { format!("{}[]", field.path) } else { field.path.to_owned() }
}

fn column(rest: &str) -> Option<Column> {
    let (title, rest) = rest.strip_prefix('"')?.split_once("\" ")?;
    let (path, priority) = match rest.rsplit_once(' ') {
        Some((path, priority)) if priority.parse::<i64>().is_ok() => (path, priority.parse().ok()?),
        _ => (rest, 0),
    };
    Some(Column { title: title.to_owned(), path: path.to_owned(), priority })
}

/// The JSON values that follow each other in a text.
fn values_of(text: &str) -> Option<Vec<Value>> {
    serde_json::Deserializer::from_str(text).into_iter::<Value>().collect::<Result<_, _>>().ok()
}

fn field<'a>(path: &'a str, rest: &'a str) -> Option<Field<'a>> {
    let (kind, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut constraints = Map::new();
    let mut same = None;
    while let Some((key, value)) = rest.split_once('=') {
        if key == "same" {
            same = Some(value);
            break;
        }
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        constraints.insert(key.to_owned(), values.next()?.ok()?);
        rest = value[values.byte_offset()..].trim_start();
    }
    let required = path.ends_with('*');
    Some(Field { path: path.trim_end_matches('*'), required, kind, constraints, same })
}

fn put(root: &mut Value, field: &Field<'_>) -> Result<(), String> {
    if field.required {
        let cut = field.path.rfind(['.', ']', '}']).unwrap_or(0);
        let (parent, name) = field.path.split_at(cut);
        let parent = at(root, parent.trim_end_matches('.'))?;
        let required =
            parent.as_object_mut().ok_or("no schema")?.entry("required").or_insert_with(|| json!([]));
        let list = required.as_array_mut().ok_or("no list")?;
        let name = Value::from(name.trim_start_matches(['.', ']', '}']));
        if !list.contains(&name) {
            list.push(name);
        }
    }
    let schema = at(root, field.path)?;
    let map = schema.as_object_mut().ok_or("no schema")?;
    let set = |map: &mut Map<String, Value>, extra: Value| {
        if let Value::Object(extra) = extra {
            map.extend(extra);
        }
    };
    set(map, type_of(field.kind));
    for (key, value) in &field.constraints {
        let key = match key.as_str() {
            "preserve-unknown-fields" => "x-kubernetes-preserve-unknown-fields",
            "int-or-string" => "x-kubernetes-int-or-string",
            "map-type" => "x-kubernetes-map-type",
            "list-type" => "x-kubernetes-list-type",
            other => other,
        };
        map.insert(key.to_owned(), value.clone());
    }
    Ok(())
}

fn type_of(kind: &str) -> Value {
    match kind {
        "any" => json!({"x-kubernetes-preserve-unknown-fields": true}),
        "int-or-string" => json!({"x-kubernetes-int-or-string": true}),
        "array" => json!({"type": "array"}),
        _ => match (kind.strip_prefix("[]"), kind.strip_prefix("map[string]")) {
            (Some(item), _) => json!({"type": "array", "items": type_of(item)}),
            (_, Some(value)) => json!({"type": "object", "additionalProperties": type_of(value)}),
            _ => json!({"type": kind}),
        },
    }
}

/// The schema at a path, made where it is missing.
fn at<'v>(root: &'v mut Value, path: &str) -> Result<&'v mut Value, String> {
    let mut schema = root;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches(['[', ']', '{', '}']);
        schema = child(child(schema, "properties", json!({})), name, json!({}));
        for mark in part.as_bytes()[name.len()..].chunks(2) {
            schema = match mark {
                b"[]" => child(schema, "items", json!({"type": "object"})),
                b"{}" => child(schema, "additionalProperties", json!({"type": "object"})),
                _ => return Err(format!("unreadable path {path}")),
            };
        }
    }
    Ok(schema)
}

fn child<'v>(value: &'v mut Value, key: &str, fresh: Value) -> &'v mut Value {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map.entry(key).or_insert(fresh),
        _ => unreachable!("made a mapping above"),
    }
}

/// Lists whose items have no fields of their own hold texts; objects without fields hold anything. What the tables
/// name only by its fields is an object: the API server refuses a definition where any schema lacks its type.
pub(crate) fn close(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            close(inner);
        }
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(close);
    }
    let is_any = ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"];
    if !map.contains_key("type") && !is_any.iter().any(|marker| map.contains_key(*marker)) {
        map.insert("type".into(), "object".into());
    }
    match map.get("type").and_then(Value::as_str) {
        Some("array") if !map.contains_key("items") => {
            map.insert("items".into(), json!({"type": "string"}));
        }
        Some("object") if !map.contains_key("properties") && !map.contains_key("additionalProperties") => {
            map.insert("x-kubernetes-preserve-unknown-fields".into(), Value::Bool(true));
        }
        _ => {}
    }
}
