//! Texts to times, by layout.

use std::sync::Arc;

use super::layout::{MONTHS, Part, WEEKDAYS, parts};
use super::{Civil, NANOS, Time, Zone, days_in, is_leap, quoted};

/// Reads a time; without a zone in the text it is in UTC. Fails with Go's message.
pub(crate) fn parse(layout: &str, text: &str) -> Result<Time, String> {
    let mut fields = Fields::default();
    let mut rest = text;
    let parts = parts(layout);
    for (index, (part, spelled)) in parts.iter().enumerate() {
        let hold = rest;
        let fraction_follows = matches!(parts.get(index + 1), Some((Part::Fraction { .. }, _)));
        let result = match part {
            Part::Literal => skip(&mut rest, spelled),
            part => fields.read(*part, &mut rest, fraction_follows),
        };
        result.map_err(|problem| match problem {
            Problem::Range(what) => format!("parsing time {}: {what} out of range", quoted(text)),
            Problem::Syntax => {
                // Go shows what is left after the part of a literal that did match.
                let found = if *part == Part::Literal { rest } else { hold };
                cannot_parse(layout, text, spelled, found)
            }
        })?;
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", quoted(text), quoted(rest)));
    }
    fields.finish().map_err(|problem| format!("parsing time {}: {problem}", quoted(text)))
}

fn cannot_parse(layout: &str, text: &str, part: &str, found: &str) -> String {
    let (layout, text, part, found) = (quoted(layout), quoted(text), quoted(part), quoted(found));
    format!("parsing time {text} as {layout}: cannot parse {found} as {part}")
}

enum Problem {
    Syntax,
    Range(&'static str),
}

#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<u8>,
    day: Option<u8>,
    year_day: Option<i64>,
    hour: u8,
    minute: u8,
    second: u8,
    nano: u32,
    pm: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone_name: String,
}

