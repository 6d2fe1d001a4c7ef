//! `.helmignore`.

use crate::glob::{Pattern, path_match};

/// Why a `.helmignore` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// `**` is no part of the language.
    #[error("double-star (**) syntax is not supported")]
    DoubleStar,
    /// A pattern cannot be read.
    #[error("syntax error in pattern")]
    BadPattern,
}

/// The rules of a `.helmignore` file, in order.
///
/// Unlike in `.gitignore`, the first rule that speaks decides, and a rule with `!` ignores whatever it does *not*
/// match: Helm 3 behaves so, and a chart with such a rule rarely keeps its Chart.yaml.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: Pattern,
    negated: bool,
    folders_only: bool,
    /// The pattern has no slash: it is compared with the last part of the path.
    base_name: bool,
}

impl Rules {
    /// The rules of a file's text, followed by Helm's own one (`templates/.?*`).
    ///
    /// # Errors
    /// [`IgnoreError`] for the first pattern that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, IgnoreError> {
        let mut rules = Self::default();
        for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), IgnoreError> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.contains("**") {
            return Err(IgnoreError::DoubleStar);
        }
        path_match(line, "abc").map_err(|_| IgnoreError::BadPattern)?;
        let (negated, rule) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (folders_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let rooted = rule.starts_with('/');
        let rule = rule.strip_prefix('/').unwrap_or(rule);
        let base_name = !rooted && !rule.contains('/');
        let pattern = Pattern::path(rule).map_err(|_| IgnoreError::BadPattern)?;
        self.rules.push(Rule { pattern, negated, folders_only, base_name });
        Ok(())
    }

    /// Whether a path of the chart (relative to its folder) is left out.
    pub(super) fn ignores(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.rules {
            let name = if rule.base_name { path.rsplit('/').next().unwrap_or(path) } else { path };
            let wrong_kind = rule.folders_only && !is_folder;
            if rule.negated {
                if wrong_kind || !rule.pattern.matches(name) {
                    return true;
                }
            } else if !wrong_kind && rule.pattern.matches(name) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &str, path: &str, expected: bool) {
        let (path, folder) = path.strip_suffix('/').map_or((path, false), |p| (p, true));
        assert_eq!(Rules::parse(rules).unwrap().ignores(path, folder), expected, "{rules:?} on {path}");
    }

    #[test]
    fn rules() {
        check("\u{feff}*.txt", "a/b.txt", true);
        check("# *.txt\n", "b.txt", false);
        check("/*.txt", "a/b.txt", false);
        check("/*.txt", "b.txt", true);
        check("a/*.txt", "a/b.txt", true);
        check("mydir/", "mydir/", true);
        check("mydir/", "mydir", false);
        check("mydir/", "a/mydir/", true);
        check("", "templates/.hidden", true);
        check("", "templates/a.yaml", false);
    }

    #[test]
    fn a_negated_rule_ignores_what_it_does_not_match() {
        check("!keep", "Chart.yaml", true);
        check("!keep", "keep", false);
        check("!dir/", "dir", true);
    }

    #[test]
    fn refusals() {
        assert_eq!(Rules::parse("a/**/b").unwrap_err(), IgnoreError::DoubleStar);
        assert_eq!(Rules::parse("[z-").unwrap_err(), IgnoreError::BadPattern);
    }
}
