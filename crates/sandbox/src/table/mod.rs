//! Tables for `kubectl get`.

use crate::resource::Resource;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A table's columns for a resource.
pub(crate) fn columns(_resource: &Resource) -> Value {
    json!([
        {"name": "Name", "type": "string", "format": "name", "description": "Name must be unique within a namespace.", "priority": 0},
        {"name": "Age", "type": "string", "format": "", "description": "CreationTimestamp is a timestamp representing the server time when this object was created.", "priority": 0},
    ])
}

/// An object's cells.
pub(crate) fn cells(_resource: &Resource, object: &Value, now: OffsetDateTime) -> Value {
    json!([object["metadata"]["name"], age(object, now)])
}

/// How long ago an object was created, as kubectl writes durations.
pub(crate) fn age(object: &Value, now: OffsetDateTime) -> String {
    match object["metadata"]["creationTimestamp"].as_str().and_then(crate::clock::parse_time) {
        Some(created) => human_duration((now - created).whole_seconds()),
        None => "<unknown>".to_owned(),
    }
}

/// A duration in seconds with at most two units.
pub(crate) fn human_duration(seconds: i64) -> String {
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let table = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (700, "11m"),
            (10_860, "3h1m"),
            (172_800, "2d"),
            (700_000, "8d"),
        ];
        for (seconds, expected) in table {
            assert_eq!(human_duration(seconds), expected);
        }
    }
}
