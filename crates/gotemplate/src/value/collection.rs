//! Lists and maps. Dropping deeply nested ones must not recurse: a template can nest them without limit.

use std::cell::{OnceCell, Ref, RefCell};
use std::rc::{Rc, Weak};

use super::{Entries, Frozen, FrozenMap, Str, Value};
use crate::exec::FuncError;
use crate::functions::Params;

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

/// A named type over `map[string]interface {}` with methods of its own, such as Helm's values.
#[derive(Debug)]
pub struct NamedMap {
    /// Go's name of the type.
    pub name: &'static str,
    /// Its methods. As in Go they win over keys of the same name.
    pub methods: &'static [MapMethod],
}

/// A method of a [`NamedMap`].
#[derive(Debug)]
pub struct MapMethod {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub params: Params,
    /// What it does, with arguments that fit its parameters.
    pub body: fn(&Map, &[Value]) -> Result<Value, FuncError>,
}

impl NamedMap {
    pub(crate) fn method(&self, name: &[u8]) -> Option<&MapMethod> {
        self.methods.iter().find(|method| method.name.as_bytes() == name)
    }
}

impl PartialEq for NamedMap {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for NamedMap {}

/// The type of a [`Map`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapType {
    /// `map[string]interface {}`
    Any,
    /// `map[string]string`: what `split` returns.
    String,
    /// A named type over `map[string]interface {}`.
    Named(&'static NamedMap),
}

/// A Go map with string keys: a reference, so that clones share their entries.
#[derive(Clone)]
pub struct Map(Rc<MapData>);

pub(crate) struct MapData {
    of: MapType,
    held: Held,
}

/// Where a map has its entries.
enum Held {
    /// Its own; at first perhaps only those of `frozen`, until somebody needs more of them than a scalar.
    Own { cell: OnceCell<RefCell<Entries>>, frozen: Option<FrozenMap> },
    /// Those of another map, which has another type.
    Shared(Map),
}

impl MapData {
    fn cell(&self) -> &RefCell<Entries> {
        match &self.held {
            Held::Own { cell, frozen } => cell.get_or_init(|| {
                RefCell::new(frozen.as_ref().map(FrozenMap::thaw_entries).unwrap_or_default())
            }),
            Held::Shared(map) => map.0.cell(),
        }
    }

    fn frozen(&self) -> Option<&FrozenMap> {
        match &self.held {
            Held::Own { cell, frozen } => frozen.as_ref().filter(|_| cell.get().is_none()),
            Held::Shared(map) => map.frozen(),
        }
    }
}

/// A map that does not keep its entries alive.
pub(crate) struct WeakMap(Weak<MapData>);

impl Map {
    /// A `map[string]interface {}`.
    pub fn new(entries: Entries) -> Self {
        Self::of(MapType::Any, entries)
    }

    /// A map of the given type. The values must fit it.
    pub fn of(of: MapType, entries: Entries) -> Self {
        let cell = OnceCell::from(RefCell::new(entries));
        Self(Rc::new(MapData { of, held: Held::Own { cell, frozen: None } }))
    }

    /// A `map[string]interface {}` with the entries of `frozen`, which it copies one level at a time and only when
    /// somebody needs them: making one takes the same time whatever its size.
    pub fn thawed(frozen: FrozenMap) -> Self {
        let held = Held::Own { cell: OnceCell::new(), frozen: Some(frozen) };
        Self(Rc::new(MapData { of: MapType::Any, held }))
    }

    /// The shared entries, as long as nobody has needed a copy of them: then they are the map's.
    pub fn frozen(&self) -> Option<&FrozenMap> {
        self.0.frozen()
    }

    /// The entries, sorted by key. Do not hold the result while anything else may write to the map.
    pub fn entries(&self) -> Ref<'_, Entries> {
        let cell = self.0.cell();
        if !cell.borrow().is_sorted() {
            cell.borrow_mut().sort();
        }
        cell.borrow()
    }

    /// Takes all entries away from every holder of the map.
    pub fn take(&self) -> Entries {
        self.0.cell().take()
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        match self.frozen().map(|frozen| frozen.get(key)) {
            Some(None) => None,
            // Maps are references: all who ask for one must get the same.
            None | Some(Some(Frozen::Map(_) | Frozen::List(_))) => self.0.cell().borrow().get(key).cloned(),
            Some(Some(scalar)) => Some(scalar.thaw()),
        }
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
        match self.frozen() {
            Some(frozen) => frozen.get(key).is_some(),
            None => self.0.cell().borrow().get(key).is_some(),
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.frozen().map_or_else(|| self.0.cell().borrow().len(), FrozenMap::len)
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
            MapType::Named(named) => named.name,
        }
    }

    /// Whether both are the same map, not merely equal ones.
    pub fn same(&self, other: &Self) -> bool {
        std::ptr::eq(self.base(), other.base())
    }

    /// The map whose entries these are.
    fn base(&self) -> *const MapData {
        match &self.0.held {
            Held::Own { .. } => Rc::as_ptr(&self.0),
            Held::Shared(map) => map.base(),
        }
    }

    /// The same map under another type, as Go's conversion gives it: both share their entries.
    pub fn converted(&self, of: MapType) -> Self {
        let base = match &self.0.held {
            Held::Own { .. } => self,
            Held::Shared(map) => map,
        };
        Self(Rc::new(MapData { of, held: Held::Shared(base.clone()) }))
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
        match &mut self.held {
            Held::Own { cell, .. } => {
                cell.take().map(|cell| cell.into_inner().into_values().collect()).unwrap_or_default()
            }
            // The other map is dropped on its own; sharing does not nest.
            Held::Shared(_) => Vec::new(),
        }
    }
}

impl Drop for MapData {
    fn drop(&mut self) {
        if let Held::Own { cell, .. } = &mut self.held
            && let Some(cell) = cell.get_mut()
            && cell.get_mut().unordered().any(nests)
        {
            drop_all(self.take());
        }
    }
}
