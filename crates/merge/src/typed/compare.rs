use super::{Shape, as_list, as_map, both_empty, item_element, shape};
use crate::fields::{FieldSet, PathElement};
use crate::values;
use holdfast_object::schema::{ListType, TypeRef};
use serde_json::Value;
use std::collections::BTreeMap;

/// How a second object differs from a first, in fields. No field is in two of the sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// In the first only.
    pub(crate) removed: FieldSet,
    /// In both, with another value.
    pub(crate) modified: FieldSet,
    /// In the second only.
    pub(crate) added: FieldSet,
}

impl Comparison {
    /// Fields whose value is new or another.
    pub(crate) fn changed(&self) -> FieldSet {
        self.modified.union(&self.added)
    }

    /// The comparison without the fields of `reset` and what is below them.
    pub(crate) fn without(self, reset: &FieldSet) -> Self {
        if reset.is_empty() {
            return self;
        }
        Self {
            removed: self.removed.difference_recursive(reset),
            modified: self.modified.difference_recursive(reset),
            added: self.added.difference_recursive(reset),
        }
    }
}

/// Compares two objects of one type.
pub(crate) fn compare(first: &Value, second: &Value, ty: TypeRef<'_>) -> Comparison {
    let mut walk = Walk::default();
    walk.value(Some(first), Some(second), ty);
    walk.found
}

#[derive(Default)]
struct Walk {
    path: Vec<PathElement>,
    found: Comparison,
}

impl Walk {
    fn enter(&mut self, element: PathElement, a: Option<&Value>, b: Option<&Value>, ty: TypeRef<'_>) {
        self.path.push(element);
        self.value(a, b, ty);
        self.path.pop();
    }

    fn value(&mut self, a: Option<&Value>, b: Option<&Value>, ty: TypeRef<'_>) {
        let (shape_a, shape_b) = match (a, b) {
            (Some(a), Some(b)) => (shape(ty, a), shape(ty, b)),
            (Some(one), None) | (None, Some(one)) => (shape(ty, one), shape(ty, one)),
            (None, None) => return,
        };
        let mut leaf = self.parts(a, b, shape_b);
        if !shape_a.same_as(shape_b) {
            leaf |= self.parts(a, b, shape_a);
        }
        if !leaf {
            match (a, b) {
                (None, Some(_)) => self.found.added.insert(&self.path),
                (Some(_), None) => self.found.removed.insert(&self.path),
                _ => {}
            }
        }
    }

    /// Compares the values taken apart in one way; true when that way is "as a whole".
    fn parts(&mut self, a: Option<&Value>, b: Option<&Value>, shape: Shape<'_>) -> bool {
        match shape {
            Shape::Leaf => self.leaf(a, b),
            Shape::Map(keys) => {
                let (map_a, map_b) = (as_map(a), as_map(b));
                if both_empty(map_a, map_b, serde_json::Map::is_empty) {
                    return self.leaf(a, b);
                }
                for (key, a) in map_a.into_iter().flatten() {
                    let b = map_b.and_then(|map| map.get(key));
                    // Most of an object is equal on both sides.
                    if b.is_none_or(|b| !values::equal(a, b)) {
                        self.enter(PathElement::field(key), Some(a), b, keys.child(key));
                    }
                }
                for (key, b) in map_b.into_iter().flatten() {
                    if map_a.is_none_or(|map| !map.contains_key(key)) {
                        self.enter(PathElement::field(key), None, Some(b), keys.child(key));
                    }
                }
                false
            }
            Shape::List(list) => {
                let (list_a, list_b) = (as_list(a), as_list(b));
                if both_empty(list_a, list_b, <[Value]>::is_empty) {
                    return self.leaf(a, b);
                }
                self.items(list_a.unwrap_or_default(), list_b.unwrap_or_default(), list);
                false
            }
        }
    }

    fn leaf(&mut self, a: Option<&Value>, b: Option<&Value>) -> bool {
        match (a, b) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            (Some(a), Some(b)) if !values::equal(a, b) => self.found.modified.insert(&self.path),
            _ => {}
        }
        true
    }

    /// Items are matched by their key. Those that occur several times count as one atomic value.
    fn items(&mut self, a: &[Value], b: &[Value], list: ListType<'_>) {
        let index = |items: &'_ [Value]| {
            let mut found: BTreeMap<PathElement, Vec<usize>> = BTreeMap::new();
            for (at, item) in items.iter().enumerate() {
                if let Ok(element) = item_element(list, item) {
                    found.entry(element).or_default().push(at);
                }
            }
            found
        };
        let (in_a, mut in_b) = (index(a), index(b));
        let pick = |items: &'_ [Value], at: &[usize]| -> Vec<Value> {
            at.iter().map(|i| items[*i].clone()).collect()
        };
        for (element, at_a) in in_a {
            let at_b = in_b.remove(&element).unwrap_or_default();
            match (at_a.as_slice(), at_b.as_slice()) {
                ([one], []) => self.enter(element, Some(&a[*one]), None, list.items()),
                ([one], [other]) => self.enter(element, Some(&a[*one]), Some(&b[*other]), list.items()),
                ([one], _) => {
                    self.enter(element.clone(), Some(&a[*one]), None, list.items());
                    self.mark(element, |found| &mut found.added);
                }
                (_, []) => self.mark(element, |found| &mut found.removed),
                (_, [other]) => {
                    self.enter(element.clone(), None, Some(&b[*other]), list.items());
                    self.mark(element, |found| &mut found.removed);
                }
                _ => {
                    let (a, b) = (pick(a, &at_a), pick(b, &at_b));
                    if a.len() != b.len() || a.iter().zip(&b).any(|(a, b)| !values::equal(a, b)) {
                        self.mark(element, |found| &mut found.modified);
                    }
                }
            }
        }
        for (element, at_b) in in_b {
            match at_b.as_slice() {
                [only] => self.enter(element, None, Some(&b[*only]), list.items()),
                _ => self.mark(element, |found| &mut found.added),
            }
        }
    }

    fn mark(&mut self, element: PathElement, into: impl Fn(&mut Comparison) -> &mut FieldSet) {
        self.path.push(element);
        into(&mut self.found).insert(&self.path);
        self.path.pop();
    }
}
