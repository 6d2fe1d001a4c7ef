//! Laying values over a chart's defaults.
//!
//! Go's maps are references and Helm shares them between parent, subchart and globals, which templates can observe:
//! so do these functions, on the template engine's maps. Three rules decide what a null does, see [`Nulls`].

use super::{Map, Value, new_map};
use crate::tree::NodeRef;
use holdfast_gotemplate::{Frozen, FrozenMap, List, Str};
use std::fmt;

/// What a null that lies over a chart's default does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// It removes the key: the last step before rendering.
    Delete,
    /// It stays, for a later step to see.
    Keep,
}

/// Why values cannot be laid over a chart's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoalesceError {
    /// The values hold something else than a mapping where a subchart's values stand.
    #[error("type mismatch on {chart}: {value}")]
    TypeMismatch {
        /// The subchart.
        chart: String,
        /// What was found, as Go prints it.
        value: String,
    },
    /// The values nest too deep, or `import-values` made them hold themselves.
    #[error("values nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// How deep values may nest.
pub(crate) const MAX_DEPTH: usize = 512;

const GLOBAL: &[u8] = b"global";

/// Lays `values` over the defaults of a chart and of every chart below it, in place. `warnings` receives what Helm
/// would print.
pub(crate) fn coalesce_chart(
    chart: &NodeRef,
    values: &Map,
    nulls: Nulls,
    warnings: &mut Vec<String>,
) -> Result<(), CoalesceError> {
    Coalesce { warnings }.chart(chart, values, &Path::ROOT, nulls)
}

/// Lays `over` over `under` and returns it; keys with nulls stay.
pub(crate) fn merge_tables(over: &Map, under: &Map, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
    Coalesce { warnings }.tables(over, under, &Path::ROOT, Nulls::Keep, MAX_DEPTH)
}

/// The mapping at a dotted path; `None` when a part is missing or no mapping.
pub(crate) fn table_at(map: &Map, path: &str) -> Option<Map> {
    path.split('.').try_fold(map.clone(), |map, part| match map.get(part.as_bytes()) {
        Some(Value::Map(inner)) => Some(inner),
        _ => None,
    })
}

/// Where a table stands, for warnings: written out only when there is one.
#[derive(Clone, Copy)]
struct Path<'a> {
    above: Option<&'a Self>,
    key: &'a [u8],
}

impl<'a> Path<'a> {
    const ROOT: Path<'static> = Path { above: None, key: b"" };

    fn below(&'a self, key: &'a [u8]) -> Self {
        Path { above: Some(self), key }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above.filter(|above| above.above.is_some()) {
            write!(f, "{above}.")?;
        }
        f.write_str(&String::from_utf8_lossy(self.key))
    }
}

struct Coalesce<'a> {
    /// What Helm would print. Values may be secrets: what Helm prints of them is left out.
    warnings: &'a mut Vec<String>,
}

