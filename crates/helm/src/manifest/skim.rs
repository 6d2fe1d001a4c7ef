//! Reading a document's head without building the document.
//!
//! Helm parses every document only to learn its kind, name and hook annotations and to refuse what is no YAML. Most
//! documents keep to a plain part of YAML: one key or item a line, indentation, scalars that end on their line,
//! literal blocks. [`skim`] walks through such a document line by line; whatever it is not sure of (flow collections,
//! anchors, escapes, several lines to a scalar, odd indentation) it leaves to the YAML parser by answering `None`. It
//! never accepts what the parser refuses, nor reads a head differently: a property test holds it to that.

use super::head::Head;

/// How deep collections may nest before the parser is asked.
const MAX_DEPTH: usize = 64;
/// The longest key, below the 1,024 characters that YAML allows.
const MAX_KEY: usize = 512;
/// The longest document, in bytes; the parser has limits of its own for longer ones.
const MAX_BYTES: usize = 16 << 20;

/// The head of a document, or `None` where the parser must decide.
pub(super) fn skim(document: &str) -> Option<Head> {
    if document.len() > MAX_BYTES || !plain_characters(document.as_bytes()) {
        return None;
    }
    let mut skimmer = Skimmer {
        text: document,
        at: 0,
        open: vec![],
        awaiting: Awaiting::Document,
        head: Head::default(),
        seen: Seen::default(),
    };
    while let Some(line) = skimmer.next_line() {
        skimmer.line(line)?;
    }
    (!skimmer.open.is_empty()).then_some(skimmer.head)
}

/// No control characters, no line breaks other than `\n`, no marks that the parser treats specially.
fn plain_characters(bytes: &[u8]) -> bool {
    let special = |byte: u8| (byte < 0x20 && byte != b'\n' && byte != b'\t') || byte == 0x7f;
    // A block is looked at as a whole, which a processor does for many bytes at once.
    if bytes.chunks(4096).any(|block| block.iter().fold(false, |found, byte| found | special(*byte))) {
        return false;
    }
    bytes.is_ascii()
        || bytes.windows(3).all(|window| {
            !matches!(window, [0xc2, 0x80..=0x9f, _] | [0xe2, 0x80, 0xa8 | 0xa9] | [0xef, 0xbb | 0xbf, _])
        }) && !matches!(bytes, [.., 0xc2, 0x80..=0x9f])
}

/// A collection that may still grow.
struct Collection {
    indent: usize,
    kind: Kind,
    role: Role,
}

#[derive(PartialEq, Clone, Copy)]
enum Kind {
    Mapping,
    Sequence,
}

/// What a mapping is to the head.
#[derive(PartialEq, Clone, Copy)]
enum Role {
    Root,
    Metadata,
    Annotations,
    Other,
}

/// What may follow on a deeper line.
#[derive(PartialEq, Clone, Copy)]
enum Awaiting {
    /// The document's collection.
    Document,
    /// The value of the last key, or of the last `-`, with this role as a mapping.
    Value(Role),
    /// Nothing: the last scalar is complete, and a deeper line would continue it.
    Nothing,
}

#[derive(Default)]
struct Seen {
    api_version: bool,
    kind: bool,
    metadata: bool,
    name: bool,
    annotations: bool,
}

struct Skimmer<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Collection>,
    awaiting: Awaiting,
    head: Head,
    seen: Seen,
}

