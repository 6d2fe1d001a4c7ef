//! Label selectors as text: the grammar of Kubernetes' `labels.Parse`, with its errors.

use crate::names::{label_key_problem, label_value_problem};
use crate::selector::{LabelSelector, Requirement, Test};
use std::iter::Peekable;
use std::vec::IntoIter;

/// The characters that operators are made of.
const SPECIAL: &str = "=!(),<>";
/// The operators, longest first.
const OPERATORS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];
const BINARY: &str = "in, notin, =, ==, !=, gt, lt";

/// Reads a selector.
///
/// # Errors
/// What was found instead of what was expected, in the original's words.
pub(crate) fn parse(text: &str) -> Result<LabelSelector, String> {
    Parser { tokens: tokens(text).into_iter().peekable() }.selector()
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if SPECIAL.contains(first) {
            OPERATORS
                .iter()
                .find(|operator| rest.starts_with(**operator))
                .map_or(1, |operator| operator.len())
        } else {
            rest.find(|c: char| c.is_whitespace() || SPECIAL.contains(c)).unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token.to_owned());
        rest = after.trim_start();
    }
    tokens
}

fn is_identifier(token: &str) -> bool {
    token.chars().next().is_some_and(|c| !SPECIAL.contains(c))
}

struct Parser {
    tokens: Peekable<IntoIter<String>>,
}

impl Parser {
    /// The next token without taking it; empty at the end.
    fn peek(&mut self) -> &str {
        self.tokens.peek().map_or("", String::as_str)
    }

    fn take(&mut self) -> String {
        self.tokens.next().unwrap_or_default()
    }

    fn selector(mut self) -> Result<LabelSelector, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                "" => return Ok(LabelSelector(requirements)),
                token if token == "!" || is_identifier(token) => {}
                token => return Err(format!("found '{token}', expected: !, identifier, or 'end of string'")),
            }
            let requirement =
                self.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
            requirements.push(requirement);
            match self.take().as_str() {
                "" => return Ok(LabelSelector(requirements)),
                "," => {
                    let next = self.peek();
                    if next != "!" && !is_identifier(next) {
                        return Err(format!("found '{next}', expected: identifier after ','"));
                    }
                }
                other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.take();
        let absent = token == "!";
        if absent {
            token = self.take();
        }
        if !is_identifier(&token) {
            return Err(format!("found '{token}', expected: identifier"));
        }
        if let Some(problem) = label_key_problem(&token) {
            return Err(format!("<nil>: Invalid value: {token:?}: {problem}"));
        }
        let key = token;
        if absent {
            return Ok(Requirement { key, test: Test::Absent });
        }
        if matches!(self.peek(), "" | ",") {
            return Ok(Requirement { key, test: Test::Exists });
        }
        let test = match self.take().as_str() {
            "in" => Test::In(self.values()?),
            "notin" => Test::NotIn(self.values()?),
            "=" | "==" => Test::In(vec![self.value()?]),
            "!=" => Test::NotIn(vec![self.value()?]),
            ">" => Test::Greater(self.number()?),
            "<" => Test::Less(self.number()?),
            other => return Err(format!("found '{other}', expected: {BINARY}")),
        };
        Ok(Requirement { key, test })
    }

    /// One value; nothing before the end or a comma is the empty one.
    fn word(&mut self) -> Result<String, String> {
        if matches!(self.peek(), "" | ",") {
            return Ok(String::new());
        }
        let token = self.take();
        if is_identifier(&token) { Ok(token) } else { Err(format!("found '{token}', expected: identifier")) }
    }

    fn value(&mut self) -> Result<String, String> {
        checked(0, self.word()?)
    }

    fn number(&mut self) -> Result<i64, String> {
        let text = self.word()?;
        text.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            )
        })
    }

    /// Values in parentheses.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.take();
        if open != "(" {
            return Err(format!("found '{open}' expected: '('"));
        }
        let mut values = Vec::new();
        loop {
            let token = self.take();
            match token.as_str() {
                ")" => {
                    // Nothing between parentheses, or behind a comma, is the empty value.
                    values.push(String::new());
                    break;
                }
                "," => values.push(String::new()),
                _ if is_identifier(&token) => {
                    values.push(token);
                    match self.take().as_str() {
                        "," => {}
                        ")" => break,
                        other => return Err(format!("found '{other}', expected: ',' or ')'")),
                    }
                }
                other => return Err(format!("found '{other}', expected: ',', ')' or identifier")),
            }
        }
        values.sort();
        values.dedup();
        values.into_iter().enumerate().map(|(index, value)| checked(index, value)).collect()
    }
}

fn checked(index: usize, value: String) -> Result<String, String> {
    match label_value_problem(&value) {
        Some(problem) => Err(format!("values[{index}][{value}]: Invalid value: {value:?}: {problem}")),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_says_what_was_expected() {
        let why = |text: &str| parse(text).unwrap_err();
        assert_eq!(why("a=b=c"), "found '=', expected: ',' or 'end of string'");
        assert_eq!(why("=b"), "found '=', expected: !, identifier, or 'end of string'");
        assert_eq!(why("a in (b"), "unable to parse requirement: found '', expected: ',' or ')'");
        assert_eq!(why("a near b"), format!("unable to parse requirement: found 'near', expected: {BINARY}"));
        assert_eq!(why("!"), "unable to parse requirement: found '', expected: identifier");
        assert_eq!(why("a,"), "found '', expected: identifier after ','");
    }

    #[test]
    fn lists_and_spaces() {
        let test = |text: &str| parse(text).unwrap().0.into_iter().map(|r| r.test).collect::<Vec<_>>();
        assert_eq!(test(" a in ( x ,y )"), [Test::In(vec!["x".into(), "y".into()])]);
        assert_eq!(test("a=,b"), [Test::In(vec![String::new()]), Test::Exists]);
        assert_eq!(test("a>3"), [Test::Greater(3)]);
    }
}
