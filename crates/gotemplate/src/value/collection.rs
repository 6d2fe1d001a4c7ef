//! Lists and maps. Dropping deeply nested ones must not recurse: a template can nest them without limit.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::{Str, Value};

/// The element type of a [`List`], which `%T`, `typeOf` and argument checks see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Elem {
    /// `interface{}`
    Any,
    /// `string`
    String,
    /// `int`
    Int,
    /// `uint8`
    Byte,
    /// `[]interface{}`: what `chunk` returns.
    List,
    /// Another type, by the name Go prints.
    Named(&'static str),
}

impl Elem {
    /// Go's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::String => "string",
            Self::Int => "int",
            Self::Byte => "uint8",
            Self::List => "[]interface {}",
            Self::Named(name) => name,
        }
    }
}

/// A Go slice. No template function changes an element in place, so a list is immutable and clones are cheap.
#[derive(Clone)]
pub struct List(Rc<ListData>);

struct ListData {
    elem: Elem,
    /// Whether Go would hold a nil slice, which only JSON (`null`) and `%#v` tell from an empty one.
    nil: bool,
    items: Vec<Value>,
}

impl List {
    /// A `[]interface{}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self::of(Elem::Any, items)
    }

    /// A slice of `elem`. The items must be of that type.
    pub fn of(elem: Elem, items: Vec<Value>) -> Self {
        Self(Rc::new(ListData { elem, nil: false, items }))
    }

    /// A `[]string`.
    pub fn strings<S: Into<Str>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::of(Elem::String, items.into_iter().map(|item| Value::Str(item.into())).collect())
    }

    /// A nil slice of `elem`: empty, but `null` in JSON.
    pub fn nil(elem: Elem) -> Self {
        Self(Rc::new(ListData { elem, nil: true, items: Vec::new() }))
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.0.items
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    /// Whether Go would hold a nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The element type.
    pub fn elem(&self) -> Elem {
        self.0.elem
    }

    /// Go's name of the slice's type.
    pub fn type_name(&self) -> String {
        format!("[]{}", self.0.elem.name())
    }
}

/// The type of a [`Map`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapType {
    /// `map[string]interface {}`
    Any,
    /// `map[string]string`: what `split` returns.
    String,
    /// A named type over `map[string]interface {}`, such as Helm's values. Its method `AsMap` gives the plain map.
    Named(&'static str),
}

/// A Go map with string keys: a reference, so that clones share their entries.
#[derive(Clone)]
pub struct Map(Rc<MapData>);

pub(crate) struct MapData {
    of: MapType,
    entries: Entries,
}

enum Entries {
    Own(RefCell<BTreeMap<Str, Value>>),
    /// Those of another map, which has another type.
    Shared(Map),
}

impl MapData {
    fn cell(&self) -> &RefCell<BTreeMap<Str, Value>> {
        match &self.entries {
            Entries::Own(cell) => cell,
            Entries::Shared(map) => map.0.cell(),
        }
    }
}

/// A map that does not keep its entries alive.
pub(crate) struct WeakMap(Weak<MapData>);

impl Map {
    /// A `map[string]interface {}`.
    pub fn new(entries: BTreeMap<Str, Value>) -> Self {
        Self::of(MapType::Any, entries)
    }

    /// A map of the given type. The values must fit it.
    pub fn of(of: MapType, entries: BTreeMap<Str, Value>) -> Self {
        Self(Rc::new(MapData { of, entries: Entries::Own(RefCell::new(entries)) }))
    }

    /// The entries, sorted by key. Do not hold the result while anything else may write to the map.
    pub fn entries(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.0.cell().borrow()
    }

    /// The entries, to change. Do not hold the result while anything else may use the map.
    pub fn entries_mut(&self) -> RefMut<'_, BTreeMap<Str, Value>> {
        self.0.cell().borrow_mut()
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.cell().borrow().get(key).cloned()
    }

    /// Sets `key` for every holder of the map.
    pub fn insert(&self, key: impl Into<Str>, value: Value) {
        let previous = self.0.cell().borrow_mut().insert(key.into(), value);
        drop(previous);
    }

    /// Removes `key` for every holder of the map.
    pub fn remove(&self, key: &[u8]) -> Option<Value> {
        self.0.cell().borrow_mut().remove(key)
    }

    /// Whether `key` is present, even with a nil value.
    pub fn contains_key(&self, key: &[u8]) -> bool {
        self.0.cell().borrow().contains_key(key)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.cell().borrow().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.cell().borrow().is_empty()
    }

    /// The map's type.
    pub fn map_type(&self) -> MapType {
        self.0.of
    }

    /// Go's name of the map's type.
    pub fn type_name(&self) -> &'static str {
        match self.0.of {
            MapType::Any => "map[string]interface {}",
            MapType::String => "map[string]string",
            MapType::Named(name) => name,
        }
    }

    /// Whether both are the same map, not merely equal ones.
    pub fn same(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.cell(), other.0.cell())
    }

    /// The same map under another type, as Go's conversion gives it: both share their entries.
    pub fn converted(&self, of: MapType) -> Self {
        let base = match &self.0.entries {
            Entries::Own(_) => self,
            Entries::Shared(map) => map,
        };
        Self(Rc::new(MapData { of, entries: Entries::Shared(base.clone()) }))
    }

    pub(crate) fn downgrade(&self) -> WeakMap {
        WeakMap(Rc::downgrade(&self.0))
    }
}

impl WeakMap {
    pub(crate) fn upgrade(&self) -> Option<Map> {
        self.0.upgrade().map(Map)
    }
}

impl FromIterator<(Str, Value)> for Map {
    fn from_iter<T: IntoIterator<Item = (Str, Value)>>(entries: T) -> Self {
        Self::new(entries.into_iter().collect())
    }
}

/// Drops `values` without recursing: what a dropped collection alone held joins the work list.
fn drop_all(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value {
            Value::List(List(data)) => {
                if let Some(mut data) = Rc::into_inner(data) {
                    values.append(&mut data.items);
                }
            }
            Value::Map(Map(data)) => {
                if let Some(mut data) = Rc::into_inner(data) {
                    values.extend(data.take());
                }
            }
            _ => {}
        }
    }
}

fn nests(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

impl Drop for ListData {
    fn drop(&mut self) {
        if self.items.iter().any(nests) {
            drop_all(std::mem::take(&mut self.items));
        }
    }
}

impl MapData {
    /// Takes what only this map holds.
    fn take(&mut self) -> Vec<Value> {
        match &mut self.entries {
            Entries::Own(cell) => std::mem::take(cell.get_mut()).into_values().collect(),
            // The other map is dropped on its own; sharing does not nest.
            Entries::Shared(_) => Vec::new(),
        }
    }
}

impl Drop for MapData {
    fn drop(&mut self) {
        if let Entries::Own(cell) = &mut self.entries
            && cell.get_mut().values().any(nests)
        {
            drop_all(self.take());
        }
    }
}
