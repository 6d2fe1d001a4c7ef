//! Whether the slow tier runs, and how a skip is made visible.

use std::io::Write as _;

/// What `HOLDFAST_E2E` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Not asked for.
    Off,
    /// Run what this machine can.
    On,
    /// Run everything; what is missing is a failure.
    Required,
}

impl Tier {
    pub(crate) fn from_environment() -> Self {
        Self::parse(&std::env::var("HOLDFAST_E2E").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        match text {
            "" | "0" => Self::Off,
            "required" => Self::Required,
            _ => Self::On,
        }
    }
}

/// Says that a test is skipped, and why.
pub(crate) fn skipped(why: &str) {
    say(&format!("SKIPPED: {why}"));
}

/// Writes a line to the real standard error: the test harness keeps back what passing tests print with the macros.
pub(crate) fn say(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::Tier;

    #[test]
    fn reads_the_tier() {
        for (text, expected) in [
            ("", Tier::Off),
            ("0", Tier::Off),
            ("1", Tier::On),
            ("yes", Tier::On),
            ("required", Tier::Required),
        ] {
            assert_eq!(Tier::parse(text), expected, "{text:?}");
        }
    }
}