impl Coalesce<'_> {
    fn chart(
        &mut self,
        chart: &NodeRef,
        values: &Map,
        path: &Path<'_>,
        nulls: Nulls,
    ) -> Result<(), CoalesceError> {
        let name = chart.borrow().name.clone();
        let path = path.below(name.as_bytes());
        self.defaults(chart, values, &path, nulls)?;
        let below = chart.borrow().below.clone();
        for sub in below {
            let name = sub.borrow().name.clone();
            let inner = match values.get(name.as_bytes()) {
                None => {
                    let inner = new_map();
                    values.insert(Str::from(name.as_str()), Value::Map(inner.clone()));
                    inner
                }
                Some(Value::Map(inner)) => inner,
                Some(other) => {
                    return Err(CoalesceError::TypeMismatch { chart: name, value: as_bool_verb(&other) });
                }
            };
            self.globals(&inner, values, &path)?;
            self.chart(&sub, &inner, &path, nulls)?;
        }
        Ok(())
    }

    /// The chart's own values under `values`.
    fn defaults(
        &mut self,
        chart: &NodeRef,
        values: &Map,
        path: &Path<'_>,
        nulls: Nulls,
    ) -> Result<(), CoalesceError> {
        let chart = chart.borrow();
        // What is destined for a chart below keeps its nulls until that chart's own defaults come.
        let nulls_of = |key: &[u8]| {
            let is_chart = chart.below.iter().any(|below| below.borrow().name.as_bytes() == key);
            if is_chart { Nulls::Keep } else { nulls }
        };
        let clean = chart.chart.helm.drops_default_nulls() && nulls == Nulls::Delete;
        if let Some(imported) = &chart.imported {
            for (key, default) in snapshot(&copy(imported)?) {
                if let (true, Value::Map(table)) = (clean && nulls_of(&key) == Nulls::Delete, &default) {
                    drop_nulls(table);
                }
                match (values.get(&key), default) {
                    (None, default) if clean => insert_clean(values, key, default),
                    (None, default) => values.insert(key, default),
                    (Some(Value::Nil), _) if nulls == Nulls::Delete => {
                        values.remove(&key);
                    }
                    (Some(Value::Map(over)), Value::Map(under)) => {
                        self.tables(&over, &under, &path.below(&key), nulls_of(&key), MAX_DEPTH)?;
                    }
                    (Some(Value::Map(_)), default) if !default.is_nil() => self.skipped(&path.below(&key)),
                    _ => {}
                }
            }
            return Ok(());
        }
        for (key, default) in chart.chart.values.iter() {
            match (values.get(key), default) {
                (None, default) if clean => insert_clean(values, key.clone(), default.thaw()),
                (None, default) => values.insert(key.clone(), default.thaw()),
                (Some(Value::Map(over)), Frozen::Map(default)) if clean && nulls_of(key) == Nulls::Delete => {
                    let under = Map::thawed(default.clone());
                    drop_nulls(&under);
                    self.tables(&over, &under, &path.below(key), Nulls::Delete, MAX_DEPTH)?;
                }
                (Some(Value::Nil), _) if nulls == Nulls::Delete => {
                    values.remove(key);
                }
                (Some(Value::Map(over)), Frozen::Map(under)) => {
                    self.file_tables(&over, under, &path.below(key), nulls_of(key), MAX_DEPTH)?;
                }
                (Some(Value::Map(_)), Frozen::Nil) => {}
                (Some(Value::Map(_)), _) => self.skipped(&path.below(key)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The parent's globals over the subchart's. The parent's mappings below the first level are shared, not copied.
    fn globals(&mut self, inner: &Map, outer: &Map, path: &Path<'_>) -> Result<(), CoalesceError> {
        let of = |map: &Map| match map.get(GLOBAL) {
            None => Some(new_map()),
            Some(Value::Map(globals)) => Some(globals),
            Some(_) => None,
        };
        let Some(to) = of(inner) else {
            self.warn("skipping globals because destination global is not a table.".to_owned());
            return Ok(());
        };
        let Some(from) = of(outer) else {
            self.warn("skipping globals because source global is not a table.".to_owned());
            return Ok(());
        };
        for (key, value) in snapshot(&from) {
            match (&value, to.get(&key)) {
                (Value::Map(table), None) => to.insert(key, Value::Map(shallow_copy(table))),
                (Value::Map(table), Some(Value::Map(under))) => {
                    let over = shallow_copy(table);
                    self.tables(&over, &under, &path.below(&key), Nulls::Keep, MAX_DEPTH)?;
                    to.insert(key, Value::Map(over));
                }
                (Value::Map(_), Some(_)) => {
                    self.warn(format!(
                        "Conflict: cannot merge map onto non-map for {:?}. Skipping.",
                        text(&key)
                    ));
                }
                (_, Some(Value::Map(_))) => self.warn(format!("key {} is table. Skipping", text(&key))),
                _ => to.insert(key, value),
            }
        }
        inner.insert(GLOBAL, Value::Map(to));
        Ok(())
    }

    /// `over` wins. Both may be changed: `under` receives the nulls of `over` before it is laid below.
    fn tables(
        &mut self,
        over: &Map,
        under: &Map,
        path: &Path<'_>,
        nulls: Nulls,
        depth: usize,
    ) -> Result<(), CoalesceError> {
        let depth = below(depth)?;
        let had_value: Vec<Str> =
            under.entries().iter().filter(|(_, v)| !v.is_nil()).map(|(k, _)| k.clone()).collect();
        for (key, value) in snapshot(over) {
            if value.is_nil() {
                under.insert(key, Value::Nil);
            }
        }
        for (key, value) in snapshot(under) {
            match (over.get(&key), value) {
                (Some(existing), _)
                    if nulls == Nulls::Delete
                        && existing.is_nil()
                        && had_value.binary_search(&key).is_ok() =>
                {
                    over.remove(&key);
                }
                (None, value) => over.insert(key, value),
                (Some(Value::Map(over)), Value::Map(under)) => {
                    self.tables(&over, &under, &path.below(&key), nulls, depth)?;
                }
                (Some(_), Value::Map(_)) => self.not_over_a_table(&path.below(&key)),
                (Some(Value::Map(_)), value) if !value.is_nil() => self.table_stays(&path.below(&key)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The same with what a file says below: nobody else sees that, so that only what is missing is copied.
    fn file_tables(
        &mut self,
        over: &Map,
        under: &FrozenMap,
        path: &Path<'_>,
        nulls: Nulls,
        depth: usize,
    ) -> Result<(), CoalesceError> {
        let depth = below(depth)?;
        if over.frozen().is_some_and(|over| over.same(under)) {
            return Ok(());
        }
        for (key, value) in under.iter() {
            match (over.get(key), value) {
                (None, value) => over.insert(key.clone(), value.thaw()),
                (Some(existing), value)
                    if nulls == Nulls::Delete && existing.is_nil() && !matches!(value, Frozen::Nil) =>
                {
                    over.remove(key);
                }
                (Some(existing), _) if existing.is_nil() => {}
                (Some(Value::Map(over)), Frozen::Map(under)) => {
                    self.file_tables(&over, under, &path.below(key), nulls, depth)?;
                }
                (Some(_), Frozen::Map(_)) => self.not_over_a_table(&path.below(key)),
                (Some(Value::Map(_)), Frozen::Nil) => {}
                (Some(Value::Map(_)), _) => self.table_stays(&path.below(key)),
                _ => {}
            }
        }
        Ok(())
    }

    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    fn skipped(&mut self, path: &Path<'_>) {
        self.warn(format!("skipped value for {path}: Not a table."));
    }

    fn not_over_a_table(&mut self, path: &Path<'_>) {
        self.warn(format!("cannot overwrite table with non table for {path}"));
    }

    fn table_stays(&mut self, path: &Path<'_>) {
        self.warn(format!("destination for {path} is a table. Ignoring non-table value"));
    }
}

/// A default that nobody set, without the nulls in it.
fn insert_clean(values: &Map, key: Str, default: Value) {
    match default {
        Value::Nil => return,
        Value::Map(ref table) => drop_nulls(table),
        _ => {}
    }
    values.insert(key, default);
}

/// Takes the nulls out of a mapping and of those in it, but not of lists.
fn drop_nulls(table: &Map) {
    for (key, value) in snapshot(table) {
        match value {
            Value::Nil => {
                table.remove(&key);
            }
            Value::Map(inner) => drop_nulls(&inner),
            _ => {}
        }
    }
}

fn text(key: &Str) -> String {
    key.to_string_lossy().into_owned()
}

fn snapshot(map: &Map) -> Vec<(Str, Value)> {
    map.entries().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn shallow_copy(map: &Map) -> Map {
    snapshot(map).into_iter().collect()
}

/// A value under Go's `%t`, which is a mistake for all but booleans; texts are left out of the error.
fn as_bool_verb(value: &Value) -> String {
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Nil | Value::Invalid => "%!t(<nil>)".to_owned(),
        other => format!("%!t({})", other.type_name()),
    }
}

/// A copy that shares nothing with the original.
pub(crate) fn copy(map: &Map) -> Result<Map, CoalesceError> {
    copy_map(map, MAX_DEPTH)
}

fn copy_map(map: &Map, depth: usize) -> Result<Map, CoalesceError> {
    if let Some(frozen) = map.frozen() {
        return Ok(Map::thawed(frozen.clone()));
    }
    let entries = map.entries();
    entries.iter().map(|(key, value)| Ok((key.clone(), copy_value(value, depth)?))).collect()
}

fn copy_value(value: &Value, depth: usize) -> Result<Value, CoalesceError> {
    Ok(match value {
        Value::Map(map) => Value::Map(copy_map(map, below(depth)?)?),
        Value::List(list) => {
            let depth = below(depth)?;
            let items: Result<Vec<Value>, _> =
                list.items().iter().map(|item| copy_value(item, depth)).collect();
            Value::List(List::new(items?))
        }
        other => other.clone(),
    })
}

fn below(depth: usize) -> Result<usize, CoalesceError> {
    depth.checked_sub(1).ok_or(CoalesceError::TooDeep)
}
