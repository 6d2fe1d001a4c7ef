use super::deduce::{self, Place};
use super::difference::{compared_part, differences, is_empty_value, is_part_of, may_default};
use super::{Defaults, Difference, DifferenceKind};
use crate::canonical::canonicalize;
use crate::fields::{FieldPath, FieldSet, PathElement};
use crate::managers::{Manager, Managers, Operation};
use crate::normal::move_string_data;
use crate::ssa::{self, ANNOTATION_LAST_APPLIED, ApplyError, ApplyRequest, KindRules, apply};
use crate::typed;
use crate::values;
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::{Schemas, TypeRef};
use serde_json::Value;

/// A manager whose fields are taken over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ManagerMatch {
    /// The name, or how it starts.
    pub name: String,
    /// True when the whole name must be equal.
    pub exact: bool,
    /// How it wrote.
    pub operation: Operation,
}

/// What an apply takes over from others before it compares.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FoldPolicy {
    /// Managers whose entries become ours.
    pub managers: Vec<ManagerMatch>,
    /// Annotations that are removed.
    pub annotations: Vec<String>,
    /// Labels that are removed.
    pub labels: Vec<String>,
}

impl FoldPolicy {
    /// What Flux's kustomize-controller folds into the entry of `manager`: all of kubectl, what was there before the
    /// first apply, and its own updates from before server-side apply; `disallowed` are the user's additions.
    pub fn kustomize_controller(manager: &str, disallowed: &[String]) -> Self {
        let of = |name: &str, operation| ManagerMatch { name: name.to_owned(), exact: false, operation };
        let mut managers = vec![
            of("kubectl", Operation::Apply),
            of("kubectl", Operation::Update),
            of("before-first-apply", Operation::Update),
            of(manager, Operation::Update),
        ];
        for name in disallowed {
            managers.extend([of(name, Operation::Apply), of(name, Operation::Update)]);
        }
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            managers,
            annotations: owned(&[
                ANNOTATION_LAST_APPLIED,
                "kustomize.toolkit.fluxcd.io/checksum",
                "fluxcd.io/sync-checksum",
            ]),
            labels: owned(&["fluxcd.io/sync-gc-mark"]),
        }
    }

    /// True for managers that are folded. Writers of subresources never are.
    pub fn folds(&self, manager: &Manager) -> bool {
        manager.subresource.is_empty()
            && self.managers.iter().any(|m| {
                let named = if m.exact { manager.name == m.name } else { manager.name.starts_with(&m.name) };
                named && manager.operation == m.operation
            })
    }
}

/// What to compare.
#[derive(Clone, Copy)]
pub struct FluxRequest<'a> {
    /// The object as it would be applied.
    pub desired: &'a Value,
    /// The live object, with `managedFields`, at the same version.
    pub live: &'a Value,
    /// The manager that applies.
    pub manager: &'a str,
    /// The kind's type; where none is given, the built-in one, or what the owners of the live object's fields show.
    pub schema: Option<TypeRef<'a>>,
    /// What is taken over from others.
    pub fold: &'a FoldPolicy,
    /// True when `desired` is known to be what this manager applied last. Then what defaulting explains is no drift;
    /// otherwise it is unknown.
    pub applied_before: bool,
    /// The kind's defaulting.
    pub defaults: Option<&'a Defaults<'a>>,
}

/// What an apply would do, in the order in which it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing.
    InForce,
    /// Values are as wanted; an apply would only become owner again (managedFields wiped, object recreated).
    OwnershipLost,
    /// Values are as wanted; fields of folded managers would become ours, or metadata of old tools be removed.
    Fold,
    /// Lists would be reordered.
    OrderDrift,
    /// Values would change.
    ValueDrift,
    /// What differs could be a default: only the server can say.
    Unknown,
}

/// A comparison under Flux's rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// What an apply would change.
    pub differences: Vec<Difference>,
    /// Differences that defaulting may explain.
    pub unsure: Vec<Difference>,
    /// Fields with the wanted value that our entry does not name.
    pub unowned: Vec<FieldPath>,
    /// Managers that would be folded: `kubectl-edit/Update`.
    pub folds: Vec<String>,
    /// Annotations and labels that would be removed.
    pub cleanup: Vec<String>,
    /// True when labels or annotations differ.
    pub metadata: bool,
    /// Why no apply could be computed; the server would refuse it, too.
    pub refused: Option<ApplyError>,
}

impl Drift {
    /// The one word for it.
    pub fn verdict(&self) -> Verdict {
        let has = |order: bool| self.differences.iter().any(|d| (d.kind == DifferenceKind::Order) == order);
        if has(false) {
            Verdict::ValueDrift
        } else if self.refused.is_some() || !self.unsure.is_empty() {
            Verdict::Unknown
        } else if has(true) {
            Verdict::OrderDrift
        } else if !self.folds.is_empty() || !self.cleanup.is_empty() {
            Verdict::Fold
        } else if !self.unowned.is_empty() {
            Verdict::OwnershipLost
        } else {
            Verdict::InForce
        }
    }

