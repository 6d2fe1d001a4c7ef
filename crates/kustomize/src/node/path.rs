use super::{Key, Map, Node, Scalar, read_one};

/// Splits a path at a delimiter; `\` before it keeps it. A leading delimiter is ignored.
pub(crate) fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let mut parts = path.split(delimiter);
    let mut first = parts.next().unwrap_or_default();
    if first.is_empty() && path.contains(delimiter) {
        first = parts.next().unwrap_or_default();
    }
    let mut result = vec![first.to_owned()];
    for part in parts {
        match result.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => result.push(part.to_owned()),
        }
    }
    result
}

/// Splits a `.`-path as replacements write it: `[a=b.c]` stays one list selector, `[a.b/c]` one key without brackets.
pub(crate) fn split_smart(path: &str) -> Vec<String> {
    let mut result = Vec::new();
    let mut parts = split_path(path, '.').into_iter();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut whole = part;
        for more in parts.by_ref() {
            whole.push('.');
            whole.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        result.push(if whole.contains('=') { whole } else { whole.trim_matches(['[', ']']).to_owned() });
    }
    result
}

/// One part of a `.`-path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    Index(usize),
    /// `-`: the last element.
    Last,
    /// `*`: every element.
    Every,
    /// `[field=value]`; the field is empty for lists of scalars.
    Select(String, String),
}

impl Step {
    /// Reads a part of a path.
    pub(crate) fn parse(part: &str) -> Result<Self, String> {
        if let Ok(index) = part.parse::<i64>() {
            return usize::try_from(index)
                .map(Self::Index)
                .map_err(|_| format!("array index {index} cannot be negative"));
        }
        if part == "*" {
            return Ok(Self::Every);
        }
        if part.starts_with('[') && part.ends_with(']') && part.len() > 1 {
            let inner = &part[1..part.len() - 1];
            let (field, value) = inner
                .split_once('=')
                .ok_or("list path element must contain fieldName=fieldValue for element to match")?;
            return Ok(Self::Select(field.into(), value.into()));
        }
        Ok(Self::Field(part.to_owned()))
    }

    /// True when the part before this one must be a list.
    pub(crate) fn wants_list(&self) -> bool {
        matches!(self, Self::Index(_) | Self::Select(..))
    }
}

/// The node a `.`-path names, or `None`.
pub(crate) fn lookup<'n>(node: &'n Node, parts: &[String]) -> Result<Option<&'n Node>, String> {
    let mut steps = Vec::with_capacity(parts.len());
    for part in parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
        steps.push(if part == "-" { Step::Last } else { Step::parse(part)? });
    }
    lookup_steps(node, &steps)
}

