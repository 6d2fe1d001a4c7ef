use crate::{Diagnostic, Need, RenderError, RenderLimits, RenderOutcome, Rendered};
use holdfast_kustomize::{
    BuildError, BuildOptions, Injection, Limits, LoadRestrictor, Outcome, Provided, Reorder, build,
};
use holdfast_object::Origin;
use holdfast_tree::{FileTree, resolve};

/// How a kustomization is built.
#[derive(Debug, Clone, PartialEq)]
pub struct KustomizeOptions {
    /// What the API in front lays on top; Flux also makes up a kustomization where a folder has none.
    pub inject: Injection,
    /// Which files may be read.
    pub load_restrictor: LoadRestrictor,
    /// The order of the objects.
    pub reorder: Reorder,
}

/// Builds a folder as kustomize does.
pub(crate) fn render(
    tree: &dyn FileTree,
    path: &str,
    options: &KustomizeOptions,
    limits: &RenderLimits,
) -> Result<RenderOutcome, RenderError> {
    let folder = resolve(tree, path)?.path;
    let build_options = BuildOptions {
        load_restrictor: options.load_restrictor,
        reorder: options.reorder,
        inject: Some(&options.inject),
        limits: Limits {
            files: limits.files,
            objects: limits.objects,
            depth: limits.depth,
            input_bytes: usize::try_from(limits.bytes).unwrap_or(usize::MAX),
            ..Limits::default()
        },
        ..BuildOptions::default()
    };
    match build(tree, &folder, &build_options, &Provided::default()) {
        Ok(Outcome::Built(built)) => {
            let diagnostics = built.warnings.iter().map(diagnostic).collect();
            Ok(RenderOutcome::Rendered(Rendered { objects: built.objects, diagnostics }))
        }
        Ok(Outcome::Needs(needs)) => Ok(RenderOutcome::Needs(needs.into_iter().map(need).collect())),
        Err(errors) => Err(RenderError::Broken(errors.0.iter().map(diagnostic).collect())),
    }
}

fn diagnostic(error: &BuildError) -> Diagnostic {
    let origin = (!error.file.is_empty()).then(|| Origin {
        file: error.file.as_str().into(),
        line: error.line,
        document: 0,
    });
    let bare = BuildError { file: String::new(), line: 0, ..error.clone() };
    Diagnostic { origin, message: bare.to_string() }
}

fn need(need: holdfast_kustomize::Need) -> Need {
    match need {
        holdfast_kustomize::Need::Git(source) => {
            Need::GitBase { url: source.repo, reference: source.reference }
        }
        holdfast_kustomize::Need::Http { url } => Need::Http { url },
        holdfast_kustomize::Need::Chart(chart) => {
            Need::Chart { repository: chart.repo, name: chart.name, version: chart.version }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_kustomize::Flux;
    use holdfast_tree::MemoryTree;

    fn options() -> KustomizeOptions {
        KustomizeOptions {
            inject: Injection::Flux(Flux { name_prefix: Some("x-".into()), ..Flux::default() }),
            load_restrictor: LoadRestrictor::None,
            reorder: Reorder::Legacy,
        }
    }

    #[test]
    fn a_folder_without_a_kustomization_is_one_for_flux() {
        let mut tree = MemoryTree::new();
        tree.insert("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n");
        let outcome = render(&tree, "app", &options(), &RenderLimits::default()).unwrap();
        let RenderOutcome::Rendered(rendered) = outcome else { panic!("{outcome:?}") };
        let entry = rendered.objects.iter().next().unwrap();
        assert_eq!(entry.object.name(), "x-a");
        assert_eq!(entry.origin.as_ref().unwrap().to_string(), "app/a.yaml:1");
    }

    #[test]
    fn what_is_elsewhere_is_needed() {
        let mut tree = MemoryTree::new();
        tree.insert("kustomization.yaml", "resources:\n- https://github.com/org/repo//base?ref=v1\n");
        let outcome = render(&tree, "", &options(), &RenderLimits::default()).unwrap();
        let RenderOutcome::Needs(needs) = outcome else { panic!("{outcome:?}") };
        assert_eq!(needs[0].to_string(), "repository https://github.com/org/repo at v1");
    }

    #[test]
    fn errors_name_their_file() {
        let mut tree = MemoryTree::new();
        tree.insert("app/kustomization.yaml", "resources: [missing.yaml]\n");
        let error = render(&tree, "app", &options(), &RenderLimits::default()).unwrap_err().to_string();
        assert!(error.contains("missing.yaml"), "{error}");
    }
}
