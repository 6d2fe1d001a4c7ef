//! Dates and durations.

use super::convert::parse_int;
use super::text;
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::time::{Time, Zone, duration, format, parse};
use crate::value::Value;

/// The parameter type of a time.
const TIME: Type = Type::Named("time.Time");

pub(super) fn register(functions: &mut Functions) {
    let any = Params::fixed(&[Type::Any]);
    let two = Params::fixed(&[Type::String, Type::String]);
    functions.insert("now", Params::fixed(&[]), |context, _| Ok(Time::utc(context.now()).into_value()));
    functions.insert("date", Params::fixed(&[Type::String, Type::Any]), |context, args| {
        Ok(date_in_zone(context, text(&args[0]), &args[1], b"Local"))
    });
    for name in ["dateInZone", "date_in_zone"] {
        functions.insert(name, Params::fixed(&[Type::String, Type::Any, Type::String]), |context, args| {
            Ok(date_in_zone(context, text(&args[0]), &args[1], text(&args[2])))
        });
    }
    functions.insert("htmlDate", any, |context, args| {
        Ok(date_in_zone(context, b"2006-01-02", &args[0], b"Local"))
    });
    functions.insert("htmlDateInZone", Params::fixed(&[Type::Any, Type::String]), |context, args| {
        Ok(date_in_zone(context, b"2006-01-02", &args[0], text(&args[1])))
    });
    for (name, strict) in
        [("dateModify", false), ("date_modify", false), ("mustDateModify", true), ("must_date_modify", true)]
    {
        functions.insert(name, Params::fixed(&[Type::String, TIME]), move |_, args| modify(args, strict));
    }
    functions
        .insert("toDate", two, |_, args| Ok(to_date(args).unwrap_or_else(|_| Time::zero()).into_value()));
    functions.insert("mustToDate", two, |_, args| Ok(to_date(args)?.into_value()));
    functions.insert("unixEpoch", Params::fixed(&[TIME]), |_, args| {
        Ok(args[0].downcast::<Time>().map_or(0, Time::unix).to_string().into())
    });
    functions.insert("ago", any, ago);
    functions.insert("duration", any, |_, args| {
        let seconds = match &args[0] {
            Value::Int64(seconds) => *seconds,
            Value::Str(text) => text.to_str().and_then(|text| parse_int(text, 10)).unwrap_or(0),
            _ => 0,
        };
        Ok(duration::format(seconds.wrapping_mul(1_000_000_000)).into())
    });
    functions.insert("durationRound", any, |context, args| Ok(duration_round(context, &args[0]).into()));
}

/// A time, or seconds since 1970; anything else is now.
fn time_of(context: &Context<'_>, value: &Value) -> Time {
    match value {
        Value::Int(seconds) | Value::Int64(seconds) => Time::utc(i128::from(*seconds) * 1_000_000_000),
        value => value.downcast::<Time>().cloned().unwrap_or_else(|| Time::utc(context.now())),
    }
}

/// An unknown zone is UTC.
fn date_in_zone(context: &Context<'_>, layout: &[u8], date: &Value, zone: &[u8]) -> Value {
    let zone = Zone::load(&String::from_utf8_lossy(zone)).unwrap_or(Zone::Utc);
    let time = time_of(context, date).in_zone(zone);
    format(&time, &String::from_utf8_lossy(layout)).into()
}

fn modify(args: &[Value], strict: bool) -> Result<Value, FuncError> {
    match duration::parse(&String::from_utf8_lossy(text(&args[0]))) {
        Ok(nanos) => {
            let time = args[1].downcast::<Time>().cloned().unwrap_or_else(Time::zero);
            Ok(Time { nanos: time.nanos + i128::from(nanos), ..time }.into_value())
        }
        Err(message) if strict => Err(message.into()),
        Err(_) => Ok(args[1].clone()),
    }
}

fn to_date(args: &[Value]) -> Result<Time, String> {
    parse(&String::from_utf8_lossy(text(&args[0])), &String::from_utf8_lossy(text(&args[1])))
}

fn since(context: &Context<'_>, time: &Time) -> i64 {
    let nanos = context.now() - time.nanos;
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

fn ago(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let time = time_of(context, &args[0]);
    Ok(duration::format(duration::round(since(context, &time), 1_000_000_000)).into())
}

/// Only the largest unit: `2h`, `3d`, `1y`.
fn duration_round(context: &Context<'_>, value: &Value) -> String {
    let nanos = match value {
        Value::Str(text) => duration::parse(&text.to_string_lossy()).unwrap_or(0),
        Value::Int64(nanos) => *nanos,
        value => value.downcast::<Time>().map_or(0, |time| since(context, time)),
    };
    const HOUR: u64 = 3_600_000_000_000;
    let units = [
        (HOUR * 24 * 365, "y"),
        (HOUR * 24 * 30, "mo"),
        (HOUR * 24, "d"),
        (HOUR, "h"),
        (HOUR / 60, "m"),
        (HOUR / 3_600, "s"),
    ];
    let magnitude = nanos.unsigned_abs();
    let unit = units.iter().find(|(scale, _)| magnitude > *scale);
    unit.map_or_else(|| "0s".into(), |(scale, name)| format!("{}{name}", magnitude / scale))
}
