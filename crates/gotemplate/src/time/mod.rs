//! Go's `time`: instants with a zone, layouts, durations.

pub(crate) mod duration;
mod layout;
mod object;
mod parse;
mod span;
mod zone;

pub(crate) use layout::format;
pub(crate) use parse::parse;
pub use span::Duration;
pub(crate) use zone::Zone;

use crate::value::Value;

/// An instant and the zone it is shown in.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) nanos: i128,
    pub(crate) zone: Zone,
}

/// A date and time of day, without zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// Year, month and day, the last two from 1.
    pub date: (i64, u8, u8),
    /// Hour, minute and second.
    pub time: (u8, u8, u8),
    /// Nanoseconds of the second.
    pub nano: u32,
}

/// A `time.Time`: what a clock shows in UTC, or in a zone with this name that lies some seconds east of it.
pub fn time(clock: Clock, zone: Option<(&str, i32)>) -> Value {
    let Clock { date: (year, month, day), time: (hour, minute, second), nano } = clock;
    let civil = Civil { year, month, day, hour, minute, second, nano };
    let (zone, east) = match zone {
        Some((name, seconds)) => (Zone::Fixed { name: name.into(), seconds }, seconds),
        None => (Zone::Utc, 0),
    };
    let nanos = i128::from(civil.seconds() - i64::from(east)) * NANOS + i128::from(nano);
    Time { nanos, zone }.into_value()
}

/// Seconds from year 1 to 1970: the zero time.
const ZERO_SECONDS: i128 = -62_135_596_800;

const NANOS: i128 = 1_000_000_000;

impl Time {
    pub(crate) fn utc(nanos: i128) -> Self {
        Self { nanos, zone: Zone::Utc }
    }

    /// Go's zero time: 1 January of year 1, UTC.
    pub(crate) fn zero() -> Self {
        Self::utc(ZERO_SECONDS * NANOS)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.nanos == ZERO_SECONDS * NANOS
    }

    pub(crate) fn in_zone(&self, zone: Zone) -> Self {
        Self { nanos: self.nanos, zone }
    }

    /// Seconds since 1970, rounded down.
    pub(crate) fn unix(&self) -> i64 {
        i64::try_from(self.nanos.div_euclid(NANOS)).unwrap_or(i64::MAX)
    }

    /// The date and time of day on a clock in the zone.
    pub(crate) fn civil(&self) -> Civil {
        let offset = self.zone.at(self.unix());
        Civil::from_seconds(self.unix() + i64::from(offset.seconds), self.nanos.rem_euclid(NANOS))
    }
}

/// A date and time of day, without zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: u8,
    /// From 1.
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    pub(crate) nano: u32,
}

impl Civil {
    fn from_seconds(seconds: i64, nanos: i128) -> Self {
        let days = seconds.div_euclid(86_400);
        let time = seconds.rem_euclid(86_400);
        let (year, month, day) = date_of(days);
        let small = |number: i64| u8::try_from(number).unwrap_or(0);
        Self {
            year,
            month,
            day,
            hour: small(time / 3_600),
            minute: small(time / 60 % 60),
            second: small(time % 60),
            nano: u32::try_from(nanos).unwrap_or(0),
        }
    }

    /// Seconds since 1970 on a clock in UTC.
    pub(crate) fn seconds(&self) -> i64 {
        let days = days_of(self.year, self.month, self.day);
        days * 86_400 + i64::from(self.hour) * 3_600 + i64::from(self.minute) * 60 + i64::from(self.second)
    }

    /// The day of the week, from Sunday, 0.
    pub(crate) fn weekday(&self) -> usize {
        usize::try_from((days_of(self.year, self.month, self.day) + 4).rem_euclid(7)).unwrap_or(0)
    }

    /// The day of the year, from 1.
    pub(crate) fn year_day(&self) -> i64 {
        days_of(self.year, self.month, self.day) - days_of(self.year, 1, 1) + 1
    }
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in(month: u8, year: i64) -> u8 {
    match month {
        2 => 28 + u8::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date. Years of the computation begin in March, so that the leap day is the last.
pub(crate) fn days_of(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_of(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

/// Go's `time` has a quoting of its own: what is not printable ASCII is shown byte by byte.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            ' '..='\x7f' => out.push(char),
            char => {
                for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
        }
    }
    out.push('"');
    out
}
