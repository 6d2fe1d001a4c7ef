use holdfast_helm::chart::{Chart, Limits};
use holdfast_helm::template::{Surroundings, TemplateArgs, TemplateOutcome, template};
use holdfast_kustomize::{ChartInflator, ChartRequest};
use holdfast_tree::MemoryTree;
use std::sync::Arc;

/// Renders the `helmCharts` of a kustomization (`--enable-helm`), as `helm template` does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HelmCharts {
    /// Kubernetes' version in place of the one that the kustomization names (`--helm-kube-version`); empty for that.
    pub kube_version: String,
    /// API versions in place of those that the kustomization names (`--helm-api-versions`); empty for those.
    pub api_versions: Vec<String>,
    /// The time of `now`, in nanoseconds since 1970.
    pub now: i128,
    /// The seed of the random functions; passwords and keys come from it.
    pub seed: [u8; 32],
}

impl ChartInflator for HelmCharts {
    fn inflate(&self, request: &ChartRequest<'_>) -> Result<String, String> {
        let chart = Chart::load(request.tree, request.path, Limits::helm()).map_err(|e| e.to_string())?;
        let mut files = MemoryTree::new();
        let mut values = Vec::new();
        for (at, value) in request.values.iter().enumerate() {
            let name = format!("values-{at}.yaml");
            files.insert(&name, holdfast_yaml::to_string(value));
            values.push(name);
        }
        let own = |ours: &str, theirs: &str| if ours.is_empty() { theirs } else { ours }.to_owned();
        let api_versions =
            if self.api_versions.is_empty() { request.api_versions } else { &self.api_versions };
        let args = TemplateArgs {
            name: Some(request.release_name.to_owned()).filter(|name| !name.is_empty()),
            generate_name: request.release_name.is_empty(),
            name_template: request.name_template.to_owned(),
            chart: request.path.to_owned(),
            namespace: own(request.namespace, "default"),
            values,
            api_versions: api_versions.to_vec(),
            kube_version: own(&self.kube_version, request.kube_version),
            include_crds: request.include_crds,
            no_hooks: request.skip_hooks,
            skip_tests: request.skip_tests,
            ..TemplateArgs::default()
        };
        let around = Surroundings {
            tree: &files,
            folder: "",
            stdin: None,
            chart: Some(Arc::new(chart)),
            dependencies: Vec::new(),
            files: Default::default(),
            now: self.now,
            seed: self.seed,
            limits: Default::default(),
        };
        match template(&args, &around).map_err(|e| e.to_string())? {
            TemplateOutcome::Done(output) => {
                String::from_utf8(output.stdout).map_err(|_| "it renders what is not UTF-8".to_owned())
            }
            TemplateOutcome::Needs(_) => Err("it needs charts that are not in its folder".to_owned()),
        }
    }
}