impl Fields {
    fn read(&mut self, part: Part, rest: &mut &str, fraction_follows: bool) -> Result<(), Problem> {
        match part {
            Part::Literal => {}
            Part::Year => {
                let year = i64::from(number(rest, 2, 2)?);
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Part::LongYear => self.year = i64::from(number(rest, 4, 4)?),
            Part::LongMonth => self.month = Some(name(rest, &MONTHS, usize::MAX)?),
            Part::ShortMonth => self.month = Some(name(rest, &MONTHS, 3)?),
            Part::Month | Part::ZeroMonth => {
                let month = small(rest, part == Part::ZeroMonth)?;
                self.month = Some(within(month, 1, 12, "month")?);
            }
            Part::LongWeekday => drop(name(rest, &WEEKDAYS, usize::MAX)?),
            Part::ShortWeekday => drop(name(rest, &WEEKDAYS, 3)?),
            Part::Day | Part::SpaceDay | Part::ZeroDay => {
                if part == Part::SpaceDay {
                    *rest = rest.strip_prefix(' ').unwrap_or(rest);
                }
                self.day = Some(small(rest, part == Part::ZeroDay)?);
            }
            Part::SpaceYearDay | Part::ZeroYearDay => {
                if part == Part::SpaceYearDay {
                    *rest = rest.strip_prefix(' ').unwrap_or(rest);
                    *rest = rest.strip_prefix(' ').unwrap_or(rest);
                }
                let least = if part == Part::ZeroYearDay { 3 } else { 1 };
                self.year_day = Some(i64::from(number(rest, least, 3)?));
            }
            part => return self.read_clock(part, rest, fraction_follows),
        }
        Ok(())
    }

    /// The time of day and the zone.
    fn read_clock(&mut self, part: Part, rest: &mut &str, fraction_follows: bool) -> Result<(), Problem> {
        match part {
            Part::Hour => self.hour = within(small(rest, false)?, 0, 23, "hour")?,
            Part::Hour12 | Part::ZeroHour12 => {
                self.hour = within(small(rest, part == Part::ZeroHour12)?, 0, 12, "hour")?;
            }
            Part::Minute | Part::ZeroMinute => {
                self.minute = within(small(rest, part == Part::ZeroMinute)?, 0, 59, "minute")?;
            }
            Part::Second | Part::ZeroSecond => {
                self.second = within(small(rest, part == Part::ZeroSecond)?, 0, 59, "second")?;
                // A fraction may follow even where the layout has none.
                if !fraction_follows && fraction_len(rest) > 1 {
                    let len = fraction_len(rest);
                    self.fraction(rest, len)?;
                }
            }
            Part::Pm { lower } => {
                let (am, pm) = if lower { ("am", "pm") } else { ("AM", "PM") };
                self.pm = Some(match rest.get(..2) {
                    Some(text) if text == pm => true,
                    Some(text) if text == am => false,
                    _ => return Err(Problem::Syntax),
                });
                *rest = &rest[2..];
            }
            Part::Offset { z: true, .. } if rest.starts_with('Z') => {
                *rest = &rest[1..];
                self.utc = true;
            }
            Part::Offset { seconds, colon, hours_only, .. } => {
                self.offset = Some(offset(rest, seconds, colon, hours_only)?);
            }
            Part::ZoneName => match rest.strip_prefix("UTC") {
                Some(after) => {
                    self.utc = true;
                    *rest = after;
                }
                None => {
                    let len = zone_name_len(rest).ok_or(Problem::Syntax)?;
                    self.zone_name = rest[..len].into();
                    *rest = &rest[len..];
                }
            },
            Part::Fraction { digits, trim: false, .. } => self.fraction(rest, digits + 1)?,
            Part::Fraction { .. } => {
                let len = fraction_len(rest);
                if len > 1 {
                    self.fraction(rest, len)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn fraction(&mut self, rest: &mut &str, len: usize) -> Result<(), Problem> {
        let text = rest.get(..len).filter(|text| text.starts_with(['.', ','])).ok_or(Problem::Syntax)?;
        let digits = &text[1..text.len().min(10)];
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::Syntax);
        }
        self.nano = format!("{digits:0<9}").parse().unwrap_or(0);
        *rest = &rest[len..];
        Ok(())
    }

    fn finish(mut self) -> Result<Time, &'static str> {
        match self.pm {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = self.date()?;
        if day < 1 || day > days_in(month, self.year) {
            return Err("day out of range");
        }
        let Self { year, hour, minute, second, nano, .. } = self;
        let civil = Civil { year, month, day, hour, minute, second, nano };
        let nanos = |offset: i32| i128::from(civil.seconds() - i64::from(offset)) * NANOS + i128::from(nano);
        if self.utc {
            return Ok(Time::utc(nanos(0)));
        }
        let unnamed = self.zone_name.is_empty() || self.zone_name == "UTC";
        match self.offset {
            Some(0) if unnamed => Ok(Time::utc(nanos(0))),
            Some(seconds) => Ok(Time { nanos: nanos(seconds), zone: fixed(&self.zone_name, seconds) }),
            None if self.zone_name.is_empty() => Ok(Time::utc(nanos(0))),
            None => {
                // An unknown abbreviation counts as UTC under that name, except that GMT may have an offset.
                let hours = self.zone_name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok());
                let zone = fixed(&self.zone_name, hours.unwrap_or(0) * 3_600);
                Ok(Time { nanos: nanos(0), zone })
            }
        }
    }

    fn date(&self) -> Result<(u8, u8), &'static str> {
        let Some(year_day) = self.year_day else {
            return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        if year_day < 1 || year_day > 365 + i64::from(is_leap(self.year)) {
            return Err("day-of-year out of range");
        }
        let (mut month, mut day) = (1, year_day);
        while day > i64::from(days_in(month, self.year)) {
            day -= i64::from(days_in(month, self.year));
            month += 1;
        }
        let day = u8::try_from(day).unwrap_or(1);
        if self.month.is_some_and(|given| given != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|given| given != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }
}

fn fixed(name: &str, seconds: i32) -> Zone {
    Zone::Fixed { name: Arc::from(name), seconds }
}

/// Skips a literal; a run of spaces matches any run, even none at the end.
fn skip(rest: &mut &str, literal: &str) -> Result<(), Problem> {
    let mut expected = literal;
    while let Some(char) = expected.chars().next() {
        if char == ' ' {
            if !rest.is_empty() && !rest.starts_with(' ') {
                return Err(Problem::Syntax);
            }
            expected = expected.trim_start_matches(' ');
            *rest = rest.trim_start_matches(' ');
            continue;
        }
        *rest = rest.strip_prefix(char).ok_or(Problem::Syntax)?;
        expected = &expected[char.len_utf8()..];
    }
    Ok(())
}

/// Between `least` and `most` digits.
fn number(rest: &mut &str, least: usize, most: usize) -> Result<u32, Problem> {
    let len = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if len < least {
        return Err(Problem::Syntax);
    }
    let (digits, after) = rest.split_at(len);
    *rest = after;
    digits.parse().map_err(|_| Problem::Syntax)
}

/// One or two digits; two where `fixed`.
fn small(rest: &mut &str, fixed: bool) -> Result<u8, Problem> {
    Ok(u8::try_from(number(rest, 1 + usize::from(fixed), 2)?).unwrap_or(u8::MAX))
}

fn within(value: u8, least: u8, most: u8, what: &'static str) -> Result<u8, Problem> {
    if (least..=most).contains(&value) { Ok(value) } else { Err(Problem::Range(what)) }
}

/// The position, from 1, of the name at hand, of which `len` letters count.
fn name(rest: &mut &str, names: &[&str], len: usize) -> Result<u8, Problem> {
    for (index, name) in names.iter().enumerate() {
        let name = &name[..len.min(name.len())];
        if rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name)) {
            *rest = &rest[name.len()..];
            return Ok(u8::try_from(index + 1).unwrap_or(1));
        }
    }
    Err(Problem::Syntax)
}

/// Length of a fraction with its point; 0 where there is none.
fn fraction_len(text: &str) -> usize {
    let Some(digits) = text.strip_prefix(['.', ',']) else { return 0 };
    1 + digits.bytes().take_while(u8::is_ascii_digit).count()
}

fn offset(rest: &mut &str, seconds: bool, colon: bool, hours_only: bool) -> Result<i32, Problem> {
    let sign = match rest.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(Problem::Syntax),
    };
    *rest = &rest[1..];
    let mut total = 0;
    for (index, (most, what)) in
        [(24, "time zone offset hour"), (60, "time zone offset minute"), (60, "time zone offset second")]
            .into_iter()
            .enumerate()
    {
        let given = index == 0 || (index == 1 && !hours_only) || (index == 2 && seconds);
        let mut value = 0;
        if given {
            if index > 0 && colon {
                *rest = rest.strip_prefix(':').ok_or(Problem::Syntax)?;
            }
            value = within(small(rest, true)?, 0, most, what)?;
        }
        total = total * 60 + i32::from(value);
    }
    Ok(sign * total)
}

/// Length of a time zone abbreviation, by Go's rules for what looks like one.
fn zone_name_len(text: &str) -> Option<usize> {
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(after) = text.strip_prefix("GMT") {
        return Some(3 + signed_hours_len(after).unwrap_or(0));
    }
    if text.starts_with(['+', '-']) {
        return signed_hours_len(text);
    }
    let capitals = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match capitals {
        3 => Some(3),
        4 if text[..4].ends_with('T') || text.starts_with("WITA") => Some(4),
        5 if text[..5].ends_with('T') => Some(5),
        _ => None,
    }
}

fn signed_hours_len(text: &str) -> Option<usize> {
    let digits = text.strip_prefix(['+', '-'])?;
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    let hours: u64 = digits[..len].parse().ok()?;
    (hours <= 23).then_some(len + 1)
}
