//! Dictionaries: maps that functions create, read and change in place.

use super::convert::to_text;
use super::{map, text};
use crate::exec::{Context, FuncError, Limit};
use crate::functions::{Functions, Params, Type};
use crate::stack::grow;
use crate::value::{Entries, List, Map, MapType, Str, Value};

pub(super) fn register(functions: &mut Functions) {
    let keyed = Params::fixed(&[Type::Map, Type::String]);
    let keys_of = Params::variadic(&[Type::Map], Type::String);
    let merging = Params::variadic(&[Type::Map], Type::Map);
    functions.insert("dict", Params::variadic(&[], Type::Any), dict);
    functions.insert("get", keyed, |_, args| {
        Ok(args[0].as_map().and_then(|map| map.get(text(&args[1]))).unwrap_or_else(|| "".into()))
    });
    functions.insert("set", Params::fixed(&[Type::Map, Type::String, Type::Any]), set);
    functions.insert("unset", keyed, |_, args| {
        let map = map(&args[0]);
        drop(map.remove(text(&args[1])));
        Ok(map.into())
    });
    functions.insert("hasKey", keyed, |_, args| {
        Ok(Value::Bool(args[0].as_map().is_some_and(|map| map.contains_key(text(&args[1])))))
    });
    functions.insert("pluck", Params::variadic(&[Type::String], Type::Map), |_, args| {
        let found = args[1..].iter().filter_map(|arg| arg.as_map()?.get(text(&args[0])));
        Ok(List::new(found.collect()).into())
    });
    functions.insert("keys", Params::variadic(&[], Type::Map), keys);
    functions.insert("values", Params::fixed(&[Type::Map]), |context, args| {
        let map = map(&args[0]);
        context.take_steps(map.len())?;
        Ok(List::new(map.entries().values().cloned().collect()).into())
    });
    functions.insert("pick", keys_of, |_, args| {
        let from = map(&args[0]);
        let entry = |key: &Value| Some((Str::from(text(key)), from.get(text(key))?));
        Ok(args[1..].iter().filter_map(entry).collect::<Map>().into())
    });
    functions.insert("omit", keys_of, |context, args| {
        let from = map(&args[0]);
        context.take_steps(from.len())?;
        let kept = |key: &Str| !args[1..].iter().any(|omitted| text(omitted) == &**key);
        let entries = from.entries();
        let entries = entries.iter().filter(|(key, _)| kept(key));
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect::<Map>().into())
    });
    for name in ["merge", "mustMerge"] {
        functions.insert(name, merging, |context, args| merge_all(context, args, false));
    }
    for name in ["mergeOverwrite", "mustMergeOverwrite"] {
        functions.insert(name, merging, |context, args| merge_all(context, args, true));
    }
    for name in ["deepCopy", "mustDeepCopy"] {
        functions.insert(name, Params::fixed(&[Type::Any]), |context, args| {
            if args[0].is_nil() {
                return Err("reflect: call of reflect.Value.Type on zero Value".into());
            }
            deep_copy(context, &args[0], 0)
        });
    }
    functions.insert("dig", Params::variadic(&[], Type::Any), dig);
    functions.insert("deepEqual", Params::fixed(&[Type::Any, Type::Any]), |context, args| {
        deep_equal(context, &args[0], &args[1], 0).map(Value::Bool)
    });
}

fn dict(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    context.take_memory(std::mem::size_of_val(args))?;
    let mut entries = Entries::new();
    for pair in args.chunks(2) {
        let key = to_text(context, &pair[0])?;
        entries.insert(key, pair.get(1).cloned().unwrap_or_else(|| "".into()));
    }
    Ok(Map::new(entries).into())
}

fn set(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let Some(map) = args[0].as_map() else { return Err("assignment to entry in nil map".into()) };
    context.take_memory(std::mem::size_of::<Value>())?;
    context.set(&map, Str::from(text(&args[1])), args[2].clone());
    Ok(map.into())
}

/// Sorted, where Go's order is random.
fn keys(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut keys = Vec::new();
    for arg in args {
        let map = map(arg);
        context.take_steps(map.len())?;
        keys.extend(map.entries().keys().cloned());
    }
    Ok(List::strings(keys).into())
}

fn merge_all(context: &mut Context<'_>, args: &[Value], overwrite: bool) -> Result<Value, FuncError> {
    let target = map(&args[0]);
    for source in &args[1..] {
        if let Some(source) = source.as_map() {
            merge(context, &target, &source, overwrite, 0)?;
        }
    }
    Ok(target.into())
}

