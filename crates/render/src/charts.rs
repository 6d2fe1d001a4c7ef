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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        Answer, Content, KustomizeOptions, Need, Provided, RenderLimits, RenderOutcome, RenderRequest,
        Renderer, render,
    };
    use bytes::Bytes;

    const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Values.who }}\n  namespace: {{ .Release.Namespace }}\ndata: {kube: {{ .Capabilities.KubeVersion.Version | quote }}}\n";
    const FILES: [(&str, &str); 3] = [
        ("Chart.yaml", "apiVersion: v2\nname: hello\nversion: 1.2.0\n"),
        ("values.yaml", "who: chart\n"),
        ("templates/a.yaml", TEMPLATE),
    ];

    fn kustomization(charts: &str) -> MemoryTree {
        let mut tree = MemoryTree::new();
        tree.insert("kustomization.yaml", format!("namePrefix: x-\nhelmCharts:\n{charts}"));
        tree
    }

    fn outcome(
        tree: &MemoryTree,
        helm: Option<HelmCharts>,
        provided: &Provided,
    ) -> Result<RenderOutcome, String> {
        let request = RenderRequest {
            path: String::new(),
            renderer: Renderer::Kustomize(Box::new(KustomizeOptions { helm, ..KustomizeOptions::default() })),
            limits: RenderLimits::default(),
        };
        render(tree, &request, provided).map_err(|e| e.to_string())
    }

    fn names(outcome: RenderOutcome) -> Vec<String> {
        let RenderOutcome::Rendered(rendered) = outcome else { panic!("{outcome:?}") };
        let name = |object: &holdfast_object::Object| format!("{}/{}", object.namespace(), object.name());
        rendered.objects.iter().map(|entry| name(&entry.object)).collect()
    }

    /// The chart as `helm package` packs it.
    pub(crate) fn archive() -> Bytes {
        let mut tar =
            tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, text) in FILES {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("hello/{name}"), text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap().into()
    }

    #[test]
    fn charts_of_the_tree_are_rendered_with_their_values() {
        let mut tree = kustomization(
            "- name: hello\n  releaseName: rel\n  namespace: ns\n  valuesInline: {who: inline}\n- name: hello\n",
        );
        FILES.iter().for_each(|(name, text)| tree.insert(&format!("charts/hello/{name}"), *text));
        let helm = HelmCharts { kube_version: "1.30.0".into(), ..HelmCharts::default() };
        let rendered = outcome(&tree, Some(helm), &Provided::new()).unwrap();
        assert_eq!(names(rendered.clone()), ["default/x-release-name-chart", "ns/x-rel-inline"]);
        let RenderOutcome::Rendered(rendered) = rendered else { panic!("{rendered:?}") };
        let kube = rendered.objects.iter().next().unwrap().object.get(&["data", "kube"]).cloned();
        assert_eq!(kube, Some("v1.30.0".into()));
        let refused = outcome(&tree, None, &Provided::new()).unwrap_err();
        assert!(refused.contains("must specify --enable-helm"), "{refused}");
    }

    #[test]
    fn charts_of_a_repository_are_asked_for() {
        let tree =
            kustomization("- {name: hello, version: 1.2.0, repo: 'https://charts.io', releaseName: rel}\n");
        let helm = || Some(HelmCharts::default());
        let need = Need::Chart {
            repository: "https://charts.io".into(),
            name: "hello".into(),
            version: "1.2.0".into(),
        };
        assert_eq!(outcome(&tree, helm(), &Provided::new()), Ok(RenderOutcome::Needs(vec![need.clone()])));
        let mut provided = Provided::new();
        provided.answer(need.clone(), Answer { content: Content::Bytes(archive()), digest: "d".into() });
        assert_eq!(names(outcome(&tree, helm(), &provided).unwrap()), ["default/x-rel-chart"]);
        provided.failed(need.clone(), "no such host");
        let failed = outcome(&tree, helm(), &provided).unwrap_err();
        assert!(
            failed.contains("cannot pull chart 'hello' from 'https://charts.io': no such host"),
            "{failed}"
        );
        provided.answer(need, Answer { content: Content::Bytes(Bytes::from("x")), digest: "e".into() });
        let damaged = outcome(&tree, helm(), &provided).unwrap_err();
        assert!(damaged.contains("no chart"), "{damaged}");
    }
}
