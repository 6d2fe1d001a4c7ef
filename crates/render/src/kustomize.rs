use crate::{Diagnostic, HelmCharts, Need, Provided, RenderError, RenderLimits, RenderOutcome, Rendered};
use holdfast_kustomize::{
    BuildError, BuildOptions, Injection, Limits, LoadRestrictor, Outcome, Reorder, build,
};
use holdfast_object::Origin;
use holdfast_tree::{FileTree, resolve};

/// How a kustomization is built; the default is `kustomize build` without flags.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KustomizeOptions {
    /// What the API in front lays on top; Flux also makes up a kustomization where a folder has none.
    pub inject: Option<Injection>,
    /// Which files may be read.
    pub load_restrictor: LoadRestrictor,
    /// The order of the objects.
    pub reorder: Reorder,
    /// Renders `helmCharts`; without it they are refused, as kustomize does without `--enable-helm`.
    pub helm: Option<HelmCharts>,
    /// Label all objects as made by kustomize (`--enable-managedby-label`).
    pub managed_by_label: bool,
}

/// Builds a folder as kustomize does.
pub(crate) fn render(
    tree: &dyn FileTree,
    path: &str,
    options: &KustomizeOptions,
    limits: &RenderLimits,
    provided: &Provided,
) -> Result<RenderOutcome, RenderError> {
    let folder = resolve(tree, path)?.path;
    let build_options = BuildOptions {
        load_restrictor: options.load_restrictor,
        reorder: options.reorder,
        inject: options.inject.as_ref(),
        enable_helm: options.helm.is_some(),
        helm: options.helm.as_ref().map(|helm| helm as _),
        managed_by_label: options.managed_by_label,
        limits: Limits {
            files: limits.files,
            objects: limits.objects,
            depth: limits.depth,
            input_bytes: usize::try_from(limits.bytes).unwrap_or(usize::MAX),
            ..Limits::default()
        },
    };
    match build(tree, &folder, &build_options, &provided.for_kustomize()) {
        Ok(Outcome::Built(built)) => {
            let diagnostics = built.warnings.iter().map(diagnostic).collect();
            let answered = built.answered.into_iter().map(Need::from).collect();
            Ok(RenderOutcome::Rendered(Rendered { objects: built.objects, diagnostics, answered }))
        }
        Ok(Outcome::Needs(needs)) => Ok(RenderOutcome::Needs(needs.into_iter().map(Need::from).collect())),
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

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_kustomize::Flux;
    use holdfast_tree::MemoryTree;

    fn options() -> KustomizeOptions {
        KustomizeOptions {
            inject: Some(Injection::Flux(Flux { name_prefix: Some("x-".into()), ..Flux::default() })),
            load_restrictor: LoadRestrictor::None,
            reorder: Reorder::Legacy,
            ..KustomizeOptions::default()
        }
    }

    #[test]
    fn a_folder_without_a_kustomization_is_one_for_flux() {
        let mut tree = MemoryTree::new();
        tree.insert("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n");
        let outcome = render(&tree, "app", &options(), &RenderLimits::default(), &Provided::new()).unwrap();
        let RenderOutcome::Rendered(rendered) = outcome else { panic!("{outcome:?}") };
        let entry = rendered.objects.iter().next().unwrap();
        assert_eq!(entry.object.name(), "x-a");
        assert_eq!(entry.origin.as_ref().unwrap().to_string(), "app/a.yaml:1");
    }

    #[test]
    fn what_is_elsewhere_is_needed() {
        let mut tree = MemoryTree::new();
        tree.insert("kustomization.yaml", "resources:\n- https://github.com/org/repo//base?ref=v1\n");
        let outcome = render(&tree, "", &options(), &RenderLimits::default(), &Provided::new()).unwrap();
        let RenderOutcome::Needs(needs) = outcome else { panic!("{outcome:?}") };
        assert_eq!(needs[0].to_string(), "repository https://github.com/org/repo at v1");
    }

    #[test]
    fn errors_name_their_file() {
        let mut tree = MemoryTree::new();
        tree.insert("app/kustomization.yaml", "resources: [missing.yaml]\n");
        let error = render(&tree, "app", &options(), &RenderLimits::default(), &Provided::new())
            .unwrap_err()
            .to_string();
        assert!(error.contains("missing.yaml"), "{error}");
    }
}
