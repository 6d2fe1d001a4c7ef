use super::Transformer;
use crate::budget::{Budget, MAX_PATH};
use crate::error::{BuildError, Result};
use crate::hash::{go_json, go_json_indented};
use crate::kustomization::{FieldOptions, ReplacementField, SourceSelector, TargetSelector};
use crate::node::{Create, Node, Scalar, Step, emit, lookup, read_one, split_smart, wrong_kind};
use crate::resource::{Gvk, ResId, ResSet, Resource};
use crate::schema::Schemas;
use crate::select::Chooser;

const DEFAULT_PATH: &str = "metadata.name";

/// Copies values from one field into others.
#[derive(Debug)]
pub(crate) struct Replacements {
    replacements: Vec<Replacement>,
}

#[derive(Debug)]
struct Replacement {
    source: Source,
    targets: Vec<Target>,
}

#[derive(Debug)]
enum Source {
    Value(String),
    Field(SourceSelector),
}

#[derive(Debug)]
struct Target {
    select: Chooser,
    reject: Vec<Chooser>,
    paths: Vec<FieldPath>,
    options: FieldOptions,
}

#[derive(Debug)]
struct FieldPath {
    text: String,
    parts: Vec<String>,
    steps: Vec<Step>,
}

impl Replacements {
    /// Takes the replacements in; those in files are read already.
    pub(crate) fn new(fields: Vec<ReplacementField>) -> Result<Self> {
        let replacements = fields
            .into_iter()
            .enumerate()
            .map(|(at, field)| Replacement::new(field).map_err(|e| e.of_field(&format!("replacements.{at}"))))
            .collect::<Result<_>>()?;
        Ok(Self { replacements })
    }
}

impl Replacement {
    fn new(field: ReplacementField) -> Result<Self> {
        let source = match (field.source_value, field.source) {
            (Some(_), Some(_)) => return Err("value and resource selectors are mutually exclusive".into()),
            (Some(value), None) => Source::Value(value),
            (None, Some(source)) => Source::Field(source),
            (None, None) => return Err(no_source_or_target()),
        };
        let targets = field.targets.filter(|t| !t.is_empty()).ok_or_else(no_source_or_target)?;
        Ok(Self { source, targets: targets.iter().map(Target::new).collect::<Result<_>>()? })
    }

    fn apply(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        let value = match &self.source {
            Source::Value(text) => Node::Scalar(Scalar::untagged(text.clone())),
            Source::Field(selector) => read_source(selector, set)?,
        };
        for target in &self.targets {
            for resource in &mut set.list {
                if target.selects(resource) {
                    target.write(resource, &value, &schemas.budget)?;
                    resource.refresh(&schemas.scopes);
                }
            }
        }
        Ok(())
    }
}

fn no_source_or_target() -> BuildError {
    BuildError::new("replacements must specify a source and at least one target")
}

impl Target {
    fn new(target: &TargetSelector) -> Result<Self> {
        let select = target.select.as_ref().ok_or("target must specify resources to select")?;
        let mut paths = target.field_paths.clone();
        if paths.is_empty() {
            paths.push(DEFAULT_PATH.into());
        }
        Ok(Self {
            select: Chooser::new(select)?,
            reject: target.reject.iter().map(Chooser::new).collect::<Result<_>>()?,
            paths: paths.into_iter().map(FieldPath::new).collect::<Result<_>>()?,
            options: target.options.clone().unwrap_or_default(),
        })
    }

    fn selects(&self, resource: &Resource) -> bool {
        if !self.select.matches_metadata(resource)
            || self.reject.iter().any(|r| r.asks_metadata() && r.matches_metadata(resource))
        {
            return false;
        }
        let ids = all_ids(resource);
        let fits = |chooser: &Chooser, id: &ResId| {
            chooser.matches_gvk(&id.gvk)
                && chooser.matches_name(&id.name)
                && chooser.matches_namespace(&id.namespace)
        };
        if self.reject.iter().any(|r| !r.is_open() && ids.iter().any(|id| fits(r, id))) {
            return false;
        }
        ids.iter().any(|id| fits(&self.select, id))
    }

    fn write(&self, resource: &mut Resource, value: &Node, budget: &Budget) -> Result<()> {
        let create = if self.options.create { Create::like(value) } else { Create::No };
        for path in &self.paths {
            budget
                .copy(value)
                .map_err(|e| BuildError::new(e).of_object(&resource.id).of_field(&path.text))?;
            if write_structured(&mut resource.node, path, value, create, &self.options).is_some() {
                continue;
            }
            let written = resource.node.visit_path(&path.steps, create, &mut |node| {
                budget.spend(value.bytes())?;
                set(node, value, &self.options)
            });
            let verb = if self.options.create { "find or create" } else { "find" };
            let missing = format!("unable to {verb} field \"{}\" in replacement target", path.text);
            let problem = match written {
                Ok(0) => missing,
                Ok(_) => {
                    resource.settle_twins();
                    continue;
                }
                Err(why) => format!("{missing}: {why}"),
            };
            return Err(BuildError::new(problem).of_object(&resource.id).of_field(&path.text));
        }
        Ok(())
    }
}

