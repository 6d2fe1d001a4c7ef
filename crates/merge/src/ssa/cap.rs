use crate::fields::FieldSet;
use crate::managers::{Manager, Managers, Operation};

/// More updaters than this are folded, oldest first.
const MAX_UPDATERS: usize = 10;

/// The name that the oldest updaters are folded into, one entry for each API version.
const OLD_UPDATES: &str = "ancient-changes";

/// Keeps the number of updaters within bounds. Entries of one version are folded together; an updater alone in its
/// version stays.
pub(super) fn cap_updaters(managers: &mut Managers) {
    let mut updaters: Vec<Manager> =
        managers.0.iter().filter(|m| m.operation == Operation::Update).cloned().collect();
    let mut count = updaters.len();
    updaters.sort_by(|a, b| (&a.time, identity(a)).cmp(&(&b.time, identity(b))));
    let mut first_of: Vec<Manager> = Vec::new();
    for updater in updaters {
        if count <= MAX_UPDATERS {
            return;
        }
        match first_of.iter().find(|m| m.api_version == updater.api_version) {
            Some(first) => {
                fold(managers, first, &updater);
                count -= 1;
            }
            None => first_of.push(updater),
        }
    }
}

/// Folds an updater into the bucket of its version, which starts as the oldest updater of that version.
fn fold(managers: &mut Managers, first: &Manager, updater: &Manager) {
    let mut bucket = Manager {
        name: OLD_UPDATES.into(),
        subresource: String::new(),
        fields: FieldSet::EMPTY,
        ..updater.clone()
    };
    for member in [first, updater, &bucket.clone()] {
        if let Some(index) = managers.position(member) {
            bucket.fields = bucket.fields.union(&managers.0.remove(index).fields);
        }
    }
    managers.0.push(bucket);
}

/// What the API server orders managers of one second by.
fn identity(manager: &Manager) -> (&str, &str, &str) {
    (&manager.name, &manager.api_version, &manager.subresource)
}
