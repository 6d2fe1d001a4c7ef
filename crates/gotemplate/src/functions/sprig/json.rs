//! JSON texts.

use super::text;
use crate::exec::{Context, FuncError, Limit};
use crate::functions::{Functions, Params, Type};
use crate::json::{EncodeError, Style, decode, encode};
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let any = Params::fixed(&[Type::Any]);
    let string = Params::fixed(&[Type::String]);
    for (lenient, strict, style) in [
        ("toJson", "mustToJson", Style::Compact),
        ("toPrettyJson", "mustToPrettyJson", Style::Pretty),
        ("toRawJson", "mustToRawJson", Style::Raw),
    ] {
        // Only toRawJson does not hide its errors.
        let hides = style != Style::Raw;
        functions.insert(lenient, any, move |context, args| match write(context, &args[0], style) {
            Err(FuncError::Message(_)) if hides => Ok("".into()),
            other => other,
        });
        functions.insert(strict, any, move |context, args| write(context, &args[0], style));
    }
    functions.insert("fromJson", string, |_, args| Ok(decode(text(&args[0])).unwrap_or(Value::Nil)));
    functions.insert("mustFromJson", string, |_, args| Ok(decode(text(&args[0]))?));
}

fn write(context: &mut Context<'_>, value: &Value, style: Style) -> Result<Value, FuncError> {
    context.to_json(value, style).map(Value::from)
}

impl Context<'_> {
    /// The value as JSON text, within the limits.
    pub fn to_json(&mut self, value: &Value, style: Style) -> Result<Vec<u8>, FuncError> {
        encode(value, style, self.memory_left()).map_err(|error| match error {
            EncodeError::Unsupported(_) | EncodeError::UnsupportedType(_) => error.to_string().into(),
            EncodeError::TooLong(_) => self.memory_limit().into(),
            EncodeError::TooDeep => Limit::Nesting.into(),
        })
    }
}
