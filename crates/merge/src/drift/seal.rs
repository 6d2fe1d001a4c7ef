use super::FoldPolicy;
use crate::fields::{FieldSet, PathElement};
use crate::managers::{Managers, Operation};
use crate::normal::{is_core, move_string_data};
use crate::ssa::ANNOTATION_LAST_APPLIED;
use crate::values::{self, sorted};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// A hash over all of a live object that can make it drift from what we applied. An equal seal means: still in
/// force. An unequal one means nothing yet: compare.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seal([u8; 16]);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Seals a live object applied by `manager`: its uid, whether it is being deleted, the fields we own and the version
/// they are named in, their live values, the order of our items in keyed lists, and everything of managers that the
/// policy folds. `None` without an entry of ours: what is not ours cannot be sealed.
pub fn seal(live: &Value, manager: &str, fold: &FoldPolicy) -> Option<Seal> {
    let managers = Managers::of(live).ok()?;
    let mine = managers.applier(manager, "")?;
    let mut hash = Hash(Sha256::new());
    hash.text(live["metadata"]["uid"].as_str().unwrap_or_default());
    hash.flag(!live["metadata"]["deletionTimestamp"].is_null());
    hash.text(&mine.api_version);
    let is_secret = is_core(live, "Secret");
    for (element, member, below) in mine.fields.elements() {
        hash.element(element, member);
        let value = match element {
            // What was applied as stringData lives in data.
            PathElement::Field(name) if is_secret && name.as_ref() == "stringData" => live.get("data"),
            PathElement::Field(name) => live.get(name.as_ref()),
            _ => None,
        };
        hash.part(value, below);
    }
    let folded = managers.0.iter().filter(|m| fold.folds(m));
    for other in folded {
        hash.text(&other.name);
        hash.flag(other.operation == Operation::Apply);
        hash.text(&other.fields.to_fields_v1().to_string());
    }
    for (section, keys) in [("annotations", &fold.annotations), ("labels", &fold.labels)] {
        for key in keys {
            hash.flag(live["metadata"][section].get(key).is_some());
        }
    }
    Some(Seal(hash.half()))
}

/// Seals a live object under the three-way rule: the annotation of what was applied last, and the live values at the
/// leaves of that and of what is wanted. Lists are sealed whole, because their order counts. Status, managed fields
/// and what the server counts up are no part of it.
pub fn seal_three_way(live: &Value, desired: &Value) -> Seal {
    let mut hash = Hash(Sha256::new());
    let metadata = &live["metadata"];
    hash.text(metadata["uid"].as_str().unwrap_or_default());
    hash.flag(!metadata["deletionTimestamp"].is_null());
    let last = metadata["annotations"][ANNOTATION_LAST_APPLIED].as_str();
    hash.text(last.unwrap_or("absent"));
    let mut last: Value = last.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    // What was written as stringData lives in data.
    move_string_data(&mut last);
    let mut desired = Cow::Borrowed(desired);
    if is_core(&desired, "Secret") {
        move_string_data(desired.to_mut());
    }
    hash.outlined(Some(live), &[&desired, &last], &["status"]);
    Seal(hash.half())
}

/// A digest of an object, keys in whatever order they stand.
pub fn digest(object: &Map<String, Value>) -> [u8; 16] {
    let mut hash = Hash(Sha256::new());
    let mut names: Vec<&String> = object.keys().collect();
    names.sort();
    for name in names {
        hash.text(name);
        hash.text(&sorted(&object[name]).to_string());
    }
    hash.half()
}

struct Hash(Sha256);

impl Hash {
    /// Half of the hash: enough that two things never share it.
    fn half(self) -> [u8; 16] {
        let mut half = [0; 16];
        self.0.finalize().iter().zip(&mut half).for_each(|(from, to)| *to = *from);
        half
    }

    /// Every text ends with a byte that no text holds, so that parts cannot run together.
    fn text(&mut self, text: &str) {
        self.0.update(text.as_bytes());
        self.0.update([0xff]);
    }

    fn flag(&mut self, flag: bool) {
        self.0.update([u8::from(flag)]);
    }

    fn element(&mut self, element: &PathElement, member: bool) {
        self.text(&element.to_fields_v1());
        self.flag(member);
    }

