//! `vars`: values of fields, put where `$(NAME)` stands. Deprecated in favour of replacements, and still in use.

use crate::budget::Budget;
use crate::config::Spec;
use crate::error::{BuildError, Result};
use crate::kustomization::Var;
use crate::node::{Node, Scalar, Style, Tag, Twin, lookup, split_smart};
use crate::resource::{Gvk, ResId, ResSet};
use crate::schema::Scopes;
use crate::transform::{Make, visit};
use std::collections::BTreeMap;

const DEFAULT_PATH: &str = "metadata.name";
/// The most that one text may grow to, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// The variables of a kustomization and those below it, by name.
#[derive(Debug, Default)]
pub(crate) struct Vars {
    set: BTreeMap<String, Var>,
}

impl Vars {
    /// Takes in the variables of another set; each name may come once.
    pub(crate) fn merge(&mut self, vars: impl IntoIterator<Item = Var>) -> Result<()> {
        for mut var in vars {
            if self.set.contains_key(&var.name) {
                return Err(
                    BuildError::new(format!("var '{}' already encountered", var.name)).of_field("vars")
                );
            }
            if var.fieldref.field_path.is_empty() {
                var.fieldref.field_path = DEFAULT_PATH.into();
            }
            self.set.insert(var.name.clone(), var);
        }
        Ok(())
    }

    pub(crate) fn into_vars(self) -> impl Iterator<Item = Var> {
        self.set.into_values()
    }
}

/// Marks the resources that variables read from.
pub(crate) fn mark_sources(vars: &[Var], set: &mut ResSet, scopes: &Scopes) -> Result<()> {
    for var in vars {
        let target = &var.objref;
        let gvk = if target.api_version.is_empty() {
            Gvk::new(&target.group, &target.version, &target.kind)
        } else {
            Gvk::from_api_version(&target.api_version, &target.kind)
        };
        let cluster_scoped = scopes.is_cluster_scoped(&gvk.api_version(), &gvk.kind);
        let id =
            ResId { gvk, name: target.name.clone(), namespace: target.namespace.clone(), cluster_scoped };
        // Without a namespace any will do.
        let exact = !id.namespace.is_empty() || id.cluster_scoped;
        let fits = |other: &ResId| if exact { *other == id } else { other.same_gvkn(&id) };
        let found: Vec<usize> = (0..set.list.len())
            .filter(|at| {
                let resource = &set.list[*at];
                !resource.is_gone() && (fits(&resource.id) || resource.previous_ids().any(|p| fits(&p)))
            })
            .collect();
        match found[..] {
            [] => {}
            [at] => set.list[at].vars.push(var.name.clone()),
            _ => {
                let message = format!(
                    "found {} resId matches for var {} of {id} (unable to disambiguate)",
                    found.len(),
                    var.name
                );
                return Err(BuildError::new(message).of_field("vars"));
            }
        }
    }
    Ok(())
}

/// Replaces every variable. Returns the names of those that nothing uses.
pub(crate) fn replace_vars(
    vars: &Vars,
    set: &mut ResSet,
    specs: &[Spec],
    budget: &Budget,
) -> Result<Vec<String>> {
    if vars.set.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = BTreeMap::new();
    for (name, var) in &vars.set {
        values.insert(name.as_str(), read_value(name, var, set)?);
    }
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in &mut set.list {
        for spec in specs {
            visit(resource, spec, Make::Nothing, &mut |node| {
                replace_in(node, &values, &mut used)?;
                budget.spend(node.bytes())
            })?;
        }
        resource.settle_twins();
    }
    Ok(values.keys().filter(|name| !used.contains_key(*name)).map(|name| (*name).to_owned()).collect())
}

