//! `default` and its kin, reflection, `fail`.

use super::convert::to_text;
use super::text;
use crate::exec::FuncError;
use crate::functions::{Functions, Params, Type};
use crate::value::{Kind, Value};

pub(super) fn register(functions: &mut Functions) {
    let one = Params::fixed(&[Type::Any]);
    let any = Params::variadic(&[], Type::Any);
    let is = Params::fixed(&[Type::String, Type::Any]);
    functions.insert("default", Params::variadic(&[Type::Any], Type::Any), |_, args| {
        Ok(args.get(1).filter(|given| !empty(given)).unwrap_or(&args[0]).clone())
    });
    functions.insert("empty", one, |_, args| Ok(Value::Bool(empty(&args[0]))));
    functions.insert("coalesce", any, |_, args| {
        Ok(args.iter().find(|arg| !empty(arg)).cloned().unwrap_or(Value::Nil))
    });
    functions.insert("all", any, |_, args| Ok(Value::Bool(!args.iter().any(empty))));
    functions.insert("any", any, |_, args| Ok(Value::Bool(args.iter().any(|arg| !empty(arg)))));
    functions.insert("ternary", Params::fixed(&[Type::Any, Type::Any, Type::Bool]), |_, args| {
        Ok(args[usize::from(!args[2].truth())].clone())
    });
    functions.insert("typeOf", one, |_, args| Ok(args[0].type_name().into()));
    functions.insert("kindOf", one, |_, args| Ok(args[0].kind().name().into()));
    functions
        .insert("typeIs", is, |_, args| Ok(Value::Bool(text(&args[0]) == args[1].type_name().as_bytes())));
    functions.insert("typeIsLike", is, |_, args| {
        let (target, found) = (text(&args[0]), args[1].type_name());
        let found = found.as_bytes();
        Ok(Value::Bool(target == found || found.strip_prefix(b"*") == Some(target)))
    });
    functions
        .insert("kindIs", is, |_, args| Ok(Value::Bool(text(&args[0]) == args[1].kind().name().as_bytes())));
    functions.insert("toString", one, |context, args| Ok(to_text(context, &args[0])?.into()));
    functions.insert("fail", Params::fixed(&[Type::String]), |_, args| {
        Err(FuncError::Message(String::from_utf8_lossy(text(&args[0])).into_owned()))
    });
    functions.insert("hello", Params::fixed(&[]), |_, _| Ok("Hello!".into()));
}

/// sprig's `empty`: nil, zero, false or without elements. A struct never is.
pub(super) fn empty(value: &Value) -> bool {
    match value {
        Value::Object(object) if matches!(object.kind(), Kind::Struct | Kind::Ptr | Kind::Func) => false,
        value => !value.truth(),
    }
}
