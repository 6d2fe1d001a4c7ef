use super::FoldPolicy;
use crate::fields::{FieldSet, PathElement};
use crate::managers::{Managers, Operation};
use crate::normal::is_core;
use crate::values::{self, sorted};
use serde_json::Value;
use sha2::{Digest, Sha256};
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
    let mut seal = [0; 16];
    seal.copy_from_slice(hash.0.finalize().get(..16)?);
    Some(Seal(seal))
}

struct Hash(Sha256);

impl Hash {
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
