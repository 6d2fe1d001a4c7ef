//! Dependencies that are declared, locked or missing.

use super::{Chart, Dependency, Lock};
use crate::values::go_json;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A dependency that `Chart.yaml` names and `charts/` does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Missing {
    /// Where to look: a repository's address, `oci://…`, `file://…` or `@name`.
    pub repository: String,
    /// The chart's name.
    pub name: String,
    /// The locked version where the lock fits the declaration, else the declared version or range.
    pub version: String,
}

impl Missing {
    /// Whether a chart of this version is one that is wanted.
    pub fn accepts(&self, version: &str) -> bool {
        crate::tree::in_range(&self.version, version)
    }
}

/// A lock that was made for other dependencies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the lock file ({lock}) is out of sync with the dependencies file ({declared}). Please update the dependencies"
)]
pub struct OutOfSync {
    lock: &'static str,
    declared: &'static str,
}

impl Chart {
    /// The declared dependencies that are not there, in the order of `Chart.yaml`. As in Helm, only names count: a
    /// chart of another version is no missing one.
    pub fn missing_dependencies(&self) -> Vec<Missing> {
        self.missing(self.lock.as_ref().filter(|_| self.lock_is_current()))
    }

    /// The same with the declared versions, whatever a lock says: what `helm dependency update` fetches.
    pub fn updated_dependencies(&self) -> Vec<Missing> {
        self.missing(None)
    }

    /// Checks that a lock, if there is one, belongs to the declared dependencies, as `helm dependency build` does.
    ///
    /// # Errors
    /// [`OutOfSync`].
    pub fn check_lock(&self) -> Result<(), OutOfSync> {
        if self.lock.is_none() || self.lock_is_current() {
            return Ok(());
        }
        Err(if self.metadata.api_version == "v1" {
            OutOfSync { lock: "requirements.lock", declared: "requirements.yaml" }
        } else {
            OutOfSync { lock: "Chart.lock", declared: "Chart.yaml" }
        })
    }

    fn missing(&self, locked: Option<&Lock>) -> Vec<Missing> {
        let missing =
            |dependency: &&Dependency| !self.dependencies.iter().any(|d| d.name() == dependency.name);
        let found = self.metadata.declared().iter().filter(missing).map(|dependency| {
            let lock = locked.and_then(|l| l.dependencies.iter().find(|d| d.name == dependency.name));
            let version = lock.map_or(&dependency.version, |l| &l.version);
            Missing {
                repository: dependency.repository.clone(),
                name: dependency.name.clone(),
                version: version.clone(),
            }
        });
        found.collect()
    }

    /// Whether there is a lock and its digest fits the dependencies: what `helm dependency build` insists on.
    pub fn lock_is_current(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| {
            let dependencies = self.metadata.declared();
            lock.digest == lock_digest(dependencies, &lock.dependencies)
                || (self.metadata.api_version == "v1" && lock.digest == v2_digest(dependencies))
        })
    }
}

/// The digest that a `Chart.lock` carries: over the declared and the locked dependencies.
pub fn lock_digest(declared: &[Dependency], locked: &[Dependency]) -> String {
    let list =
        |all: &[Dependency]| if all.is_empty() { Value::Null } else { all.iter().map(to_json).collect() };
    digest(&Value::Array(vec![list(declared), list(locked)]))
}

/// The digest that Helm 2 wrote.
fn v2_digest(declared: &[Dependency]) -> String {
    digest(&json!({"dependencies": declared.iter().map(to_json).collect::<Vec<_>>()}))
}

fn digest(value: &Value) -> String {
    let mut text = String::new();
    go_json(value, &mut text);
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// The fields in the order of Helm's structure; empty ones are left out, but for name and repository.
fn to_json(dependency: &Dependency) -> Value {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value, optional: bool| {
        let empty = match &value {
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Bool(b) => !b,
            _ => false,
        };
        if !(optional && empty) {
            map.insert(key.to_owned(), value);
        }
    };
    put("name", json!(dependency.name), false);
    put("version", json!(dependency.version), true);
    put("repository", json!(dependency.repository), false);
    put("condition", json!(dependency.condition), true);
    put("tags", json!(dependency.tags), true);
    put("enabled", json!(dependency.enabled), true);
    put("import-values", Value::Array(dependency.import_values.clone()), true);
    put("alias", json!(dependency.alias), true);
    Value::Object(map)
}