    /// What of a value the outlines have a place for: below what is no map in all of them, all of it.
    fn outlined(&mut self, value: Option<&Value>, outlines: &[&Value], without: &[&str]) {
        let maps: Vec<&Map<String, Value>> = outlines.iter().filter_map(|o| o.as_object()).collect();
        match value {
            None => self.text("absent"),
            Some(Value::Object(map)) if !maps.is_empty() => {
                let names: BTreeSet<&String> = maps.iter().flat_map(|outline| outline.keys()).collect();
                for name in names.into_iter().filter(|name| !without.contains(&name.as_str())) {
                    self.text(name);
                    let below: Vec<&Value> = maps.iter().filter_map(|outline| outline.get(name)).collect();
                    self.outlined(map.get(name), &below, &[]);
                }
            }
            Some(value) => self.text(&sorted(value).to_string()),
        }
    }

    /// The fields of `set` in a value: below a leaf of the set, all of it.
    fn part(&mut self, value: Option<&Value>, set: &FieldSet) {
        let Some(value) = value else { return self.text("absent") };
        if set.is_empty() {
            return self.text(&sorted(value).to_string());
        }
        match value {
            Value::Object(map) => {
                for (element, member, below) in set.elements() {
                    self.element(element, member);
                    if let PathElement::Field(name) = element {
                        self.part(map.get(name.as_ref()), below);
                    }
                }
            }
            // In the live order: so the order of our items is part of the hash.
            Value::Array(items) => {
                for item in items {
                    if let Some((element, member, below)) = set.elements().find(|(e, _, _)| is_item(e, item))
                    {
                        self.element(element, member);
                        self.part(if below.is_empty() { None } else { Some(item) }, below);
                    }
                }
                self.0.update([0xfe]);
            }
            scalar => self.text(&scalar.to_string()),
        }
    }
}

fn is_item(element: &PathElement, item: &Value) -> bool {
    match element {
        PathElement::Key(fields) => {
            fields.iter().all(|(name, value)| item.get(name.as_ref()).is_none_or(|v| values::equal(v, value)))
        }
        PathElement::Value(value) => values::equal(value, item),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sealed(change: impl Fn(&mut Value)) -> Seal {
        let desired = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "data": {"stringData": 1}, "spec": {"replicas": 2, "template": {"containers": [{"name": "a"}]}}});
        let last = r#"{"spec":{"paused":true}}"#;
        let mut live = desired.clone();
        live["metadata"] = json!({"name": "a", "uid": "1", "resourceVersion": "5", "generation": 1,
            "annotations": {ANNOTATION_LAST_APPLIED: last}});
        live["status"] = json!({"replicas": 2});
        change(&mut live);
        seal_three_way(&live, &desired)
    }

    #[test]
    fn a_three_way_seal_breaks_where_a_verdict_could_change_and_not_elsewhere() {
        let whole = sealed(|_| {});
        let same = |change: &dyn Fn(&mut Value)| assert_eq!(sealed(change), whole);
        same(&|live| live["status"]["replicas"] = 3.into());
        same(&|live| live["metadata"]["resourceVersion"] = "6".into());
        same(&|live| live["metadata"]["generation"] = 2.into());
        same(&|live| live["spec"]["revisionHistoryLimit"] = 3.into());
        same(&|live| live["metadata"]["annotations"]["foreign"] = "x".into());
        let other = |change: &dyn Fn(&mut Value)| assert_ne!(sealed(change), whole);
        other(&|live| live["spec"]["replicas"] = 3.into());
        other(&|live| live["spec"]["paused"] = true.into());
        other(&|live| live["spec"]["template"]["containers"] = json!([{"name": "b"}, {"name": "a"}]));
        other(&|live| live["metadata"]["uid"] = "2".into());
        other(&|live| live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into());
        other(&|live| live["metadata"]["annotations"][ANNOTATION_LAST_APPLIED] = "{}".into());
    }
    #[test]
    fn the_string_data_of_a_secret_is_sealed_where_it_lives() {
        let secret = |section: &str, value: &str| {
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "uid": "1"},
                section: {"key": value}})
        };
        let desired = secret("stringData", "one");
        let seal = |live: &Value| seal_three_way(live, &desired);
        assert_ne!(seal(&secret("data", "b25l")), seal(&secret("data", "dHdv")));
    }
}
