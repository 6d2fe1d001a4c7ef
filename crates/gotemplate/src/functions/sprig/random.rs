//! Random texts, from the session's seed.

use super::int;
use crate::encoding::base64;
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let count = Params::fixed(&[Type::Int]);
    let is_alphanumeric = |byte: u8| byte.is_ascii_alphanumeric();
    functions.insert("randAlphaNum", count, move |context, args| text_of(context, &args[0], is_alphanumeric));
    functions.insert("randAlpha", count, |context, args| {
        text_of(context, &args[0], |byte| byte.is_ascii_alphabetic())
    });
    functions.insert("randNumeric", count, |context, args| {
        text_of(context, &args[0], |byte| byte.is_ascii_digit())
    });
    functions.insert("randAscii", count, |context, args| {
        text_of(context, &args[0], |byte| (32..127).contains(&byte))
    });
    functions.insert("randBytes", count, |context, args| {
        let Ok(count) = usize::try_from(int(&args[0])) else {
            return Err("runtime error: makeslice: len out of range".into());
        };
        context.take_memory(count)?;
        let mut bytes = vec![0; count];
        context.random_bytes(&mut bytes);
        Ok(base64(&bytes).into())
    });
    functions.insert("uuidv4", Params::fixed(&[]), |context, _| Ok(uuid(context).into()));
}

/// `count` bytes that are allowed, each with the same probability; nothing for a negative count.
fn text_of(
    context: &mut Context<'_>,
    count: &Value,
    allowed: impl Fn(u8) -> bool,
) -> Result<Value, FuncError> {
    let count = usize::try_from(int(count)).unwrap_or(0);
    context.take_memory(count)?;
    let alphabet: Vec<u8> = (0..128).filter(|byte| allowed(*byte)).collect();
    let mut text = Vec::with_capacity(count);
    for _ in 0..count {
        let index = context.random().below(alphabet.len() as u64);
        text.push(alphabet[usize::try_from(index).unwrap_or(0)]);
    }
    Ok(text.into())
}

/// A random UUID, version 4.
fn uuid(context: &mut Context<'_>) -> String {
    let mut bytes = [0; 16];
    context.random_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
