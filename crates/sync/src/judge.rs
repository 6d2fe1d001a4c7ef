use crate::desired::DesiredObject;
use crate::policy::{DriftPolicy, WriteMode};
use holdfast_merge::drift::{ArgocdRequest, Difference, FluxRequest, FoldPolicy, Verdict, argocd, flux};
use holdfast_object::{Object, Value};

/// Whether a live object holds what is desired.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It does.
    InForce,
    /// It does not, at these fields.
    Differs(Vec<Difference>),
    /// Managers that the write mode folds hold fields of it.
    Folded(Vec<String>),
    /// It does not at these fields, and these managers that the write mode folds hold fields of it too: an object that
    /// kubectl applied before it was ours.
    DiffersAndFolded(Vec<Difference>, Vec<String>),
    /// Values are as desired, but fields we want are no longer ours.
    OwnershipLost,
    /// It cannot be told without asking the server.
    Unknown,
}

/// Compares a desired object with the live one by the rules of its write mode, without asking the server.
///
/// `applied_before`: the desired object is known to be what was applied last.
pub fn judge(
    desired: &DesiredObject,
    live: &Object,
    mode: &WriteMode,
    drift: &DriftPolicy,
    applied_before: bool,
) -> Judgement {
    let key = &desired.reference.key;
    let ignored: Vec<String> =
        drift.ignore.iter().filter(|rule| rule.matches(key)).flat_map(|rule| rule.pointers.clone()).collect();
    let (wanted, live) = (desired.object.to_value(), live.to_value());
    match mode {
        WriteMode::ServerSide { manager, fold, .. } => {
            server_side(&wanted, &live, manager, fold, applied_before, &ignored)
        }
        WriteMode::ThreeWay { manager } | WriteMode::Replace { manager } => {
            let ignore: Vec<String> = ignored.into_iter().chain(["/status".to_owned()]).collect();
            let request =
                ArgocdRequest { desired: &wanted, live: &live, ignore: &ignore, manager, defaults: None };
            let comparison = argocd(&request);
            if comparison.modified() {
                Judgement::Differs(comparison.differences)
            } else {
                Judgement::InForce
            }
        }
    }
}

fn server_side(
    wanted: &Value,
    live: &Value,
    manager: &str,
    fold: &FoldPolicy,
    applied_before: bool,
    ignored: &[String],
) -> Judgement {
    let without = |value: &Value| {
        let mut value = value.clone();
        ignored.iter().for_each(|pointer| holdfast_merge::json_patch::remove(&mut value, pointer));
        value
    };
    let stripped = (!ignored.is_empty()).then(|| without(wanted));
    let request = FluxRequest {
        desired: stripped.as_ref().unwrap_or(wanted),
        live,
        manager,
        schema: None,
        fold,
        applied_before,
        defaults: None,
    };
    let found = flux(&request);
    let verdict = found.verdict();
    let folded: Vec<String> = found.folds.into_iter().chain(found.cleanup).collect();
    match verdict {
        Verdict::InForce => Judgement::InForce,
        Verdict::OwnershipLost => Judgement::OwnershipLost,
        Verdict::Fold => Judgement::Folded(folded),
        Verdict::ValueDrift | Verdict::OrderDrift if folded.is_empty() => {
            Judgement::Differs(found.differences)
        }
        Verdict::ValueDrift | Verdict::OrderDrift => Judgement::DiffersAndFolded(found.differences, folded),
        Verdict::Unknown => Judgement::Unknown,
    }
}
