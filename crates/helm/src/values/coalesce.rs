//! Laying values over a chart's defaults.
//!
//! Go's maps are references and Helm shares them between parent, subchart and globals, which templates can observe:
//! so do these functions, on the template engine's maps. Three rules decide what a null does, see [`Nulls`].

use super::{Map, Value, deep_copy, new_map};
use crate::tree::NodeRef;
use holdfast_gotemplate::Str;

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
    Coalesce { warnings }.chart(chart, values, "", nulls)
}

/// Lays `over` over `under` and returns it; keys with nulls stay.
pub(crate) fn merge_tables(over: &Map, under: &Map, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
    Coalesce { warnings }.tables(over, under, "", Nulls::Keep, MAX_DEPTH)
}

/// The mapping at a dotted path; `None` when a part is missing or no mapping.
pub(crate) fn table_at(map: &Map, path: &str) -> Option<Map> {
    path.split('.').try_fold(map.clone(), |map, part| match map.get(part.as_bytes()) {
        Some(Value::Map(inner)) => Some(inner),
        _ => None,
    })
}

struct Coalesce<'a> {
    warnings: &'a mut Vec<String>,
}

impl Coalesce<'_> {
    fn chart(
        &mut self,
        chart: &NodeRef,
        values: &Map,
        prefix: &str,
        nulls: Nulls,
    ) -> Result<(), CoalesceError> {
        self.defaults(chart, values, prefix, nulls)?;
        let below = chart.borrow().below.clone();
        let prefix = joined(prefix, &chart.borrow().name);
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
            self.globals(&inner, values, &prefix)?;
            self.chart(&sub, &inner, &prefix, nulls)?;
        }
        Ok(())
    }

    /// The chart's own values under `values`.
    fn defaults(
        &mut self,
        chart: &NodeRef,
        values: &Map,
        prefix: &str,
        nulls: Nulls,
    ) -> Result<(), CoalesceError> {
        let chart = chart.borrow();
        let prefix = joined(prefix, &chart.name);
        for (key, default) in snapshot(&chart.default_values()) {
            match values.get(&key) {
                None => values.insert(key, default),
                Some(Value::Nil) if nulls == Nulls::Delete => {
                    values.remove(&key);
                }
                Some(Value::Map(over)) => match default {
                    Value::Map(under) => {
                        let is_chart = chart.below.iter().any(|c| c.borrow().name.as_bytes() == &*key);
                        let nulls = if is_chart { Nulls::Keep } else { nulls };
                        self.tables(&over, &under, &joined(&prefix, &text(&key)), nulls, MAX_DEPTH)?;
                    }
                    Value::Nil => {}
                    _ => self.warn(format!("skipped value for {prefix}.{}: Not a table.", text(&key))),
                },
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The parent's globals over the subchart's. The parent's mappings below the first level are shared, not copied.
    fn globals(&mut self, inner: &Map, outer: &Map, prefix: &str) -> Result<(), CoalesceError> {
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
                    self.tables(&over, &under, &joined(prefix, &text(&key)), Nulls::Keep, MAX_DEPTH)?;
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
        prefix: &str,
        nulls: Nulls,
        depth: usize,
    ) -> Result<(), CoalesceError> {
        let depth = depth.checked_sub(1).ok_or(CoalesceError::TooDeep)?;
        let had_value: Vec<Str> =
            under.entries().iter().filter(|(_, v)| !v.is_nil()).map(|(k, _)| k.clone()).collect();
        for (key, value) in snapshot(over) {
            if value.is_nil() {
                under.insert(key, Value::Nil);
            }
        }
        for (key, value) in snapshot(under) {
            let existing = over.get(&key);
            match (existing, value) {
                (Some(existing), _)
                    if nulls == Nulls::Delete
                        && existing.is_nil()
                        && had_value.binary_search(&key).is_ok() =>
                {
                    over.remove(&key);
                }
                (None, value) => over.insert(key, value),
                (Some(Value::Map(over)), Value::Map(under)) => {
                    self.tables(&over, &under, &joined(prefix, &text(&key)), nulls, depth)?;
                }
                (Some(_), Value::Map(_)) => {
                    let key = joined(prefix, &text(&key));
                    self.warn(format!("cannot overwrite table with non table for {key}"));
                }
                (Some(Value::Map(_)), value) if !value.is_nil() => {
                    let key = joined(prefix, &text(&key));
                    self.warn(format!("destination for {key} is a table. Ignoring non-table value"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Values may be secrets: the warnings leave out what Helm prints of them.
    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
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

/// A copy to change: what a chart's default values are used for several times.
pub(crate) fn copy(map: &Map) -> Map {
    match deep_copy(&Value::Map(map.clone()), MAX_DEPTH) {
        Value::Map(map) => map,
        _ => unreachable!("a copy of a mapping is one"),
    }
}
