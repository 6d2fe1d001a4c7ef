//! The built-in transformers.

mod images;
mod labels;
mod names;
mod namespace;
mod replacements;
mod replicas;
mod value_add;

pub(crate) use images::{ImageTag, split as split_image};
pub(crate) use labels::Labels;
pub(crate) use names::{Affix, Hashes, Side};
pub(crate) use namespace::{Namespace, SubjectMode};
pub(crate) use replacements::Replacements;
pub(crate) use replicas::ReplicaCount;
pub(crate) use value_add::{ValueAdd, ValueAddConfig};

use crate::budget::MAX_PATH;
use crate::config::{Part, Spec};
use crate::error::{BuildError, Result};
use crate::node::{Map, Node, Scalar, Tag, Twin, wrong_kind};
use crate::resource::{ResId, ResSet, Resource};
use crate::schema::Schemas;

/// Changes a set of resources.
pub(crate) trait Transformer: std::fmt::Debug {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()>;

    /// Itself, if it looks at one resource at a time.
    fn as_single(&self) -> Option<&dyn SingleTransformer> {
        None
    }
}

/// Changes each resource by itself. Neighbours of this sort take turns on a resource ([`transform_each`]): in a large
/// set, every walk over all documents fetches them from memory again.
pub(crate) trait SingleTransformer: std::fmt::Debug {
    fn transform_one(&self, resource: &mut Resource, schemas: &Schemas) -> Result<()>;
}

impl<T: SingleTransformer> Transformer for T {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        transform_each(&[self], set, schemas)
    }

    fn as_single(&self) -> Option<&dyn SingleTransformer> {
        Some(self)
    }
}

/// Applies the transformers, in order, to one resource after the other.
pub(crate) fn transform_each(
    steps: &[&dyn SingleTransformer],
    set: &mut ResSet,
    schemas: &Schemas,
) -> Result<()> {
    for resource in &mut set.list {
        steps.iter().try_for_each(|step| step.transform_one(resource, schemas))?;
    }
    set.ids_changed();
    Ok(())
}

/// What is made at the end of a field's path when it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Nothing,
    Scalar,
    Map,
}

type Setter<'f> = dyn FnMut(&mut Node) -> std::result::Result<(), String> + 'f;

/// True when the spec is about the document's kind.
fn applies(spec: &Spec, resource: &Resource) -> bool {
    resource.id.gvk.is_selected(&spec.gvk)
}

/// Calls `set` on every node that the spec's path leads to in a resource of its kind.
pub(crate) fn visit(resource: &mut Resource, spec: &Spec, make: Make, set: &mut Setter<'_>) -> Result<()> {
    if !applies(spec, resource) {
        return Ok(());
    }
    visit_any(&mut resource.node, &resource.id, spec, make, set)
}

/// The same in the document of a resource of any kind, whose id is for the error.
pub(crate) fn visit_any(
    document: &mut Node,
    id: &ResId,
    spec: &Spec,
    make: Make,
    set: &mut Setter<'_>,
) -> Result<()> {
    if spec.parts.len() > MAX_PATH {
        return Err(BuildError::new(format!("a field path has more than {MAX_PATH} parts")));
    }
    let make = if spec.create { make } else { Make::Nothing };
    visit_parts(document, &spec.parts, make, set)
        .map_err(|message| BuildError::new(message).of_object(id).of_field(&spec.path))
}

fn visit_parts(
    node: &mut Node,
    parts: &[Part],
    make: Make,
    set: &mut Setter<'_>,
) -> std::result::Result<(), String> {
    let Some((part, rest)) = parts.split_first() else { return set(node) };
    match node {
        node if node.is_null() => Ok(()),
        Node::Seq(items) => items.iter_mut().try_for_each(|item| visit_parts(item, parts, make, set)),
        Node::Map(map) => visit_field(map, part, rest, make, set),
        Node::Scalar(_) => Err(wrong_kind("a mapping or a list", node)),
    }
}

fn visit_field(
    map: &mut Map,
    part: &Part,
    rest: &[Part],
    make: Make,
    set: &mut Setter<'_>,
) -> std::result::Result<(), String> {
    if part.name.is_empty() {
        return Err("cannot set or create an empty field name".into());
    }
    let made = || match make {
        Make::Nothing => None,
        _ if part.list => None,
        _ if !rest.is_empty() => Some(Node::empty_map()),
        Make::Map => Some(Node::empty_map()),
        Make::Scalar => Some(Node::Scalar(Scalar::untagged(""))),
    };
    let at = match map.position(&part.name) {
        Some(at) => at,
        None => {
            let Some(node) = made() else { return Ok(()) };
            map.entries.push((crate::node::Key::new(part.name.clone()), node));
            map.entries.len() - 1
        }
    };
    let field = &mut map.entries[at].1;
    if field.is_null() {
        if part.list {
            *field = Node::Seq(Vec::new());
        } else if let Some(node) = made() {
            *field = node;
        }
    }
    visit_parts(field, rest, make, set)
}

/// Sets a key of a mapping to a string; a null stays what it is. Where the key was missing, the value changes together
/// with others of its group.
pub(crate) fn set_entry(
    node: &mut Node,
    key: &str,
    text: &str,
    group: Twin,
) -> std::result::Result<(), String> {
    match node {
        Node::Map(map) => {
            match map.get_mut(key) {
                Some(Node::Scalar(scalar)) if scalar.tag == Tag::Str && scalar.text == text => {}
                Some(Node::Scalar(scalar)) => {
                    *scalar = Scalar { twin: scalar.twin.changed(), ..Scalar::text(text) };
                }
                Some(slot) => *slot = Node::text(text),
                None => map.set(key, Node::Scalar(Scalar { twin: group, ..Scalar::text(text) })),
            }
            Ok(())
        }
        node if node.is_null() => Ok(()),
        node => Err(wrong_kind("a mapping", node)),
    }
}

/// Sets a scalar to a string.
pub(crate) fn set_string(node: &mut Node, text: &str) -> std::result::Result<(), String> {
    if node.as_scalar().is_none() {
        return Err(wrong_kind("a scalar", node));
    }
    *node = Node::text(text);
    Ok(())
}