    /// True when the last-applied annotation would be removed.
    pub fn removes_last_applied(&self) -> bool {
        self.cleanup.iter().any(|key| key == ANNOTATION_LAST_APPLIED)
    }
}

/// Compares under Flux's rule: what would a forced server-side apply of `desired` by `manager` change in labels,
/// annotations and everything outside metadata and status, and whose fields would be folded into ours.
pub fn flux(request: &FluxRequest<'_>) -> Drift {
    let managers = Managers::of(request.live).unwrap_or_default();
    let gvk = gvk_of(request.live);
    let deduced = match request.schema.or_else(|| Schemas::builtin().root(&gvk)) {
        Some(_) => None,
        None => Schemas::from_crd_schema(gvk.clone(), &deduce(request, &managers)).ok(),
    };
    let schema = request
        .schema
        .or_else(|| Schemas::builtin().root(&gvk))
        .or_else(|| deduced.as_ref().and_then(|schemas| schemas.root(&gvk)))
        .unwrap_or(TypeRef::untyped());
    Judge { request, managers: &managers, schema }.judge()
}

fn gvk_of(object: &Value) -> GroupVersionKind {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    GroupVersionKind::from_api_version(text("apiVersion"), text("kind"))
}

fn deduce(request: &FluxRequest<'_>, managers: &Managers) -> Value {
    let all = managers.0.iter().fold(FieldSet::EMPTY, |all, manager| all.union(&manager.fields));
    deduce::schema(Place {
        ours: managers.applier(request.manager, "").map(|m| &m.fields),
        owned: false,
        all: Some(&all),
        taken: false,
        live: Some(request.live),
        desired: Some(request.desired),
    })
}

struct Judge<'j, 'a> {
    request: &'j FluxRequest<'a>,
    managers: &'j Managers,
    schema: TypeRef<'j>,
}

impl Judge<'_, '_> {
    fn judge(&self) -> Drift {
        let mut drift = self.folding();
        let desired = self.desired();
        if self.is_untouched(&desired) {
            return drift;
        }
        // Other versions of the same object are taken to have the same fields, as custom resources without
        // conversion do; compiled-in kinds are compared at the version that was read.
        let schema = self.schema;
        let relabel = move |object: &Value, version: &str| {
            let mut object = object.clone();
            object["apiVersion"] = version.into();
            (!schema.is_compiled()).then_some((object, schema))
        };
        let applied = apply(&ApplyRequest {
            live: Some(self.request.live),
            config: &desired,
            manager: self.request.manager,
            force: true,
            subresource: "",
            kind: KindRules { schema, reset: &FieldSet::of(&[&["status"]]), convert: &relabel },
            now: "",
        });
        let mut new = match applied {
            Ok(outcome) => outcome.object,
            Err(error) => {
                drift.refused = Some(error);
                return drift;
            }
        };
        if let Some(defaults) = self.request.defaults {
            defaults(&mut new);
            canonicalize(&mut new, schema);
        }
        let (live, new) = (compared_part(self.request.live), compared_part(&new));
        drift.metadata = !values::equal(&live["metadata"], &new["metadata"]);
        for difference in differences(&live, &new, schema, self.managers, self.request.manager) {
            match self.explain(&difference) {
                Explained::No => drift.differences.push(difference),
                Explained::Perhaps => drift.unsure.push(difference),
                Explained::Yes => {}
            }
        }
        drift.unowned = self.unowned(&desired);
        drift
    }

    /// True when the apply is seen to change nothing without computing it: all that is wanted is live, and our entry
    /// names just that. Most objects are so.
    fn is_untouched(&self, desired: &Value) -> bool {
        let Some(mine) = self.managers.applier(self.request.manager, "") else { return false };
        mine.api_version == desired["apiVersion"].as_str().unwrap_or_default()
            && typed::covers(self.request.live, desired, self.schema)
            && ssa::owned_by_applying(desired, self.schema) == mine.fields
            && typed::validate(desired, self.schema, false).is_ok()
    }

    fn folding(&self) -> Drift {
        let fold = self.request.fold;
        let live = self.request.live;
        let present = |section: &str, keys: &[String]| -> Vec<String> {
            keys.iter().filter(|key| live["metadata"][section].get(key.as_str()).is_some()).cloned().collect()
        };
        let mut cleanup = present("annotations", &fold.annotations);
        cleanup.extend(present("labels", &fold.labels));
        let folded = self.managers.0.iter().filter(|manager| fold.folds(manager));
        Drift {
            differences: Vec::new(),
            unsure: Vec::new(),
            unowned: Vec::new(),
            folds: folded.map(|m| format!("{}/{}", m.name, m.operation.as_str())).collect(),
            cleanup,
            metadata: false,
            refused: None,
        }
    }

