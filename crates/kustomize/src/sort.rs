//! The order of the output.

use crate::error::{BuildError, Result};
use crate::kustomization::{LegacySortOptions, SortOptions};
use crate::resource::{Gvk, ResId, ResSet};
use crate::schema::Schemas;
use crate::transform::Transformer;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Kinds that come first in the legacy order, and those that come last.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// A kind's place in the legacy order: below 0 at the start, above at the end.
pub(crate) fn default_rank(kind: &str) -> i32 {
    let place = |list: &[&str]| list.iter().position(|k| *k == kind).and_then(|at| i32::try_from(at).ok());
    place(&FIRST).map(|at| at - 22).or_else(|| place(&LAST).map(|at| at + 1)).unwrap_or(0)
}

/// `sortOptions`, or a `SortOrderTransformer`.
#[derive(Debug)]
pub(crate) enum SortOrder {
    Fifo,
    Legacy(HashMap<String, i32>),
}

impl SortOrder {
    /// Reads the options; none means no sorting.
    pub(crate) fn new(options: Option<&SortOptions>) -> Result<Self> {
        let Some(options) = options else { return Ok(Self::Fifo) };
        match (options.order.as_str(), &options.legacy_sort_options) {
            ("legacy", None) => Ok(Self::legacy()),
            ("legacy", Some(lists)) => Ok(Self::by_lists(lists)),
            ("fifo", None) => Ok(Self::Fifo),
            ("fifo", Some(_)) => Err(BuildError::new(
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
            )),
            _ => Err(BuildError::new("the field 'sortOptions.order' must be one of [fifo, legacy]")),
        }
    }

    pub(crate) fn legacy() -> Self {
        Self::by_lists(&LegacySortOptions {
            order_first: FIRST.iter().map(|k| (*k).to_owned()).collect(),
            order_last: LAST.iter().map(|k| (*k).to_owned()).collect(),
        })
    }

    fn by_lists(lists: &LegacySortOptions) -> Self {
        let mut ranks = HashMap::new();
        let first = i32::try_from(lists.order_first.len()).unwrap_or(i32::MAX);
        for (rank, kind) in (-first..).zip(&lists.order_first) {
            ranks.insert(kind.clone(), rank);
        }
        for (rank, kind) in (1..).zip(&lists.order_last) {
            ranks.insert(kind.clone(), rank);
        }
        Self::Legacy(ranks)
    }
}

impl Transformer for SortOrder {
    fn transform(&self, set: &mut ResSet, _: &Schemas) -> Result<()> {
        let Self::Legacy(ranks) = self else { return Ok(()) };
        set.list.sort_by_cached_key(|resource| SortKey::new(&resource.id, ranks));
        set.ids_changed();
        set.check_unique()
    }
}

#[derive(PartialEq, Eq)]
struct SortKey {
    rank: i32,
    gvk: String,
    /// Namespaces of the core group against others: in reverse.
    core_namespace: Option<bool>,
    id: String,
}

impl SortKey {
    fn new(id: &ResId, ranks: &HashMap<String, i32>) -> Self {
        let Gvk { group, version, kind } = &id.gvk;
        let or =
            |text: &str, none: &'static str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        Self {
            rank: ranks.get(kind).copied().unwrap_or(0),
            gvk: format!("{}_{}_{}", or(group, "~G"), or(version, "~V"), or(kind, "~K")),
            core_namespace: (kind == "Namespace").then_some(group.is_empty()),
            id: format!("{}|{}|{}", id.gvk, or(&id.namespace, "~X"), or(&id.name, "~N")),
        }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_gvk = || match (self.core_namespace, other.core_namespace) {
            (Some(a), Some(b)) if a || b => other.gvk.cmp(&self.gvk),
            _ => self.gvk.cmp(&other.gvk),
        };
        self.rank.cmp(&other.rank).then_with(by_gvk).then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
