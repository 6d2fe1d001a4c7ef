//! Layouts: how Go spells the parts of a time, by example.

use super::Time;

/// A part of a layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Literal,
    LongMonth,
    ShortMonth,
    Month,
    ZeroMonth,
    LongWeekday,
    ShortWeekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    Pm { lower: bool },
    ZoneName,
    Offset { z: bool, seconds: bool, colon: bool, hours_only: bool },
    Fraction { digits: usize, trim: bool, comma: bool },
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Splits a layout into its parts, each with its spelling.
pub(super) fn parts(layout: &str) -> Vec<(Part, &str)> {
    let mut parts = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    while at < layout.len() {
        let rest = &layout[at..];
        match part(rest) {
            Some((part, len)) => {
                if literal < at {
                    parts.push((Part::Literal, &layout[literal..at]));
                }
                parts.push((part, &layout[at..at + len]));
                at += len;
                literal = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if literal < layout.len() {
        parts.push((Part::Literal, &layout[literal..]));
    }
    parts
}

/// The part at the start of the text and its length.
fn part(text: &str) -> Option<(Part, usize)> {
    // Longer spellings first.
    const NAMES: [(&str, Part); 23] = [
        ("January", Part::LongMonth),
        ("Monday", Part::LongWeekday),
        ("MST", Part::ZoneName),
        ("002", Part::ZeroYearDay),
        ("01", Part::ZeroMonth),
        ("02", Part::ZeroDay),
        ("03", Part::ZeroHour12),
        ("04", Part::ZeroMinute),
        ("05", Part::ZeroSecond),
        ("06", Part::Year),
        ("15", Part::Hour),
        ("1", Part::Month),
        ("2006", Part::LongYear),
        ("2", Part::Day),
        ("__2", Part::SpaceYearDay),
        ("3", Part::Hour12),
        ("4", Part::Minute),
        ("5", Part::Second),
        ("PM", Part::Pm { lower: false }),
        ("pm", Part::Pm { lower: true }),
        ("_2", Part::SpaceDay),
        ("Jan", Part::ShortMonth),
        ("Mon", Part::ShortWeekday),
    ];
    if text.starts_with("_2006") {
        // An underscore before a year is only an underscore.
        return None;
    }
    for (name, part) in NAMES {
        if let Some(after) = text.strip_prefix(name) {
            // `Jan` and `Mon` do not begin another word.
            let word = matches!(part, Part::ShortMonth | Part::ShortWeekday);
            if word && after.starts_with(|char: char| char.is_ascii_lowercase()) {
                return None;
            }
            return Some((part, name.len()));
        }
    }
    offset(text).or_else(|| fraction(text))
}

fn offset(text: &str) -> Option<(Part, usize)> {
    let z = text.starts_with('Z');
    let rest = text.strip_prefix(['Z', '-'])?;
    let spellings = [
        ("07:00:00", true, true, false),
        ("070000", true, false, false),
        ("07:00", false, true, false),
        ("0700", false, false, false),
        ("07", false, false, true),
    ];
    for (spelling, seconds, colon, hours_only) in spellings {
        if rest.starts_with(spelling) {
            return Some((Part::Offset { z, seconds, colon, hours_only }, spelling.len() + 1));
        }
    }
    None
}

/// `.000` or `,999`, not followed by another digit.
fn fraction(text: &str) -> Option<(Part, usize)> {
    let rest = text.strip_prefix(['.', ','])?;
    let digit = rest.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let digits = rest.find(|char| char != digit).unwrap_or(rest.len());
    if rest[digits..].starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    Some((Part::Fraction { digits, trim: digit == '9', comma: text.starts_with(',') }, digits + 1))
}

/// The time as the layout shows it.
pub(crate) fn format(time: &Time, layout: &str) -> String {
    use std::fmt::Write;

    let civil = time.civil();
    let offset = time.zone.at(time.unix());
    let hour12 = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let mut out = String::with_capacity(layout.len() + 8);
    for (part, spelled) in parts(layout) {
        let _ = match part {
            Part::Literal => write!(out, "{spelled}"),
            Part::LongMonth => write!(out, "{}", MONTHS[usize::from(civil.month) - 1]),
            Part::ShortMonth => write!(out, "{}", &MONTHS[usize::from(civil.month) - 1][..3]),
            Part::Month => write!(out, "{}", civil.month),
            Part::ZeroMonth => write!(out, "{:02}", civil.month),
            Part::LongWeekday => write!(out, "{}", WEEKDAYS[civil.weekday()]),
            Part::ShortWeekday => write!(out, "{}", &WEEKDAYS[civil.weekday()][..3]),
            Part::Day => write!(out, "{}", civil.day),
            Part::SpaceDay => write!(out, "{:2}", civil.day),
            Part::ZeroDay => write!(out, "{:02}", civil.day),
            Part::SpaceYearDay => write!(out, "{:3}", civil.year_day()),
            Part::ZeroYearDay => write!(out, "{:03}", civil.year_day()),
            Part::Hour => write!(out, "{:02}", civil.hour),
            Part::Hour12 => write!(out, "{hour12}"),
            Part::ZeroHour12 => write!(out, "{hour12:02}"),
            Part::Minute => write!(out, "{}", civil.minute),
            Part::ZeroMinute => write!(out, "{:02}", civil.minute),
            Part::Second => write!(out, "{}", civil.second),
            Part::ZeroSecond => write!(out, "{:02}", civil.second),
            Part::LongYear if civil.year < 0 => write!(out, "-{:04}", -civil.year),
            Part::LongYear => write!(out, "{:04}", civil.year),
            Part::Year => write!(out, "{:02}", civil.year.rem_euclid(100)),
            Part::Pm { lower } => {
                let text = if civil.hour >= 12 { "PM" } else { "AM" };
                write!(out, "{}", if lower { text.to_ascii_lowercase() } else { text.into() })
            }
            Part::ZoneName => write!(out, "{}", zone_name(&offset.abbreviation, offset.seconds)),
            Part::Offset { z: true, .. } if offset.seconds == 0 => write!(out, "Z"),
            Part::Offset { seconds, colon, hours_only, .. } => {
                push_offset(&mut out, offset.seconds, colon, hours_only, seconds);
                Ok(())
            }
            Part::Fraction { digits, trim, comma } => {
                push_fraction(&mut out, civil.nano, digits, trim, comma);
                Ok(())
            }
        };
    }
    out
}

/// A zone without a name shows its offset.
fn zone_name(name: &str, seconds: i32) -> String {
    if !name.is_empty() {
        return name.to_owned();
    }
    let minutes = seconds.abs() / 60;
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

fn push_offset(out: &mut String, offset: i32, colon: bool, hours_only: bool, seconds: bool) {
    let magnitude = offset.unsigned_abs();
    let separator = if colon { ":" } else { "" };
    out.push(if offset < 0 { '-' } else { '+' });
    out.push_str(&format!("{:02}", magnitude / 3_600));
    if !hours_only {
        out.push_str(&format!("{separator}{:02}", magnitude / 60 % 60));
    }
    if seconds {
        out.push_str(&format!("{separator}{:02}", magnitude % 60));
    }
}

fn push_fraction(out: &mut String, nano: u32, digits: usize, trim: bool, comma: bool) {
    let text = format!("{nano:09}{:0<1$}", "", digits.saturating_sub(9));
    let mut text = &text[..digits];
    if trim {
        text = text.trim_end_matches('0');
        if text.is_empty() {
            return;
        }
    }
    out.push(if comma { ',' } else { '.' });
    out.push_str(text);
}
