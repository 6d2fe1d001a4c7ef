use super::cipher::is_sealed;
use super::tree::{Revealed, Walk};
use holdfast_yaml::{Dialect, Limits, Options, parse_all};
use serde_json::Value;

/// Levels of indentation that sops writes.
const INDENT: usize = 4;

/// The documents as sops reads them: go-yaml v3 without kustomize's round trip.
pub(super) fn documents(data: &[u8]) -> Result<Vec<Value>, String> {
    let options = Options { dialect: Dialect::V3, limits: Limits::default(), kyaml_round_trip: false };
    let documents = parse_all(data, &options).map_err(|e| format!("yaml: {e}"))?;
    let is_mapping = |value: &Value| value.is_object() || value.is_null();
    if !documents.iter().all(|document| is_mapping(&document.value)) {
        return Err("YAML documents that are no mappings are not supported".into());
    }
    Ok(documents.into_iter().map(|document| document.value).collect())
}

/// Documents written anew.
pub(super) fn write(documents: &[Value]) -> String {
    documents.iter().map(holdfast_yaml::to_string).collect::<Vec<_>>().join("---\n")
}

/// The text as sops wrote it, with its values and comments in clear and without the metadata. `None` when the text
/// does not hold the values in the order and the form in which sops writes them.
pub(super) fn reveal(text: &str, walk: &mut Walk<'_>) -> Option<String> {
    let leaves = walk.take_leaves();
    let mut leaves = leaves.iter();
    let mut out = String::with_capacity(text.len());
    let mut in_metadata = false;
    for line in text.lines() {
        in_metadata = match in_metadata {
            true => line.starts_with(' ') || line.is_empty(),
            false => line == "sops:",
        };
        if in_metadata {
            continue;
        }
        let (content, comment) = split_comment(line, walk)?;
        if let Some(comment) = comment {
            out.push_str(&comment);
            out.push('\n');
        }
        if content.is_empty() && !line.is_empty() {
            continue;
        }
        let sealed = content.find("ENC[AES256_GCM,").filter(|start| is_sealed(&content[*start..]));
        match sealed {
            Some(start) => {
                let leaf = leaves.next().filter(|leaf| content[start..] == leaf.sealed)?;
                let before = &content[..start];
                match &leaf.plain {
                    Revealed::Value(value) => {
                        out.push_str(before);
                        scalar(value, before, &mut out)?;
                    }
                    Revealed::Time(text) => {
                        out.push_str(before);
                        out.push_str(text);
                    }
                    Revealed::Comment(text) => {
                        out.push_str(before.strip_suffix("- ").filter(|indent| indent.trim().is_empty())?);
                        out.push('#');
                        out.push_str(text);
                    }
                }
            }
            None => out.push_str(content),
        }
        out.push('\n');
    }
    leaves.next().is_none().then_some(out)
}

/// A line's content, and the line of a comment that was encrypted on it. A comment behind a value comes out before
/// it, as with sops, which forgets where an encrypted comment stood.
fn split_comment<'l>(line: &'l str, walk: &Walk<'_>) -> Option<(&'l str, Option<String>)> {
    let Some(at) = line.find("#ENC[AES256_GCM,") else { return Some((line, None)) };
    let opened = walk.comment_anywhere(&line[at + 1..])?;
    let content = line[..at].trim_end();
    let indent = &line[..line.len() - line.trim_start().len()];
    // Before the first key of a list's element it would have to be told whose it is.
    if content.trim_start().starts_with('-') {
        return None;
    }
    Some((content, Some(format!("{indent}#{opened}"))))
}

/// Writes a value behind `before` as go-yaml v3 does with four columns of indentation.
fn scalar(value: &Value, before: &str, out: &mut String) -> Option<()> {
    let written = holdfast_yaml::to_string(value);
    if !written.starts_with('|') {
        out.push_str(&unfold(written.strip_suffix('\n').unwrap_or(&written))?);
        return Some(());
    }
    let text = value.as_str()?;
    // go-yaml v3 itself loses such a text; there is no form to be faithful to.
    if text.starts_with('\t') {
        return None;
    }
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push_str(&INDENT.to_string());
    }
    let body = text.trim_end_matches('\n');
    match text.len() - body.len() {
        0 => out.push('-'),
        1 => {}
        _ => out.push('+'),
    }
    let column = content_column(before);
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', column));
            out.push_str(line);
        }
    }
    Some(())
}

/// A scalar on one line: go-yaml v3 does not fold long ones.
fn unfold(written: &str) -> Option<String> {
    let mut lines = written.lines();
    let first = lines.next()?.to_owned();
    // In double quotes a fold is escaped, and a text that needs both is too rare to be worth undoing it.
    let folded = |mut text: String, line: &str| {
        (!text.starts_with('"')).then(|| {
            text.push(' ');
            text.push_str(line.trim_start());
            text
        })
    };
    lines.try_fold(first, folded)
}

/// Where the lines of a block begin: two columns behind the dash of an element, else at the next multiple of the
/// indentation behind the key's column.
fn content_column(before: &str) -> usize {
    let width = before.len();
    if before.ends_with("- ") {
        return width;
    }
    let key = before.trim_start_matches([' ', '-']);
    (width - key.len() + INDENT) / INDENT * INDENT
}
