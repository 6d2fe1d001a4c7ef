use crate::desired::DesiredObject;
use crate::policy::{DriftPolicy, WriteMode};
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
    /// Values are as desired, but fields we want are no longer ours.
    OwnershipLost,
    /// It cannot be told without asking the server.
    Unknown,
}

/// One field that is not as desired.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The field, as `.spec.replicas` or `.spec.template.spec.containers[name="main"].image`.
    pub path: String,
    /// The value that is desired; `None` where the field is to be absent.
    pub desired: Option<Value>,
    /// The value that is live; `None` where the field is absent.
    pub live: Option<Value>,
    /// The field manager that holds the live value, where known.
    pub manager: Option<String>,
}

/// Compares a desired object with the live one by the rules of its write mode.
pub fn judge(desired: &DesiredObject, live: &Object, mode: &WriteMode, drift: &DriftPolicy) -> Judgement {
    let _ = (mode, drift);
    let mut differences = Vec::new();
    compare(&desired.object.to_value(), &live.to_value(), &mut String::new(), &mut differences);
    if differences.is_empty() { Judgement::InForce } else { Judgement::Differs(differences) }
}

fn compare(desired: &Value, live: &Value, path: &mut String, differences: &mut Vec<Difference>) {
    if let (Value::Object(desired), Value::Object(live)) = (desired, live) {
        for (key, value) in desired {
            let length = path.len();
            path.push('.');
            path.push_str(key);
            compare(value, live.get(key).unwrap_or(&Value::Null), path, differences);
            path.truncate(length);
        }
    } else if desired != live {
        differences.push(Difference {
            path: path.clone(),
            desired: Some(desired.clone()),
            live: Some(live.clone()),
            manager: None,
        });
    }
}
