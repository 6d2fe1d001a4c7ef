//! The rules themselves: who owns what after a write.

use super::cap::cap_updaters;
use super::{ApplyError, Conflict, Conflicts, KindRules, kind_of, new_object, version_of};
use crate::fields::FieldSet;
use crate::managers::{Manager, Managers, Operation};
use crate::typed::{self, Comparison};
use crate::values;
use holdfast_object::schema::TypeRef;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Fields that nobody owns: they name the object or belong to the server.
static UNOWNED: LazyLock<FieldSet> = LazyLock::new(|| {
    let of_metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut set = FieldSet::of(&[&["apiVersion"], &["kind"], &["metadata"]]);
    for field in of_metadata {
        set = set.union(&FieldSet::of(&[&["metadata", field]]));
    }
    set
});

/// The fields that an applier of a configuration comes to own.
pub(crate) fn owned_by_applying(config: &Value, schema: TypeRef<'_>) -> FieldSet {
    typed::field_set(config, schema).difference(&UNOWNED)
}

/// Owner of what was there before anybody applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// An object without its `managedFields`, and its managers.
#[derive(Clone, Copy)]
pub(super) struct State<'v> {
    pub(super) live: &'v Value,
    pub(super) managers: &'v Managers,
}

pub(super) struct Engine<'e, 'a> {
    pub(super) kind: KindRules<'a>,
    pub(super) subresource: &'e str,
    pub(super) now: &'e str,
}

/// An object at one version.
struct At<'a> {
    value: Value,
    schema: TypeRef<'a>,
}

/// A change of an object, and how it looks in the versions that owners wrote.
struct Change<'e, 'a> {
    engine: &'e Engine<'e, 'a>,
    live: &'e Value,
    new: &'e Value,
    by_version: BTreeMap<String, Option<Comparison>>,
}

impl<'e, 'a> Change<'e, 'a> {
    fn new(engine: &'e Engine<'e, 'a>, live: &'e Value, new: &'e Value, version: &str) -> Self {
        let compared = typed::compare(live, new, engine.kind.schema).without(engine.kind.reset);
        Self { engine, live, new, by_version: BTreeMap::from([(version.to_owned(), Some(compared))]) }
    }

    /// The change at a version, or `None` when it is not served.
    fn at(&mut self, version: &str) -> Option<&Comparison> {
        if !self.by_version.contains_key(version) {
            let kind = self.engine.kind;
            let compare = || {
                let (live, schema) = (kind.convert)(self.live, version)?;
                let (new, _) = (kind.convert)(self.new, version)?;
                Some(typed::compare(&live, &new, schema).without(kind.reset))
            };
            self.by_version.insert(version.to_owned(), compare());
        }
        self.by_version.get(version).and_then(Option::as_ref)
    }

    /// Takes from a manager what the change changed or removed; returns what it lost by a changed value. False when
    /// nothing is left of it, or its version is not served.
    fn take_from(&mut self, manager: &mut Manager, lost: &mut Vec<Conflict>) -> bool {
        let Some(compared) = self.at(&manager.api_version) else { return false };
        let changed = manager.fields.intersection(&compared.changed());
        manager.fields = manager.fields.difference(&changed).difference(&compared.removed);
        lost.extend(changed.paths().into_iter().map(|path| Conflict { manager: manager.to_string(), path }));
        !manager.fields.is_empty()
    }
}

