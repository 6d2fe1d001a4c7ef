use super::{Config, NameReference, Spec, merge_one};
use crate::error::{BuildError, Result};
use crate::loader::{Context, Loader};
use crate::node::{Dialect, Node, read_documents};
use crate::resource::Gvk;
use std::sync::Arc;

const MAX_DEPTH: usize = 32;

/// The fields that a kustomization's `crds` mark: OpenAPI definitions whose properties say that they are names,
/// references, labels or annotations.
pub(crate) fn read_crds<'a>(
    paths: &[String],
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<Arc<Config>> {
    let mut config = Arc::new(Config::default());
    for path in paths {
        let file = loader.display(path);
        let text = loader.load_text(path, context).map_err(|e| e.in_file(&file))?;
        let documents = read_documents(&text, Dialect::V2, context.read_limits())
            .map_err(|e| BuildError::new(e.message).in_file(&file).at_line(e.line))?;
        let Some(first) = documents.into_iter().next() else { continue };
        let Node::Map(definitions) = &first.node else {
            let message = format!("expected OpenAPI definitions, got {}", first.node.kind_name());
            return Err(BuildError::new(message).in_file(&file).at_line(first.line));
        };
        let mut found = Config::default();
        for (name, definition) in &definitions.entries {
            if !is_kind(definition) {
                continue;
            }
            // Only the kind of the definition's name counts.
            let kind = name.text.rsplit('.').next().unwrap_or_default();
            let mut path = Vec::new();
            collect(&first.node, &name.text, &Gvk::new("", "", kind), &mut path, &mut found)
                .map_err(|e| e.in_file(&file).at_line(name.line))?;
        }
        config = config.merged(&Arc::new(found)).map_err(|e| e.in_file(&file))?;
    }
    Ok(config)
}

fn properties(definition: &Node) -> Option<&crate::node::Map> {
    definition.get("Schema")?.get("properties")?.as_map()
}

fn is_kind(definition: &Node) -> bool {
    let Some(properties) = properties(definition) else { return false };
    ["kind", "apiVersion", "metadata"].iter().all(|field| properties.get(field).is_some())
}

fn collect(
    definitions: &Node,
    name: &str,
    kind: &Gvk,
    path: &mut Vec<String>,
    config: &mut Config,
) -> Result<()> {
    if path.len() > MAX_DEPTH {
        return Err(BuildError::new(format!("definitions refer to one another more than {MAX_DEPTH} deep")));
    }
    let Some(properties) = definitions.get(name).and_then(properties) else { return Ok(()) };
    for (key, property) in &properties.entries {
        let text = |field: &str| property.get(field).filter(|n| n.is_text()).map(|n| n.raw_text().to_owned());
        path.push(key.text.replace('/', "\\/"));
        let here = |more: &[&str]| {
            let parts: Vec<&str> = path.iter().map(String::as_str).chain(more.iter().copied()).collect();
            Spec::new(kind.clone(), &parts.join("/"), false)
        };
        if text("x-kubernetes-annotation").is_some() {
            merge_one(&mut config.common_annotations, here(&[]))?;
        }
        if text("x-kubernetes-label-selector").is_some() {
            merge_one(&mut config.common_labels, here(&[]))?;
        }
        if text("x-kubernetes-identity").is_some() {
            merge_one(&mut config.name_prefix, here(&[]))?;
        }
        if let Some(version) = text("x-kubernetes-object-ref-api-version")
            && let Some(target) = text("x-kubernetes-object-ref-kind")
        {
            let field = text("x-kubernetes-object-ref-name-key").unwrap_or_else(|| "name".into());
            let target = Gvk::new("", &version, &target);
            let spec = here(&[&field]);
            match config.name_reference.iter_mut().find(|r| r.target == target) {
                Some(reference) => merge_one(&mut reference.referrers, spec)?,
                None => config.name_reference.push(NameReference { target, referrers: vec![spec] }),
            }
        }
        if let Some(reference) = text("$ref") {
            collect(definitions, &reference, kind, path, config)?;
        }
        path.pop();
    }
    Ok(())
}
