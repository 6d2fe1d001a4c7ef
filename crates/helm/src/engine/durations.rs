//! The functions for durations that Helm 4 has.

use crate::decode::float_text;
use holdfast_gotemplate::{Duration, FuncError, Functions, Params, Type, Value};

const SECOND: f64 = 1e9;

/// A duration in some unit.
type Convert = fn(Duration) -> f64;

/// Adds them.
pub(super) fn add(functions: &mut Functions) {
    const ONE: Params = Params::fixed(&[Type::Any]);
    const TWO: Params = Params::fixed(&[Type::Any, Type::Any]);
    functions.insert("mustToDuration", ONE, |_, args| Ok(read(&args[0])?.into_value()));
    let or_zero = |value: &Value| read(value).unwrap_or_default();
    // Hours, as Go has them, and what Helm makes of hours.
    let floats: [(&str, Convert); 5] = [
        ("durationSeconds", Duration::seconds),
        ("durationMinutes", Duration::minutes),
        ("durationHours", Duration::hours),
        ("durationDays", |d| d.hours() / 24.0),
        ("durationWeeks", |d| d.hours() / 24.0 / 7.0),
    ];
    for (name, convert) in floats {
        functions.insert(name, ONE, move |_, args| Ok(Value::Float(convert(or_zero(&args[0])))));
    }
    for (name, unit) in
        [("durationMilliseconds", 1_000_000), ("durationMicroseconds", 1_000), ("durationNanoseconds", 1)]
    {
        functions.insert(name, ONE, move |_, args| Ok(Value::Int64(or_zero(&args[0]).nanos() / unit)));
    }
    functions.insert("durationRoundTo", TWO, move |_, args| Ok(to_multiple(args, Duration::round)));
    functions.insert("durationTruncateTo", TWO, move |_, args| Ok(to_multiple(args, Duration::truncate)));
}

/// A unit that is no duration changes nothing.
fn to_multiple(args: &[Value], change: fn(Duration, Duration) -> Duration) -> Value {
    let Ok(duration) = read(&args[0]) else { return Duration::default().into_value() };
    let Ok(unit) = read(&args[1]) else { return duration.into_value() };
    change(duration, unit).into_value()
}

/// A duration, its text, or a number of seconds, also as a text.
fn read(value: &Value) -> Result<Duration, FuncError> {
    if let Some(duration) = value.downcast::<Duration>() {
        return Ok(*duration);
    }
    let overflow = |seconds: &dyn std::fmt::Display| format!("duration seconds overflow: {seconds}").into();
    match value {
        Value::Str(text) => {
            let text = text.to_string_lossy();
            let trimmed = text.trim();
            if trimmed.is_empty() {
                return Err("empty duration".into());
            }
            if let Ok(duration) = Duration::parse(trimmed) {
                return Ok(duration);
            }
            match trimmed.parse() {
                Ok(seconds) => of_seconds(seconds),
                Err(_) => {
                    Err(format!("could not parse duration {}", holdfast_gotemplate::quote(text.as_bytes()))
                        .into())
                }
            }
        }
        Value::Nil | Value::Invalid => Err("invalid duration".into()),
        Value::Int(seconds) | Value::Int64(seconds) => {
            seconds.checked_mul(1_000_000_000).map(Duration::from_nanos).ok_or_else(|| overflow(seconds))
        }
        Value::Uint8(seconds) => Ok(Duration::from_nanos(i64::from(*seconds) * 1_000_000_000)),
        Value::Uint64(seconds) => {
            let nanos = i64::try_from(*seconds).ok().and_then(|s| s.checked_mul(1_000_000_000));
            nanos.map(Duration::from_nanos).ok_or_else(|| overflow(seconds))
        }
        Value::Float(seconds) => of_seconds(*seconds),
        other => Err(format!("unsupported duration type {}", other.type_name()).into()),
    }
}

fn of_seconds(seconds: f64) -> Result<Duration, FuncError> {
    if !seconds.is_finite() {
        let shown = if seconds.is_nan() {
            "NaN"
        } else if seconds > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        return Err(format!("invalid duration seconds: {shown}").into());
    }
    let most = i64::MAX as f64 / SECOND;
    if !(i64::MIN as f64 / SECOND..=most).contains(&seconds) {
        return Err(format!("duration seconds overflow: {}", float_text(seconds)).into());
    }
    Ok(Duration::from_nanos((seconds * SECOND) as i64))
}
