use crate::condition::{text, time};
use holdfast_object::{Object, Value};
use jiff::Timestamp;

/// Something that was done before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// What a rollback names it by, where the API has such a thing (Argo CD).
    pub id: Option<i64>,
    /// The revision, or the versions of a chart.
    pub revision: String,
    /// How it ended: `ReconciliationSucceeded`, `deployed`, `Synced`, ….
    pub outcome: String,
    /// When it was done last.
    pub at: Option<Timestamp>,
    /// How often it was done with this outcome, where that is counted.
    pub times: Option<u64>,
    /// How long it took, as the status writes it; empty where it does not say.
    pub took: String,
    /// Who asked for it; empty when the policy did.
    pub by: String,
}

/// Of `Kustomization.status.history`, the newest first as it stands there.
pub(crate) fn of_kustomization(object: &Object) -> Vec<HistoryEntry> {
    entries(object)
        .map(|entry| HistoryEntry {
            id: None,
            revision: entry.get("metadata").map(|m| text(m, "revision")).unwrap_or_default().to_owned(),
            outcome: text(entry, "lastReconciledStatus").to_owned(),
            at: time(entry.get("lastReconciled")),
            times: entry.get("totalReconciliations").and_then(Value::as_u64),
            took: text(entry, "lastReconciledDuration").to_owned(),
            by: String::new(),
        })
        .collect()
}

/// Of `HelmRelease.status.history`, the newest first as it stands there.
pub(crate) fn of_helm_release(object: &Object) -> Vec<HistoryEntry> {
    entries(object)
        .map(|entry| HistoryEntry {
            id: entry.get("version").and_then(Value::as_i64),
            revision: format!("{}@{}", text(entry, "chartName"), text(entry, "chartVersion")),
            outcome: text(entry, "status").to_owned(),
            at: time(entry.get("lastDeployed")),
            times: None,
            took: String::new(),
            by: String::new(),
        })
        .collect()
}

/// Of `Application.status.history`, which has the newest last.
pub(crate) fn of_application(object: &Object) -> Vec<HistoryEntry> {
    let mut history: Vec<HistoryEntry> = entries(object)
        .map(|entry| {
            let revisions = entry.get("revisions").and_then(Value::as_array);
            let revision = match revisions {
                Some(list) if !list.is_empty() => {
                    list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
                }
                _ => text(entry, "revision").to_owned(),
            };
            let (started, at) = (time(entry.get("deployStartedAt")), time(entry.get("deployedAt")));
            let by = entry.get("initiatedBy");
            HistoryEntry {
                id: entry.get("id").and_then(Value::as_i64),
                revision,
                outcome: "Synced".to_owned(),
                at,
                times: None,
                took: match (started, at) {
                    (Some(started), Some(at)) => {
                        format!("{}s", (at.as_second() - started.as_second()).max(0))
                    }
                    _ => String::new(),
                },
                by: by.map(|by| text(by, "username")).unwrap_or_default().to_owned(),
            }
        })
        .collect();
    history.reverse();
    history
}

fn entries(object: &Object) -> impl Iterator<Item = &Value> {
    object.get(&["status", "history"]).and_then(Value::as_array).into_iter().flatten()
}
