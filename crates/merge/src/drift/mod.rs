//! What differs between what is wanted and what is live, judged without asking the cluster.
//!
//! Two rules, because the two APIs have two: [`flux`] asks what a server-side apply would change, [`argocd`] compares
//! three ways over the last-applied annotation. Both name every difference with its path, both values, and the
//! manager that set the live one.

mod argocd;
mod deduce;
mod difference;
mod flux;
mod refill;
mod seal;

pub use argocd::{ArgocdRequest, Comparison, argocd};
pub use difference::{Difference, DifferenceKind, Taker, same_content};
pub use flux::{Drift, FluxRequest, FoldPolicy, ManagerMatch, Verdict, flux};
pub use seal::{Seal, digest, seal, seal_three_way};

/// Fills in what the API server defaults for a kind. Where it is not given, what could be a default is not judged.
pub type Defaults<'a> = dyn Fn(&mut serde_json::Value) + 'a;

#[cfg(test)]
mod tests;