fn read_value(name: &str, var: &Var, set: &ResSet) -> Result<Node> {
    let Some(source) = set.list.iter().find(|r| r.vars.iter().any(|v| v == name)) else {
        let message = format!("var '{name}' cannot be mapped to a field in the set of known resources");
        return Err(BuildError::new(message).of_field("vars"));
    };
    let path = &var.fieldref.field_path;
    let parts: Vec<String> = split_smart(path).into_iter().flat_map(|part| split_index(&part)).collect();
    let missing = || {
        let message = format!("field specified in var '{name}' not found in corresponding resource");
        BuildError::new(message).of_object(&source.id).of_field(path)
    };
    lookup(&source.node, &parts).ok().flatten().cloned().ok_or_else(missing)
}

/// `ports[0]` is `ports`, then `0`.
fn split_index(part: &str) -> Vec<String> {
    if let Some((name, index)) = part.strip_suffix(']').and_then(|p| p.rsplit_once('['))
        && !index.is_empty()
        && index.bytes().all(|b| b.is_ascii_digit())
    {
        return [name, index].iter().filter(|p| !p.is_empty()).map(|p| (*p).to_owned()).collect();
    }
    vec![part.to_owned()]
}

type Values<'v> = BTreeMap<&'v str, Node>;
type Used<'v> = BTreeMap<&'v str, usize>;

fn replace_in<'v>(
    node: &mut Node,
    values: &Values<'v>,
    used: &mut Used<'v>,
) -> std::result::Result<(), String> {
    match node {
        node if node.is_null() => {}
        Node::Scalar(_) => replace_scalar(node, values, used)?,
        Node::Map(map) => {
            map.entries.iter_mut().try_for_each(|(_, value)| replace_scalar(value, values, used))?;
        }
        Node::Seq(items) => {
            if items.iter().any(|item| !item.is_text()) {
                return Err("invalid value type expect a string".into());
            }
            items.iter_mut().try_for_each(|item| replace_scalar(item, values, used))?;
        }
    }
    Ok(())
}

fn replace_scalar<'v>(
    node: &mut Node,
    values: &Values<'v>,
    used: &mut Used<'v>,
) -> std::result::Result<(), String> {
    // Also a text without variables becomes a string, in no particular style.
    if node.is_text() {
        let twin = node.as_scalar().map_or(Twin::NONE, |scalar| scalar.twin.changed());
        *node = expand(node.raw_text(), values, used)?;
        if let Node::Scalar(scalar) = node {
            scalar.twin = twin;
        }
    }
    Ok(())
}

/// Expands `$(NAME)`; `$$` is `$`. A text that is one variable takes over its type.
fn expand<'v>(text: &str, values: &Values<'v>, used: &mut Used<'v>) -> std::result::Result<Node, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut after = rest[1..].chars();
        match after.next() {
            None => break,
            Some('$') => {
                out.push('$');
                rest = &rest[2..];
            }
            Some('(') => match rest.find(')') {
                Some(end) => {
                    let name = &rest[2..end];
                    match values.get_key_value(name).filter(|(_, value)| value.as_scalar().is_some()) {
                        Some((name, value)) => {
                            *used.entry(name).or_default() += 1;
                            let typed = typed(value);
                            if rest.len() == text.len() && end + 1 == text.len() {
                                return Ok(typed);
                            }
                            out.push_str(typed.raw_text());
                            if out.len() > MAX_TEXT {
                                return Err(format!("a text with variables grows beyond {MAX_TEXT} bytes"));
                            }
                        }
                        None => out.push_str(&rest[..=end]),
                    }
                    rest = &rest[end + 1..];
                }
                None => {
                    out.push_str("$(");
                    rest = &rest[2..];
                }
            },
            Some(other) => {
                out.push('$');
                out.push(other);
                rest = &rest[1 + other.len_utf8()..];
            }
        }
    }
    out.push_str(rest);
    Ok(Node::text(out))
}

/// A scalar with the type it is read with; what has no tag is a string.
fn typed(node: &Node) -> Node {
    let Some(scalar) = node.as_scalar() else { return node.clone() };
    let tag = if matches!(scalar.tag, Tag::Int | Tag::Float | Tag::Bool) { scalar.tag } else { Tag::Str };
    Node::Scalar(Scalar::new(&*scalar.text, tag, Style::Plain))
}
