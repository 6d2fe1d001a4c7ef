//! Parts of a text into text.

use super::functions::apply;
use super::parse::{Function, ParseError, Part, parse};
use secrecy::{ExposeSecret, SecretString};
use std::cell::Cell;
use std::collections::BTreeMap;

/// What expansions share: the variables, and what may still be written and matched.
pub(super) struct Expansion<'a> {
    variables: &'a BTreeMap<String, SecretString>,
    strict: bool,
    bytes: Cell<usize>,
    steps: Cell<usize>,
    max_bytes: usize,
    max_steps: usize,
}

/// Why a text cannot be expanded. Never carries a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpandError {
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error("variable not set (strict mode): {0:?}")]
    NotSet(String),
    #[error("the substitutions write more than {0} bytes (limit: output bytes)")]
    TooLarge(usize),
    #[error("the patterns take more than {0} steps (limit: steps)")]
    TooSlow(usize),
}

impl<'a> Expansion<'a> {
    pub(super) fn new(
        variables: &'a BTreeMap<String, SecretString>,
        strict: bool,
        max_bytes: usize,
        max_steps: usize,
    ) -> Self {
        let (bytes, steps) = (Cell::new(max_bytes), Cell::new(max_steps));
        Self { variables, strict, bytes, steps, max_bytes, max_steps }
    }

    /// Takes what writing a text costs.
    pub(super) fn write(&self, bytes: usize) -> Result<(), ExpandError> {
        let left = self.bytes.get().checked_sub(bytes).ok_or(ExpandError::TooLarge(self.max_bytes))?;
        self.bytes.set(left);
        Ok(())
    }

    /// Takes what matching costs.
    pub(super) fn step(&self, steps: usize) -> Result<(), ExpandError> {
        let left = self.steps.get().checked_sub(steps).ok_or(ExpandError::TooSlow(self.max_steps))?;
        self.steps.set(left);
        Ok(())
    }

    fn call(&self, function: &Function, out: &mut Vec<u8>) -> Result<(), ExpandError> {
        let mut arguments = Vec::with_capacity(function.arguments.len());
        for argument in &function.arguments {
            let mut text = Vec::new();
            self.part(argument, &mut text)?;
            // Cutting by bytes may have gone through a character.
            arguments.push(String::from_utf8_lossy(&text).into_owned());
        }
        let value = self.variables.get(&function.variable).map(ExposeSecret::expose_secret);
        // A default stands in for what is not set; everything else reads the value.
        let has_default = matches!(function.operator.as_str(), "=" | ":=" | ":-" | ":?" | ":+");
        if value.is_none() && self.strict && !has_default {
            return Err(ExpandError::NotSet(function.variable.clone()));
        }
        let result = apply(&function.operator, value.unwrap_or_default(), &arguments, self)?;
        self.write(result.len())?;
        out.extend_from_slice(&result);
        Ok(())
    }

