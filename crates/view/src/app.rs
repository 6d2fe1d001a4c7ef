use crate::{AppSource, Condition, HistoryEntry};
use holdfast_health::HealthStatus;
use holdfast_object::{GroupKind, ObjectRef};
use jiff::Timestamp;
use std::fmt;

/// Whose resource an app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Flux.
    Flux,
    /// Argo CD.
    ArgoCd,
}

impl Api {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flux => "flux",
            Self::ArgoCd => "argocd",
        }
    }
}

/// Whether the cluster holds what the source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncState {
    /// It does.
    Synced,
    /// It does not, or not yet.
    OutOfSync,
    /// No one has found out.
    Unknown,
}

impl fmt::Display for SyncState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
        })
    }
}

/// What an app waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// A person: it is out of sync and syncs only when asked.
    ManualSync,
    /// A person's yes, to a prune that is held back, say.
    Approval {
        /// What is held back, and how to agree.
        why: String,
    },
    /// Another app.
    App {
        /// Its name, as `ks/NAME` or `NAMESPACE/ks/NAME` in another namespace.
        name: String,
        /// What it lacks.
        why: String,
    },
    /// A source.
    Source {
        /// Its name, as `gitrepo/NAME`.
        name: String,
        /// What it lacks.
        why: String,
    },
    /// An object of its own to become healthy, or to go.
    Object {
        /// The object, as `Kind/namespace/name`.
        object: String,
        /// How it is; may be empty.
        why: String,
    },
    /// The next try after a failure.
    Retry {
        /// How many tries were made, where it is counted.
        tries: Option<u64>,
        /// When it is due, where the status tells.
        at: Option<Timestamp>,
    },
    /// Another commit, or a person: what was tried failed and is not tried again by itself.
    Change {
        /// How often it was tried.
        tries: u64,
    },
    /// A controller that takes it up: nothing in its status says that one has seen this version of it.
    Controller,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |f: &mut fmt::Formatter<'_>, name: &str, why: &str| match why {
            "" => f.write_str(name),
            why => write!(f, "{name} ({why})"),
        };
        match self {
            Self::ManualSync => f.write_str("a sync: it is not automated"),
            Self::Approval { why } => write!(f, "a yes: {why}"),
            Self::App { name, why } | Self::Source { name, why } | Self::Object { object: name, why } => {
                with(f, name, why)
            }
            Self::Retry { tries, at } => {
                f.write_str("the next try")?;
                if let Some(tries) = tries {
                    write!(f, ", after {tries}")?;
                }
                at.map_or(Ok(()), |at| write!(f, ", due at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")))
            }
            Self::Change { tries: 1 } => f.write_str("another commit or a sync: this one was tried once"),
            Self::Change { tries } => {
                write!(f, "another commit or a sync: this one was tried {tries} times")
            }
            Self::Controller => f.write_str("a controller to take it up"),
        }
    }
}

/// An object that belongs to an app, as the app's own status tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppObject {
    /// The object.
    pub reference: ObjectRef,
    /// Whether it is as the source says, where the status says so for each object (Argo CD).
    pub sync: Option<SyncState>,
    /// How it is, where the status says so for each object.
    pub health: Option<HealthStatus>,
    /// What the status says about it; may be empty.
    pub message: String,
    /// It is no longer in the source and would go with a prune.
    pub requires_pruning: bool,
}

/// A sync that is going on or was the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `Running`, `Succeeded`, `Failed`, `Error`, `Terminating`.
    pub phase: String,
    /// What it says.
    pub message: String,
    /// For which revision.
    pub revision: String,
    /// Who asked for it; empty when the policy did.
    pub by: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How often it was tried again.
    pub retries: u64,
}

