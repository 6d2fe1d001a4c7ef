//! Arithmetic on anything that can be read as a number.

use super::convert::{parse_int, to_float, to_int};
use super::{int, text};
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::value::{Elem, List, Value};

pub(super) fn register(functions: &mut Functions) {
    let one = Params::fixed(&[Type::Any]);
    let two = Params::fixed(&[Type::Any, Type::Any]);
    let any = Params::variadic(&[], Type::Any);
    let some = Params::variadic(&[Type::Any], Type::Any);
    functions.insert("atoi", Params::fixed(&[Type::String]), |_, args| Ok(Value::Int(atoi(text(&args[0])))));
    functions.insert("int", one, |_, args| Ok(Value::Int(to_int(&args[0]))));
    functions.insert("int64", one, |_, args| Ok(Value::Int64(to_int(&args[0]))));
    functions.insert("float64", one, |_, args| Ok(Value::Float(to_float(&args[0]))));
    functions.insert("toDecimal", one, to_decimal);
    functions.insert("add1", one, |_, args| Ok(Value::Int64(to_int(&args[0]).wrapping_add(1))));
    functions
        .insert("add", any, |_, args| Ok(Value::Int64(args.iter().map(to_int).fold(0, i64::wrapping_add))));
    functions.insert("sub", two, |_, args| Ok(Value::Int64(to_int(&args[0]).wrapping_sub(to_int(&args[1])))));
    functions
        .insert("mul", some, |_, args| Ok(Value::Int64(args.iter().map(to_int).fold(1, i64::wrapping_mul))));
    functions.insert("div", two, |_, args| divide(&args[0], &args[1], i64::wrapping_div));
    functions.insert("mod", two, |_, args| divide(&args[0], &args[1], i64::wrapping_rem));
    for name in ["max", "biggest"] {
        functions
            .insert(name, some, |_, args| Ok(Value::Int64(args.iter().map(to_int).fold(i64::MIN, i64::max))));
    }
    functions
        .insert("min", some, |_, args| Ok(Value::Int64(args.iter().map(to_int).fold(i64::MAX, i64::min))));
    functions.insert("maxf", some, |_, args| Ok(Value::Float(extreme(args, |a, b| a > b))));
    functions.insert("minf", some, |_, args| Ok(Value::Float(extreme(args, |a, b| a < b))));
    functions.insert("floor", one, |_, args| Ok(Value::Float(to_float(&args[0]).floor())));
    functions.insert("ceil", one, |_, args| Ok(Value::Float(to_float(&args[0]).ceil())));
    functions.insert("round", Params::variadic(&[Type::Any, Type::Int], Type::Float), |_, args| {
        Ok(Value::Float(round(args)))
    });
    functions.insert("until", Params::fixed(&[Type::Int]), |context, args| {
        let count = int(&args[0]);
        Ok(ints(until_step(context, 0, count, if count < 0 { -1 } else { 1 })?))
    });
    functions.insert("untilStep", Params::fixed(&[Type::Int, Type::Int, Type::Int]), |context, args| {
        Ok(ints(until_step(context, int(&args[0]), int(&args[1]), int(&args[2]))?))
    });
    functions.insert("seq", Params::variadic(&[], Type::Int), seq);
    functions.insert("randInt", Params::fixed(&[Type::Int, Type::Int]), |context, args| {
        let (min, max) = (int(&args[0]), int(&args[1]));
        let Some(range) = max.checked_sub(min).and_then(|range| u64::try_from(range).ok()).filter(|r| *r > 0)
        else {
            return Err("invalid argument to Intn".into());
        };
        Ok(Value::Int(min.wrapping_add_unsigned(context.random().below(range))))
    });
}

/// Go's `strconv.Atoi` without its error: the nearest number for one out of range, 0 for anything else.
fn atoi(text: &[u8]) -> i64 {
    let Ok(text) = std::str::from_utf8(text) else { return 0 };
    if let Some(number) = parse_int(text, 10) {
        return number;
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    // Go gives up at what no 64 bits hold, before it sees what follows.
    let out_of_range = len > 0 && (len == digits.len() || digits[..len].parse::<u64>().is_err());
    match (out_of_range, text.starts_with('-')) {
        (false, _) => 0,
        (true, true) => i64::MIN,
        (true, false) => i64::MAX,
    }
}

/// Octal digits, as file modes are written, to a number.
fn to_decimal(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let printed = context.print(|printer| printer.print(args))?;
    let number = std::str::from_utf8(text(&printed)).ok().and_then(|text| parse_int(text, 8));
    Ok(Value::Int64(number.unwrap_or(0)))
}

fn divide(left: &Value, right: &Value, operation: fn(i64, i64) -> i64) -> Result<Value, FuncError> {
    match to_int(right) {
        0 => Err("runtime error: integer divide by zero".into()),
        right => Ok(Value::Int64(operation(to_int(left), right))),
    }
}

fn extreme(args: &[Value], better: fn(f64, f64) -> bool) -> f64 {
    let mut numbers = args.iter().map(to_float);
    let first = numbers.next().unwrap_or(0.0);
    numbers.fold(first, |best, number| {
        if best.is_nan() || number.is_nan() {
            f64::NAN
        } else if better(number, best) {
            number
        } else {
            best
        }
    })
}

/// Rounds to decimal places; up from a fraction of one half, or of the third argument.
fn round(args: &[Value]) -> f64 {
    let up_from = args.get(2).map_or(0.5, to_float);
    let scale = 10_f64.powi(i32::try_from(int(&args[1])).unwrap_or(i32::MAX));
    let scaled = scale * to_float(&args[0]);
    let rounded = if scaled.fract() >= up_from { scaled.ceil() } else { scaled.floor() };
    rounded / scale
}

fn ints(numbers: Vec<i64>) -> Value {
    List::of(Elem::Int, numbers.into_iter().map(Value::Int).collect()).into()
}

/// The numbers from `start` to before `stop`; none where the step leads away.
fn until_step(context: &mut Context<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    let distance = start.abs_diff(stop);
    if distance == 0 || step == 0 || (stop < start) != (step < 0) {
        return Ok(Vec::new());
    }
    let count = usize::try_from(distance.div_ceil(step.unsigned_abs())).unwrap_or(usize::MAX);
    context.take_memory(count.saturating_mul(std::mem::size_of::<Value>()))?;
    let mut numbers = Vec::with_capacity(count);
    let mut number = start;
    for _ in 0..count {
        numbers.push(number);
        number = number.wrapping_add(step);
    }
    Ok(numbers)
}

/// Numbers up to and including the end, separated by spaces.
fn seq(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let (start, step, end) = match args {
        [end] => (1, if int(end) < 1 { -1 } else { 1 }, int(end)),
        [start, end] => (int(start), if int(end) < int(start) { -1 } else { 1 }, int(end)),
        [start, step, end] => (int(start), int(step), int(end)),
        _ => return Ok("".into()),
    };
    let downwards = end < start;
    if downwards && step > 0 {
        return Ok("".into());
    }
    let stop = end.wrapping_add(if downwards { -1 } else { 1 });
    let numbers = until_step(context, start, stop, step)?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(texts.join(" ").into())
}
