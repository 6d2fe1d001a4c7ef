//! Times as template values, with the methods that templates call.

use super::layout::{MONTHS, WEEKDAYS};
use super::{Civil, NANOS, Time, Zone, format};
use crate::exec::{Context, FuncError};
use crate::functions::{Params, Type};
use crate::value::{HostObject, Kind, Str, Value, View};

/// Go's name of the type.
pub(crate) const TYPE_NAME: &str = "time.Time";

impl Time {
    pub(crate) fn into_value(self) -> Value {
        Value::Object(std::rc::Rc::new(self))
    }

    /// Calendar arithmetic, where 31 April is 1 May.
    fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        let civil = self.civil();
        let month = i64::from(civil.month) - 1 + months;
        let year =
            civil.year.saturating_add(years).saturating_add(month.div_euclid(12)).clamp(-9_999, 99_999);
        let month = u8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
        let first = Civil { year, month, day: 1, ..civil };
        let days = i64::from(civil.day) - 1 + days.clamp(-100_000_000, 100_000_000);
        let local = first.seconds() + days * 86_400;
        let offset = self.zone.at(local - i64::from(self.zone.at(local).seconds)).seconds;
        let nanos = i128::from(local - i64::from(offset)) * NANOS + i128::from(civil.nano);
        Self { nanos, zone: self.zone.clone() }
    }

    fn number(&self, method: &[u8]) -> Option<Value> {
        let civil = self.civil();
        Some(match method {
            b"Unix" => Value::Int64(self.unix()),
            b"UnixMilli" => Value::Int64(i64::try_from(self.nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX)),
            b"UnixMicro" => Value::Int64(i64::try_from(self.nanos.div_euclid(1_000)).unwrap_or(i64::MAX)),
            // Outside of the years 1678 to 2262 it wraps, as in Go.
            b"UnixNano" => Value::Int64(self.nanos as i64),
            b"Year" => Value::Int(civil.year),
            b"Month" => named("time.Month", i64::from(civil.month), MONTHS[usize::from(civil.month) - 1]),
            b"Day" => Value::Int(i64::from(civil.day)),
            b"Hour" => Value::Int(i64::from(civil.hour)),
            b"Minute" => Value::Int(i64::from(civil.minute)),
            b"Second" => Value::Int(i64::from(civil.second)),
            b"Nanosecond" => Value::Int(i64::from(civil.nano)),
            b"YearDay" => Value::Int(civil.year_day()),
            b"Weekday" => {
                let weekday = civil.weekday();
                named("time.Weekday", i64::try_from(weekday).unwrap_or(0), WEEKDAYS[weekday])
            }
            _ => return None,
        })
    }
}

fn named(type_name: &'static str, value: i64, text: &'static str) -> Value {
    Value::Object(std::rc::Rc::new(NamedInt { type_name, value, text }))
}

impl HostObject for Time {
    fn type_name(&self) -> &str {
        TYPE_NAME
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        Some(match name {
            b"Format" => Params::fixed(&[Type::String]),
            b"AddDate" => Params::fixed(&[Type::Int, Type::Int, Type::Int]),
            b"After" | b"Before" | b"Equal" | b"Compare" => Params::fixed(&[Type::Named(TYPE_NAME)]),
            b"UTC" | b"Local" | b"String" | b"IsZero" => Params::fixed(&[]),
            name if self.number(name).is_some() => Params::fixed(&[]),
            _ => return None,
        })
    }

    fn call(&self, _: &mut Context<'_>, method: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        let other = || args[0].downcast::<Self>().map_or(0, |other| other.nanos);
        let int = |index: usize| if let Some(Value::Int(int)) = args.get(index) { *int } else { 0 };
        Ok(match method {
            b"Format" => {
                let Value::Str(layout) = &args[0] else { return Err("no layout".into()) };
                format(self, &layout.to_string_lossy()).into()
            }
            b"AddDate" => self.add_date(int(0), int(1), int(2)).into_value(),
            b"After" => Value::Bool(self.nanos > other()),
            b"Before" => Value::Bool(self.nanos < other()),
            b"Equal" => Value::Bool(self.nanos == other()),
            b"Compare" => Value::Int(self.nanos.cmp(&other()) as i64),
            b"UTC" | b"Local" => self.in_zone(Zone::Utc).into_value(),
            b"String" => self.text().unwrap_or_default().into(),
            b"IsZero" => Value::Bool(self.is_zero()),
            method => match self.number(method) {
                Some(value) => value,
                None => return Err(format!("no method {}", String::from_utf8_lossy(method)).into()),
            },
        })
    }

    fn text(&self) -> Option<Str> {
        Some(format(self, "2006-01-02 15:04:05.999999999 -0700 MST").into())
    }

    fn json(&self) -> Option<Value> {
        Some(format(self, "2006-01-02T15:04:05.999999999Z07:00").into())
    }

    fn equals(&self, other: &dyn HostObject) -> bool {
        let other = (other as &dyn std::any::Any).downcast_ref::<Self>();
        other.is_some_and(|other| self.nanos == other.nanos)
    }
}

/// A number with a name, such as a month.
struct NamedInt {
    type_name: &'static str,
    value: i64,
    text: &'static str,
}

impl HostObject for NamedInt {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn view(&self) -> View {
        View::Scalar(Value::Int(self.value))
    }

    fn text(&self) -> Option<Str> {
        Some(self.text.into())
    }

    fn json(&self) -> Option<Value> {
        Some(Value::Int(self.value))
    }

    fn equals(&self, other: &dyn HostObject) -> bool {
        let other = (other as &dyn std::any::Any).downcast_ref::<Self>();
        other.is_some_and(|other| self.value == other.value)
    }
}
