//! What must hold for any input: no panic, the same answer twice, contents that do not depend on order.

use crate::folder;
use holdfast_kustomize::{
    BuildErrors, BuildOptions, Limits, LoadRestrictor, Outcome, Provided, Reorder, build, to_yaml,
};
use holdfast_tree::{Entry, FileTree, MemoryTree};
use proptest::prelude::*;
use std::sync::OnceLock;

fn options() -> BuildOptions<'static> {
    // Small bounds: mutated inputs must meet them rather than run for long.
    let limits = Limits { yaml_nodes: 50_000, objects: 2_000, files: 500, ..Limits::default() };
    BuildOptions { load_restrictor: LoadRestrictor::None, limits, ..BuildOptions::default() }
}

fn run(tree: &dyn FileTree, path: &str, options: &BuildOptions<'_>) -> Result<Outcome, BuildErrors> {
    build(tree, path, options, &Provided::new())
}

/// A case's files as texts, and the folder to build.
#[derive(Clone, Debug)]
struct Case {
    files: Vec<(String, String)>,
    path: String,
}

impl Case {
    fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new();
        self.files.iter().for_each(|(path, text)| tree.insert(path, text.clone()));
        tree
    }
}

/// The conformance cases where they are at hand, else a small one of our own.
fn cases() -> &'static [Case] {
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

/// One change of a text: a line taken away, doubled, swapped, cut, indented, or something odd put in.
fn mutate(text: &str, at: usize, kind: u8) -> String {
    const ODD: [&str; 20] = [
        "null",
        "[]",
        "{}",
        "~",
        "- ",
        "$patch: delete",
        "\"\\u0000\"",
        "&a [*a]",
        "*b",
        "<<: {a: b}",
        "0x1f",
        "..",
        "/",
        "*",
        "[a=b]",
        "-1",
        "99999999999999999999",
        "|",
        ">-\n  x",
        "$(A)",
    ];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return ODD[at % ODD.len()].to_owned();
    }
    let line = at % lines.len();
    match kind % 8 {
        0 => {
            lines.remove(line);
        }
        1 => lines.insert(line, lines[line].clone()),
        2 => lines.swap(line, (at / 7) % text.lines().count()),
        3 => {
            let cut = lines[line].char_indices().map(|(i, _)| i).nth(at % 11).unwrap_or(0);
            lines[line].truncate(cut);
        }
        4 => lines[line].insert(0, ' '),
        5 => {
            let value = ODD[at % ODD.len()];
            let key = lines[line].split_once(':').map(|(key, _)| key.to_owned());
            lines[line] = key.map_or_else(|| value.to_owned(), |key| format!("{key}: {value}"));
        }
        6 => lines.insert(line, ODD[at % ODD.len()].to_owned()),
        _ => lines[line] = lines[line].replacen(|c: char| c.is_ascii_lowercase(), "é", 1),
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// A build of a damaged case ends with an answer, and with the same one when it is run again.
    #[test]
    fn damaged_cases_are_answered(
        case in 0..10_000_usize,
        changes in prop::collection::vec((any::<usize>(), 0..10_000_usize, any::<u8>()), 1..4),
    ) {
        let mut case = cases()[case % cases().len()].clone();
        for (file, at, kind) in changes {
            let file = file % case.files.len();
            case.files[file].1 = mutate(&case.files[file].1, at, kind);
        }
        let tree = case.tree();
        let first = run(&tree, &case.path, &options());
        if let Ok(Outcome::Built(built)) = &first {
            let _ = to_yaml(&built.objects);
        }
        if let Err(errors) = &first {
            prop_assert!(!errors.0.is_empty());
            prop_assert!(errors.0.iter().all(|e| !e.message.is_empty()), "{errors:?}");
        }
        prop_assert_eq!(first, run(&tree, &case.path, &options()));
    }

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