impl<'t> Skimmer<'t> {
    fn next_line(&mut self) -> Option<&'t str> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at += end + 1;
        Some(&rest[..end])
    }

    fn line(&mut self, line: &'t str) -> Option<()> {
        let indent = line.bytes().take_while(|b| *b == b' ').count();
        let content = &line[indent..];
        if content.is_empty() || content.starts_with('#') {
            return Some(());
        }
        if indent == 0 && (content.starts_with("---") || content.starts_with("...")) {
            return None;
        }
        if let Some(role) = self.awaited(indent)
            && (content == "{}" || (role == Role::Other && matches!(content, "[]" | "null")))
        {
            // What `toYaml` makes of an empty mapping stands on a line of its own.
            self.awaiting = Awaiting::Nothing;
            return Some(());
        }
        let is_item = content == "-" || content.starts_with("- ");
        self.enter(indent, if is_item { Kind::Sequence } else { Kind::Mapping })?;
        if is_item { self.item(indent, content) } else { self.entry(indent, content) }
    }

    /// What the value of the last key or item is to the head, where one may stand at this indentation.
    fn awaited(&self, indent: usize) -> Option<Role> {
        let top = self.open.last()?;
        match self.awaiting {
            Awaiting::Value(role) if indent > top.indent => Some(role),
            _ => None,
        }
    }

    /// Closes what ends at this indentation, and opens the collection that begins here.
    fn enter(&mut self, indent: usize, kind: Kind) -> Option<()> {
        let deeper = self.open.last().is_none_or(|top| indent > top.indent);
        if deeper {
            let role = match self.awaiting {
                Awaiting::Document => Role::Root,
                Awaiting::Value(role) => role,
                Awaiting::Nothing => return None,
            };
            return self.push(indent, kind, role);
        }
        while self.open.last().is_some_and(|top| top.indent > indent) {
            self.open.pop();
            self.awaiting = Awaiting::Nothing;
        }
        let top = self.open.last()?;
        if top.indent != indent {
            return None;
        }
        match (top.kind, kind) {
            (Kind::Mapping, Kind::Mapping) | (Kind::Sequence, Kind::Sequence) => Some(()),
            // `key:` and its items may have the same indentation.
            (Kind::Mapping, Kind::Sequence) => match self.awaiting {
                Awaiting::Value(role) => self.push(indent, kind, role),
                _ => None,
            },
            (Kind::Sequence, Kind::Mapping) => {
                self.open.pop();
                let below = self.open.last()?;
                (below.indent == indent && below.kind == Kind::Mapping).then_some(())
            }
        }
    }

    fn push(&mut self, indent: usize, kind: Kind, role: Role) -> Option<()> {
        // Metadata and annotations must be mappings; the parser words the refusal.
        if kind == Kind::Sequence && role != Role::Other || self.open.len() >= MAX_DEPTH {
            return None;
        }
        self.open.push(Collection { indent, kind, role });
        Some(())
    }

    fn item(&mut self, indent: usize, content: &'t str) -> Option<()> {
        self.awaiting = Awaiting::Value(Role::Other);
        let after = &content[1..];
        let value = after.trim_start_matches(' ');
        if value.is_empty() || value.starts_with('#') {
            return Some(());
        }
        if value == "-" || value.starts_with("- ") {
            return None;
        }
        let value_indent = indent + 1 + (after.len() - value.len());
        if key(value).is_some() {
            self.push(value_indent, Kind::Mapping, Role::Other)?;
            return self.entry(value_indent, value);
        }
        self.scalar(indent, value).map(|_| ())
    }

    fn entry(&mut self, indent: usize, content: &'t str) -> Option<()> {
        let (key, rest) = key(content)?;
        let role = self.open.last()?.role;
        let value = rest.trim_start_matches(' ');
        let below = self.role_of(role, key)?;
        if value.is_empty() || (value.starts_with('#') && value.len() < rest.len()) {
            self.awaiting = Awaiting::Value(below);
            // A nested value would have to become a text.
            return (!self.wants_text(role, key)).then_some(());
        }
        let text = self.scalar(indent, value)?;
        if below != Role::Other {
            return value.starts_with("{}").then_some(());
        }
        if self.wants_text(role, key) {
            self.keep(role, key, text?)?;
        }
        Some(())
    }

    /// The role of the mapping that may stand under a key; `None` where the head would be ambiguous.
    fn role_of(&mut self, role: Role, key: &str) -> Option<Role> {
        let fields: &[&str] = match role {
            Role::Root => &["apiVersion", "kind", "metadata"],
            Role::Metadata => &["name", "annotations"],
            _ => return Some(Role::Other),
        };
        let Some(field) = fields.iter().find(|field| field.eq_ignore_ascii_case(key)) else {
            return Some(Role::Other);
        };
        let (seen, below) = match *field {
            "apiVersion" => (&mut self.seen.api_version, Role::Other),
            "kind" => (&mut self.seen.kind, Role::Other),
            "metadata" => (&mut self.seen.metadata, Role::Metadata),
            "name" => (&mut self.seen.name, Role::Other),
            _ => (&mut self.seen.annotations, Role::Annotations),
        };
        (*field == key && !std::mem::replace(seen, true)).then_some(below)
    }

    fn wants_text(&self, role: Role, key: &str) -> bool {
        match role {
            Role::Root => matches!(key, "apiVersion" | "kind"),
            Role::Metadata => key == "name",
            Role::Annotations => true,
            Role::Other => false,
        }
    }

    fn keep(&mut self, role: Role, key: &str, text: Scalar<'_>) -> Option<()> {
        if role == Role::Annotations && !key.starts_with("helm.sh/") {
            return Some(());
        }
        let text = text.text()?;
        match (role, key) {
            (Role::Root, "kind") => self.head.kind = text,
            (Role::Metadata, _) => self.head.name = text,
            (Role::Annotations, _) => {
                self.head.annotations.insert(key.to_owned(), text);
            }
            _ => {}
        }
        Some(())
    }

    /// Reads a scalar that ends on its line, or a block. The outer option is whether it could be read, the inner one
    /// its text where that is at hand.
    fn scalar(&mut self, indent: usize, value: &'t str) -> Option<Option<Scalar<'t>>> {
        self.awaiting = Awaiting::Nothing;
        let first = value.as_bytes()[0];
        match first {
            b'|' | b'>' => {
                self.block(indent, value)?;
                Some(Some(Scalar::Block))
            }
            b'"' | b'\'' => {
                let (inner, rest) = if first == b'"' { double_quoted(value)? } else { single_quoted(value)? };
                ends(rest)?;
                Some(Some(inner))
            }
            b'{' | b'[' => {
                ends(flow(value, 0)?)?;
                Some(None)
            }
            _ => plain(value).map(Some),
        }
    }

    /// Skips a literal or folded block: every line that is deeper than the key or item it belongs to.
    fn block(&mut self, indent: usize, header: &str) -> Option<()> {
        let header = header[1..].strip_prefix(['-', '+']).unwrap_or(&header[1..]);
        if !header.trim_end_matches(' ').is_empty() {
            return None;
        }
        let parent = self.open.last().map_or(indent, |top| top.indent);
        let mut content = None;
        let mut deepest_blank = 0;
        loop {
            let start = self.at;
            let Some(line) = self.next_line() else { return Some(()) };
            let inside = |content: usize| {
                line.as_bytes().get(..content).is_some_and(|margin| margin.iter().all(|b| *b == b' '))
            };
            if content.is_some_and(inside) {
                continue;
            }
            let spaces = line.bytes().take_while(|b| *b == b' ').count();
            if spaces == line.len() {
                deepest_blank = deepest_blank.max(spaces);
                continue;
            }
            // Blank lines deeper than the first text would set the block's indentation.
            if content.is_none() && deepest_blank > spaces && spaces > parent {
                return None;
            }
            if spaces < *content.get_or_insert(spaces.max(parent + 1)) {
                self.at = start;
                // Something between the block and its parent: the parser knows what to make of it.
                return (spaces <= parent).then_some(());
            }
        }
    }
}

