use crate::version::compare_prereleases;
use crate::{MAX_LENGTH, Version};
use std::fmt;

/// A version range: groups of comparisons joined by `||`, each group's comparisons joined by spaces or commas.
#[derive(Debug, Clone)]
pub struct Constraint {
    original: String,
    groups: Vec<Group>,
}

/// Why a text is no version range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// A part between `||` is no list of comparisons.
    #[error("{part:?} is not a version range: {reason}")]
    Improper {
        /// The part of the range that could not be read.
        part: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The text is longer than [`MAX_LENGTH`].
    #[error("a version range of {0} bytes is longer than the limit of {MAX_LENGTH}")]
    TooLong(usize),
}

impl Constraint {
    /// Reads a range. An empty range is an error, as upstream; say `*` for any release.
    ///
    /// # Errors
    /// [`ConstraintError`] with the part that could not be read.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        if text.len() > MAX_LENGTH {
            return Err(ConstraintError::TooLong(text.len()));
        }
        let groups = text.split("||").map(Group::parse).collect::<Result<_, _>>()?;
        Ok(Self { original: text.to_owned(), groups })
    }

    /// Whether the version lies in the range. A prerelease matches only a group that names a prerelease itself
    /// (`>=1.0.0-0`).
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.matches(version))
    }

    /// The text with the highest version in the range; texts that are no versions are passed over. Of texts with
    /// equal versions the first one wins.
    pub fn pick<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let mut best: Option<(Version, &'a str)> = None;
        for text in texts {
            let Ok(version) = Version::parse(text) else { continue };
            if self.matches(&version) && best.as_ref().is_none_or(|(highest, _)| version > *highest) {
                best = Some((version, text));
            }
        }
        best.map(|(_, text)| text)
    }

    /// Whether the text names exactly one version (`1.2.3`, `v1.2.3-rc.1`, `=1.2.3`), so that nothing is to be chosen.
    pub fn exact(&self) -> Option<&Version> {
        match self.groups.as_slice() {
            [Group { comparisons, .. }] => match comparisons.as_slice() {
                [Comparison { operator: Operator::Equal, version, precision: Precision::Patch }] => {
                    Some(version)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The range as it was written.
impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.original)
    }
}

impl std::str::FromStr for Constraint {
    type Err = ConstraintError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Longest spelling first, so that `>=` is not read as `>`.
const OPERATORS: &[(&str, Operator)] = &[
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("!=", Operator::NotEqual),
    ("~>", Operator::Tilde),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

/// How many numbers the range spelled out; the rest were absent or a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Any,
    Major,
    Minor,
    Patch,
}

#[derive(Debug, Clone)]
struct Comparison {
    operator: Operator,
    version: Version,
    precision: Precision,
}

/// Comparisons that must all hold.
#[derive(Debug, Clone)]
struct Group {
    comparisons: Vec<Comparison>,
    admits_prereleases: bool,
}

impl Group {
    fn parse(text: &str) -> Result<Self, ConstraintError> {
        let comparisons = parse_group(text)
            .map_err(|reason| ConstraintError::Improper { part: text.trim().to_owned(), reason })?;
        let admits_prereleases = comparisons.iter().any(|c| c.version.is_prerelease());
        Ok(Self { comparisons, admits_prereleases })
    }

    fn matches(&self, version: &Version) -> bool {
        if version.is_prerelease() && !self.admits_prereleases {
            return false;
        }
        self.comparisons.iter().all(|comparison| comparison.holds(version))
    }
}

impl Comparison {
    fn holds(&self, version: &Version) -> bool {
        let bound = &self.version;
        match self.operator {
            Operator::Equal if self.precision == Precision::Patch => version == bound,
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.differs(version),
            Operator::Greater => match self.precision {
                // `>11` means beyond every 11.x, `>11.1` beyond every 11.1.x.
                Precision::Major => version.major > bound.major,
                Precision::Minor => (version.major, version.minor) > (bound.major, bound.minor),
                Precision::Any | Precision::Patch => version > bound,
            },
            Operator::Less => version < bound,
            Operator::GreaterOrEqual => version >= bound,
            Operator::LessOrEqual => match self.precision {
                Precision::Patch => version <= bound,
                Precision::Major => version.major <= bound.major,
                // A lone wildcard reads as 0.0 here, as upstream.
                Precision::Minor | Precision::Any => {
                    (version.major, version.minor) <= (bound.major, bound.minor)
                }
            },
            Operator::Caret => self.caret(version),
        }
    }

    /// `~1.2.3` and `1.2.x`: up to the last number that was spelled out before the final one.
    fn tilde(&self, version: &Version) -> bool {
        let bound = &self.version;
        // `*` and, as upstream, `~0.0.0` have no upper end.
        let open =
            bound.numbers() == (0, 0, 0) && matches!(self.precision, Precision::Any | Precision::Patch);
        let same_minor = version.minor == bound.minor || self.precision == Precision::Major;
        version >= bound && (open || (version.major == bound.major && same_minor))
    }

    /// `^1.2.3`: up to the leftmost number that is not 0, among those spelled out.
    fn caret(&self, version: &Version) -> bool {
        let bound = &self.version;
        if version < bound {
            return false;
        }
        if bound.major > 0 || self.precision == Precision::Major {
            return version.major == bound.major;
        }
        if bound.minor > 0 || self.precision == Precision::Minor {
            return (version.major, version.minor) == (0, bound.minor);
        }
        // `^0.0.3` and, as upstream, `^*` admit one version only.
        version.numbers() == bound.numbers()
    }

    fn differs(&self, version: &Version) -> bool {
        let bound = &self.version;
        let prereleases = || {
            (version.is_prerelease() || bound.is_prerelease())
                && compare_prereleases(&version.prerelease, &bound.prerelease).is_ne()
        };
        match self.precision {
            Precision::Major => version.major != bound.major,
            Precision::Minor => (version.major, version.minor) != (bound.major, bound.minor) || prereleases(),
            Precision::Any | Precision::Patch => version != bound,
        }
    }
}

fn parse_group(text: &str) -> Result<Vec<Comparison>, &'static str> {
    let mut comparisons = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (operator, after) = take_operator(rest);
        let (version, precision, after) = take_version(after.trim_start())?;
        let spaced = after.trim_start();
        if let Some(upper) = range_end(after) {
            if operator.is_some() {
                return Err("an operator cannot stand before `a - b`");
            }
            let (high, high_precision, after_high) = take_version(upper)?;
            comparisons.push(Comparison { operator: Operator::GreaterOrEqual, version, precision });
            comparisons.push(Comparison {
                operator: Operator::LessOrEqual,
                version: high,
                precision: high_precision,
            });
            rest = after_high;
        } else {
            let operator = operator.unwrap_or(Operator::Equal);
            comparisons.push(Comparison { operator, version, precision });
            rest = if spaced.is_empty() || spaced.starts_with(',') { spaced } else { after };
        }
        let next = rest.trim_start();
        if next.is_empty() {
            return Ok(comparisons);
        }
        rest = match next.strip_prefix(',') {
            Some(after_comma) => after_comma.trim_start(),
            None if next.len() < rest.len() => next,
            None => return Err("a space or a comma is missing between two comparisons"),
        };
    }
}

