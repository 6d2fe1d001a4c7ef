//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`: only values of one basic kind compare.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{Functions, Params, Type};
use crate::exec::{Context, FuncError};
use crate::value::{Kind, Value};

pub(super) fn register(functions: &mut Functions) {
    let some = Params::variadic(&[Type::Reflect], Type::Reflect);
    let two = Params::fixed(&[Type::Reflect, Type::Reflect]);
    functions.insert("eq", some, |context, args| eq(context, &args[0], &args[1..]).map(Value::Bool));
    functions.insert("ne", two, |context, args| {
        eq(context, &args[0], &args[1..]).map(|equal| Value::Bool(!equal))
    });
    functions.insert("lt", two, |_, args| lt(&args[0], &args[1]).map(Value::Bool));
    functions.insert("le", two, |_, args| le(&args[0], &args[1]).map(Value::Bool));
    functions.insert("gt", two, |_, args| le(&args[0], &args[1]).map(|at_most| Value::Bool(!at_most)));
    functions.insert("ge", two, |_, args| lt(&args[0], &args[1]).map(|less| Value::Bool(!less)));
}

/// What decides whether two values can be compared: their type reduced to its basic kind.
enum Basic<'a> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex(f64, f64),
    Str(&'a [u8]),
    Other,
}

fn basic(value: &Value) -> Basic<'_> {
    match value {
        Value::Bool(value) => Basic::Bool(*value),
        Value::Int(value) | Value::Int64(value) => Basic::Int(*value),
        Value::Uint8(value) => Basic::Uint(u64::from(*value)),
        Value::Uint64(value) => Basic::Uint(*value),
        Value::Float(value) => Basic::Float(*value),
        Value::Complex(real, imaginary) => Basic::Complex(*real, *imaginary),
        Value::Str(value) => Basic::Str(value),
        _ => Basic::Other,
    }
}

fn incompatible(left: &Value, right: &Value) -> FuncError {
    format!("incompatible types for comparison: {} and {}", left.type_name(), right.type_name()).into()
}

/// Whether `left` equals any of `rights`.
fn eq(context: &mut Context<'_>, left: &Value, rights: &[Value]) -> Result<bool, FuncError> {
    if rights.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for right in rights {
        if eq_one(context, left, right)? {
            return Ok(true);
        }
    }
    Ok(false)
}
fn eq_one(context: &mut Context<'_>, left: &Value, right: &Value) -> Result<bool, FuncError> {
    Ok(match (basic(left), basic(right)) {
        (Basic::Bool(left), Basic::Bool(right)) => left == right,
        (Basic::Int(left), Basic::Int(right)) => left == right,
        (Basic::Uint(left), Basic::Uint(right)) => left == right,
        (Basic::Float(left), Basic::Float(right)) => left == right,
        (Basic::Complex(real, imaginary), Basic::Complex(other, other_imaginary)) => {
            real == other && imaginary == other_imaginary
        }
        (Basic::Str(left), Basic::Str(right)) => left == right,
        (Basic::Int(int), Basic::Uint(uint)) | (Basic::Uint(uint), Basic::Int(int)) => {
            u64::try_from(int) == Ok(uint)
        }
        (Basic::Other, Basic::Other) => return eq_other(context, left, right),
        _ if left.is_nil() || right.is_nil() => false,
        _ => return Err(incompatible(left, right)),
    })
}

/// Values that are of no basic kind: nils, collections and objects.
fn eq_other(context: &mut Context<'_>, left: &Value, right: &Value) -> Result<bool, FuncError> {
    let nil = |value: &Value| value.is_nil() || matches!(value, Value::List(list) if list.is_nil());
    if left.kind() != right.kind() && !left.is_nil() && !right.is_nil() {
        // Go prints these four in this order.
        let left_text = printed(context, left, "%s")?;
        let right_text = printed(context, right, "%v")?;
        let (left_type, right_type) = (left.type_name(), right.type_name());
        return Err(
            format!("non-comparable types {left_text}: {left_type}, {right_type}: {right_text}").into()
        );
    }
    if nil(left) || nil(right) {
        return Ok(nil(left) == nil(right));
    }
    match (left, right) {
        (Value::Object(left), Value::Object(right)) if left.kind() == Kind::Ptr => {
            Ok(Rc::ptr_eq(left, right))
        }
        (Value::Object(left), Value::Object(right)) if left.kind() == Kind::Struct => {
            Ok(left.type_name() == right.type_name() && left.equals(right.as_ref()))
        }
        _ => {
            let text = printed(context, right, "%s")?;
            Err(format!("non-comparable type {text}: {}", right.type_name()).into())
        }
    }
}

fn printed(context: &mut Context<'_>, value: &Value, verb: &str) -> Result<String, FuncError> {
    let args = [value.clone()];
    match context.print(|printer| printer.printf(verb.as_bytes(), &args))? {
        Value::Str(text) => Ok(text.to_string_lossy().into_owned()),
        _ => Ok(String::new()),
    }
}

fn lt(left: &Value, right: &Value) -> Result<bool, FuncError> {
    let ordering = match (basic(left), basic(right)) {
        (Basic::Other | Basic::Bool(_), Basic::Bool(_))
        | (Basic::Complex(..), Basic::Complex(..))
        | (Basic::Other, _)
        | (_, Basic::Other) => {
            return Err("invalid type for comparison".into());
        }
        (Basic::Int(left), Basic::Int(right)) => left.cmp(&right),
        (Basic::Uint(left), Basic::Uint(right)) => left.cmp(&right),
        (Basic::Str(left), Basic::Str(right)) => left.cmp(right),
        (Basic::Float(left), Basic::Float(right)) => return Ok(left < right),
        (Basic::Int(left), Basic::Uint(right)) => {
            u64::try_from(left).map_or(Ordering::Less, |left| left.cmp(&right))
        }
        (Basic::Uint(left), Basic::Int(right)) => {
            u64::try_from(right).map_or(Ordering::Greater, |right| left.cmp(&right))
        }
        _ => return Err(incompatible(left, right)),
    };
    Ok(ordering == Ordering::Less)
}

/// Go computes `<=` as less or equal, which for NaN is neither.
fn le(left: &Value, right: &Value) -> Result<bool, FuncError> {
    Ok(lt(left, right)?
        || match (basic(left), basic(right)) {
            (Basic::Float(left), Basic::Float(right)) => left == right,
            _ => !lt(right, left)?,
        })
}
