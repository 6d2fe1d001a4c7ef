use super::Transformer;
use super::namespace::{Namespace, SubjectMode};
use crate::budget::MAX_PATH;
use crate::decode::config;
use crate::error::{BuildError, Result};
use crate::kustomization::Selector;
use crate::node::{Map, Node, Scalar, split_path, wrong_kind};
use crate::resource::ResSet;
use crate::schema::Schemas;
use crate::select::Chooser;

config! {
    /// A `ValueAddTransformer`.
    ValueAddConfig {
        value: String = "value",
        targets: Vec<ValueAddTarget> = "targets",
        target_file_path: String = "targetFilePath",
    }

    ValueAddTarget {
        selector: Option<Selector> = "selector",
        field_path: String = "fieldPath",
        file_path_position: i64 = "filePathPosition",
    }
}

/// Sets fields to a value, or puts it into the paths they hold.
#[derive(Debug)]
pub(crate) struct ValueAdd {
    value: String,
    targets: Vec<(Option<Chooser>, String, usize)>,
}

impl ValueAdd {
    /// `value` must not be empty any more; the default is the kustomization's folder.
    pub(crate) fn new(config: &ValueAddConfig) -> Result<Self> {
        if config.targets.is_empty() {
            return Err("must specify at least one target".into());
        }
        let mut targets = Vec::with_capacity(config.targets.len());
        for target in &config.targets {
            if target.field_path.is_empty() {
                return Err(BuildError::new("fieldPath cannot be empty").of_field("targets"));
            }
            if target.field_path.split('/').count() > MAX_PATH {
                return Err(format!("fieldPath has more than {MAX_PATH} parts").into());
            }
            let position = usize::try_from(target.file_path_position).map_err(|_| {
                format!("value of FilePathPosition ({}) cannot be negative", target.file_path_position)
            })?;
            let chooser = target.selector.as_ref().map(Chooser::new).transpose()?;
            targets.push((chooser, target.field_path.clone(), position));
        }
        Ok(Self { value: config.value.trim().to_owned(), targets })
    }
}

impl Transformer for ValueAdd {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        for (chooser, field, position) in &self.targets {
            for resource in set.list.iter_mut().filter(|r| chooser.as_ref().is_none_or(|c| c.selects(r))) {
                if field == "metadata/namespace" {
                    let namespace = Namespace {
                        namespace: self.value.clone(),
                        specs: Vec::new(),
                        unset_only: false,
                        subjects: SubjectMode::DefaultOnly,
                    };
                    namespace.apply(resource)?;
                } else {
                    schemas.budget.spend(self.value.len() + field.len())?;
                    add(&mut resource.node, &split_path(field, '/'), &self.value, *position)
                        .map_err(|e| BuildError::new(e).of_object(&resource.id).of_field(field))?;
                }
                resource.refresh(&schemas.scopes);
            }
        }
        set.ids_changed();
        Ok(())
    }
}

fn add(node: &mut Node, path: &[String], value: &str, position: usize) -> std::result::Result<(), String> {
    let Some((name, rest)) = path.split_first() else {
        let old = node.as_scalar().ok_or_else(|| wrong_kind("a scalar", node))?;
        let new = if position == 0 { value.to_owned() } else { insert_part(&old.text, position - 1, value) };
        node.set_untagged(new);
        return Ok(());
    };
    if node.is_null() {
        *node = Node::Map(Map::default());
    }
    let Node::Map(map) = node else { return Err(wrong_kind("a mapping", node)) };
    let last = rest.is_empty();
    let field = map.entry(name, || if last { Node::Scalar(Scalar::untagged("")) } else { Node::empty_map() });
    add(field, rest, value, position)
}

/// Puts a part into a file path: `a/b` with `X` at 1 is `a/X/b`. Past the end it is appended.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let (root, rest) = path.strip_prefix('/').map_or(("", path), |rest| ("/", rest));
    let mut parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{root}{}", cleaned(&parts.join("/")))
}

/// A path without empty parts, `.` and, where that is possible, `..`.
fn cleaned(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match (part, parts.last()) {
            ("..", None) if !root.is_empty() => {}
            ("..", Some(above)) if *above != ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::insert_part;

    #[test]
    fn parts_go_into_paths() {
        let check = |path: &str, at: usize, expected: &str| assert_eq!(insert_part(path, at, "X"), expected);
        check("", 0, "X");
        check("/", 0, "/X");
        check("pie", 0, "X/pie");
        check("/raw", 1, "/raw/X");
        check("a/nice/pie", 2, "a/nice/X/pie");
        check("/a/nice", 99, "/a/nice/X");
        assert_eq!(insert_part("a", 1, "/x//./y/../z"), "a/x/z");
        assert_eq!(insert_part("a", 0, "/../x"), "/x/a");
    }
}
