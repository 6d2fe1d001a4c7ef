//! `metadata.managedFields`: which manager owns which fields of an object.

use crate::fields::FieldSet;
use serde_json::{Map, Value};
use std::fmt;

/// How a manager came to its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply: the manager states all it wants, and loses what it no longer states.
    Apply,
    /// Any other write: the manager owns what it changed.
    Update,
}

impl Operation {
    /// The name in `managedFields`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Name of the manager, as the client gave it.
    pub name: String,
    /// How it came to its fields.
    pub operation: Operation,
    /// Version of the object that the fields are named in.
    pub api_version: String,
    /// Subresource that was written; empty for the object itself.
    pub subresource: String,
    /// When the entry last changed, RFC 3339 in UTC with seconds. Absent when an apply only came to share fields.
    pub time: Option<String>,
    /// The fields.
    pub fields: FieldSet,
}

impl Manager {
    /// True when both entries are of one manager: an applier has one entry whatever the version, an updater one
    /// for each.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    fn sort_key(&self) -> (Operation, &str, &str, &str, &str) {
        let time = self.time.as_deref().unwrap_or_default();
        (self.operation, time, &self.name, &self.api_version, &self.subresource)
    }

    fn to_value(&self) -> Value {
        let mut entry = Map::new();
        let mut put = |key: &str, value: &str| {
            if !value.is_empty() {
                entry.insert(key.into(), value.into());
            }
        };
        put("manager", &self.name);
        put("operation", self.operation.as_str());
        put("apiVersion", &self.api_version);
        put("time", self.time.as_deref().unwrap_or_default());
        put("fieldsType", "FieldsV1");
        entry.insert("fieldsV1".into(), self.fields.to_fields_v1());
        if !self.subresource.is_empty() {
            entry.insert("subresource".into(), self.subresource.as_str().into());
        }
        Value::Object(entry)
    }
}

impl fmt::Display for Manager {
    /// `"kubectl" with subresource "scale" using apps/v1`: the form of conflict messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {:?}", self.subresource)?;
        }
        if self.operation == Operation::Update {
            write!(f, " using {}", self.api_version)?;
        }
        Ok(())
    }
}

/// All managers of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Managers(pub Vec<Manager>);

/// A `managedFields` that cannot be read. The API server starts afresh on such when an object is updated, and
/// refuses to apply to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadManagedFields(String);

impl Managers {
    /// Reads `metadata.managedFields` of an object; none when it has none.
    ///
    /// # Errors
    /// [`BadManagedFields`] in the API server's words.
    pub fn of(object: &Value) -> Result<Self, BadManagedFields> {
        let entries = object["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
        let mut managers = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            managers.replace(read(entry, index)?);
        }
        Ok(managers)
    }

    /// The value for `metadata.managedFields`, in the API server's order; `None` without managers.
    pub fn to_value(&self) -> Option<Value> {
        let mut sorted: Vec<&Manager> = self.0.iter().collect();
        sorted.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        (!sorted.is_empty()).then(|| Value::Array(sorted.into_iter().map(Manager::to_value).collect()))
    }

    /// Writes the managers into an object.
    pub fn write_to(&self, object: &mut Value) {
        match self.to_value() {
            Some(value) => {
                if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.insert("managedFields".into(), value);
                }
            }
            None => drop(take_managed_fields(object)),
        }
    }

    /// The manager that applies under a name, to the object itself or to a subresource.
    pub fn applier(&self, name: &str, subresource: &str) -> Option<&Manager> {
        self.0
            .iter()
            .find(|m| m.operation == Operation::Apply && m.name == name && m.subresource == subresource)
    }

    pub(crate) fn position(&self, manager: &Manager) -> Option<usize> {
        self.0.iter().position(|m| m.is_same(manager))
    }

    /// Puts a manager in, in place of its earlier entry.
    pub(crate) fn replace(&mut self, manager: Manager) {
        match self.position(&manager) {
            Some(index) => self.0[index] = manager,
            None => self.0.push(manager),
        }
    }
}

/// Takes `metadata.managedFields` out of an object.
pub(crate) fn take_managed_fields(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.shift_remove("managedFields")
}

fn read(entry: &Value, index: usize) -> Result<Manager, BadManagedFields> {
    let text = |field: &str| entry[field].as_str().unwrap_or_default();
    let bad = |what: &str| Err(BadManagedFields(what.into()));
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return bad("operation must be `Apply` or `Update`"),
    };
    if text("apiVersion").is_empty() {
        return bad("apiVersion must not be empty");
    }
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return bad(&format!("missing fieldsType in managed fields entry {index}")),
        other => return bad(&format!("invalid fieldsType {other:?} in managed fields entry {index}")),
    }
    let fields = FieldSet::from_fields_v1(&entry["fieldsV1"])
        .map_err(|error| BadManagedFields(format!("error decoding managed fields entry {index}: {error}")))?;
    Ok(Manager {
        name: text("manager").to_owned(),
        operation,
        api_version: text("apiVersion").to_owned(),
        subresource: text("subresource").to_owned(),
        time: entry["time"].as_str().map(str::to_owned),
        fields,
    })
}