impl<'a> Engine<'_, 'a> {
    /// Both objects must have their type's form; only the live one may hold an item twice.
    pub(super) fn check(&self, live: &Value, config: &Value) -> Result<(), ApplyError> {
        for (object, what, duplicates) in [(config, "patch", false), (live, "live", true)] {
            typed::validate(object, self.kind.schema, duplicates).map_err(|errors| {
                let name = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
                let (namespace, name, kind) = (name("namespace"), name("name"), kind_of(object));
                ApplyError::BadType(format!(
                    "failed to create typed {what} object ({namespace}/{name}; {kind}): {errors}"
                ))
            })?;
        }
        Ok(())
    }

    /// Gives what a live object without owners holds to `before-first-apply`.
    pub(super) fn adopt(&self, live: &Value, config: &Value) -> Managers {
        let empty = new_object(config, self.kind.schema);
        let before = Manager {
            name: BEFORE_FIRST_APPLY.into(),
            operation: Operation::Update,
            api_version: version_of(config).to_owned(),
            subresource: self.subresource.to_owned(),
            time: Some(self.now.to_owned()),
            fields: FieldSet::EMPTY,
        };
        let nobody = Managers::default();
        self.update(State { live: &empty, managers: &nobody }, live, before).unwrap_or(nobody)
    }

    /// The owners after a write that is no apply; `None` when an object does not have its type's form.
    pub(super) fn update(&self, state: State<'_>, new: &Value, me: Manager) -> Option<Managers> {
        for object in [state.live, new] {
            typed::validate(object, self.kind.schema, true).ok()?;
        }
        let mut change = Change::new(self, state.live, new, &me.api_version);
        let won = change.at(&me.api_version)?.changed().difference(&UNOWNED);
        let mut managers = self.reconcile(state);
        managers.0.retain_mut(|manager| change.take_from(manager, &mut Vec::new()));
        if !won.is_empty() {
            let fields = match managers.position(&me) {
                Some(index) => managers.0.remove(index).fields.union(&won),
                None => won,
            };
            managers.0.push(Manager { fields, ..me });
        }
        cap_updaters(&mut managers);
        Some(managers)
    }

    /// The object and its owners after an apply; no object when it is as before.
    pub(super) fn apply(
        &self,
        state: State<'_>,
        config: &Value,
        me: &Manager,
        force: bool,
    ) -> Result<(Option<Value>, Managers), Conflicts> {
        let mut managers = self.reconcile(state);
        let merged = typed::merge(state.live, config, self.kind.schema);
        let last = managers.position(me).map(|index| managers.0.remove(index));
        let fields = typed::field_set(config, self.kind.schema).difference_recursive(self.kind.reset);
        let time = last.as_ref().and_then(|m| m.time.clone());
        let mut mine = Manager { fields, time, ..me.clone() };
        let new = match last {
            Some(last) => self.prune(merged, &managers, &mine, &last),
            None => merged,
        };
        let mut change = Change::new(self, state.live, &new, &me.api_version);
        let mut lost = Vec::new();
        managers.0.retain_mut(|manager| change.take_from(manager, &mut lost));
        if !force && !lost.is_empty() {
            return Err(Conflicts(lost));
        }
        let changed = !values::equal(state.live, &new);
        if changed {
            mine.time = Some(self.now.to_owned());
        }
        mine.fields = mine.fields.difference(&UNOWNED);
        if !mine.fields.is_empty() {
            managers.0.push(mine);
        }
        Ok((changed.then_some(new), managers))
    }

    /// The owners' sets as the types are now. Owners at versions that are no longer served are left out.
    fn reconcile(&self, state: State<'_>) -> Managers {
        let version = version_of(state.live);
        let mut out = Managers::default();
        for manager in &state.managers.0 {
            let schema = if manager.api_version == version {
                Some(self.kind.schema)
            } else {
                (self.kind.convert)(state.live, &manager.api_version).map(|(_, schema)| schema)
            };
            if let Some(schema) = schema {
                out.0.push(Manager { fields: typed::reconcile(&manager.fields, schema), ..manager.clone() });
            }
        }
        out
    }

    fn at(&self, value: &Value, version: &str) -> Option<At<'a>> {
        if version_of(value) == version {
            return Some(At { value: value.clone(), schema: self.kind.schema });
        }
        let (value, schema) = (self.kind.convert)(value, version)?;
        Some(At { value, schema })
    }

    /// Removes what the manager applied last time (`last`), did not apply this time (`mine`), and nobody else owns.
    fn prune(&self, merged: Value, others: &Managers, mine: &Manager, last: &Manager) -> Value {
        let same_version = last.api_version == mine.api_version;
        if last.fields.is_empty() || (same_version && last.fields.difference(&mine.fields).is_empty()) {
            return merged;
        }
        let Some(whole) = self.at(&merged, &last.api_version) else { return merged };
        let last_named = typed::name_fields(&last.fields, whole.schema);
        let pruned = typed::remove(&whole.value, &last_named, whole.schema);
        let owners = others.0.iter().chain([mine]);
        let pruned = self.add_back_owned(&whole.value, pruned, owners, &last.api_version);
        let Some(pruned) = self.at(&pruned, &last.api_version) else { return merged };
        let gone = named(&whole).difference(&named(&pruned)).intersection(&last_named);
        let pruned = typed::remove(&whole.value, &gone, whole.schema);
        if same_version {
            return pruned;
        }
        self.at(&pruned, &mine.api_version).map_or(merged, |at| at.value)
    }

    /// Puts back what anybody owns, version by version; that of the last apply first, so that what other versions
    /// need for their conversion is there.
    fn add_back_owned<'m>(
        &self,
        merged: &Value,
        mut pruned: Value,
        owners: impl Iterator<Item = &'m Manager>,
        first: &str,
    ) -> Value {
        let mut owned: BTreeMap<(bool, &str), FieldSet> = BTreeMap::new();
        for owner in owners {
            let set = owned.entry((owner.api_version != first, &owner.api_version)).or_default();
            *set = set.union(&owner.fields);
        }
        for ((_, version), set) in owned {
            let (Some(whole), Some(rest)) = (self.at(merged, version), self.at(&pruned, version)) else {
                continue;
            };
            let kept = named(&rest).union(&typed::name_fields(&set, whole.schema));
            pruned = typed::remove(&whole.value, &named(&whole).difference(&kept), whole.schema);
        }
        pruned
    }
}

fn named(at: &At<'_>) -> FieldSet {
    typed::name_fields(&typed::field_set(&at.value, at.schema), at.schema)
}
