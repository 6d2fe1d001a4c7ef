//! The server's clock: a wall-clock start plus the runtime's elapsed time, so a paused runtime stops it.

use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

/// What the server reads the time from.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: OffsetDateTime,
    origin: Option<Instant>,
}

impl Clock {
    /// A clock that shows `start` when the sandbox starts and then follows the runtime's time.
    pub fn starting_at(start: OffsetDateTime) -> Self {
        Self { start, origin: None }
    }

    /// A clock that shows the machine's time when the sandbox starts and then follows the runtime's time.
    pub fn wall() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for a start")]
        let now = std::time::SystemTime::now();
        Self::starting_at(now.into())
    }

    /// Binds the clock to the current runtime.
    pub(crate) fn started(self) -> Self {
        Self { start: self.start, origin: Some(self.origin.unwrap_or_else(Instant::now)) }
    }

    /// The present moment.
    pub fn now(&self) -> OffsetDateTime {
        let elapsed = self.origin.map_or(Duration::ZERO, |origin| origin.elapsed());
        self.start + elapsed
    }

    /// The present moment as `metav1.Time` writes it: RFC 3339 with whole seconds, in UTC.
    pub fn timestamp(&self) -> String {
        format_time(self.now())
    }
}

/// A moment as `metav1.Time` writes it.
pub(crate) fn format_time(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0)
        .unwrap_or(at)
        .to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".into())
}

/// A moment as `metav1.MicroTime` writes it.
pub(crate) fn format_micro_time(at: OffsetDateTime) -> String {
    let text = format_time(at);
    format!("{}.{:06}Z", text.trim_end_matches('Z'), at.microsecond())
}

/// Reads an RFC 3339 time.
pub(crate) fn parse_time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