/// A scalar and how its text comes from it.
enum Scalar<'t> {
    /// As it stands.
    Exact(&'t str),
    /// Between single quotes, with each `''` for one.
    Single(&'t str),
    /// Has escapes, or a meaning other than a text.
    Unsure,
    /// A block.
    Block,
}

impl Scalar<'_> {
    fn text(&self) -> Option<String> {
        match self {
            Self::Exact(text) => Some((*text).to_owned()),
            Self::Single(text) => Some(text.replace("''", "'")),
            Self::Unsure | Self::Block => None,
        }
    }
}

/// A key of plain characters and what follows its colon.
fn key(content: &str) -> Option<(&str, &str)> {
    let bytes = content.as_bytes();
    let (key, rest) = match bytes[0] {
        b'"' => {
            let (inner, rest) = double_quoted(content)?;
            let Scalar::Exact(key) = inner else { return None };
            (key, rest.strip_prefix(':')?)
        }
        _ => {
            let end = bytes.iter().position(
                |b| !matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-'),
            )?;
            if end == 0 || matches!(bytes[0], b'-' | b'.') || content[..end].eq_ignore_ascii_case("null") {
                return None;
            }
            (&content[..end], content[end..].strip_prefix(':')?)
        }
    };
    let numeric = key.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'_' | b'-'));
    (key.len() <= MAX_KEY && !numeric && (rest.is_empty() || rest.starts_with(' '))).then_some((key, rest))
}

/// Only a comment may follow a scalar.
fn ends(rest: &str) -> Option<()> {
    let trimmed = rest.trim_start_matches(' ');
    (trimmed.is_empty() || (trimmed.starts_with('#') && trimmed.len() < rest.len())).then_some(())
}

