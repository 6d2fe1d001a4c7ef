//! Tables for `kubectl get`.

mod builtin;
mod custom;

use crate::resource::Resource;
use serde_json::{Value, json};
use time::OffsetDateTime;

const NAME_TEXT: &str = "Name must be unique within a namespace.";

fn column(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}

/// The columns of events, which do not start with a name.
const EVENT: &[(&str, i64)] = &[
    ("Last Seen", 0),
    ("Type", 0),
    ("Reason", 0),
    ("Object", 0),
    ("Subobject", 1),
    ("Source", 1),
    ("Message", 0),
    ("First Seen", 1),
    ("Count", 1),
    ("Name", 1),
];

/// A table's columns for a resource.
pub(crate) fn columns(resource: &Resource) -> Value {
    if &*resource.bucket == "events" {
        let of = |(name, priority): &(&str, i64)| {
            let format = if *name == "Name" { "name" } else { "" };
            column(name, "string", format, "", *priority)
        };
        return EVENT.iter().map(of).collect();
    }
    let mut columns = vec![column("Name", "string", "name", NAME_TEXT, 0)];
    match (&resource.custom, builtin::columns(resource)) {
        (Some(custom), _) if !custom.columns.is_empty() => columns.extend(custom.columns.iter().map(|c| {
            let text = |key: &str| c[key].as_str().unwrap_or_default();
            column(
                text("name"),
                text("type"),
                text("format"),
                text("description"),
                c["priority"].as_i64().unwrap_or_default(),
            )
        })),
        (None, Some(known)) => columns.extend(
            known
                .into_iter()
                .map(|known| column(known.name, known.kind, known.format, "", i64::from(known.wide))),
        ),
        _ => {
            columns.push(column("Age", if resource.custom.is_some() { "date" } else { "string" }, "", "", 0))
        }
    }
    columns.into()
}

/// An object's cells.
pub(crate) fn cells(resource: &Resource, object: &Value, now: OffsetDateTime) -> Value {
    if &*resource.bucket == "events" {
        return builtin::event(object, now);
    }
    let mut cells = vec![object["metadata"]["name"].clone()];
    match &resource.custom {
        Some(custom) if !custom.columns.is_empty() => {
            cells.extend(custom.columns.iter().map(|column| custom::cell(column, object, now)));
        }
        Some(_) => cells.push(age(object, now).into()),
        None => cells.extend(builtin::cells(resource, object, now)),
    }
    cells.into()
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
