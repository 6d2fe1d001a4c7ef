//! The two pattern languages that Helm uses: Go's `filepath.Match` (`.helmignore`, `--show-only`) and the `**`-aware
//! one of `.Files.Glob`.

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub(crate) struct BadPattern;

/// Steps one match may take: patterns with many stars backtrack, and patterns come from charts.
const MAX_STEPS: u32 = 1_000_000;

/// Go's `filepath.Match`: `*` and `?` stop at `/`, `[a-z]`, `[^a]` and `\` work, and there is no `**`. The whole
/// name must match.
///
/// # Errors
/// [`BadPattern`] for an unclosed or empty class or a trailing `\`.
pub(crate) fn path_match(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    Ok(Pattern::path(pattern)?.matches(name))
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    alternatives: Vec<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(char),
    /// One character that is no separator.
    Any,
    /// A run of characters without separators.
    Star,
    /// A run of characters.
    Super,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
        /// Whether the class may match the separator.
        separator: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Dialect {
    Path,
    Files,
}

/// How many alternatives the braces of one pattern may unfold to.
const MAX_ALTERNATIVES: usize = 256;

impl Pattern {
    /// A pattern of [`path_match`], to match several names with.
    ///
    /// # Errors
    /// [`BadPattern`] as [`path_match`].
    pub(crate) fn path(pattern: &str) -> Result<Self, BadPattern> {
        Self::parse(pattern, Dialect::Path)
    }

    /// A pattern of `.Files.Glob`: as [`path_match`], with `**` for any run of characters, `{a,b}` for alternatives
    /// and `!` to negate a class.
    ///
    /// # Errors
    /// [`BadPattern`] when a class or brace is not closed, or braces unfold to more than 256 alternatives.
    pub(crate) fn files(pattern: &str) -> Result<Self, BadPattern> {
        Self::parse(pattern, Dialect::Files)
    }

    fn parse(pattern: &str, dialect: Dialect) -> Result<Self, BadPattern> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut reader = Reader { chars: &chars, at: 0, dialect };
        let alternatives = reader.sequence(0)?;
        if reader.at < chars.len() {
            return Err(BadPattern);
        }
        Ok(Self { alternatives })
    }

    /// Whether the whole name matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.alternatives.iter().any(|parts| run(parts, &name))
    }
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    dialect: Dialect,
}

impl Reader<'_> {
    /// Reads up to the end, or up to `,` or `}` inside a brace; unfolds braces into alternatives.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Vec<Part>>, BadPattern> {
        let mut found: Vec<Vec<Part>> = vec![Vec::new()];
        while let Some(&c) = self.chars.get(self.at) {
            if depth > 0 && (c == ',' || c == '}') {
                break;
            }
            self.at += 1;
            if c == '{' && self.dialect == Dialect::Files {
                let inner = self.brace(depth + 1)?;
                if found.len() * inner.len() > MAX_ALTERNATIVES {
                    return Err(BadPattern);
                }
                found = found
                    .iter()
                    .flat_map(|head| inner.iter().map(|tail| [head.as_slice(), tail.as_slice()].concat()))
                    .collect();
                continue;
            }
            let part = self.part(c)?;
            for parts in &mut found {
                parts.push(part.clone());
            }
        }
        Ok(found)
    }

    fn brace(&mut self, depth: usize) -> Result<Vec<Vec<Part>>, BadPattern> {
        if depth > 16 {
            return Err(BadPattern);
        }
        let mut alternatives = Vec::new();
        loop {
            alternatives.extend(self.sequence(depth)?);
            let closed = *self.chars.get(self.at).ok_or(BadPattern)?;
            self.at += 1;
            if closed == '}' {
                return Ok(alternatives);
            }
        }
    }

    fn part(&mut self, c: char) -> Result<Part, BadPattern> {
        match c {
            '*' => {
                if self.dialect == Dialect::Files && self.chars.get(self.at) == Some(&'*') {
                    self.at += 1;
                    return Ok(Part::Super);
                }
                Ok(Part::Star)
            }
            '?' => Ok(Part::Any),
            '[' => self.class(),
            '\\' => {
                let escaped = *self.chars.get(self.at).ok_or(BadPattern)?;
                self.at += 1;
                Ok(Part::Literal(escaped))
            }
            c => Ok(Part::Literal(c)),
        }
    }

    fn class(&mut self) -> Result<Part, BadPattern> {
        let negation = if self.dialect == Dialect::Path { '^' } else { '!' };
        let negated = self.chars.get(self.at) == Some(&negation);
        if negated {
            self.at += 1;
        }
        let mut ranges = Vec::new();
        loop {
            if self.chars.get(self.at) == Some(&']') && !ranges.is_empty() {
                self.at += 1;
                return Ok(Part::Class { negated, ranges, separator: self.dialect == Dialect::Files });
            }
            let low = self.class_char()?;
            let mut high = low;
            if self.chars.get(self.at) == Some(&'-') {
                self.at += 1;
                high = self.class_char()?;
            }
            ranges.push((low, high));
        }
    }

    fn class_char(&mut self) -> Result<char, BadPattern> {
        let mut c = *self.chars.get(self.at).ok_or(BadPattern)?;
        self.at += 1;
        if self.dialect == Dialect::Path && (c == '-' || c == ']') {
            return Err(BadPattern);
        }
        if c == '\\' {
            c = *self.chars.get(self.at).ok_or(BadPattern)?;
            self.at += 1;
        }
        Ok(c)
    }
}

