//! An app as one line, and the short forms of what stands in it.

use crate::{App, AppSource};
use jiff::Timestamp;

/// An app as one line: name, revision, sync, health, and what it waits for or its message. The columns are padded so
/// that lines of usual apps stand below each other.
pub fn line(app: &App) -> String {
    line_with(app, &remark(app))
}

/// The same with another remark at its end.
pub fn line_with(app: &App, remark: &str) -> String {
    let namespaced = format!("{}/{}", app.namespace(), app.name());
    let line = format!(
        "{namespaced:<36} {:<22} {:<9} {:<11} {}",
        short_revision(&app.revision),
        app.sync,
        health(app),
        first_line(remark)
    );
    line.trim_end().to_owned()
}

/// The health as shown: `Suspended` for an app that is told to do nothing, `Deleting` for one that is going.
pub fn health(app: &App) -> String {
    match app {
        App { deleting: true, .. } => "Deleting".to_owned(),
        App { suspended: true, .. } => "Suspended".to_owned(),
        app => app.health.to_string(),
    }
}

/// What is to be known about an app beyond its states, in one line: what it waits for, or else its message. Empty
/// when all is well.
pub fn remark(app: &App) -> String {
    if app.waiting.is_empty() {
        return if app.is_ready() || app.suspended { String::new() } else { first_line(&app.message) };
    }
    let waits: Vec<String> = app.waiting.iter().map(ToString::to_string).collect();
    let waits = format!("waits for {}", first_line(&waits.join(", ")));
    let has_failed =
        matches!(app.waiting.as_slice(), [crate::Waiting::Retry { .. } | crate::Waiting::Change { .. }]);
    if has_failed && !app.message.is_empty() {
        return format!("{} ({waits})", first_line(&app.message));
    }
    waits
}

/// The first line of a text with its commits shortened, at most 160 characters of it.
fn first_line(text: &str) -> String {
    /// Characters of a message that a line shows.
    const SHOWN: usize = 160;
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(' ').map(short_revision).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Where an app's manifests come from, in a few words: `gitrepo/shop apps/web`, `https://… chart web 1.x`.
pub fn source(source: &AppSource) -> String {
    let chart = if source.chart.is_empty() { String::new() } else { format!("chart {}", source.chart) };
    let parts = [source.name.as_str(), &chart, &source.path];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A revision with its commits shortened: `main@sha1:6f2a…` becomes `main@6f2a1b3c`, a bare commit its first eight
/// digits, as Flux' and Argo CD's own clients nearly do. Versions and names stay as they are.
pub fn short_revision(revision: &str) -> String {
    /// Digits of a commit that are shown.
    const SHOWN: usize = 8;
    let shorten = |text: &str| {
        let is_digest = text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if is_digest { text[..SHOWN].to_owned() } else { text.to_owned() }
    };
    let one = |revision: &str| match revision.rsplit_once(':') {
        Some((before, digest)) if digest.len() >= 40 => {
            let before = before.trim_end_matches("sha1").trim_end_matches("sha256");
            format!("{before}{}", shorten(digest))
        }
        _ => shorten(revision),
    };
    revision.split(',').map(one).collect::<Vec<_>>().join(",")
}

/// How long ago something was, as kubectl writes it: `5s`, `3m`, `2h`, `9d`. Empty without a time.
pub fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let Some(since) = since else { return String::new() };
    duration(now.as_second() - since.as_second())
}

/// A duration of whole seconds, as kubectl writes it: two units while they tell something.
pub fn duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = seconds.max(0);
    let two = |big: i64, small: i64, names: (&str, &str)| {
        let rest = (seconds % big) / small;
        match rest {
            0 => format!("{}{}", seconds / big, names.0),
            rest => format!("{}{}{rest}{}", seconds / big, names.0, names.1),
        }
    };
    match seconds {
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(MINUTE, 1, ("m", "s")),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(HOUR, MINUTE, ("h", "m")),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(DAY, HOUR, ("d", "h")),
        s => format!("{}d", s / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_shortened_and_names_are_not() {
        let check = |revision: &str, expected: &str| assert_eq!(short_revision(revision), expected);
        check("main@sha1:0123456789abcdef0123456789abcdef01234567", "main@01234567");
        check("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "01234567");
        check("0123456789abcdef0123456789abcdef01234567", "01234567");
        check("0123456789abcdef0123456789abcdef01234567,1.2.3", "01234567,1.2.3");
        check("6.5.4", "6.5.4");
        check("latest@sha256:abc", "latest@sha256:abc");
    }

    #[test]
    fn ages_are_kubectl_s() {
        let check = |seconds: i64, expected: &str| assert_eq!(duration(seconds), expected);
        check(-4, "0s");
        check(119, "119s");
        check(120, "2m");
        check(125, "2m5s");
        check(3599, "59m");
        check(3 * 3600 + 60, "3h1m");
        check(9 * 3600, "9h");
        check(3 * 86400 + 3600, "3d1h");
        check(20 * 86400, "20d");
    }
}