/// Merges `source` into `target` in place by mergo's rules: what is empty in the target is filled, maps on both
/// sides are merged, and with `overwrite` the source wins otherwise. Values of the source are shared, not copied.
fn merge(
    context: &mut Context<'_>,
    target: &Map,
    source: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<(), FuncError> {
    if depth > MAX_DEPTH {
        return Err(Limit::Nesting.into());
    }
    if target.same(source) {
        return Ok(());
    }
    let entries: Vec<(Str, Value)> =
        source.entries().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    context.take_steps(entries.len())?;
    for (key, value) in entries {
        let existing = target.get(&key);
        if value.is_nil() {
            if overwrite {
                target.insert(key, Value::Nil);
            }
            continue;
        }
        if let (Some(Value::Map(into)), Value::Map(from)) = (&existing, &value) {
            grow(|| merge(context, into, from, overwrite, depth + 1))?;
            if !into.is_empty() {
                continue;
            }
        }
        if overwrite || existing.as_ref().is_none_or(is_zero) {
            context.set(target, key, value);
        }
    }
    Ok(())
}

/// mergo's emptiness: zero or without elements; structs never are.
fn is_zero(value: &Value) -> bool {
    super::defaults::empty(value)
}

/// Deepest nesting that is copied or compared.
const MAX_DEPTH: usize = 1_000;

/// A copy that shares no map with the original.
pub(super) fn deep_copy(context: &mut Context<'_>, value: &Value, depth: usize) -> Result<Value, FuncError> {
    if depth > MAX_DEPTH {
        return Err(Limit::Nesting.into());
    }
    match value {
        Value::List(list) => {
            context.take_steps(list.len())?;
            if list.is_nil() {
                return Ok(value.clone());
            }
            let items = list.items().iter().map(|item| grow(|| deep_copy(context, item, depth + 1)));
            Ok(List::of(list.elem(), items.collect::<Result<_, _>>()?).into())
        }
        Value::Map(map) => {
            context.take_steps(map.len())?;
            context.take_memory(map.len() * std::mem::size_of::<Value>())?;
            let copy = |(key, item): (&Str, &Value)| {
                Ok((key.clone(), grow(|| deep_copy(context, item, depth + 1))?))
            };
            let entries = map.entries().iter().map(copy).collect::<Result<_, FuncError>>()?;
            Ok(Map::of(map.map_type(), entries).into())
        }
        value => Ok(value.clone()),
    }
}

fn dig(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let [path @ .., default, last] = args else { return Err("dig needs at least three arguments".into()) };
    if path.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    if !is_plain(last) {
        return Err(conversion(last, MAP));
    }
    if let Some(key) = path.iter().find(|key| !matches!(key, Value::Str(_))) {
        return Err(conversion(key, "string"));
    }
    let mut found = last.clone();
    for key in path {
        if !is_plain(&found) {
            return Err(conversion(&found, MAP));
        }
        match map(&found).get(text(key)) {
            Some(next) => found = next,
            None => return Ok(default.clone()),
        }
    }
    Ok(found)
}

/// Go's name of the type of dictionaries.
const MAP: &str = "map[string]interface {}";

/// Whether a type assertion holds, for which a named type is another type.
fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Map(map) if map.map_type() == MapType::Any)
}

/// Go's message for a type assertion that does not hold.
fn conversion(value: &Value, wanted: &str) -> FuncError {
    let found = if value.is_nil() { "nil".into() } else { value.type_name() };
    format!("interface conversion: interface {{}} is {found}, not {wanted}").into()
}

/// Go's `reflect.DeepEqual`: types must agree, also those of numbers and lists.
pub(super) fn deep_equal(
    context: &mut Context<'_>,
    left: &Value,
    right: &Value,
    depth: usize,
) -> Result<bool, FuncError> {
    if depth > MAX_DEPTH {
        return Err(Limit::Nesting.into());
    }
    context.take_steps(1)?;
    Ok(match (left, right) {
        (Value::Nil | Value::Invalid, Value::Nil | Value::Invalid) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Int(left), Value::Int(right)) | (Value::Int64(left), Value::Int64(right)) => left == right,
        (Value::Uint8(left), Value::Uint8(right)) => left == right,
        (Value::Uint64(left), Value::Uint64(right)) => left == right,
        (Value::Float(left), Value::Float(right)) => left == right,
        (Value::Complex(real, imaginary), Value::Complex(other, other_imaginary)) => {
            real == other && imaginary == other_imaginary
        }
        (Value::Str(left), Value::Str(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            if left.elem() != right.elem() || left.is_nil() != right.is_nil() || left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.items().iter().zip(right.items()) {
                if !grow(|| deep_equal(context, left, right, depth + 1))? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(left), Value::Map(right)) => {
            if left.same(right) {
                return Ok(true);
            }
            if left.map_type() != right.map_type() || left.len() != right.len() {
                return Ok(false);
            }
            for (key, left) in left.entries().iter() {
                match right.get(key) {
                    Some(right) if grow(|| deep_equal(context, left, &right, depth + 1))? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Object(left), Value::Object(right)) => {
            left.type_name() == right.type_name() && left.equals(right.as_ref())
        }
        _ => false,
    })
}