/// The inside of a double-quoted scalar and what follows it. Of the escapes only the plainest are known.
fn double_quoted(value: &str) -> Option<(Scalar<'_>, &str)> {
    let bytes = value.as_bytes();
    let mut at = 1;
    let mut escapes = false;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            let inner = &value[1..at];
            let scalar = if escapes { Scalar::Unsure } else { Scalar::Exact(inner) };
            return (!inner.contains('\t')).then_some((scalar, &value[at + 1..]));
        }
        if !matches!(bytes.get(at + 1)?, b'n' | b't' | b'"' | b'\\' | b'r') {
            return None;
        }
        escapes = true;
        at += 2;
    }
}

/// The inside of a single-quoted scalar and what follows it.
fn single_quoted(value: &str) -> Option<(Scalar<'_>, &str)> {
    let bytes = value.as_bytes();
    let mut at = 1;
    loop {
        at += memchr::memchr(b'\'', bytes.get(at..)?)?;
        if bytes.get(at + 1) == Some(&b'\'') {
            at += 2;
            continue;
        }
        let inner = &value[1..at];
        return (!inner.contains('\t')).then_some((Scalar::Single(inner), &value[at + 1..]));
    }
}

/// What follows a flow collection that ends on its line and holds only quoted texts, words and such collections.
fn flow(value: &str, depth: usize) -> Option<&str> {
    const MAX_DEPTH: usize = 8;
    let mapping = value.starts_with('{');
    let close = if mapping { '}' } else { ']' };
    let mut rest = value[1..].trim_start_matches(' ');
    if let Some(after) = rest.strip_prefix(close) {
        return Some(after);
    }
    loop {
        if mapping {
            rest = flow_scalar(rest)?.strip_prefix(": ")?.trim_start_matches(' ');
        }
        rest = match rest.as_bytes().first()? {
            b'{' | b'[' if depth < MAX_DEPTH => flow(rest, depth + 1)?,
            _ => flow_scalar(rest)?,
        };
        rest = rest.trim_start_matches(' ');
        if let Some(after) = rest.strip_prefix(close) {
            return Some(after);
        }
        rest = rest.strip_prefix(',')?.trim_start_matches(' ');
    }
}

/// What follows a quoted text or a word that is no number and has no other meaning.
fn flow_scalar(value: &str) -> Option<&str> {
    match value.as_bytes().first()? {
        b'"' => double_quoted(value).map(|(_, rest)| rest),
        b'\'' => single_quoted(value).map(|(_, rest)| rest),
        b'a'..=b'z' | b'A'..=b'Z' | b'/' => {
            let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-');
            let end = value.bytes().position(|b| !word(b)).unwrap_or(value.len());
            (!has_meaning(&value[..end])).then_some(&value[end..])
        }
        _ => None,
    }
}

/// A plain scalar that fills the rest of its line, but for a comment.
fn plain(value: &str) -> Option<Scalar<'_>> {
    let bytes = value.as_bytes();
    let starts_well = match bytes[0] {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b'$' | b'(' | b'^' | b'+' | b'\\' | b';' => {
            true
        }
        b'-' | b':' => bytes.get(1).is_some_and(|b| !matches!(b, b' ' | b'\t')),
        b'.' => bytes.get(1).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'*' | b'+')),
        first => first >= 0x80,
    };
    if !starts_well || memchr::memchr(b'\t', bytes).is_some() {
        return None;
    }
    let mut end = bytes.len();
    for at in memchr::memchr2_iter(b':', b'#', bytes) {
        match bytes[at] {
            b':' if matches!(bytes.get(at + 1), None | Some(b' ')) => return None,
            b'#' if bytes[at - 1] == b' ' => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let text = value[..end].trim_end_matches(' ');
    let number = text.bytes().all(|b| b.is_ascii_digit() || b"eE+-._".contains(&b));
    if number && (text.len() > 200 || text.contains(['e', 'E']) || text.contains("..")) || infinite(text) {
        return None;
    }
    let letters = bytes[0].is_ascii_alphabetic() || bytes[0] == b'/';
    Some(if letters && !has_meaning(text) { Scalar::Exact(text) } else { Scalar::Unsure })
}

/// What YAML 1.1 reads as a boolean or as nothing.
fn has_meaning(text: &str) -> bool {
    text.len() <= 5
        && ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text))
}

