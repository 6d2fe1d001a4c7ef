//! Regular expressions with RE2's syntax.

use super::{int, text};
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::regexp::{Regexp, quote_meta};
use crate::value::{Elem, List, Str, Value};

pub(super) fn register(functions: &mut Functions) {
    let two = Params::fixed(&[Type::String, Type::String]);
    let three = Params::fixed(&[Type::String, Type::String, Type::String]);
    let counted = Params::fixed(&[Type::String, Type::String, Type::Int]);
    functions.insert("regexMatch", two, |context, args| {
        // Alone among these, it hides a bad expression.
        let regexp = compile(context, &args[0]);
        Ok(Value::Bool(regexp.is_ok_and(|regexp| regexp.is_match(text(&args[1])))))
    });
    functions.insert("mustRegexMatch", two, |context, args| {
        Ok(Value::Bool(compile(context, &args[0])?.is_match(text(&args[1]))))
    });
    // In Go the plain ones panic where the others return the error.
    for (name, panics) in [("regexFind", true), ("mustRegexFind", false)] {
        functions.insert(name, two, move |context, args| {
            let regexp = compile_or_panic(context, &args[0], panics)?;
            let text = text(&args[1]);
            Ok(regexp.find(text).map_or_else(|| "".into(), |found| text[found].into()))
        });
    }
    for (name, panics) in [("regexFindAll", true), ("mustRegexFindAll", false)] {
        functions.insert(name, counted, move |context, args| {
            let regexp = compile_or_panic(context, &args[0], panics)?;
            let text = text(&args[1]);
            let found = regexp.find_all(text, int(&args[2]));
            context.take_steps(found.len())?;
            let found: Vec<&[u8]> = found.into_iter().map(|range| &text[range]).collect();
            Ok(if found.is_empty() { List::nil(Elem::String) } else { List::strings(found) }.into())
        });
    }
    for (name, panics) in [("regexReplaceAll", true), ("mustRegexReplaceAll", false)] {
        functions.insert(name, three, move |context, args| {
            let regexp = compile_or_panic(context, &args[0], panics)?;
            let template = text(&args[2]);
            Ok(regexp
                .replace_all(text(&args[1]), |captures, out| regexp.expand(template, captures, out))
                .into())
        });
    }
    for (name, panics) in [("regexReplaceAllLiteral", true), ("mustRegexReplaceAllLiteral", false)] {
        functions.insert(name, three, move |context, args| {
            let regexp = compile_or_panic(context, &args[0], panics)?;
            let replacement = text(&args[2]);
            Ok(regexp.replace_all(text(&args[1]), |_, out| out.extend_from_slice(replacement)).into())
        });
    }
    for (name, panics) in [("regexSplit", true), ("mustRegexSplit", false)] {
        functions.insert(name, counted, move |context, args| {
            let regexp = compile_or_panic(context, &args[0], panics)?;
            let count = int(&args[2]);
            let parts = regexp.split(text(&args[1]), count);
            context.take_steps(parts.len())?;
            Ok(if count == 0 { List::nil(Elem::String) } else { List::strings(parts) }.into())
        });
    }
    functions.insert("regexQuoteMeta", Params::fixed(&[Type::String]), |_, args| {
        Ok(quote_meta(text(&args[0])).into())
    });
}

fn compile(context: &mut Context<'_>, expression: &Value) -> Result<Regexp, FuncError> {
    Ok(context.regexp(&Str::from(text(expression)))?)
}

fn compile_or_panic(
    context: &mut Context<'_>,
    expression: &Value,
    panics: bool,
) -> Result<Regexp, FuncError> {
    compile(context, expression).map_err(|error| match error {
        FuncError::Message(message) if panics => {
            let expression = crate::fmt::backquote(text(expression));
            format!("regexp: Compile({expression}): {message}").into()
        }
        error => error,
    })
}
