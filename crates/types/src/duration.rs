use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a duration such as 1h30m, 45s or 500ms")]
pub struct DurationError(pub String);

/// Reads a duration as Go writes it: numbers with the units `h`, `m`, `s`, `ms`, `us` or `ns`, one after the other.
///
/// # Errors
/// [`DurationError`] with the text.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let bad = || DurationError(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..unit_end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(bad()),
        };
        seconds += number * unit;
        rest = &rest[unit_end..];
    }
    if text.is_empty() {
        return Err(bad());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| bad())
}

/// Writes a duration as Go prints it: `1h0m0s`, `1m30s`, `1.5s`, `250ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let whole = duration.as_secs();
    if duration.is_zero() {
        return "0s".into();
    }
    if whole == 0 {
        let (value, unit) = match duration.subsec_nanos() {
            nanos @ 1_000_000.. => (f64::from(nanos) / 1e6, "ms"),
            nanos @ 1_000.. => (f64::from(nanos) / 1e3, "µs"),
            nanos => (f64::from(nanos), "ns"),
        };
        return format!("{value}{unit}");
    }
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let mut text = String::new();
    if hours > 0 {
        text.push_str(&format!("{hours}h"));
    }
    if hours > 0 || minutes > 0 {
        text.push_str(&format!("{minutes}m"));
    }
    match duration.subsec_nanos() {
        0 => text.push_str(&format!("{seconds}s")),
        nanos => {
            let fraction = format!("{nanos:09}");
            text.push_str(&format!("{seconds}.{}s", fraction.trim_end_matches('0')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_in_go() {
        let check = |text: &str, millis: u64, printed: &str| {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(format_duration(duration), printed);
        };
        check("1m", 60_000, "1m0s");
        check("1h30m", 5_400_000, "1h30m0s");
        check("1.5s", 1_500, "1.5s");
        check("250ms", 250, "250ms");
        check("60s", 60_000, "1m0s");
        check("0s", 0, "0s");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "1", "m", "1d", "-1s", "1m x"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
