//! Is an object healthy?
//!
//! [`assess`] answers by one of two rule sets, which differ because the APIs differ: Flux waits until an object is
//! *current* (the rules of kstatus), Argo CD shows how *healthy* it is (its built-in checks). Both read the object
//! alone: no cluster, no clock, no history. [`HealthRules`] lays users' CEL expressions over a rule set.
//!
//! Not here: users' Lua checks.

mod argocd;
mod expression;
mod fields;
mod kstatus;
mod rules;

pub use expression::{Expression, ExpressionError};
pub use rules::{HealthExpressions, HealthRules};

use holdfast_object::Object;
use std::fmt;

/// Whose rules say what healthy means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleSet {
    /// kstatus, which Flux waits by (`cli-utils/pkg/kstatus`).
    Kstatus,
    /// Argo CD's built-in checks (`gitops-engine/pkg/health`).
    ArgoCd,
}

/// How healthy an object is, from best to worst in Argo CD's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthStatus {
    /// It does what it is for. kstatus: Current.
    Healthy,
    /// It is paused on purpose.
    Suspended,
    /// It is on its way. kstatus: InProgress.
    Progressing,
    /// Its deletion was asked for. kstatus: Terminating; Argo CD shows it as Progressing.
    Terminating,
    /// It is not there. kstatus: NotFound.
    Missing,
    /// It failed, or will not get better by itself. kstatus: Failed.
    Degraded,
    /// It cannot be told.
    Unknown,
}

impl HealthStatus {
    /// The name in Argo CD's status.
    pub fn argocd_name(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing | Self::Terminating => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        }
    }

    /// The name in Flux's messages.
    pub fn kstatus_name(self) -> &'static str {
        match self {
            Self::Healthy => "Current",
            Self::Progressing | Self::Suspended => "InProgress",
            Self::Terminating => "Terminating",
            Self::Missing => "NotFound",
            Self::Degraded => "Failed",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.argocd_name())
    }
}

/// How healthy an object is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The status.
    pub status: HealthStatus,
    /// Why, in a sentence; may be empty when healthy.
    pub message: String,
}

impl Health {
    pub(crate) fn new(status: HealthStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// The health of a live object. A kind that a rule set has no rule for is healthy when nothing in its conditions
/// says otherwise (kstatus) or simply by being there (Argo CD; see [`argocd_has_rule`]).
pub fn assess(object: &Object, rules: RuleSet) -> Health {
    match rules {
        RuleSet::Kstatus => kstatus::assess(object),
        RuleSet::ArgoCd => argocd::assess(object).unwrap_or_else(|| Health::new(HealthStatus::Healthy, "")),
    }
}

/// Whether Argo CD has a check for this kind of object; those without one show no health and count as healthy.
pub fn argocd_has_rule(object: &Object) -> bool {
    argocd::assess(object).is_some()
}
