//! `--validate`: what was rendered, held against the schemas of its kinds. Helm asks a cluster; here it is the table of
//! built-in kinds, and the definitions that the chart brings.

use super::{TemplateArgs, TemplateError};
use crate::render::Rendered;
use holdfast_object::schema::Schemas;
use holdfast_object::{GroupVersionKind, Object, ObjectSet, Origin};
use std::collections::BTreeSet;

/// Checks every object.
///
/// # Errors
/// [`TemplateError::Invalid`] with all that is wrong. What is right but for kinds that nobody here knows is told as
/// warnings.
pub(super) fn check(rendered: &Rendered, args: &TemplateArgs) -> Result<Vec<String>, TemplateError> {
    let mut sets = vec![rendered.crd_objects()?, rendered.objects()?];
    if !args.no_hooks {
        sets.push(rendered.hook_objects(args.skip_tests)?);
    }
    let mut judge = Judge { definitions: Vec::new(), problems: Vec::new(), unknown: BTreeSet::new() };
    sets.iter().for_each(|set| judge.learn(set));
    sets.iter().flat_map(ObjectSet::iter).for_each(|entry| judge.check(&entry.object, entry.origin.as_ref()));
    if !judge.problems.is_empty() {
        let version = Schemas::builtin().version().to_owned();
        return Err(TemplateError::Invalid { version, problems: judge.problems });
    }
    let warning = |kind: String| format!("{kind} is not checked: its definition is not part of the chart");
    Ok(judge.unknown.into_iter().map(warning).collect())
}

struct Judge {
    /// The kinds that the chart defines.
    definitions: Vec<Schemas>,
    problems: Vec<String>,
    unknown: BTreeSet<String>,
}

impl Judge {
    /// Reads the definitions among objects.
    fn learn(&mut self, set: &ObjectSet) {
        for entry in set.iter().filter(|entry| entry.object.kind() == "CustomResourceDefinition") {
            match Schemas::from_crd(&entry.object.to_value()) {
                Ok(schemas) => self.definitions.push(schemas),
                Err(error) => self.say(&entry.object, entry.origin.as_ref(), &error.to_string()),
            }
        }
    }

    fn check(&mut self, object: &Object, origin: Option<&Origin>) {
        let gvk = object.gvk();
        let builtin = Schemas::builtin();
        let defined = self.definitions.iter().find_map(|schemas| schemas.root(&gvk));
        if let Some(root) = builtin.root(&gvk).or(defined) {
            let violations = root.violations(&object.to_value());
            violations.iter().for_each(|violation| self.say(object, origin, &violation.to_string()));
        } else if builtin.resources().any(|resource| resource.gvk.group == gvk.group) {
            let what = format!("Kubernetes {} has no {}", builtin.version(), named(&gvk));
            self.say(object, origin, &what);
        } else {
            self.unknown.insert(named(&gvk));
        }
    }

    fn say(&mut self, object: &Object, origin: Option<&Origin>, what: &str) {
        let place = origin.map(|origin| format!("{origin}: ")).unwrap_or_default();
        self.problems.push(format!("{place}{}/{}: {what}", object.kind(), object.name()));
    }
}

fn named(gvk: &GroupVersionKind) -> String {
    format!("{} {}", gvk.api_version(), gvk.kind)
}