/// `.inf` and `.nan` with or without a sign, which JSON cannot say, and what looks like them.
fn infinite(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']).as_bytes();
    text.first() == Some(&b'.') && matches!(text.get(1), None | Some(b'i' | b'I' | b'n' | b'N' | b'0'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The skimmer agrees with the parser, wherever it answers.
    fn agrees(document: &str) -> bool {
        let Some(skimmed) = skim(document) else { return false };
        let mut parsed = Head::parse(document).unwrap_or_else(|error| panic!("{error}\n{document}"));
        parsed.annotations.retain(|key, _| key.starts_with("helm.sh/"));
        assert_eq!(skimmed, parsed, "{document}");
        true
    }

    #[test]
    fn plain_documents_are_skimmed() {
        let check = |document: &str| assert!(agrees(document), "{document}");
        check(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    helm.sh/hook: \"pre-install\"\n    x: 'y'\n",
        );
        check(
            "kind: A\nspec:\n  list:\n  - a: 1\n    b:\n    - x\n    - \"y: z\"\n  - c\nother: |\n   text: {\n\n   more\nlast: 1.5 # comment\n",
        );
        check(
            "# comment\nkind: A # b\nmetadata:\n  annotations: {}\n  labels:\ndata:\n  \"a b\": >-\n    x\n  c: []\n",
        );
        check("kind: 'It''s'\na:\n  -\n    b: c\n  - -1\n  - --flag=a:b\n  - http://x\n");
        check(
            "kind: A\nmetadata:\n  annotations:\n    n: 5\n    helm.sh/hook-weight: \"-5\"\n    long: |\n      x\n",
        );
        check("kind: A\nmetadata:\n  annotations:\n    {}\n  labels:\n    {}\na:\n  - {}\n  -\n    null\n");
        check(
            "kind: A\na: [\"b\", 'c', d/e, [f], {g: h, \"i\": [ ]}] # x\nb:\n- {c: d}\n- ./e\n- :80\nj: .spec.x\n",
        );
        check("kind: A\nx: naïve — text\ny: É\n");
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_parser() {
        let check = |document: &str| assert!(skim(document).is_none(), "{document}");
        check("- a");
        check("kind: yes");
        check("kind: A\nkind: B");
        check("Kind: A");
        check("kind: 1.10");
        check("a: {b: c, ? d}");
        check("a: [b, c");
        check("a: {b:c}");
        check("metadata: {name: x}");
        check("metadata:\n  annotations:\n    a: [b]");
        check("metadata:\n  annotations:\n    []");
        check("a:\n{}");
        check("a: b\n c");
        check("a: &x b");
        check("a: b: c");
        check("a: \"\\x41\"");
        check("a: .inf");
        check("a: 1e999");
        check("a:\tb");
        check("a: |2\n  x");
        check("a: |\n     \n  x");
        check("null: a");
        check("a: b\n---\nc: d");
        check("metadata: x");
        check("metadata:\n- x");
        check("metadata:\n  annotations:\n    a:\n      b: c");
        check("metadata:\n  annotations:\n    helm.sh/hook: |\n      x");
        check("");
        check("# nothing");
        check("a: x\u{85}y");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_parser_agrees(lines in proptest::collection::vec(line(), 1..12)) {
            agrees(&lines.join("\n"));
        }
    }

    /// Lines that nest, collide and break in many ways.
    fn line() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            "[a-z]{1,3}",
            Just("kind".to_owned()),
            Just("metadata".to_owned()),
            Just("annotations".to_owned()),
            Just("helm.sh/hook".to_owned()),
            Just("name".to_owned()),
            Just("null".to_owned()),
        ];
        let value = prop_oneof![
            "[-a-z0-9.:#'\"{}\\[\\]&*!|>%@,~ ]{0,6}",
            "[0-9.eE+_-]{1,5}",
            Just("|".to_owned()),
            Just(">-".to_owned()),
            Just("'a''b'".to_owned()),
            Just("\"a\\n\"".to_owned()),
            Just("{}".to_owned()),
            Just("[a, \"b\"]".to_owned()),
            Just("{a: b}".to_owned()),
            "[a-c.{}\\[\\]:, '\"0-9]{1,8}",
            Just("on".to_owned()),
            Just("x # y".to_owned()),
        ];
        let start =
            prop_oneof![4 => Just(""), 2 => Just("- "), 1 => Just("-"), 1 => Just("#"), 1 => Just("? ")];
        (
            0usize..7,
            start,
            word,
            prop_oneof![5 => Just(": "), 1 => Just(":"), 1 => Just(" "), 1 => Just(":\t")],
            value,
        )
            .prop_map(|(indent, start, word, colon, value)| {
                format!("{}{start}{word}{colon}{value}", " ".repeat(indent))
            })
    }
}