/// Greedy matching that goes back to the last star of either kind.
fn run(parts: &[Part], name: &[char]) -> bool {
    let mut steps = 0;
    matches_from(parts, name, &mut steps).unwrap_or(false)
}

/// `None` once the steps are used up.
fn matches_from(parts: &[Part], name: &[char], steps: &mut u32) -> Option<bool> {
    let (mut p, mut n) = (0, 0);
    loop {
        *steps += 1;
        if *steps > MAX_STEPS {
            return None;
        }
        let Some(part) = parts.get(p) else { return Some(n == name.len()) };
        if let Part::Star | Part::Super = part {
            let rest = &parts[p + 1..];
            let mut end = n;
            loop {
                if matches_from(rest, &name[end..], steps)? {
                    return Some(true);
                }
                match name.get(end) {
                    Some('/') if *part == Part::Star => return Some(false),
                    Some(_) => end += 1,
                    None => return Some(false),
                }
            }
        }
        let Some(&c) = name.get(n) else { return Some(false) };
        let matched = match part {
            Part::Literal(l) => *l == c,
            Part::Any => c != '/',
            Part::Class { negated, ranges, separator } => {
                (*separator || c != '/')
                    && ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
            Part::Star | Part::Super => unreachable!("handled above"),
        };
        if !matched {
            return Some(false);
        }
        p += 1;
        n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let check = |pattern: &str, name: &str, expected: Result<bool, BadPattern>| {
            assert_eq!(path_match(pattern, name), expected, "{pattern} on {name}");
        };
        check("*.yaml", "a.yaml", Ok(true));
        check("*.yaml", "a/b.yaml", Ok(false));
        check("templates/*", "templates/a.yaml", Ok(true));
        check("templates/.?*", "templates/.a", Ok(true));
        check("templates/.?*", "templates/.", Ok(false));
        check("a[b-d]e", "ace", Ok(true));
        check("a[^b-d]e", "ace", Ok(false));
        check("a[^b]e", "a/e", Ok(false));
        check("a\\*", "a*", Ok(true));
        check("a**", "abc", Ok(true));
        check("[z-", "abc", Err(BadPattern));
        check("[]", "abc", Err(BadPattern));
        check("a\\", "a", Err(BadPattern));
        check("{a,b}", "{a,b}", Ok(true));
        check("", "", Ok(true));
    }

    #[test]
    fn files() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(Pattern::files(pattern).unwrap().matches(name), expected, "{pattern} on {name}");
        };
        check("files/*", "files/a.txt", true);
        check("files/*", "files/b/a.txt", false);
        check("files/**", "files/b/a.txt", true);
        check("**.yaml", "a/b/c.yaml", true);
        check("**/c.yaml", "c.yaml", false);
        check("{a,b*}/c", "bx/c", true);
        check("{a,b}/c", "c/c", false);
        check("[!a]b", "cb", true);
        check("a?c", "a/c", false);
    }

    #[test]
    fn stars_are_bounded() {
        let pattern = "*a".repeat(40) + "b";
        assert_eq!(path_match(&pattern, &"a".repeat(200)), Ok(false));
    }
}
