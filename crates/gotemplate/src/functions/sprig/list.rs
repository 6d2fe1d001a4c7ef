//! Lists.

use super::convert::{elements, to_int, to_text, to_texts};
use super::defaults::empty;
use super::dict::deep_equal;
use super::{int, text};
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::value::{Elem, List, Str, Value};

pub(super) fn register(functions: &mut Functions) {
    let one = Params::fixed(&[Type::Any]);
    let two = Params::fixed(&[Type::Any, Type::Any]);
    let any = Params::variadic(&[], Type::Any);
    let some = Params::variadic(&[Type::Any], Type::Any);
    for name in ["list", "tuple"] {
        functions.insert(name, any, |_, args| Ok(List::new(args.to_vec()).into()));
    }
    for name in ["append", "push", "mustAppend", "mustPush"] {
        functions.insert(name, two, |_, args| {
            let mut items = slice_of(&args[0], "push on")?.items().to_vec();
            items.push(args[1].clone());
            Ok(List::new(items).into())
        });
    }
    for name in ["prepend", "mustPrepend"] {
        functions.insert(name, two, |_, args| {
            let mut items = vec![args[1].clone()];
            items.extend_from_slice(slice_of(&args[0], "prepend on")?.items());
            Ok(List::new(items).into())
        });
    }
    register_ends(functions);
    for name in ["reverse", "mustReverse"] {
        functions.insert(name, one, |_, args| {
            let list = slice_of(&args[0], "find reverse on")?;
            Ok(List::new(list.items().iter().rev().cloned().collect()).into())
        });
    }
    for name in ["compact", "mustCompact"] {
        functions.insert(name, one, |_, args| {
            let list = slice_of(&args[0], "compact on")?;
            Ok(List::new(list.items().iter().filter(|item| !empty(item)).cloned().collect()).into())
        });
    }
    for name in ["uniq", "mustUniq"] {
        functions.insert(name, one, uniq);
    }
    for name in ["without", "mustWithout"] {
        functions.insert(name, some, without);
    }
    for name in ["has", "mustHas"] {
        functions.insert(name, two, has);
    }
    for name in ["slice", "mustSlice"] {
        functions.insert(name, some, slice);
    }
    for name in ["chunk", "mustChunk"] {
        functions.insert(name, Params::fixed(&[Type::Int, Type::Any]), chunk);
    }
    functions.insert("concat", any, concat);
    functions.insert("sortAlpha", one, |context, args| {
        let mut texts = match elements(&args[0]) {
            Some(_) => to_texts(context, &args[0])?,
            None => vec![to_text(context, &args[0])?],
        };
        texts.sort_unstable();
        Ok(List::strings(texts).into())
    });
    functions.insert(
        "toStrings",
        one,
        |context, args| Ok(List::strings(to_texts(context, &args[0])?).into()),
    );
    functions.insert("join", Params::fixed(&[Type::String, Type::Any]), join);
}

/// What takes one element off a list, or all but one.
fn register_ends(functions: &mut Functions) {
    let one = Params::fixed(&[Type::Any]);
    for name in ["first", "mustFirst"] {
        functions.insert(name, one, |_, args| {
            Ok(slice_of(&args[0], "find first on")?.items().first().cloned().unwrap_or(Value::Nil))
        });
    }
    for name in ["last", "mustLast"] {
        functions.insert(name, one, |_, args| {
            Ok(slice_of(&args[0], "find last on")?.items().last().cloned().unwrap_or(Value::Nil))
        });
    }
    for name in ["rest", "mustRest"] {
        functions.insert(name, one, |_, args| {
            let list = slice_of(&args[0], "find rest on")?;
            Ok(rest_of(list.items().split_first()))
        });
    }
    for name in ["initial", "mustInitial"] {
        functions.insert(name, one, |_, args| {
            let list = slice_of(&args[0], "find initial on")?;
            Ok(rest_of(list.items().split_last()))
        });
    }
}