/// An app: what one Kustomization, HelmRelease or Application runs.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Whose resource it is.
    pub api: Api,
    /// The custom resource.
    pub reference: ObjectRef,
    /// The generation of its spec.
    pub generation: i64,
    /// Where its manifests come from, in the order of the spec.
    pub sources: Vec<AppSource>,
    /// The revision that is in force; empty before the first.
    pub revision: String,
    /// The revision that was tried last, where it is another.
    pub attempted: Option<String>,
    /// Whether the cluster holds what the source says.
    pub sync: SyncState,
    /// How it is, by its API's rules.
    pub health: HealthStatus,
    /// Whether it is told to do nothing.
    pub suspended: bool,
    /// Whether it syncs without being asked.
    pub automated: bool,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// The most telling message of its status: an error before all else. May be empty.
    pub message: String,
    /// What it waits for, the nearest cause first.
    pub waiting: Vec<Waiting>,
    /// Its objects, in the order of the status.
    pub objects: Vec<AppObject>,
    /// Its conditions, as they are.
    pub conditions: Vec<Condition>,
    /// The sync that is going on or was the last, where the status tells (Argo CD).
    pub operation: Option<Operation>,
    /// What was done before, the newest first.
    pub history: Vec<HistoryEntry>,
    /// When its state changed last.
    pub last_change: Option<Timestamp>,
    /// When the custom resource was made.
    pub created: Option<Timestamp>,
}

impl App {
    /// The name in commands: `ks/NAME`, `hr/NAME` or `app/NAME`.
    pub fn name(&self) -> String {
        format!("{}/{}", prefix(&self.reference.key.group_kind()), self.reference.key.name)
    }

    /// The namespace of the custom resource.
    pub fn namespace(&self) -> &str {
        &self.reference.key.namespace
    }

    /// Whether there is nothing left to do but what only a person does: it is in sync and healthy, waits for a manual
    /// sync, or is suspended.
    pub fn is_settled(&self) -> bool {
        self.suspended
            || self.is_ready()
            || (self.waiting == [Waiting::ManualSync] && self.health != HealthStatus::Degraded)
    }

    /// Why it is refused for good, if its status says so: a field or something in its source that is not supported.
    /// Only a change of either helps.
    pub fn refusal(&self) -> Option<&str> {
        let found = self.conditions.iter().find_map(|condition| match (self.api, condition.kind.as_str()) {
            (Api::Flux, "Stalled") if condition.status == "True" && condition.reason == "Unsupported" => {
                let message = condition.message.as_str();
                Some(message.strip_prefix("not supported: ").unwrap_or(message))
            }
            (Api::ArgoCd, "InvalidSpecError" | "ComparisonError" | "SyncError") => {
                let message = condition.message.as_str();
                let message = message.strip_prefix("Failed to load target state: ").unwrap_or(message);
                message.ends_with("not supported yet").then_some(message)
            }
            _ => None,
        });
        found.filter(|_| !self.suspended)
    }

    /// Whether it is in sync and healthy.
    pub fn is_ready(&self) -> bool {
        self.sync == SyncState::Synced && self.health == HealthStatus::Healthy && !self.deleting
    }
}

/// The short name of a kind in commands: `app`, `ks`, `hr`, `gitrepo`, …; of others the kind in lower case.
pub fn prefix(kind: &GroupKind) -> String {
    let short = match (kind.group.as_str(), kind.kind.as_str()) {
        ("argoproj.io", "Application") => "app",
        ("argoproj.io", "ApplicationSet") => "appset",
        ("argoproj.io", "AppProject") => "appproj",
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => "ks",
        ("helm.toolkit.fluxcd.io", "HelmRelease") => "hr",
        ("source.toolkit.fluxcd.io", "GitRepository") => "gitrepo",
        ("source.toolkit.fluxcd.io", "OCIRepository") => "ocirepo",
        ("source.toolkit.fluxcd.io", "HelmRepository") => "helmrepo",
        ("source.toolkit.fluxcd.io", "HelmChart") => "hc",
        ("source.toolkit.fluxcd.io", "ExternalArtifact") => "ea",
        (_, other) => return other.to_lowercase(),
    };
    short.to_owned()
}