    /// What is applied, without what the server drops on its way in.
    fn desired(&self) -> Value {
        let mut desired = self.request.desired.clone();
        if let Some(map) = desired.as_object_mut() {
            map.shift_remove("status");
        }
        if let Some(metadata) = desired.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("creationTimestamp");
            metadata.shift_remove("managedFields");
        }
        move_string_data(&mut desired);
        desired
    }

    /// Whether a difference is only how the server writes what we applied.
    fn explain(&self, difference: &Difference) -> Explained {
        let known = self.request.applied_before;
        let owned = self.owns(&difference.path);
        match (difference.kind, &difference.desired, &difference.live) {
            // Go leaves out empty values. One that was written and then removed is no longer ours.
            (DifferenceKind::Missing, Some(desired), None)
                if is_empty_value(desired) && self.schema.is_compiled() =>
            {
                match (owned, known && self.mine().is_some()) {
                    (true, _) => Explained::Yes,
                    (false, true) => Explained::No,
                    (false, false) => Explained::Perhaps,
                }
            }
            // A value with one owner that we still own is as we applied it, but for defaults inside.
            (DifferenceKind::Changed, Some(desired @ (Value::Array(_) | Value::Object(_))), Some(live))
                if is_part_of(desired, live) =>
            {
                if owned && known {
                    Explained::Yes
                } else {
                    Explained::Perhaps
                }
            }
            // What would be removed may come back as a default.
            (DifferenceKind::Extra, ..)
                if self.request.defaults.is_none()
                    && self.schema.is_compiled()
                    && may_default(&difference.path, self.schema) =>
            {
                Explained::Perhaps
            }
            // A list of a kind that nobody described, and that nobody owns in part: it may be keyed.
            (DifferenceKind::Changed, Some(Value::Array(_)), Some(Value::Array(_)))
                if self.request.schema.is_none()
                    && !self.schema.is_compiled()
                    && !self.is_owned(&difference.path) =>
            {
                Explained::Perhaps
            }
            _ => Explained::No,
        }
    }

    fn mine(&self) -> Option<&FieldSet> {
        self.managers.applier(self.request.manager, "").map(|m| &m.fields)
    }

    fn owns(&self, path: &FieldPath) -> bool {
        self.mine().is_some_and(|set| set.contains(&path.0) || has_below(set, &path.0))
    }

    fn is_owned(&self, path: &FieldPath) -> bool {
        self.managers.0.iter().any(|m| m.fields.contains(&path.0) || has_below(&m.fields, &path.0))
    }

    /// Leaves of `desired` that our entry at this version does not name. Without an entry at this version nothing is
    /// said: the fields have other names there.
    fn unowned(&self, desired: &Value) -> Vec<FieldPath> {
        let entry = self.managers.applier(self.request.manager, "");
        let version = desired["apiVersion"].as_str().unwrap_or_default();
        if entry.is_some_and(|m| m.api_version != version) {
            return Vec::new();
        }
        let nothing = FieldSet::EMPTY;
        let mine = entry.map_or(&nothing, |m| &m.fields);
        let named =
            FieldSet::of(&[&["apiVersion"], &["kind"], &["metadata", "name"], &["metadata", "namespace"]]);
        let wanted = typed::field_set(self.request.desired, self.schema).leaves().difference(&named);
        let lost = wanted.difference(mine).paths();
        // A Secret's stringData is owned under that name, or as data once Flux has moved it.
        lost.into_iter().filter(|path| !self.owned_as_data(path, mine) && !is_unowned(path)).collect()
    }

    fn owned_as_data(&self, path: &FieldPath, mine: &FieldSet) -> bool {
        match path.0.as_slice() {
            [PathElement::Field(section), key] if section.as_ref() == "stringData" => {
                mine.contains(&[PathElement::field("data"), key.clone()])
            }
            _ => false,
        }
    }
}

enum Explained {
    Yes,
    Perhaps,
    No,
}

fn has_below(set: &FieldSet, path: &[PathElement]) -> bool {
    let mut at = set;
    path.iter().all(|element| match at.below(element) {
        Some(below) => {
            at = below;
            true
        }
        None => false,
    })
}

/// Paths that nobody ever owns.
fn is_unowned(path: &FieldPath) -> bool {
    path.0.first() == Some(&PathElement::field("status"))
        || path.0 == [PathElement::field("metadata"), PathElement::field("creationTimestamp")]
}
