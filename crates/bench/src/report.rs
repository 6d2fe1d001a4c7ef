//! The table, and the same as JSON.

use clap::ValueEnum;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs: times in seconds, memory in bytes.
    Json,
}

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    /// A time.
    Time(Duration),
    /// A number of things.
    Count(u64),
    /// An amount of memory, in bytes.
    Bytes(u64),
}

/// What is to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At most this much.
    AtMost(Figure),
}

/// A line: a figure of Holdfast, beside the bare client's and the goal, where there are such.
#[derive(Debug, Clone)]
struct Row {
    what: String,
    floor: Option<Figure>,
    holdfast: Option<Figure>,
    goal: Option<Goal>,
}

/// What was measured.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    title: String,
    rows: Vec<Row>,
}

impl Report {
    /// A report on what `title` says, on this machine.
    pub(crate) fn new(title: &str) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        Self { title: format!("{title}; {cores} cores, load {load}"), rows: Vec::new() }
    }

    pub(crate) fn row(
        &mut self,
        what: &str,
        floor: impl Into<Option<Figure>>,
        holdfast: impl Into<Option<Figure>>,
        goal: impl Into<Option<Goal>>,
    ) {
        let row =
            Row { what: what.to_owned(), floor: floor.into(), holdfast: holdfast.into(), goal: goal.into() };
        self.rows.push(row);
    }

    /// Requests by verb, those of any verb that were made.
    pub(crate) fn requests(&mut self, floor: &[(String, u64)], holdfast: &[(String, u64)]) {
        let mut verbs: Vec<&String> = floor.iter().chain(holdfast).map(|(verb, _)| verb).collect();
        verbs.sort();
        verbs.dedup();
        for verb in verbs {
            let count =
                |of: &[(String, u64)]| of.iter().find(|(v, _)| v == verb).map_or(0, |(_, count)| *count);
            let (bare, own) = (count(floor), count(holdfast));
            if bare + own > 0 {
                let what =
                    if verb == "failed" { "requests that failed" } else { &format!("requests: {verb}") };
                let floor = (!floor.is_empty()).then_some(Figure::Count(bare));
                self.row(what, floor, Figure::Count(own), None);
            }
        }
    }

    pub(crate) fn show(&self, format: Format) -> String {
        match format {
            Format::Table => self.table(),
            Format::Json => format!("{:#}", self.json()),
        }
    }

    fn table(&self) -> String {
        let mut lines = vec![["", "bare client", "holdfast", "ratio", "goal"].map(str::to_owned)];
        for row in &self.rows {
            let text = |figure: Option<Figure>| figure.map(Figure::text).unwrap_or_default();
            let ratio = row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            let goal = row.goal.map(Goal::text).unwrap_or_default();
            lines.push([row.what.clone(), text(row.floor), text(row.holdfast), ratio, goal]);
        }
        let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3, 4].map(width);
        let mut text = format!("{}\n", self.title);
        for line in &lines {
            let [what, rest @ ..] = line;
            let mut shown = format!("{what:<first$}", first = widths[0]);
            for (cell, width) in rest.iter().zip(&widths[1..]) {
                shown.push_str(&format!("  {cell:>width$}"));
            }
            text.push('\n');
            text.push_str(shown.trim_end());
        }
        text
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let mut map = Map::new();
            map.insert("what".into(), row.what.as_str().into());
            for (key, figure) in [("floor", row.floor), ("holdfast", row.holdfast)] {
                map.extend(figure.map(|figure| (key.to_owned(), figure.json())));
            }
            map.extend(row.ratio().map(|ratio| ("ratio".to_owned(), ratio.into())));
            match row.goal {
                Some(Goal::TimesFloor(ratio)) => map.insert("goalRatio".into(), ratio.into()),
                Some(Goal::AtMost(figure)) => map.insert("goal".into(), figure.json()),
                None => None,
            };
            Value::Object(map)
        });
        json!({ "title": self.title, "rows": rows.collect::<Vec<_>>() })
    }
}

impl Row {
    /// How many times the floor; for what both have.
    fn ratio(&self) -> Option<f64> {
        let (floor, holdfast) = (self.floor?.number(), self.holdfast?.number());
        (floor > 0.0).then(|| holdfast / floor)
    }
}

impl Figure {
    fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Count(number) | Self::Bytes(number) => number as f64,
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Time(time) => time.as_secs_f64().into(),
            Self::Count(number) | Self::Bytes(number) => number.into(),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Time(time) => format!("{:.2} s", time.as_secs_f64()),
            Self::Count(number) => number.to_string(),
            Self::Bytes(number) => format!("{:.1} MiB", number as f64 / (1 << 20) as f64),
        }
    }
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::TimesFloor(ratio) => format!("≤ {ratio} × bare client"),
            Self::AtMost(figure) => format!("≤ {}", figure.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_beside_the_floor() {
        let mut report = Report { title: "title".into(), rows: Vec::new() };
        let time = |seconds| Figure::Time(Duration::from_secs_f64(seconds));
        report.row("wall", time(2.0), time(2.5), Goal::TimesFloor(1.3));
        report.row("peak memory", None, Figure::Bytes(5 << 20), Goal::AtMost(Figure::Bytes(80 << 20)));
        report.requests(&[("patch".into(), 4), ("get".into(), 0)], &[("patch".into(), 6), ("get".into(), 0)]);
        let expected = "\
title

                 bare client  holdfast  ratio                 goal
wall                  2.00 s    2.50 s   1.25  ≤ 1.3 × bare client
peak memory                    5.0 MiB                  ≤ 80.0 MiB
requests: patch            4         6   1.50";
        assert_eq!(report.show(Format::Table), expected);
        let json: Value = serde_json::from_str(&report.show(Format::Json)).unwrap();
        assert_eq!(
            json["rows"][0],
            json!({"what": "wall", "floor": 2.0, "holdfast": 2.5, "ratio": 1.25, "goalRatio": 1.3})
        );
        assert_eq!(json["rows"][1], json!({"what": "peak memory", "holdfast": 5 << 20, "goal": 80 << 20}));
    }
}
