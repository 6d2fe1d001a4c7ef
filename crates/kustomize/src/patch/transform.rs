use super::json::Operation;
use super::{apply_json, merge, normalize, open_annotations, parse_patch};
use crate::error::{BuildError, Result};
use crate::kustomization::{Patch, PatchOptions};
use crate::loader::{Context, Loader};
use crate::read::read_resources;
use crate::resource::{ResSet, Resource};
use crate::schema::Schemas;
use crate::select::Chooser;
use crate::transform::Transformer;

/// One entry of `patches`, or a `PatchTransformer`.
#[derive(Debug)]
pub(crate) struct PatchStep {
    kind: PatchKind,
    target: Option<Chooser>,
    options: PatchOptions,
    /// The file, or where the patch is written.
    place: String,
}

#[derive(Debug)]
enum PatchKind {
    Strategic(Vec<Resource>),
    Json(Vec<Operation>),
    Nothing,
}

impl PatchStep {
    /// Reads the patch and finds out which kind it is.
    pub(crate) fn new<'a>(
        patch: &Patch,
        loader: &Loader<'a>,
        at: &str,
        context: &mut Context<'a>,
    ) -> Result<Self> {
        let inline = patch.patch.trim();
        let (text, place) = match (inline.is_empty(), patch.path.is_empty()) {
            (true, true) => return Err("must specify one of patch and path".into()),
            (false, false) => return Err("patch and path can't be set at the same time".into()),
            (false, true) => (inline.to_owned(), at.to_owned()),
            (true, false) => {
                let text = loader.load_text(&patch.path, context)?;
                (text, loader.display(&patch.path))
            }
        };
        let strategic = read_resources(&text, &place, context);
        let json = parse_patch(&text, context.read_limits());
        let kind = match (strategic, json) {
            (Ok(patches), Ok(operations)) if !patches.is_empty() && !operations.is_empty() => {
                return Err(
                    BuildError::new("illegally qualifies as both an SM and JSON patch").in_file(&place)
                );
            }
            (Err(strategic), Err(json)) => {
                let message =
                    format!("unable to parse SM or JSON patch: {}; as JSON patch: {json}", strategic.message);
                return Err(BuildError { message, ..strategic }.in_file(&place));
            }
            (Ok(patches), _) if patches.is_empty() => PatchKind::Nothing,
            (Ok(patches), _) => PatchKind::Strategic(patches),
            (Err(_), Ok(operations)) => PatchKind::Json(operations),
        };
        let target = patch.target.as_ref().map(Chooser::new).transpose()?;
        let options = patch.options.clone().unwrap_or_default();
        let kind = match kind {
            // The options are notes among the patch's annotations, which makes strings of all of them.
            PatchKind::Strategic(mut patches) if options.allow_name_change || options.allow_kind_change => {
                patches.iter_mut().for_each(|patch| make_section_texts(patch, "annotations"));
                PatchKind::Strategic(patches)
            }
            kind => kind,
        };
        Ok(Self { kind, target, options, place })
    }

    fn strategic(&self, patches: &[Resource], set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        let Some(target) = &self.target else {
            for patch in patches {
                let at = one_target(set, patch).map_err(|e| BuildError {
                    message: format!("no resource matches strategic merge patch: {}", e.message),
                    ..e
                })?;
                if apply_strategic(&mut set.list[at], patch.clone(), &self.options, schemas)? {
                    set.ids_changed();
                }
            }
            return Ok(());
        };
        let [patch] = patches else {
            return Err(
                "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field"
                    .into(),
            );
        };
        for at in target.select(set) {
            let resource = &mut set.list[at];
            if resource.is_gone() {
                continue;
            }
            let mut own = patch.clone();
            own.set_api_version(&resource.id.gvk.api_version());
            make_texts(&mut own);
            apply_strategic(resource, own, &self.options, schemas)?;
        }
        set.list.retain(|r| !r.is_gone());
        set.ids_changed();
        set.check_unique()
    }
}

impl Transformer for PatchStep {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        let applied = match &self.kind {
            PatchKind::Nothing => Ok(()),
            PatchKind::Strategic(patches) => self.strategic(patches, set, schemas),
            PatchKind::Json(operations) => match &self.target {
                None => Err("must specify a target for JSON patch".into()),
                Some(target) => apply_to_selected(operations, target, set, schemas, true),
            },
        };
        applied.map_err(|e| e.in_file(&self.place))
    }
}

/// The one resource that a strategic merge patch names.
fn one_target(set: &mut ResSet, patch: &Resource) -> Result<usize> {
    let id = patch.original_id();
    match set.with_any_id(&id).as_slice() {
        [at] => Ok(*at),
        [] => Err(BuildError::new(format!(
            "no matches for Id {id}; failed to find unique target for patch {id}"
        ))),
        _ => Err(BuildError::new(format!(
            "multiple matches for Id {id}; failed to find unique target for patch {id}"
        ))),
    }
}

/// Makes strings of a patch's labels and annotations, null included, as the original's copies of patches have them.
fn make_texts(patch: &mut Resource) {
    for section in ["labels", "annotations"] {
        make_section_texts(patch, section);
    }
}

fn make_section_texts(patch: &mut Resource, section: &str) {
    let texts = patch.texts(section);
    patch.set_texts(section, texts);
}

