//! What must hold for any input: contents that do not depend on order. What is damaged is in `generative`.

use crate::folder;
use holdfast_kustomize::{
    BuildErrors, BuildOptions, Limits, LoadRestrictor, Outcome, Provided, Reorder, build, to_yaml,
};
use holdfast_tree::{Entry, FileTree, MemoryTree};
use proptest::prelude::*;
use std::sync::OnceLock;

pub(crate) fn options() -> BuildOptions<'static> {
    // Small bounds: mutated inputs must meet them rather than run for long.
    let limits = Limits { yaml_nodes: 50_000, objects: 2_000, files: 500, ..Limits::default() };
    BuildOptions { load_restrictor: LoadRestrictor::None, limits, ..BuildOptions::default() }
}

pub(crate) fn run(
    tree: &dyn FileTree,
    path: &str,
    options: &BuildOptions<'_>,
) -> Result<Outcome, BuildErrors> {
    build(tree, path, options, &Provided::new())
}

/// A case's files as texts, and the folder to build.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) files: Vec<(String, String)>,
    pub(crate) path: String,
}

impl Case {
    pub(crate) fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new();
        self.files.iter().for_each(|(path, text)| tree.insert(path, text.clone()));
        tree
    }
}

/// The conformance cases where they are at hand, else a small one of our own.
pub(crate) fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let own = Case {
            files: vec![
                ("kustomization.yaml".into(), OVERLAY.into()),
                ("base/kustomization.yaml".into(), "resources: [all.yaml]\nnamePrefix: b-\n".into()),
                ("base/all.yaml".into(), ALL.into()),
            ],
            path: String::new(),
        };
        let mut cases = vec![own];
        let Some(root) = holdfast_testkit::conformance("kustomize") else { return cases };
        for entry in std::fs::read_dir(root).unwrap() {
            let case = entry.unwrap().path();
            let Ok(meta) = std::fs::read_to_string(case.join("meta.json")) else { continue };
            let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
            let path = meta.get("path").and_then(serde_json::Value::as_str).unwrap_or_default();
            let tree = folder::read(&case.join("input"));
            let mut files = Vec::new();
            for file in tree.paths() {
                if matches!(tree.entry(file), Ok(Some(Entry::File { .. })))
                    && let Ok(text) = String::from_utf8(tree.read(file).unwrap().to_vec())
                {
                    files.push((file.to_owned(), text));
                }
            }
            if !files.is_empty() {
                cases.push(Case { files, path: path.trim_start_matches('/').to_owned() });
            }
        }
        cases.sort_by(|a, b| a.files.cmp(&b.files));
        cases
    })
}

const OVERLAY: &str = "\
resources: [base]
namespace: shop
labels:
- pairs: {team: shop}
  includeSelectors: true
configMapGenerator:
- name: config
  literals: [a=b]
patches:
- target: {kind: Deployment}
  patch: |-
    - op: add
      path: /metadata/annotations/x
      value: y
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          containers:
          - name: web
            env: [{name: A, value: '2'}]
replacements:
- source: {kind: Service, name: web, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ['spec.template.spec.containers.[name=web].env.[name=A].value']
";

const ALL: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1
        env: [{name: A, value: '1'}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
";

proptest! {
    /// Resources that do not know each other come out the same whatever order they are named in.
    #[test]
    fn the_order_of_resources_changes_no_content(order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let build_in = |order: &[usize]| {
            let mut tree = MemoryTree::new();
            let mut files = Vec::new();
            for at in order {
                let file = format!("r{at}.yaml");
                tree.insert(&file, ALL.replace("name: web", &format!("name: web{at}")));
                files.push(file);
            }
            let text = format!("namePrefix: p-\nnamespace: shop\nresources: [{}]\n", files.join(", "));
            tree.insert("kustomization.yaml", text);
            let legacy = BuildOptions { reorder: Reorder::Legacy, ..options() };
            match run(&tree, "", &legacy) {
                Ok(Outcome::Built(built)) => to_yaml(&built.objects),
                other => panic!("{other:?}"),
            }
        };
        prop_assert_eq!(build_in(&order), build_in(&[0, 1, 2, 3, 4, 5]));
    }
}

#[test]
fn the_own_case_builds() {
    let case = cases().iter().find(|c| c.files.iter().any(|(_, text)| text == OVERLAY)).unwrap();
    let Ok(Outcome::Built(built)) = run(&case.tree(), &case.path, &options()) else {
        panic!("does not build")
    };
    assert_eq!(built.objects.len(), 3);
}
