use super::{BadElement, FieldPath, PathElement};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// A set of fields of one object. A field and the fields inside it are separate members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    /// Sorted by element; no entry is without a member in it or below.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    element: PathElement,
    member: bool,
    below: FieldSet,
}

impl FieldSet {
    /// The empty set.
    pub const EMPTY: FieldSet = FieldSet { entries: Vec::new() };

    /// A set of paths of field names.
    pub fn of(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(&FieldPath::of(path).0);
        }
        set
    }

    /// Reads FieldsV1. Elements of kinds unknown here are left out, as the API server does.
    ///
    /// # Errors
    /// [`BadElement`] for a malformed element.
    pub fn from_fields_v1(fields: &Value) -> Result<Self, BadElement> {
        Ok(Self::read(fields)?.0)
    }

    /// The set below, and whether the field itself is a member: marked with `.`, or with nothing below.
    fn read(fields: &Value) -> Result<(Self, bool), BadElement> {
        let mut set = Self::default();
        let mut member = false;
        for (key, value) in fields.as_object().into_iter().flatten() {
            if key == "." {
                member = true;
                continue;
            }
            let Some(element) = PathElement::parse(key)? else { continue };
            let (below, is_member) = Self::read(value)?;
            let entry = set.entry(element);
            entry.member |= is_member;
            entry.below = if entry.below.is_empty() { below } else { entry.below.union(&below) };
        }
        let member = member || set.is_empty();
        Ok((set, member))
    }

    /// The FieldsV1 form, in the order in which the API server writes it.
    pub fn to_fields_v1(&self) -> Value {
        let mut map = Map::new();
        for entry in &self.entries {
            let mut below = Map::new();
            if entry.member && !entry.below.is_empty() {
                below.insert(".".into(), Value::Object(Map::new()));
            }
            if let Value::Object(fields) = entry.below.to_fields_v1() {
                below.extend(fields);
            }
            map.insert(entry.element.to_fields_v1(), Value::Object(below));
        }
        Value::Object(map)
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.entries.iter().map(|e| usize::from(e.member) + e.below.len()).sum()
    }

    /// Adds a field. The empty path names the whole object, which nobody owns: nothing happens.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else { return };
        let entry = self.entry(first.clone());
        if rest.is_empty() {
            entry.member = true;
        } else {
            entry.below.insert(rest);
        }
    }

    fn find(&self, element: &PathElement) -> Result<usize, usize> {
        // Sets are mostly built in order: look at the end first.
        match self.entries.last().map(|last| last.element.cmp(element)) {
            None => Err(0),
            Some(Ordering::Less) => Err(self.entries.len()),
            Some(_) => self.entries.binary_search_by(|e| e.element.cmp(element)),
        }
    }

    fn get(&self, element: &PathElement) -> Option<&Entry> {
        self.find(element).ok().and_then(|index| self.entries.get(index))
    }

    fn entry(&mut self, element: PathElement) -> &mut Entry {
        let index = match self.find(&element) {
            Ok(index) => index,
            Err(index) => {
                self.entries.insert(index, Entry { element, member: false, below: FieldSet::default() });
                index
            }
        };
        &mut self.entries[index]
    }

    /// Marks `element` as a member and/or sets what lies below it; does nothing when there is nothing to add.
    pub(crate) fn put(&mut self, element: PathElement, member: bool, below: FieldSet) {
        if member || !below.is_empty() {
            let entry = self.entry(element);
            entry.member |= member;
            entry.below = if entry.below.is_empty() { below } else { entry.below.union(&below) };
        }
    }

    /// True when the field at `path` is a member.
    pub fn contains(&self, path: &[PathElement]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        self.get(first).is_some_and(|e| if rest.is_empty() { e.member } else { e.below.contains(rest) })
    }

    /// True when the element itself is a member.
    pub fn has(&self, element: &PathElement) -> bool {
        self.get(element).is_some_and(|e| e.member)
    }

    /// The members below an element, or `None` when there are none.
    pub fn below(&self, element: &PathElement) -> Option<&FieldSet> {
        self.get(element).map(|e| &e.below).filter(|set| !set.is_empty())
    }

    /// The direct elements: each with whether it is a member and what lies below.
    pub fn elements(&self) -> impl Iterator<Item = (&PathElement, bool, &FieldSet)> {
        self.entries.iter().map(|e| (&e.element, e.member, &e.below))
    }

    /// Every member, in the order in which the API server lists them: at each level first the members, then what is
    /// below them.
    pub fn paths(&self) -> Vec<FieldPath> {
        fn walk(set: &FieldSet, prefix: &mut Vec<PathElement>, found: &mut Vec<FieldPath>) {
            for entry in set.entries.iter().filter(|e| e.member) {
                let mut path = prefix.clone();
                path.push(entry.element.clone());
                found.push(FieldPath(path));
            }
            for entry in &set.entries {
                prefix.push(entry.element.clone());
                walk(&entry.below, prefix, found);
                prefix.pop();
            }
        }
        let mut found = Vec::with_capacity(self.len());
        walk(self, &mut Vec::new(), &mut found);
        found
    }

    /// The members that have no members below them.
    pub fn leaves(&self) -> FieldSet {
        let entries = self
            .entries
            .iter()
            .map(|e| Entry {
                element: e.element.clone(),
                member: e.member && e.below.is_empty(),
                below: e.below.leaves(),
            })
            .collect();
        FieldSet { entries }
    }

    /// Members of either.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |a, b| {
            let (a_member, a_below, b_member, b_below) = sides(a, b);
            let below = match (a_below.is_empty(), b_below.is_empty()) {
                (_, true) => a_below.clone(),
                (true, false) => b_below.clone(),
                (false, false) => a_below.union(b_below),
            };
            (a_member || b_member, below)
        })
    }

    /// Members of both.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |a, b| match (a, b) {
            (Some(a), Some(b)) => (a.member && b.member, a.below.intersection(&b.below)),
            _ => (false, FieldSet::default()),
        })
    }

    /// Members of this set that are not members of the other. A member of the other set does not take the fields
    /// below it along.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |a, b| match (a, b) {
            (Some(a), None) => (a.member, a.below.clone()),
            (Some(a), Some(b)) => (a.member && !b.member, a.below.difference(&b.below)),
            (None, _) => (false, FieldSet::default()),
        })
    }

    /// Members of this set without the members of the other and everything below those.
    #[must_use]
    pub fn difference_recursive(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |a, b| match (a, b) {
            (Some(a), None) => (a.member, a.below.clone()),
            (Some(_), Some(b)) if b.member => (false, FieldSet::default()),
            (Some(a), Some(b)) => (a.member, a.below.difference_recursive(&b.below)),
            (None, _) => (false, FieldSet::default()),
        })
    }

    /// Walks both sets in order and keeps what `decide` leaves at each element.
    fn zip(
        &self,
        other: &FieldSet,
        decide: impl Fn(Option<&Entry>, Option<&Entry>) -> (bool, FieldSet),
    ) -> FieldSet {
        let (mut left, mut right) = (self.entries.iter().peekable(), other.entries.iter().peekable());
        let mut entries = Vec::with_capacity(self.entries.len());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return FieldSet { entries },
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.element.cmp(&b.element),
            };
            let a = if order.is_le() { left.next() } else { None };
            let b = if order.is_ge() { right.next() } else { None };
            let (member, below) = decide(a, b);
            if let Some(entry) = a.or(b)
                && (member || !below.is_empty())
            {
                entries.push(Entry { element: entry.element.clone(), member, below });
            }
        }
    }
}

fn sides<'e>(a: Option<&'e Entry>, b: Option<&'e Entry>) -> (bool, &'e FieldSet, bool, &'e FieldSet) {
    static EMPTY: FieldSet = FieldSet::EMPTY;
    let side = |e: Option<&'e Entry>| e.map_or((false, &EMPTY), |e| (e.member, &e.below));
    let ((a_member, a_below), (b_member, b_below)) = (side(a), side(b));
    (a_member, a_below, b_member, b_below)
}