    fn part(&self, part: &Part, out: &mut Vec<u8>) -> Result<(), ExpandError> {
        match part {
            Part::Text(text) => {
                self.write(text.len())?;
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Part::Function(function) => self.call(function, out),
        }
    }
}

/// Replaces every `${…}` of a text.
pub(super) fn expand(text: &str, expansion: &Expansion<'_>) -> Result<Vec<u8>, ExpandError> {
    let mut out = Vec::with_capacity(text.len());
    for part in parse(text)? {
        expansion.part(&part, &mut out)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, variables: &[(&str, &str)], strict: bool) -> Result<String, String> {
        let variables: BTreeMap<String, SecretString> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), SecretString::from(*v))).collect();
        let expansion = Expansion::new(&variables, strict, 1000, 10_000);
        expand(text, &expansion).map(|t| String::from_utf8(t).unwrap()).map_err(|e| e.to_string())
    }

    /// What a text becomes with `v` and a few others set.
    fn check(text: &str, expected: &str) {
        let variables = [
            ("v", "abcABC123ABCabc"),
            ("path", "/home/me/notes.for.today"),
            ("e", ""),
            ("u", "über straße"),
            ("w", "x y"),
        ];
        assert_eq!(run(text, &variables, false).as_deref(), Ok(expected), "{text}");
    }

    fn fails(text: &str, expected: &str) {
        assert_eq!(run(text, &[("v", "x")], false).unwrap_err(), expected, "{text}");
    }

    #[test]
    fn variables_and_what_is_none() {
        check("plain $ text $v {v} \\ } $", "plain $ text $v {v} \\ } $");
        check("${v}", "abcABC123ABCabc");
        check("<${e}${unset}>", "<>");
        check("$${v} $$${v} $$$${v} $$", "${v} $abcABC123ABCabc $${v} $");
        check("$${v:=${w}}", "${v:=x y}");
        check("\\${v}", "\\abcABC123ABCabc");
    }

    #[test]
    fn defaults() {
        for operator in ["=", ":=", ":-", ":?", ":+"] {
            check(&format!("${{v{operator}d}}"), "abcABC123ABCabc");
            check(&format!("${{e{operator}d}}"), "d");
            check(&format!("${{unset{operator}d}}"), "d");
        }
        check("${unset:=}", "");
        check("${unset:=pre${w}post${unset:=in}ner}", "prex ypostinner");
        check("${unset:=$v $$ \\/}", "$v $$ \\/");
        check("${unset:=a:b/c#d}", "a:b/c#d");
        // What looks like the shell's form without a colon is none.
        fails("${v-d}", "missing closing brace");
        fails("${v?d}", "missing closing brace");
    }

    #[test]
    fn lengths_and_case() {
        check("${#v}", "15");
        check("${#u}", "13");
        check("${#unset}", "0");
        check("${v^} ${v^^}", "AbcABC123ABCabc ABCABC123ABCABC");
        check("${v,} ${v,,}", "abcABC123ABCabc abcabc123abcabc");
        check("${u^} ${u^^}", "Über straße ÜBER STRAßE");
        check("${v,^}", "abcABC123ABCabc");
        fails("${v,,x}", "bad substitution");
        fails("${#v:1}", "bad substitution");
        fails("${#}", "bad substitution");
    }

    #[test]
    fn substrings() {
        check("${path:6}", "me/notes.for.today");
        check("${path:6:2}", "me");
        check("${path:100}<", "<");
        check("${path:6:100}", "me/notes.for.today");
        check("${path:1:-1}", "home/me/notes.for.toda");
        check("${path:20:-10}<", "<");
        check("${path: -5}", "/home/me/notes.for.today");
        check("${path:x}", "/home/me/notes.for.today");
        check("${path:6:x}", "/home/me/notes.for.today");
        check("${path:6::2}", "me");
        check("${path:${unset:=6}:2}", "me");
        check("${v:9223372036854775807:9223372036854775807}<", "<");
        fails("${v::2}", "unable to parse substitution within function");
        fails("${v:}", "unable to parse substitution within function");
    }

    #[test]
    fn replacements() {
        check("${v/abc/x}", "xABC123ABCabc");
        check("${v//abc/x}", "xABC123ABCx");
        check("${v/#abc/x} ${v/#ABC/x}", "xABC123ABCabc abcABC123ABCabc");
        check("${v/%abc/x} ${v/%ABC/x}", "abcABC123ABCx abcABC123ABCabc");
        check("${v/abc/} ${v//abc/}", "ABC123ABCabc ABC123ABC");
        // Only two arguments cut at an end.
        check("${v/#abc/}", "abcABC123ABCabc");
        check("${path/\\//-} ${path//\\//-}", "-home/me/notes.for.today -home-me-notes.for.today");
        check("${path//./\\/}", "/home/me/notes/for/today");
        check("${w//${unset:= }/-}", "x-y");
        check("${w//${unset}/-}", "-x- -y-");
        check("${v/[a]/x}", "abcABC123ABCabc");
        fails("${v/a}", "bad substitution");
        fails("${v///x}", "unable to parse substitution within function");
        fails("${v/a/b${v}}", "bad substitution");
    }

    #[test]
    fn trimming() {
        check("${path#*/}", "home/me/notes.for.today");
        check("${path##*/}", "notes.for.today");
        check("${path%.*}", "/home/me/notes.for");
        check("${path%%.*}", "/home/me/notes");
        check("${path#x}", "/home/me/notes.for.today");
        check("${path##*}<", "<");
        check("${path#/????/}", "me/notes.for.today");
        check("${path#/[g-i]ome}", "/me/notes.for.today");
        check("${path#/[^h]ome}", "/home/me/notes.for.today");
        check("${path#[}", "/home/me/notes.for.today");
        check("${u%?}", "über straß");
        check("${u#?}", "ber straße");
        fails("${v#}", "unable to parse substitution within function");
    }

    #[test]
    fn what_cannot_be_read() {
        fails("${", "unable to parse variable name");
        fails("${}", "unable to parse variable name");
        fails("${ v}", "unable to parse variable name");
        fails("${v", "missing closing brace");
        fails("${v }", "missing closing brace");
        fails("${v.x}", "missing closing brace");
        fails("${v:=", "unable to parse substitution within function");
        let deep = format!("{}{}", "${a:=".repeat(70), "}".repeat(70));
        fails(&deep, "substitutions nested more than 64 deep (limit: depth)");
    }

    #[test]
    fn strict_mode_wants_a_value_or_a_default() {
        let strict = |text: &str| run(text, &[("v", "1"), ("e", "")], true);
        assert_eq!(strict("${v}${e}").as_deref(), Ok("1"));
        assert_eq!(strict("${unset:=d}${unset=d}").as_deref(), Ok("dd"));
        assert_eq!(strict("$${unset}").as_deref(), Ok("${unset}"));
        for text in [
            "${unset}",
            "${#unset}",
            "${unset^}",
            "${unset:0}",
            "${unset/a/b}",
            "${unset#a}",
            "${x:=${unset}}",
        ] {
            assert_eq!(strict(text).unwrap_err(), "variable not set (strict mode): \"unset\"", "{text}");
        }
    }

    #[test]
    fn work_is_bounded() {
        let long = "a".repeat(400);
        let variables = [("v", long.as_str())];
        let error = run("${v}${v}${v}", &variables, false).unwrap_err();
        assert_eq!(error, "the substitutions write more than 1000 bytes (limit: output bytes)");
        let error = run("${v//${unset}/bbbb}", &variables, false).unwrap_err();
        assert_eq!(error, "the substitutions write more than 1000 bytes (limit: output bytes)");
        let error = run(&format!("${{v#{}}}", "*a".repeat(20)), &variables, false).unwrap_err();
        assert_eq!(error, "the patterns take more than 10000 steps (limit: steps)");
    }
}