/// What follows ` - ` when `text` starts with it.
fn range_end(text: &str) -> Option<&str> {
    let dash = text.trim_start();
    let after = dash.strip_prefix('-')?;
    let upper = after.trim_start();
    (dash.len() < text.len() && upper.len() < after.len()).then_some(upper)
}

fn take_operator(text: &str) -> (Option<Operator>, &str) {
    for (spelling, operator) in OPERATORS {
        if let Some(rest) = text.strip_prefix(spelling) {
            return (Some(*operator), rest);
        }
    }
    (None, text)
}

/// Reads `[v]1[.2[.3]][-prerelease][+build]`, where numbers may be wildcards, and returns what follows it.
fn take_version(text: &str) -> Result<(Version, Precision, &str), &'static str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "*.-+".contains(c))).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let plain = word.strip_prefix('v').unwrap_or(word);
    let numbers_end = plain.find(['-', '+']).unwrap_or(plain.len());
    let (numbers, suffix) = plain.split_at(numbers_end);
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() > 3 {
        return Err("a version has at most three numbers");
    }
    if !parts.iter().all(|p| is_wildcard(p) || (!p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))) {
        return Err("expected a version such as 1, 1.2.x or 1.2.3-rc.1");
    }
    let spelled = parts.iter().position(|p| is_wildcard(p)).unwrap_or(parts.len());
    let precision = match spelled {
        0 => Precision::Any,
        1 => Precision::Major,
        2 => Precision::Minor,
        _ => Precision::Patch,
    };
    let numbers = if spelled == 0 { "0".to_owned() } else { parts[..spelled].join(".") };
    let version = Version::parse(&format!("{numbers}{suffix}"))
        .map_err(|_| "the version's numbers are too large or its prerelease is malformed")?;
    Ok((version, precision, rest))
}