impl FieldPath {
    fn new(text: String) -> Result<Self> {
        let parts = split_smart(&text);
        if parts.len() > MAX_PATH {
            return Err(BuildError::new(format!("a field path has more than {MAX_PATH} parts")));
        }
        let steps = parts
            .iter()
            .map(|part| Step::parse(part))
            .collect::<std::result::Result<_, String>>()
            .map_err(|e| BuildError::new(e).of_field(&text))?;
        Ok(Self { text, parts, steps })
    }
}

/// Today's id and the earlier ones.
fn all_ids(resource: &Resource) -> Vec<ResId> {
    let today = ResId { cluster_scoped: false, ..resource.id.clone() };
    std::iter::once(today).chain(resource.previous_ids()).collect()
}

fn describe(selector: &SourceSelector) -> String {
    let id = ResId {
        gvk: Gvk::new(&selector.group, &selector.version, &selector.kind),
        name: selector.name.clone(),
        namespace: selector.namespace.clone(),
        cluster_scoped: false,
    };
    if selector.field_path.is_empty() { id.to_string() } else { format!("{id}:{}", selector.field_path) }
}

fn read_source(selector: &SourceSelector, set: &ResSet) -> Result<Node> {
    let gvk = Gvk::new(&selector.group, &selector.version, &selector.kind);
    let namespace = if selector.namespace.is_empty() { None } else { Some(selector.namespace.as_str()) };
    let matches = |id: &ResId| {
        (selector.name.is_empty() || selector.name == id.name)
            && namespace.is_none_or(|n| n == id.effective_namespace())
            && id.gvk.is_selected(&gvk)
    };
    let mut found = set.list.iter().filter(|r| all_ids(r).iter().any(matches));
    let Some(source) = found.next() else {
        return Err(BuildError::new(format!("nothing selected by {}", describe(selector))));
    };
    if found.next().is_some() {
        return Err(BuildError::new(format!("multiple matches for selector {}", describe(selector))));
    }
    let path = if selector.field_path.is_empty() { DEFAULT_PATH } else { &selector.field_path };
    let missing = || {
        let message = format!("fieldPath `{path}` is missing for replacement source {}", describe(selector));
        BuildError::new(message).of_object(&source.id).of_field(path)
    };
    let value = lookup(&source.node, &split_smart(path))
        .map_err(|e| {
            BuildError::new(format!("error looking up replacement source: {e}")).of_object(&source.id)
        })?
        .filter(|v| !v.is_nothing())
        .ok_or_else(missing)?;
    let mut value = value.clone();
    value.part_twins();
    let options = selector.options.clone().unwrap_or_default();
    if options.delimiter.is_empty() {
        return Ok(value);
    }
    let Some(scalar) = value.as_scalar() else {
        return Err("delimiter option can only be used with scalar nodes".into());
    };
    let part =
        usize::try_from(options.index).ok().and_then(|at| scalar.text.split(&options.delimiter).nth(at));
    let text = part.ok_or_else(|| {
        BuildError::new(format!("options.index {} is out of bounds for value {}", options.index, scalar.text))
    })?;
    Ok(Node::Scalar(Scalar { text: text.into(), ..scalar.clone() }))
}

fn set(target: &mut Node, value: &Node, options: &FieldOptions) -> std::result::Result<(), String> {
    let mut text = value.raw_text().to_owned();
    if !options.delimiter.is_empty() {
        let Some(scalar) = target.as_scalar() else {
            return Err("delimiter option can only be used with scalar nodes".into());
        };
        let mut parts: Vec<&str> = scalar.text.split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, value.raw_text()),
            Ok(at) if at >= parts.len() => parts.push(value.raw_text()),
            Ok(at) => parts[at] = value.raw_text(),
        }
        text = parts.join(&options.delimiter);
    }
    match target {
        // A scalar keeps its type: a number written into a string is a string.
        Node::Scalar(scalar) => {
            scalar.text = text.into();
            scalar.twin = scalar.twin.changed();
        }
        other => *other = value.clone(),
    }
    Ok(())
}

/// Writes into JSON or YAML that a string field holds. `None` when the path leads into no such field.
fn write_structured(
    node: &mut Node,
    path: &FieldPath,
    value: &Node,
    create: Create,
    options: &FieldOptions,
) -> Option<()> {
    let depth = (1..path.parts.len()).find(|depth| {
        matches!(lookup(node, &path.parts[..*depth]), Ok(Some(Node::Scalar(scalar))) if read_one(&scalar.text).is_ok())
    })?;
    let holder = lookup(node, &path.parts[..depth]).ok()??.as_scalar()?.clone();
    let mut inner = read_one(&holder.text).ok()??;
    let written =
        inner.visit_path(&path.steps[depth..], create, &mut |node| set(node, value, options)).ok()?;
    if written == 0 {
        return None;
    }
    let text = if holder.text.trim_start().starts_with(['{', '[']) {
        let json = inner.to_value().ok()?;
        let pretty = holder.text.contains('\n') && holder.text.contains("  ");
        if pretty { go_json_indented(&json) } else { go_json(&json) }
    } else {
        emit(&inner).trim().to_owned()
    };
    let steps = &path.steps[..depth];
    node.visit_path(steps, Create::No, &mut |node| match node {
        Node::Scalar(scalar) => {
            scalar.text = text.as_str().into();
            Ok(())
        }
        other => Err(wrong_kind("a scalar", other)),
    })
    .ok()
    .map(|_| ())
}

impl Transformer for Replacements {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        for replacement in &self.replacements {
            replacement.apply(set, schemas)?;
        }
        set.ids_changed();
        Ok(())
    }
}
