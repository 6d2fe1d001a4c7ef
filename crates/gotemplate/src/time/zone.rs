//! Time zones: fixed ones, and those of the IANA database, which is compiled in.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Where a time is shown.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// UTC; also what Go calls `Local` here, since a render does not depend on the machine it runs on.
    Utc,
    /// A fixed offset in seconds, with the abbreviation that was read with it.
    Fixed { name: Arc<str>, seconds: i32 },
    /// A zone of the database.
    Named(TimeZone),
}

/// What holds in a zone at one instant.
pub(crate) struct Offset {
    /// East of UTC.
    pub(crate) seconds: i32,
    pub(crate) abbreviation: String,
}

impl Zone {
    /// The zone that Go's `LoadLocation` finds.
    pub(crate) fn load(name: &str) -> Option<Self> {
        static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
        if matches!(name, "" | "UTC" | "Local") {
            return Some(Self::Utc);
        }
        let database = DATABASE.get_or_init(TimeZoneDatabase::bundled);
        database.get(name).ok().map(Self::Named)
    }

    pub(crate) fn at(&self, unix: i64) -> Offset {
        match self {
            Self::Utc => Offset { seconds: 0, abbreviation: "UTC".into() },
            Self::Fixed { name, seconds } => Offset { seconds: *seconds, abbreviation: name.to_string() },
            Self::Named(zone) => {
                let timestamp = Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH);
                let info = zone.to_offset_info(timestamp);
                Offset { seconds: info.offset().seconds(), abbreviation: info.abbreviation().into() }
            }
        }
    }
}