/// Merges a patch into a resource, which keeps its name, namespace and kind unless the options allow otherwise.
/// True when its identity changed.
fn apply_strategic(
    target: &mut Resource,
    patch: Resource,
    options: &PatchOptions,
    schemas: &Schemas,
) -> Result<bool> {
    let id = target.id.clone();
    schemas.budget.spend(patch.node.bytes())?;
    if options.allow_name_change || options.allow_kind_change {
        target.remember();
    }
    let node = std::mem::take(&mut target.node);
    let line = patch.source.as_ref().map_or(0, |s| s.line);
    let merged = merge(node, patch.node, schemas)
        .map_err(|e| BuildError::new(e.message).of_object(&id).of_field(&e.path).at_line(line))?;
    let Some(merged) = merged else { return Ok(true) };
    target.node = merged;
    target.settle_twins();
    if target.is_gone() {
        return Ok(true);
    }
    if !options.allow_kind_change {
        target.set_kind(&id.gvk.kind);
    }
    if !options.allow_name_change {
        target.set_name(&id.name);
    }
    target.set_namespace(&id.namespace);
    target.refresh(&schemas.scopes);
    Ok(options.allow_name_change || options.allow_kind_change || target.id != id)
}

fn apply_to_selected(
    operations: &[Operation],
    target: &Chooser,
    set: &mut ResSet,
    schemas: &Schemas,
    remember: bool,
) -> Result<()> {
    for at in target.select(set) {
        let resource = &mut set.list[at];
        if remember {
            resource.remember();
        }
        let id = resource.id.clone();
        let node = std::mem::take(&mut resource.node);
        let mut node = normalize(node).map_err(|e| {
            BuildError::new(e.why.to_string()).of_object(&id).of_field(&e.path).at_line(e.line)
        })?;
        // The original's notes are annotations: where there are any, so is the mapping.
        let has_notes = resource.has_notes();
        if has_notes {
            open_annotations(&mut node);
        }
        apply_json(&mut node, operations, &schemas.budget).map_err(|e| BuildError::new(e).of_object(&id))?;
        // Who removes all annotations removes the notes of origin with them.
        if has_notes && node.get("metadata").is_none_or(|m| m.get("annotations").is_none()) {
            resource.origin = None;
            resource.transformations.clear();
        }
        resource.node = node;
        // It was written out and read again: nothing changes together any more.
        if std::mem::take(&mut resource.twins) > 0 {
            resource.node.part_twins();
        }
        // Annotations are written anew, as strings.
        let annotations = resource.texts("annotations");
        resource.set_texts("annotations", annotations);
        resource.refresh(&schemas.scopes);
    }
    set.ids_changed();
    Ok(())
}

/// `patchesStrategicMerge`: every patch names its target itself.
#[derive(Debug)]
pub(crate) struct StrategicPatches {
    patches: Vec<(Resource, String)>,
}

impl StrategicPatches {
    /// Reads the entries, each a patch or the path of one, and one more text of patches.
    pub(crate) fn new<'a>(
        entries: &[String],
        text: &str,
        loader: &Loader<'a>,
        at: &str,
        context: &mut Context<'a>,
    ) -> Result<Self> {
        if entries.is_empty() && text.is_empty() {
            return Err("empty file path and empty patch content".into());
        }
        let mut patches = Vec::new();
        for entry in entries {
            // An entry may be the patch itself.
            let (read, place) = match read_resources(entry, at, context) {
                Ok(read) => (read, at.to_owned()),
                Err(_) => {
                    let place = loader.display(entry);
                    let text = loader.load_text(entry, context).map_err(|e| e.in_file(at))?;
                    (read_resources(&text, &place, context)?, place)
                }
            };
            patches.extend(read.into_iter().map(|p| (p, place.clone())));
        }
        if !text.is_empty() {
            patches.extend(read_resources(text, at, context)?.into_iter().map(|p| (p, at.to_owned())));
        }
        if patches.is_empty() {
            return Err(BuildError::new(format!("patch appears to be empty; files={entries:?}")).in_file(at));
        }
        Ok(Self { patches })
    }
}

impl Transformer for StrategicPatches {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        for (patch, place) in &self.patches {
            let options = PatchOptions::default();
            let at = one_target(set, patch).map_err(|e| e.in_file(place))?;
            let mut own = patch.clone();
            own.set_api_version(&set.list[at].id.gvk.api_version());
            make_texts(&mut own);
            if apply_strategic(&mut set.list[at], own, &options, schemas).map_err(|e| e.in_file(place))? {
                set.drop_gone();
                set.ids_changed();
            }
        }
        Ok(())
    }
}

/// One entry of `patchesJson6902`, or a `PatchJson6902Transformer`.
#[derive(Debug)]
pub(crate) struct JsonPatch {
    operations: Vec<Operation>,
    target: Chooser,
    place: String,
}

impl JsonPatch {
    pub(crate) fn new<'a>(
        patch: &Patch,
        loader: &Loader<'a>,
        at: &str,
        context: &mut Context<'a>,
    ) -> Result<Self> {
        let Some(target) = &patch.target else { return Err("must specify a target for the patch".into()) };
        if target.name.is_empty() {
            return Err(BuildError::new("must specify the target name").of_field("target.name"));
        }
        let (text, place) = match (patch.path.is_empty(), patch.patch.is_empty()) {
            (true, true) => return Err("empty file path and empty jsonOp".into()),
            (false, false) => return Err("must specify a file path or jsonOp, not both".into()),
            (true, false) => (patch.patch.clone(), at.to_owned()),
            (false, true) => (loader.load_text(&patch.path, context)?, loader.display(&patch.path)),
        };
        let operations =
            parse_patch(&text, context.read_limits()).map_err(|e| BuildError::new(e).in_file(&place))?;
        if operations.is_empty() {
            return Err(BuildError::new("patch appears to be empty").in_file(&place));
        }
        Ok(Self { operations, target: Chooser::new(target)?, place })
    }
}

impl Transformer for JsonPatch {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        apply_to_selected(&self.operations, &self.target, set, schemas, false)
            .map_err(|e| e.in_file(&self.place))
    }
}
