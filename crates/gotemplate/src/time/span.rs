//! Durations as template values.

use std::rc::Rc;

use super::duration;
use crate::exec::{Context, FuncError};
use crate::functions::{Params, Type};
use crate::value::{HostObject, Kind, Str, Value, View};

/// Go's `time.Duration`: a span of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(i64);

const TYPE_NAME: &str = "time.Duration";
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Duration {
    /// A span of nanoseconds.
    pub fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Reads a duration such as `-1h30m` or `1.5s`.
    ///
    /// # Errors
    /// Go's message where the text is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        duration::parse(text).map(Self)
    }

    /// The span in nanoseconds.
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// The span in seconds.
    pub fn seconds(self) -> f64 {
        self.in_units(SECOND)
    }

    /// The span in minutes.
    pub fn minutes(self) -> f64 {
        self.in_units(MINUTE)
    }

    /// The span in hours.
    pub fn hours(self) -> f64 {
        self.in_units(HOUR)
    }

    /// Whole units and the rest apart, as Go adds them.
    fn in_units(self, unit: i64) -> f64 {
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }

    /// To the nearest multiple of a unit, halves away from zero; a unit that is not positive changes nothing.
    #[must_use]
    pub fn round(self, unit: Self) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        let rest = self.0 % unit.0;
        let down = self.0 - rest;
        let is_less_than_half = i128::from(rest).abs() * 2 < i128::from(unit.0);
        Self(if is_less_than_half { down } else { down.saturating_add(unit.0.saturating_mul(rest.signum())) })
    }

    /// Towards zero to a multiple of a unit; a unit that is not positive changes nothing.
    #[must_use]
    pub fn truncate(self, unit: Self) -> Self {
        if unit.0 <= 0 { self } else { Self(self.0 - self.0 % unit.0) }
    }

    /// As a value that templates can print and call the methods of.
    pub fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

impl HostObject for Duration {
    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn kind(&self) -> Kind {
        Kind::Int64
    }

    fn view(&self) -> View {
        View::Scalar(Value::Int64(self.0))
    }

    fn text(&self) -> Option<Str> {
        Some(duration::format(self.0).into())
    }

    fn json(&self) -> Option<Value> {
        Some(Value::Int64(self.0))
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        match name {
            b"Round" | b"Truncate" => Some(Params::fixed(&[Type::Named(TYPE_NAME)])),
            b"Abs" | b"String" | b"Hours" | b"Minutes" | b"Seconds" | b"Milliseconds" | b"Microseconds"
            | b"Nanoseconds" => Some(Params::fixed(&[])),
            _ => None,
        }
    }

    fn call(&self, _: &mut Context<'_>, method: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        let unit = || args.first().and_then(Value::downcast::<Self>).copied().unwrap_or_default();
        Ok(match method {
            b"Round" => self.round(unit()).into_value(),
            b"Truncate" => self.truncate(unit()).into_value(),
            b"Abs" => Self(self.0.saturating_abs()).into_value(),
            b"Hours" => Value::Float(self.hours()),
            b"Minutes" => Value::Float(self.minutes()),
            b"Seconds" => Value::Float(self.seconds()),
            b"Milliseconds" => Value::Int64(self.0 / 1_000_000),
            b"Microseconds" => Value::Int64(self.0 / 1_000),
            b"Nanoseconds" => Value::Int64(self.0),
            _ => Value::from(duration::format(self.0)),
        })
    }

    fn equals(&self, other: &dyn HostObject) -> bool {
        (other as &dyn std::any::Any).downcast_ref::<Self>() == Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding() {
        let check = |text: &str, unit: &str, rounded: &str, truncated: &str| {
            let (span, unit) = (Duration::parse(text).unwrap(), Duration::parse(unit).unwrap());
            let shown = |span: Duration| duration::format(span.nanos());
            assert_eq!(
                (shown(span.round(unit)).as_str(), shown(span.truncate(unit)).as_str()),
                (rounded, truncated)
            );
        };
        check("2h13m", "30m", "2h0m0s", "2h0m0s");
        check("2h15m", "30m", "2h30m0s", "2h0m0s");
        check("-2h15m", "30m", "-2h30m0s", "-2h0m0s");
        check("1.5s", "0s", "1.5s", "1.5s");
        check("1.5s", "-1s", "1.5s", "1.5s");
        let most = Duration::from_nanos(i64::MAX);
        assert_eq!(most.round(Duration::from_nanos(HOUR)), most);
    }
}