fn is_wildcard(part: &str) -> bool {
    matches!(part, "x" | "X" | "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row: a range, the versions in it, the versions not in it.
    fn check(range: &str, inside: &[&str], outside: &[&str]) {
        let constraint = Constraint::parse(range).unwrap_or_else(|e| panic!("{range}: {e}"));
        let matches = |v: &&str| constraint.matches(&Version::parse(v).unwrap());
        assert_eq!(
            inside.iter().filter(|v| !matches(v)).collect::<Vec<_>>(),
            [&""; 0],
            "missing in {range:?}"
        );
        assert_eq!(
            outside.iter().filter(|v| matches(v)).collect::<Vec<_>>(),
            [&""; 0],
            "too many in {range:?}"
        );
    }

    #[test]
    fn comparisons() {
        check("=2.0.0", &["2", "2.0.0+x"], &["2.0.1", "2.0.0-rc"]);
        check("= 2.0", &["2.0.0", "2.0.9"], &["2.1.0", "1.2.3"]);
        check("4.1", &["4.1.0", "4.1.7"], &["4.2.0"]);
        check("!=4.1", &["5.1.0", "4.2.0"], &["4.1.0", "4.1.5", "5.0.0-rc"]);
        check("!=4.x", &["5.1.0"], &["4.1.0"]);
        check("!=4.2.3", &["4.2.4"], &["4.2.3"]);
        check("!=4.1-alpha", &["4.1.0", "4.1.0-beta"], &["4.1.0-alpha", "4.1.1-alpha"]);
        check(">1.1", &["4.1.0", "1.2.0"], &["1.1.0", "1.1.9", "4.1.0-beta"]);
        check(">11", &["12.0.0"], &["11.1.0"]);
        check(">0-0", &["1.0.0"], &["0.0.1-alpha"]);
        check(">0.0.0-0", &["0.0.0-alpha"], &[]);
        check(">1.2.3-alpha.1", &["1.2.3-alpha.2", "1.3.3-alpha.2"], &["1.2.3-alpha.1"]);
        check("<1.1", &["0.1.0", "1.0.500"], &["1.1.0", "1.1.1"]);
        check("<1.x", &["0.1.1"], &["1.1.1", "2.0.0"]);
        check(">=1.1", &["4.1.0", "1.1.0"], &["0.0.9", "4.1.0-beta"]);
        check("=>1.1", &["1.1.0"], &["1.0.0"]);
        check(">=0-0", &["0.0.1-alpha", "1.0.0-rc.1"], &[]);
        check("<=1.1", &["0.1.0", "1.1.0", "1.1.1"], &["1.2.0", "0.1.0-alpha"]);
        check("=<4.5.1", &["4.5.1"], &["4.5.2"]);
        check("<=2.x", &["2.9.9"], &["3.0.0"]);
        check("<=1.1-a", &["0.1.0-alpha"], &[]);
    }

    #[test]
    fn wildcards_and_partial_versions() {
        check("*", &["1", "4.5.6"], &["1.2.3-alpha.1"]);
        check("*-0", &["1.2.3-alpha.1", "1.2.3"], &[]);
        check("x", &["9.9.9"], &[]);
        check("2", &["2.1.1"], &["1.0.0", "3.4.5"]);
        check("2.*", &["2.1.1"], &["1.0.0", "3.4.5"]);
        check("2.1.X", &["2.1.1"], &["2.2.1"]);
        check("0.x.x", &["0.9.0"], &["1.2.3"]);
        check("0.0.x", &["0.0.9"], &["0.1.0"]);
        check("v1.2.x", &["1.2.9"], &["1.3.0"]);
    }

    #[test]
    fn tilde() {
        check("~1.2.3", &["1.2.3", "1.2.4"], &["1.3.4", "1.2.2"]);
        check("~>1.2", &["1.2.4"], &["1.3.4"]);
        check("~1", &["1.2.4", "1.4"], &["2.3.4"]);
        check("~0.0.0", &["1.2.3"], &[]);
        check("~*", &["2.1.1"], &[]);
        check("~1.2.3-beta.2", &["1.2.3-beta.4", "1.2.4-beta.2"], &["1.3.4-beta.2", "1.2.3-beta.1"]);
        check("~1.1-alpha", &["1.1.1-beta"], &[]);
    }

    #[test]
    fn caret() {
        check("^1.2.3", &["1.8.9"], &["2.8.9", "1.2.1", "1.9.0-alpha.1"]);
        check("^1", &["1.8.9"], &["2.8.9"]);
        check("^0.2.3", &["0.2.5"], &["0.5.6"]);
        check("^0.2", &["0.2.5"], &["0.3.0"]);
        check("^0.0.3", &["0.0.3"], &["0.0.4"]);
        check("^0.0", &["0.0.3"], &["0.1.4", "1.0.4"]);
        check("^0", &["0.2.3"], &["1.1.4"]);
        check("^0.0.0", &["0.0.0"], &["1.2.3"]);
        check("^1.2.0-alpha.0", &["1.2.1-alpha.1", "1.2.0"], &["1.2.0-0"]);
    }

    #[test]
    fn groups() {
        check(">=1.1, <2, !=1.2.3 || > 3", &["1.5.0", "4.1.2"], &["1.2.3", "3.0.0", "3.1.2", "2.0.0"]);
        check(">= 1.1    < 2 != 1.2.3", &["1.1.0"], &["1.2.3"]);
        check(">1 , <3", &["2.0.0"], &["3.0.0"]);
        check("1.5.0 - 4.5", &["3.7.0", "4.5.9"], &["4.6.0", "1.4.0"]);
        check("1.0.0 - 2.0.0, <=1.5.0", &["1.2.0"], &["1.6.0"]);
        check("1.0.0 - 2.0.0 <=1.5.0 || 9", &["1.2.0", "9.1.0"], &["1.6.0"]);
        check("12.3.34 ~12.3.4", &["12.3.34"], &["12.3.33"]);
        check("1.1-3", &[], &["4.3.2"]);
    }

    #[test]
    fn one_prerelease_admits_them_for_its_group() {
        check(">=1.0.0 <=2.0.0-beta", &["1.0.1-beta", "1.0.1"], &["3.0.0"]);
        check(">=1.0.0-0 <=2.0.0", &["1.0.1-beta"], &[]);
        check(">=1.0.0 <=2.0.0-beta || >3", &["1.0.1-beta"], &["3.0.1-beta", "4.0.0-rc"]);
        check(">=1.0.0 <=2.0.0-beta !=1.0.1-beta", &[], &["1.0.1-beta"]);
    }

    #[test]
    fn what_is_no_range() {
        for bad in [
            "",
            " ",
            "||",
            "1 ||",
            ">= bar",
            "BAR >= 1.2.3",
            "12.3.4.1234",
            "12.3.34~ 1.2.3",
            "v1.2.3-beta.01",
            ",1",
            "1,",
            "1,,2",
            ">1 - 2",
            "1 -2",
            "1|2",
            "1x",
            "==1",
            ">",
            "1 - ",
            "99999999999999999999",
            "1.2.3-é",
        ] {
            assert!(Constraint::parse(bad).is_err(), "{bad:?} should not parse");
        }
        insta::assert_snapshot!(Constraint::parse("1 || 12.3.34~ 1.2.3").unwrap_err(), @r#""12.3.34~ 1.2.3" is not a version range: a space or a comma is missing between two comparisons"#);
        assert!(matches!(Constraint::parse(&"1 ".repeat(1000)), Err(ConstraintError::TooLong(2000))));
    }

    #[test]
    fn pick_takes_the_highest() {
        let pick = |range: &str, texts: &[&'static str]| {
            Constraint::parse(range).unwrap().pick(texts.iter().copied())
        };
        assert_eq!(pick("*", &["1.0.0", "latest", "v2.0.0", "10.0.0-rc.1"]), Some("v2.0.0"));
        assert_eq!(pick("<2", &["1.9.0", "1.10.0", "2.0.0"]), Some("1.10.0"));
        assert_eq!(pick("1.0.x", &["1.0.0+a", "1.0.0+b"]), Some("1.0.0+a"));
        assert_eq!(pick("3", &["1.0.0"]), None);
    }

    #[test]
    fn exact_versions_need_no_choice() {
        let exact = |range: &str| Constraint::parse(range).unwrap().exact().map(ToString::to_string);
        assert_eq!(exact("v1.2.3-rc.1").as_deref(), Some("1.2.3-rc.1"));
        assert_eq!(exact("1.2"), None);
        assert_eq!(exact("1.2.3 || 2.0.0"), None);
        assert_eq!(exact("^1.2.3"), None);
    }
}