/// The node that steps lead to, or `None`.
fn lookup_steps<'n>(node: &'n Node, steps: &[Step]) -> Result<Option<&'n Node>, String> {
    let mut here = node;
    for step in steps {
        if here.is_null() && !matches!(step, Step::Index(_) | Step::Last) {
            return Ok(None);
        }
        let found = match (step, here) {
            (Step::Field(name), Node::Map(map)) => map.get(name),
            (Step::Index(index), Node::Seq(items)) => items.get(*index),
            (Step::Last, Node::Seq(items)) => items.last(),
            (Step::Select(field, value), Node::Seq(items)) => {
                items.iter().find(|item| selects(item, field, value))
            }
            (Step::Every, _) => return Err("wildcard is not supported in this path".into()),
            (Step::Field(_), other) => return Err(wrong_kind("a mapping", other)),
            (_, other) => return Err(wrong_kind("a list", other)),
        };
        match found {
            Some(next) => here = next,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

fn selects(item: &Node, field: &str, value: &str) -> bool {
    if field.is_empty() {
        item.raw_text() == value
    } else {
        item.get(field).is_some_and(|v| v.raw_text() == value)
    }
}

pub(crate) fn wrong_kind(wanted: &str, got: &Node) -> String {
    format!("expected {wanted}, got {}", got.kind_name())
}

/// What a path creates at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Create {
    No,
    Scalar,
    Map,
    Seq,
}

impl Create {
    pub(crate) fn like(node: &Node) -> Self {
        match node {
            Node::Scalar(_) => Self::Scalar,
            Node::Map(_) => Self::Map,
            Node::Seq(_) => Self::Seq,
        }
    }

    fn node(self, next: Option<&Step>) -> Node {
        match next {
            Some(step) if step.wants_list() => Node::Seq(Vec::new()),
            Some(_) => Node::empty_map(),
            None => match self {
                Self::Map => Node::empty_map(),
                Self::Seq => Node::Seq(Vec::new()),
                Self::Scalar | Self::No => Node::Scalar(Scalar::untagged("")),
            },
        }
    }
}

impl Node {
    /// Calls `set` on every node that a replacement's path names, making what is missing when `create` says so.
    /// Returns how many there were.
    ///
    /// A list selector's value is a regular expression that need not match the whole text, as in the original.
    pub(crate) fn visit_path(
        &mut self,
        steps: &[Step],
        create: Create,
        set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
    ) -> Result<usize, String> {
        let Some((step, rest)) = steps.split_first() else {
            set(self)?;
            return Ok(1);
        };
        match step {
            Step::Field(name) => self.visit_field(name, rest, create, set),
            Step::Index(index) => self.visit_index(*index, rest, create, set),
            Step::Last => self.visit_field("-", rest, create, set),
            Step::Every => match self {
                Node::Seq(items) => items.iter_mut().map(|item| item.visit_path(rest, create, set)).sum(),
                node if node.is_null() => Ok(0),
                node => Err(wrong_kind("a list", node)),
            },
            Step::Select(field, value) => self.visit_selected(field, value, rest, create, set),
        }
    }

    fn visit_field(
        &mut self,
        name: &str,
        rest: &[Step],
        create: Create,
        set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
    ) -> Result<usize, String> {
        if self.is_null() && create == Create::No {
            return Ok(0);
        }
        if self.is_null() {
            *self = Node::empty_map();
        }
        let Node::Map(map) = self else { return Err(wrong_kind("a mapping", self)) };
        if map.get(name).is_none() {
            if create == Create::No {
                return Ok(0);
            }
            map.entries.push((Key::new(name), create.node(rest.first())));
        }
        let Some(field) = map.get_mut(name) else { return Ok(0) };
        if let Some(scalar) = field.as_scalar().filter(|_| !rest.is_empty()) {
            // The original looks into a copy of what the text says, and what it writes there is lost.
            let inner = read_one(&scalar.text).map_err(|e| e.message)?;
            return inner.unwrap_or_else(Node::null).visit_path(rest, create, set);
        }
        field.visit_path(rest, create, set)
    }

    fn visit_index(
        &mut self,
        index: usize,
        rest: &[Step],
        create: Create,
        set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
    ) -> Result<usize, String> {
        let Node::Seq(items) = self else { return Err(wrong_kind("a list", self)) };
        if items.len() == index && create != Create::No {
            items.push(create.node(rest.first()));
        }
        let count = items.len();
        let item = items
            .get_mut(index)
            .ok_or_else(|| format!("index {index} specified but only {count} elements found"))?;
        item.visit_path(rest, create, set)
    }

    fn visit_selected(
        &mut self,
        field: &str,
        value: &str,
        rest: &[Step],
        create: Create,
        set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
    ) -> Result<usize, String> {
        let items = match self {
            Node::Seq(items) => items,
            node if node.is_null() => return Ok(0),
            node => return Err(wrong_kind("a list", node)),
        };
        let pattern = regex::Regex::new(value).map_err(|e| e.to_string())?;
        let matches = |item: &Node| {
            let scalar =
                if field.is_empty() { item.as_scalar() } else { item.get(field).and_then(Node::as_scalar) };
            scalar.is_some_and(|s| pattern.is_match(s.rendered().trim()))
        };
        let mut count = 0;
        for item in items.iter_mut().filter(|item| matches(item)) {
            count += if field.is_empty() {
                item.visit_path(&[], create, set)?
            } else {
                item.visit_path(rest, create, set)?
            };
        }
        if count > 0 || create == Create::No {
            return Ok(count);
        }
        let made = if field.is_empty() {
            Node::Scalar(Scalar::untagged(value))
        } else {
            Node::Map(Map { entries: vec![(Key::new(field), Node::Scalar(Scalar::untagged(value)))] })
        };
        if !matches(&made) {
            return Err(format!("cannot create an element that matches '{value}'"));
        }
        items.push(made);
        let Some(last) = items.last_mut() else { return Ok(0) };
        if field.is_empty() { last.visit_path(&[], create, set) } else { last.visit_path(rest, create, set) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_like_the_originals() {
        let check = |path: &str, expected: &[&str]| assert_eq!(split_path(path, '/'), expected, "{path}");
        check("a/b/c", &["a", "b", "c"]);
        check("/a/b", &["a", "b"]);
        check(r"a/b\/c", &["a", "b/c"]);
        check("", &[""]);
        let check = |path: &str, expected: &[&str]| assert_eq!(split_smart(path), expected, "{path}");
        check("spec.[name=a.b].image", &["spec", "[name=a.b]", "image"]);
        check("metadata.annotations.[a.b/c]", &["metadata", "annotations", "a.b/c"]);
        check(r"data.a\.b", &["data", "a.b"]);
    }
}
