use crate::MAX_LENGTH;
use std::cmp::Ordering;
use std::fmt;

/// A version. Equality and order are those of precedence: build metadata and the original spelling do not count.
#[derive(Debug, Clone)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number; 0 where the text had none.
    pub minor: u64,
    /// The third number; 0 where the text had none.
    pub patch: u64,
    /// What follows `-`, without it; empty for a release.
    pub prerelease: String,
    /// What follows `+`, without it; empty where there is none.
    pub build: String,
    original: String,
}

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text does not have the shape `[v]1[.2[.3]][-prerelease][+build]`.
    #[error("{0:?} is not a version (expected 1.2.3, v1.2.3, 1.2, 1.2.3-rc.1, …)")]
    Shape(String),
    /// A number does not fit 64 bits.
    #[error("{0:?} has a number that is too large for a version")]
    Number(String),
    /// A prerelease part is empty or a number with leading zeros.
    #[error("{0:?} has a prerelease part that is empty or starts with 0")]
    Prerelease(String),
    /// The text is longer than [`MAX_LENGTH`].
    #[error("a version of {0} bytes is longer than the limit of {MAX_LENGTH}")]
    TooLong(usize),
}

impl Version {
    /// Reads a version leniently: a `v` in front, leading zeros and missing minor or patch numbers are fine.
    ///
    /// # Errors
    /// [`VersionError`] when the text is no version.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let shape = || VersionError::Shape(text.to_owned());
        if text.len() > MAX_LENGTH {
            return Err(VersionError::TooLong(text.len()));
        }
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = cut(rest, '+');
        let (numbers, prerelease) = cut(rest, '-');
        if prerelease.is_some_and(|p| !identifiers(p)) || build.is_some_and(|b| !identifiers(b)) {
            return Err(shape());
        }
        if prerelease.is_some_and(|p| p.split('.').any(has_leading_zero)) {
            return Err(VersionError::Prerelease(text.to_owned()));
        }
        let mut parsed = [0; 3];
        let parts: Vec<&str> = numbers.split('.').collect();
        if parts.len() > 3 || parts.iter().any(|p| !is_number(p)) {
            return Err(shape());
        }
        for (slot, part) in parsed.iter_mut().zip(parts) {
            *slot = part.parse().map_err(|_| VersionError::Number(text.to_owned()))?;
        }
        Ok(Self {
            major: parsed[0],
            minor: parsed[1],
            patch: parsed[2],
            prerelease: prerelease.unwrap_or_default().to_owned(),
            build: build.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }

    /// Reads a version that has all three numbers, as Flux demands of tags (a tag `2024` is a date to it).
    ///
    /// # Errors
    /// [`VersionError`] when the text is no version or lacks a number.
    pub fn parse_full(text: &str) -> Result<Self, VersionError> {
        let version = Self::parse(text)?;
        if text.split(['-', '+']).next().unwrap_or_default().split('.').count() == 3 {
            Ok(version)
        } else {
            Err(VersionError::Shape(text.to_owned()))
        }
    }

    /// The text as it was read, with its `v` and without added zeros.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Whether this is a prerelease.
    pub fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    pub(crate) fn numbers(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }
}

/// The canonical form `1.2.3-pre+build`, without a `v`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let prereleases = || match (self.is_prerelease(), other.is_prerelease()) {
            (false, false) => Ordering::Equal,
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (true, true) => compare_prereleases(&self.prerelease, &other.prerelease),
        };
        self.numbers().cmp(&other.numbers()).then_with(prereleases)
    }
}

/// Part by part: numbers as numbers and below words, a missing part lowest.
pub(crate) fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let compare = |(l, r): (&str, &str)| match (l.parse::<u64>(), r.parse::<u64>()) {
        (Ok(l), Ok(r)) => l.cmp(&r),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => l.cmp(r),
    };
    left.split('.')
        .zip(right.split('.'))
        .map(compare)
        .find(|o| o.is_ne())
        .unwrap_or_else(|| left.split('.').count().cmp(&right.split('.').count()))
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}

fn identifiers(text: &str) -> bool {
    text.split('.').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

fn has_leading_zero(part: &str) -> bool {
    is_number(part) && part.len() > 1 && part.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenient_parsing() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                Version::parse(text).ok().map(|v| v.to_string()).as_deref(),
                expected,
                "parsing {text:?}"
            );
        };
        check("1.2.3", Some("1.2.3"));
        check("v1.2.3", Some("1.2.3"));
        check("1", Some("1.0.0"));
        check("v2.1", Some("2.1.0"));
        check("1.2-rc.1", Some("1.2.0-rc.1"));
        check("01.02.3", Some("1.2.3"));
        check("1.2.3-alpha.-1+b.007", Some("1.2.3-alpha.-1+b.007"));
        check("v1.2.3-0abc", Some("1.2.3-0abc"));
        for bad in [
            "",
            "v",
            "V1",
            "1.2.3.4",
            "1.",
            "1.2.x",
            " 1.2.3",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "1.2.3-01",
            "latest",
            "1.2.3-é",
            "+1",
            "99999999999999999999",
        ] {
            check(bad, None);
        }
        assert_eq!(Version::parse("1.2.3-01"), Err(VersionError::Prerelease("1.2.3-01".into())));
        assert_eq!(Version::parse("v1.0").unwrap().original(), "v1.0");
    }

    #[test]
    fn full_versions_have_three_numbers() {
        assert!(Version::parse_full("v1.2.3-a.b").is_ok());
        for short in ["1", "1.2", "2024-01-02", "1.2-a.b"] {
            assert!(Version::parse_full(short).is_err(), "{short}");
        }
    }

    #[test]
    fn order() {
        let ascending = [
            "1.0.0-0",
            "1.0.0-1",
            "1.0.0-9",
            "1.0.0-10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2",
        ];
        for pair in ascending.windows(2) {
            let (lower, higher) = (Version::parse(pair[0]).unwrap(), Version::parse(pair[1]).unwrap());
            assert!(lower < higher, "{lower} < {higher}");
        }
        assert_eq!(Version::parse("1.2.3+a").unwrap(), Version::parse("v1.2.3+b").unwrap());
    }
}
