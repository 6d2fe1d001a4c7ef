//! Formats of lines: dotenv and INI.

use super::metadata::unflatten;
use super::tree::Walk;
use super::{SopsError, json};
use serde_json::{Map, Value};

/// A file as lines, without its metadata.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
enum Line {
    /// Stands as it is: a section's head, an empty line.
    Verbatim(String),
    /// A comment: what stands before its text, and the text.
    Comment { before: String, path: Vec<String>, text: String },
    /// A value: what stands before it on the line, its place, and itself.
    Pair { before: String, path: Vec<String>, value: String, format: LineFormat },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineFormat {
    Dotenv,
    Ini,
}

impl Lines {
    /// Reads dotenv, and its metadata.
    pub(super) fn dotenv(text: &str) -> Result<(Self, Value), String> {
        let mut lines = Vec::new();
        let mut metadata = Vec::new();
        for (number, line) in text.split('\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                lines.push(Line::Comment { before: "#".into(), path: Vec::new(), text: comment.to_owned() });
                continue;
            }
            let (key, value) =
                line.split_once('=').ok_or_else(|| format!("line {}: no KEY=value", number + 1))?;
            let value = value.replace("\\n", "\n");
            match key.strip_prefix("sops_") {
                Some(name) => metadata.push((name.to_owned(), value)),
                None => lines.push(Line::Pair {
                    before: format!("{key}="),
                    path: vec![key.to_owned()],
                    value,
                    format: LineFormat::Dotenv,
                }),
            }
        }
        Self::with_metadata(lines, metadata)
    }

    /// Reads INI, and its metadata, which is a section of its own.
    pub(super) fn ini(text: &str) -> Result<(Self, Value), String> {
        let mut lines = Vec::new();
        let mut metadata = Vec::new();
        let mut section = "DEFAULT".to_owned();
        for (number, line) in text.lines().enumerate() {
            let bare = line.trim();
            if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.to_owned();
                if section != "sops" {
                    lines.push(Line::Verbatim(line.to_owned()));
                }
            } else if bare.is_empty() {
                lines.push(Line::Verbatim(String::new()));
            } else if bare.starts_with([';', '#']) {
                let text = bare.trim_start_matches([';', '#', ' ']);
                let before = line[..line.len() - text.len()].to_owned();
                lines.push(Line::Comment { before, path: vec![section.clone()], text: text.to_owned() });
            } else {
                let (key, value) =
                    line.split_once('=').ok_or_else(|| format!("line {}: no key = value", number + 1))?;
                let (key, value) = (key.trim().to_owned(), value.trim());
                if section == "sops" {
                    metadata.push((key, value.replace("\\n", "\n")));
                } else {
                    lines.push(Line::Pair {
                        before: line[..line.len() - value.len()].to_owned(),
                        path: vec![section.clone(), key],
                        value: value.to_owned(),
                        format: LineFormat::Ini,
                    });
                }
            }
        }
        while matches!(lines.last(), Some(Line::Verbatim(line)) if line.is_empty()) {
            lines.pop();
        }
        Self::with_metadata(lines, metadata)
    }

    fn with_metadata(lines: Vec<Line>, metadata: Vec<(String, String)>) -> Result<(Self, Value), String> {
        if metadata.is_empty() {
            return Err("sops metadata not found".into());
        }
        Ok((Self { lines }, unflatten(&metadata)?))
    }

    /// The lines in clear.
    pub(super) fn open(&self, walk: &mut Walk<'_>) -> Result<Self, SopsError> {
        let open = |line: &Line| {
            Ok(match line {
                Line::Verbatim(_) => line.clone(),
                Line::Comment { before, path, text } => Line::Comment {
                    before: before.clone(),
                    path: path.clone(),
                    text: walk.comment(text, path),
                },
                Line::Pair { before, path, value, format } => Line::Pair {
                    before: before.clone(),
                    path: path.clone(),
                    value: walk.text(value, path)?,
                    format: *format,
                },
            })
        };
        Ok(Self { lines: self.lines.iter().map(open).collect::<Result<_, SopsError>>()? })
    }

    pub(super) fn into_text(self) -> String {
        let lines = self.lines.into_iter().map(|line| match line {
            Line::Verbatim(line) => line + "\n",
            Line::Comment { before, text, .. } => format!("{before}{text}\n"),
            Line::Pair { before, value, format: LineFormat::Dotenv, .. } => {
                format!("{before}{}\n", value.replace('\n', "\\n"))
            }
            Line::Pair { before, value, format: LineFormat::Ini, .. } => {
                format!("{before}{}\n", ini_value(&value))
            }
        });
        lines.collect()
    }

    pub(super) fn into_value(self) -> Value {
        let mut root = Value::Object(Map::new());
        for line in self.lines {
            if let Line::Pair { path, value, .. } = line {
                let at = path
                    .into_iter()
                    .fold(&mut root, |at, key| json::object_mut(at).entry(key).or_insert(Value::Null));
                *at = Value::String(value);
            }
        }
        root
    }
}

/// A value that would not be read back as it is stands in backquotes.
fn ini_value(value: &str) -> String {
    if value.contains(['\n', '`']) {
        format!("\"\"\"{value}\"\"\"")
    } else if value.contains(['#', ';', '"']) || value.trim() != value {
        format!("`{value}`")
    } else {
        value.to_owned()
    }
}

fn text_of(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Object(_) | Value::Array(_) => Err("it holds values of values"),
        Value::Null => Ok("<nil>".into()),
        other => Ok(other.to_string()),
    }
}

pub(super) fn write_dotenv(value: &Value) -> Result<String, &'static str> {
    let map = value.as_object().ok_or("it is no mapping")?;
    let lines =
        map.iter().map(|(key, value)| Ok(format!("{key}={}\n", text_of(value)?.replace('\n', "\\n"))));
    lines.collect()
}

pub(super) fn write_ini(value: &Value) -> Result<String, &'static str> {
    let map = value.as_object().ok_or("it is no mapping")?;
    let mut out = String::new();
    for (section, pairs) in map {
        let pairs = pairs.as_object().ok_or("a section holds a value instead of pairs")?;
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("[{section}]\n"));
        let width = pairs.keys().map(String::len).max().unwrap_or_default();
        for (key, value) in pairs {
            out.push_str(&format!("{key:width$} = {}\n", ini_value(&text_of(value)?)));
        }
    }
    Ok(out)
}
