//! Dates and times as go-yaml recognises them, and their RFC 3339 form.

/// The RFC 3339 form of a date or time in one of the shapes that go-yaml recognises, or `None`:
/// `2001-1-1`, `2001-1-1 1:2:3.4` (in UTC), `2001-1-1T1:2:3.4+05:00` (also with `t` and `Z`).
pub(crate) fn parse(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text.as_bytes() };
    let year = reader.digits(4, 4)?;
    reader.expect(b'-')?;
    let month = reader.digits(1, 2)?;
    reader.expect(b'-')?;
    let day = reader.digits(1, 2)?;
    if !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    if reader.rest.is_empty() {
        return Some(format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    }
    let zoned = match reader.rest.first()? {
        b'T' | b't' => {
            reader.rest = &reader.rest[1..];
            true
        }
        b' ' => {
            reader.rest = reader.rest.trim_ascii_start();
            false
        }
        _ => return None,
    };
    let hour = reader.digits(1, 2)?;
    reader.expect(b':')?;
    let minute = reader.digits(1, 2)?;
    reader.expect(b':')?;
    let second = reader.digits(1, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = reader.fraction();
    let zone = if zoned { reader.zone()? } else { "Z".to_owned() };
    if !reader.rest.is_empty() {
        return None;
    }
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl Reader<'_> {
    /// Between `least` and `most` digits, as many as there are.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    /// The fraction of a second with its dot: cut to nanoseconds, without trailing zeros, empty where it is zero.
    fn fraction(&mut self) -> String {
        if !matches!(self.rest, [b'.' | b',', b'0'..=b'9', ..]) {
            return String::new();
        }
        let count = self.rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.rest[1..].split_at(count);
        self.rest = rest;
        let digits = String::from_utf8_lossy(&digits[..digits.len().min(9)]).into_owned();
        match digits.trim_end_matches('0') {
            "" => String::new(),
            significant => format!(".{significant}"),
        }
    }

    /// `Z`, or an offset with two digits each for hours and minutes.
    fn zone(&mut self) -> Option<String> {
        if self.rest.first() == Some(&b'Z') {
            self.rest = &self.rest[1..];
            return Some("Z".to_owned());
        }
        let sign = match self.rest.first()? {
            b'+' => '+',
            b'-' => '-',
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let hours = self.digits(2, 2)?;
        self.expect(b':')?;
        let minutes = self.digits(2, 2)?;
        if hours > 24 || minutes > 60 {
            return None;
        }
        let total = hours * 60 + minutes;
        Some(if total == 0 { "Z".to_owned() } else { format!("{sign}{:02}:{:02}", total / 60, total % 60) })
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_take_their_rfc_3339_form() {
        for (text, expected) in [
            ("2001-01-01", Some("2001-01-01T00:00:00Z")),
            ("2001-1-1", Some("2001-01-01T00:00:00Z")),
            ("2001-1-1 1:2:3", Some("2001-01-01T01:02:03Z")),
            ("2001-01-01  10:00:00.250", Some("2001-01-01T10:00:00.25Z")),
            ("2001-12-14t21:59:43.10-05:00", Some("2001-12-14T21:59:43.1-05:00")),
            ("2001-12-14T21:59:43,5Z", Some("2001-12-14T21:59:43.5Z")),
            ("2000-02-29", Some("2000-02-29T00:00:00Z")),
            ("2001-02-29", None),
            ("2001-13-01", None),
            ("2001-01-01T10:00:00", None),
            ("2001-01-01 10:00:00Z", None),
            ("2001-01-01 10:00", None),
            ("201-01-01", None),
            ("2001-01-011", None),
            ("2001-01-01T24:00:00Z", None),
        ] {
            assert_eq!(parse(text).as_deref(), expected, "{text}");
        }
    }
}
