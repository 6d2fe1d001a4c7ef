//! Text with `${…}` in it into parts.

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Function(Function),
}

/// What stands between `${` and `}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) variable: String,
    /// As written; empty for the bare variable.
    pub(super) operator: String,
    pub(super) arguments: Vec<Part>,
}

/// Why a text cannot be read; the messages are the original's, where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ParseError {
    #[error("bad substitution")]
    Bad,
    #[error("missing closing brace")]
    NoBrace,
    #[error("unable to parse variable name")]
    NoName,
    #[error("unable to parse substitution within function")]
    NoArgument,
    #[error("unable to parse default function")]
    NoDefault,
    #[error("substitutions nested more than {MAX_DEPTH} deep (limit: depth)")]
    TooDeep,
}

/// Substitutions in the defaults of substitutions.
const MAX_DEPTH: usize = 64;

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<Vec<Part>, ParseError> {
    let mut reader = Reader { rest: text, depth: 0 };
    let mut parts = Vec::new();
    while !reader.rest.is_empty() {
        parts.push(match reader.rest.strip_prefix("${") {
            Some(_) => Part::Function(reader.function()?),
            None => Part::Text(reader.text(|_| true, &["$$"])),
        });
    }
    Ok(parts)
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// Text as far as it is accepted and no substitution begins. Of an escape, its second character is taken without
    /// being looked at.
    fn text(&mut self, accept: impl Fn(char) -> bool, escapes: &[&str]) -> String {
        let mut text = String::new();
        while let Some(next) = self.peek() {
            if self.rest.starts_with("${") {
                break;
            }
            let escaped = escapes.iter().find(|escape| self.rest.starts_with(**escape));
            match escaped {
                Some(escape) => {
                    text.push_str(&escape[1..]);
                    self.take(2);
                }
                None if accept(next) => {
                    text.push(next);
                    self.take(next.len_utf8());
                }
                None => break,
            }
        }
        text
    }

    fn name(&mut self) -> String {
        let end = self.rest.find(|c: char| !(c.is_alphabetic() || c.is_numeric() || c == '_'));
        let name = self.rest[..end.unwrap_or(self.rest.len())].to_owned();
        self.take(name.len());
        name
    }

    fn close(&mut self) -> Result<(), ParseError> {
        self.rest = self.rest.strip_prefix('}').ok_or(ParseError::Bad)?;
        Ok(())
    }

    /// A whole `${…}`.
    fn function(&mut self) -> Result<Function, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::TooDeep);
        }
        self.take(2);
        let function = if self.peek() == Some('#') { self.length() } else { self.after_name() };
        self.depth -= 1;
        function
    }

    fn length(&mut self) -> Result<Function, ParseError> {
        self.take(1);
        let variable = self.name();
        if variable.is_empty() {
            return Err(ParseError::Bad);
        }
        self.close()?;
        Ok(Function { variable, operator: "#".into(), arguments: Vec::new() })
    }

    fn after_name(&mut self) -> Result<Function, ParseError> {
        let variable = self.name();
        if variable.is_empty() {
            return Err(ParseError::NoName);
        }
        let (operator, arguments) = match self.peek() {
            Some(':') => match self.rest[1..].chars().next() {
                Some('=' | '-' | '?' | '+') => self.default(2)?,
                _ => self.substring()?,
            },
            Some('=') => self.default(1)?,
            Some(',' | '^') => {
                let operator = self.operator(&[',', '^']);
                self.close()?;
                (operator, Vec::new())
            }
            Some('/') => self.replace()?,
            Some(sign @ ('#' | '%')) => {
                let operator = self.operator(&[sign]);
                let argument = self.argument(|c| c != '}', &[])?;
                self.close()?;
                (operator, vec![argument])
            }
            _ => {
                self.close().map_err(|_| ParseError::NoBrace)?;
                (String::new(), Vec::new())
            }
        };
        Ok(Function { variable, operator, arguments })
    }

    /// One or two of these characters.
    fn operator(&mut self, of: &[char]) -> String {
        let operator: String = self.rest.chars().take(2).take_while(|c| of.contains(c)).collect();
        self.take(operator.len());
        operator
    }

    /// One argument: a substitution, or a text that is not empty.
    fn argument(&mut self, accept: impl Fn(char) -> bool, escapes: &[&str]) -> Result<Part, ParseError> {
        if self.rest.starts_with("${") {
            return self.function().map(Part::Function);
        }
        let text = self.text(accept, escapes);
        if text.is_empty() { Err(ParseError::NoArgument) } else { Ok(Part::Text(text)) }
    }

    fn default(&mut self, operator: usize) -> Result<(String, Vec<Part>), ParseError> {
        let name = self.rest.get(..operator).ok_or(ParseError::NoDefault)?.to_owned();
        self.take(operator);
        let mut arguments = Vec::new();
        while self.peek() != Some('}') {
            arguments.push(self.argument(|c| c != '}', &[])?);
        }
        self.close()?;
        Ok((name, arguments))
    }

    fn substring(&mut self) -> Result<(String, Vec<Part>), ParseError> {
        self.take(1);
        let mut arguments = vec![self.argument(|c| c != ':' && c != '}', &[])?];
        if self.rest.starts_with(':') {
            self.rest = self.rest.trim_start_matches(':');
            arguments.push(self.argument(|c| c != '}', &[])?);
        }
        self.close()?;
        Ok((":".into(), arguments))
    }

    fn replace(&mut self) -> Result<(String, Vec<Part>), ParseError> {
        const ESCAPES: &[&str] = &["$$", "\\/", "\\\\"];
        let second = self.rest[1..].chars().next().filter(|c| matches!(c, '/' | '#' | '%'));
        let operator: String = ['/'].into_iter().chain(second).collect();
        self.take(operator.len());
        let mut arguments = vec![self.argument(|c| c != '/', ESCAPES)?];
        let rest = self.rest.trim_start_matches('/');
        if rest.len() == self.rest.len() {
            return Err(ParseError::Bad);
        }
        self.rest = rest;
        if self.peek() != Some('}') {
            arguments.push(self.argument(|c| c != '}', ESCAPES)?);
        }
        self.close()?;
        Ok((operator, arguments))
    }
}