/// The elements, or Go's message that the function cannot `verb` this type.
fn slice_of(value: &Value, verb: &str) -> Result<List, FuncError> {
    elements(value).ok_or_else(|| not_a_list(value, &format!("Cannot {verb} type")))
}

/// What is left of a list without an end; a nil slice where there was no such end.
fn rest_of(split: Option<(&Value, &[Value])>) -> Value {
    split.map_or_else(|| List::nil(Elem::Any), |(_, rest)| List::new(rest.to_vec())).into()
}

/// A nil has no type, and asking for one is what fails in Go.
fn not_a_list(value: &Value, message: &str) -> FuncError {
    if value.is_nil() {
        return "runtime error: invalid memory address or nil pointer dereference".into();
    }
    format!("{message} {}", value.kind().name()).into()
}

fn contains(context: &mut Context<'_>, items: &[Value], needle: &Value) -> Result<bool, FuncError> {
    for item in items {
        if deep_equal(context, needle, item, 0)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut unique: Vec<Value> = Vec::new();
    for item in slice_of(&args[0], "find uniq on")?.items() {
        if !contains(context, &unique, item)? {
            unique.push(item.clone());
        }
    }
    Ok(List::new(unique).into())
}

fn without(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut kept = Vec::new();
    for item in slice_of(&args[0], "find without on")?.items() {
        if !contains(context, &args[1..], item)? {
            kept.push(item.clone());
        }
    }
    Ok(List::new(kept).into())
}

fn has(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    if args[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    let list = slice_of(&args[1], "find has on")?;
    contains(context, list.items(), &args[0]).map(Value::Bool)
}

fn slice(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let list = elements(&args[0])
        .ok_or_else(|| not_a_list(&args[0], "list should be type of slice or array but"))?;
    if list.is_empty() {
        return Ok(Value::Nil);
    }
    let bound = |index: usize, default: usize| match args.get(index) {
        Some(value) => usize::try_from(to_int(value)).unwrap_or(usize::MAX),
        None => default,
    };
    let (start, end) = (bound(1, 0), bound(2, list.len()));
    let items = list.items().get(start..end).ok_or("reflect.Value.Slice: slice index out of bounds")?;
    Ok(List::of(list.elem(), items.to_vec()).into())
}

fn chunk(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let list = slice_of(&args[1], "chunk")?;
    let size = usize::try_from(int(&args[0])).unwrap_or(0);
    if size == 0 {
        return chunk_by_nothing(&list, int(&args[0]));
    }
    if list.is_empty() {
        return Ok(List::of(Elem::List, Vec::new()).into());
    }
    let chunks = list.items().chunks(size).map(|chunk| List::new(chunk.to_vec()).into());
    Ok(List::of(Elem::List, chunks.collect()).into())
}

/// What sprig's arithmetic makes of a size that is not positive: mostly Go's error for a negative length.
fn chunk_by_nothing(list: &List, size: i64) -> Result<Value, FuncError> {
    let chunks = match (list.len() as u64, size.unsigned_abs()) {
        (len @ 2.., size) if len - 1 <= size => Vec::new(),
        _ => return Err("runtime error: makeslice: len out of range".into()),
    };
    Ok(List::of(Elem::List, chunks).into())
}

fn concat(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut items = Vec::new();
    for arg in args {
        let list = elements(arg).ok_or_else(|| {
            if arg.is_nil() {
                not_a_list(arg, "")
            } else {
                FuncError::from(format!("Cannot concat type {} as list", arg.kind().name()))
            }
        })?;
        context.take_memory(list.len() * std::mem::size_of::<Value>())?;
        items.extend_from_slice(list.items());
    }
    Ok(if items.is_empty() { List::nil(Elem::Any) } else { List::new(items) }.into())
}

fn join(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let separator = text(&args[0]);
    let texts = to_texts(context, &args[1])?;
    let bytes: usize = texts.iter().map(|text| text.len() + separator.len()).sum();
    context.take_memory(bytes)?;
    let parts: Vec<&[u8]> = texts.iter().map(Str::as_bytes).collect();
    Ok(parts.join(separator).into())
}
