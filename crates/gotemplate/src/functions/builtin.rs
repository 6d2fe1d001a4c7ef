//! Go's own functions, except comparisons and escapers.

use super::{Functions, Params, Role, Type};
use crate::exec::{Context, FuncError};
use crate::value::{Elem, List, Value, View};

pub(super) fn register(functions: &mut Functions) {
    let some = Params::variadic(&[Type::Reflect], Type::Reflect);
    let any = Params::variadic(&[], Type::Any);
    // The executor evaluates the arguments of `and` and `or` itself, only as far as needed.
    functions.insert_role("and", some, Role::And, Box::new(|_, _| Ok(Value::Invalid)));
    functions.insert_role("or", some, Role::Or, Box::new(|_, _| Ok(Value::Invalid)));
    functions.insert_role("call", some, Role::Call, Box::new(call));
    functions.insert("not", Params::fixed(&[Type::Reflect]), |_, args| Ok(Value::Bool(!args[0].truth())));
    functions.insert("index", some, |_, args| index(&args[0], &args[1..]));
    functions.insert("slice", some, |_, args| slice(&args[0], &args[1..]));
    functions.insert("len", Params::fixed(&[Type::Reflect]), |_, args| len(&args[0]));
    functions.insert("print", any, |context, args| context.print(|printer| printer.print(args)));
    functions.insert("println", any, |context, args| context.print(|printer| printer.println(args)));
    functions.insert("printf", Params::variadic(&[Type::String], Type::Any), |context, args| {
        let Value::Str(format) = &args[0] else { return Ok(Value::Invalid) };
        context.print(|printer| printer.printf(format, &args[1..]))
    });
}

/// No function value can reach a template here, so a call always fails, as Go does for other values.
fn call(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    // The executor puts the callee's source text in front.
    let (Some(Value::Str(name)), Some(callee)) = (args.first(), args.get(1)) else {
        return Err("call of nil".into());
    };
    if callee.is_nil() {
        return Err("call of nil".into());
    }
    Err(format!("non-function {name} of type {}", callee.type_name()).into())
}

fn len(item: &Value) -> Result<Value, FuncError> {
    if let Some(len) = item.len() {
        return Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)));
    }
    Err(match item {
        Value::Nil => "len of nil pointer".into(),
        Value::Invalid => "reflect: call of reflect.Value.Type on zero Value".into(),
        other => format!("len of type {}", pointed(other)).into(),
    })
}

/// The name of the type, or of the one that a pointer points to.
fn pointed(value: &Value) -> String {
    let name = value.type_name();
    name.strip_prefix('*').map_or(name.clone(), str::to_owned)
}

/// `index x 1 2` is Go's `x[1][2]`.
fn index(item: &Value, indexes: &[Value]) -> Result<Value, FuncError> {
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    let mut item = item.clone();
    for index in indexes {
        item = index_one(&item, index)?;
    }
    Ok(item)
}

fn index_one(item: &Value, index: &Value) -> Result<Value, FuncError> {
    match item {
        Value::Nil | Value::Invalid => Err("index of nil pointer".into()),
        Value::Str(text) => {
            let at = index_arg(index, text.len())?;
            text.get(at)
                .map(|byte| Value::Uint8(*byte))
                .ok_or_else(|| "reflect: string index out of range".into())
        }
        Value::List(list) => index_list(list, index),
        Value::Map(map) => {
            let zero = if map.map_type() == crate::MapType::String { Value::from("") } else { Value::Nil };
            Ok(map.get(map_key(index)?).unwrap_or(zero))
        }
        Value::Object(object) => match object.view() {
            View::List(list) => index_list(&list, index),
            View::Map(map) => Ok(map.get(map_key(index)?).unwrap_or(Value::Nil)),
            _ => Err(format!("can't index item of type {}", pointed(item)).into()),
        },
        _ => Err(format!("can't index item of type {}", pointed(item)).into()),
    }
}

fn index_list(list: &List, index: &Value) -> Result<Value, FuncError> {
    let at = index_arg(index, list.len())?;
    list.items().get(at).cloned().ok_or_else(|| "reflect: slice index out of range".into())
}

fn map_key(index: &Value) -> Result<&[u8], FuncError> {
    match index {
        Value::Str(key) => Ok(key),
        Value::Nil | Value::Invalid => Err("value is nil; should be of type string".into()),
        other => Err(format!("value has type {}; should be string", other.type_name()).into()),
    }
}

fn index_arg(index: &Value, cap: usize) -> Result<usize, FuncError> {
    let at = match index {
        Value::Int(at) | Value::Int64(at) => *at,
        Value::Uint8(at) => i64::from(*at),
        Value::Uint64(at) => i64::try_from(*at).unwrap_or(-1),
        Value::Nil | Value::Invalid => return Err("cannot index slice/array with nil".into()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name()).into()),
    };
    usize::try_from(at).ok().filter(|at| *at <= cap).ok_or_else(|| format!("index out of range: {at}").into())
}

/// `slice x 1 2` is Go's `x[1:2]`.
fn slice(item: &Value, indexes: &[Value]) -> Result<Value, FuncError> {
    if item.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let list = item.as_list();
    let len = match (&list, item) {
        (Some(list), _) => list.len(),
        (None, Value::Str(_)) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        (None, Value::Str(text)) => text.len(),
        _ => return Err(format!("can't slice item of type {}", item.type_name()).into()),
    };
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = index_arg(index, len)?;
    }
    let [start, end, cap] = bounds;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}").into());
    }
    if end > cap {
        return Err(format!("invalid slice index: {end} > {cap}").into());
    }
    Ok(match (list, item) {
        (Some(list), _) => List::of(list.elem(), list.items()[start..end].to_vec()).into(),
        (None, Value::Str(text)) => Value::from(text[start..end].to_vec()),
        _ => List::nil(Elem::Any).into(),
    })
}
