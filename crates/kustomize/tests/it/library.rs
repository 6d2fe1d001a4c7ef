//! The library's answers besides objects: needs, origins, several errors at once, limits.

use holdfast_kustomize::{
    BuildErrors, BuildOptions, Built, GitSource, Limits, Need, Outcome, Provided, build, to_yaml,
};
use holdfast_tree::MemoryTree;
use std::sync::Arc;

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    files.iter().for_each(|(path, text)| tree.insert(path, (*text).to_owned()));
    tree
}

fn run(tree: &MemoryTree, options: &BuildOptions<'_>) -> Result<Built, BuildErrors> {
    match build(tree, "", options, &Provided::new())? {
        Outcome::Built(built) => Ok(built),
        Outcome::Needs(needs) => panic!("needs {needs:?}"),
    }
}

fn errors(tree: &MemoryTree) -> String {
    run(tree, &BuildOptions::default()).unwrap_err().to_string()
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

#[test]
fn objects_know_their_file_and_line() {
    let two = format!("# a comment\n{CONFIG_MAP}---\n\n{}", CONFIG_MAP.replace("name: a", "name: b"));
    let tree = tree(&[
        ("kustomization.yaml", "resources: [base]\nconfigMapGenerator:\n- name: g\n  literals: [x=y]\n"),
        ("base/kustomization.yaml", "resources: [two.yaml]\n"),
        ("base/two.yaml", &two),
    ]);
    let built = run(&tree, &BuildOptions::default()).unwrap();
    let places: Vec<String> =
        built.objects.iter().map(|e| format!("{} {}", e.object.name(), e.origin.as_ref().unwrap())).collect();
    assert_eq!(places, ["a base/two.yaml:2", "b base/two.yaml:8", "g-6gc9d749f7 kustomization.yaml"]);
}

#[test]
fn files_are_named_like_the_originals() {
    let text = format!(
        "{CONFIG_MAP}---\n{}---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: R}}\n",
        CONFIG_MAP.replace("name: a", "name: a\n  namespace: other")
    );
    let tree = tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", &text)]);
    let built = run(&tree, &BuildOptions::default()).unwrap();
    let files = holdfast_kustomize::to_files(&built.objects);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "rbac.authorization.k8s.io_v1_clusterrole_r.yaml",
            "other_v1_configmap_a.yaml",
            "default_v1_configmap_a.yaml"
        ]
    );
    assert_eq!(files[2].1, CONFIG_MAP);
}

#[test]
fn independent_errors_are_reported_together() {
    let tree = tree(&[
        ("kustomization.yaml", "resources:\n- missing.yaml\n- bad.yaml\n- base\n- good.yaml\n"),
        ("bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {}\n"),
        ("good.yaml", CONFIG_MAP),
        ("base/kustomization.yaml", "resource: [x]\nnamePrefix: 1\n"),
    ]);
    insta::assert_snapshot!(errors(&tree), @r#"
    kustomization.yaml: resources.0: accumulating resources from 'missing.yaml': 'missing.yaml': no such file or folder
    bad.yaml:1: metadata.name: accumulating resources from 'bad.yaml': missing metadata.name in object of kind ConfigMap
    base/kustomization.yaml:2: namePrefix: must be a string, got a number
    base/kustomization.yaml:1: resource: accumulating resources from 'base': unknown field "resource"
    "#);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let check = |kustomization: &str, expected: &str| {
        let tree = tree(&[("kustomization.yaml", kustomization), ("a.yaml", CONFIG_MAP)]);
        assert_eq!(errors(&tree), expected);
    };
    check(
        "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: '[{op: remove, path: /data/x}]'\n",
        "kustomization.yaml: ConfigMap.v1.[noGrp]/a.[noNs]: remove operation does not apply: doc is missing path: /data/x: missing value",
    );
    check(
        "resources: [a.yaml]\nreplicas:\n- name: x\n  count: many\n",
        "kustomization.yaml:4: replicas.0.count: must be a whole number, got a string",
    );
    check(
        "transformers:\n- |-\n  apiVersion: example.com/v1\n  kind: MyPlugin\n  metadata: {name: x}\n",
        "kustomization.yaml:1: plugin MyPlugin.v1.example.com/x.[noNs] fails configuration: external plugins are not run: 'MyPlugin' is no built-in generator or transformer (apiVersion: builtin); programs, containers and Go plugins are refused",
    );
    check(
        "helmCharts:\n- name: x\n",
        "kustomization.yaml: helmCharts: must specify --enable-helm to render charts",
    );
    check(
        "resources: [a.yaml, a.yaml]\n",
        "a.yaml:1: resources.1: accumulating resources from 'a.yaml': may not add resource with an already registered id: ConfigMap.v1.[noGrp]/a.[noNs] (from a.yaml:1)",
    );
}

#[test]
fn files_outside_of_the_root_are_refused_also_through_links() {
    let mut tree = tree(&[
        ("app/kustomization.yaml", "resources: [a.yaml]\npatches:\n- path: ../patch.yaml\n"),
        ("app/a.yaml", CONFIG_MAP),
        ("patch.yaml", CONFIG_MAP),
    ]);
    let fails = |tree: &MemoryTree| {
        build(tree, "app", &BuildOptions::default(), &Provided::new()).unwrap_err().to_string()
    };
    assert!(
        fails(&tree).contains("security; file '../patch.yaml' is not in or below 'app'"),
        "{}",
        fails(&tree)
    );
    tree.insert("app/kustomization.yaml", "resources: [link.yaml]\n");
    tree.insert_link("app/link.yaml", "../patch.yaml");
    assert!(fails(&tree).contains("security; file 'link.yaml'"), "{}", fails(&tree));
    tree.insert("app/kustomization.yaml", "resources: [loop]\n");
    tree.insert_link("app/loop", ".");
    assert!(fails(&tree).contains("cycle detected"), "{}", fails(&tree));
    tree.insert("app/kustomization.yaml", "resources: [../../x]\n");
    assert!(fails(&tree).contains("leads outside of the tree"), "{}", fails(&tree));
}

#[test]
fn remote_bases_are_asked_for_and_taken_from_the_answers() {
    let root = tree(&[(
        "kustomization.yaml",
        "resources:\n- https://github.com/org/repo//base?ref=v1\n- https://example.com/raw/a.yaml\nnamePrefix: x-\n",
    )]);
    let options = BuildOptions::default();
    let source =
        GitSource { repo: "https://github.com/org/repo".into(), reference: "v1".into(), submodules: true };
    let url = "https://example.com/raw/a.yaml";
    let mut provided = Provided::new();
    let needs = build(&root, "", &options, &provided).unwrap();
    assert_eq!(needs, Outcome::Needs(vec![Need::Git(source.clone()), Need::Http { url: url.into() }]),);
    let repo = tree(&[
        ("base/kustomization.yaml", "resources: [b.yaml]\n"),
        ("base/b.yaml", &CONFIG_MAP.replace("name: a", "name: b")),
    ]);
    provided.git(source, Arc::new(repo));
    provided.http(url, CONFIG_MAP);
    let Outcome::Built(built) = build(&root, "", &options, &provided).unwrap() else { panic!("needs more") };
    let names: Vec<&str> = built.objects.iter().map(|e| e.object.name()).collect();
    assert_eq!(names, ["x-a", "x-b"]);
}

#[test]
fn limits_are_named() {
    let limited = |tree: &MemoryTree, limits: Limits| {
        run(tree, &BuildOptions { limits, ..BuildOptions::default() }).unwrap_err().to_string()
    };
    let nested = tree(&[
        ("kustomization.yaml", "resources: [a]\n"),
        ("a/kustomization.yaml", "resources: [b]\n"),
        ("a/b/kustomization.yaml", "resources: [c.yaml]\n"),
        ("a/b/c.yaml", CONFIG_MAP),
    ]);
    let found = limited(&nested, Limits { depth: 2, ..Limits::default() });
    assert!(found.contains("(limit: depth)"), "{found}");
    let found = limited(&nested, Limits { files: 2, ..Limits::default() });
    assert!(found.contains("(limit: files)"), "{found}");
    let mut laughs = String::from("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx0: &x0 [1, 1]\n");
    for at in 1..40 {
        laughs.push_str(&format!("x{at}: &x{at} [*x{0}, *x{0}]\n", at - 1));
    }
    let bomb = tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", &laughs)]);
    let found = limited(&bomb, Limits::default());
    assert!(found.contains("limit of YAML nodes"), "{found}");
    let doubled = format!(
        "resources: [a.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: |-\n{}",
        (0..40).map(|at| format!("    - {{op: copy, from: /data, path: /data/x{at}}}\n")).collect::<String>()
    );
    let doubled =
        tree(&[("kustomization.yaml", &doubled), ("a.yaml", &format!("{CONFIG_MAP}data: {{k: v}}\n"))]);
    let found = limited(&doubled, Limits { output_bytes: 1 << 20, ..Limits::default() });
    assert!(found.contains("(limit: output bytes)"), "{found}");
    let deep = format!("{CONFIG_MAP}x: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let deep = tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", &deep)]);
    let found = limited(&deep, Limits::default());
    assert!(found.contains("nested deeper than the limit"), "{found}");
}

#[test]
fn a_name_of_an_earlier_kustomization_is_followed_by_its_lineage() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  volumes:\n  - name: c\n    configMap: {name: c}\n";
    let base = "resources: [pod.yaml]\nconfigMapGenerator:\n- name: c\n  literals: [a=b]\n";
    let tree = tree(&[
        ("kustomization.yaml", "resources: [x, z]\n"),
        ("x/kustomization.yaml", "namePrefix: x-\nresources: [../base]\n"),
        ("z/kustomization.yaml", "namePrefix: z-\nresources: [../base]\n"),
        ("base/kustomization.yaml", base),
        ("base/pod.yaml", pod),
    ]);
    let built = run(&tree, &BuildOptions::default()).unwrap();
    let text = to_yaml(&built.objects);
    let named: Vec<&str> = text.lines().filter_map(|l| l.trim().strip_prefix("name: ")).collect();
    assert_eq!(
        named,
        ["x-c-4h2mbtbbt6", "z-c-4h2mbtbbt6", "x-p", "x-c-4h2mbtbbt6", "c", "z-p", "z-c-4h2mbtbbt6", "c"]
    );
}

#[test]
fn a_label_set_at_several_fields_is_one() {
    const BASE: &str = "resources: [d.yaml]\ncommonLabels: {app: one}\n";
    const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n";
    let labels = |overlay: &str| {
        let tree = tree(&[
            ("kustomization.yaml", overlay),
            ("base/kustomization.yaml", BASE),
            ("base/d.yaml", DEPLOYMENT),
        ]);
        let built = run(&tree, &BuildOptions::default()).unwrap();
        let object = &built.objects.iter().next().unwrap().object;
        let at = |path: &[&str]| object.get(path).and_then(|v| v["app"].as_str()).unwrap_or("-").to_owned();
        [
            at(&["metadata", "labels"]),
            at(&["spec", "selector", "matchLabels"]),
            at(&["spec", "template", "metadata", "labels"]),
        ]
    };
    let all = |value: &str| [value; 3].map(str::to_owned);
    let patch = |rest: &str| {
        format!(
            "resources: [base]\npatches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {{name: d{rest}\n"
        )
    };
    assert_eq!(labels("resources: [base]\nlabels: [{pairs: {app: two}}]\n"), all("two"));
    assert_eq!(labels(&patch(", labels: {app: two}}")), all("two"));
    let replacement = "resources: [base]\nreplacements:\n- sourceValue: two\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: [spec.template.metadata.labels.app]\n";
    assert_eq!(labels(replacement), all("two"));
    // A JSON patch reads the object anew, and what it removes is one no more.
    let json = "resources: [base]\npatches:\n- target: {kind: Deployment}\n  patch: '[{\"op\": \"add\", \"path\": \"/metadata/labels/x\", \"value\": \"y\"}]'\nlabels: [{pairs: {app: two}}]\n";
    assert_eq!(labels(json), ["two", "one", "one"]);
    let removed =
        patch("}\n    spec: {template: {metadata: {labels: {app: null}}}}\nlabels: [{pairs: {app: two}}]");
    assert_eq!(labels(&removed), ["two", "two", "-"]);
}

#[test]
fn patches_that_may_change_names_make_strings_of_annotations() {
    let tree = tree(&[
        (
            "kustomization.yaml",
            "resources: [a.yaml]\npatches:\n- options: {allowNameChange: true}\n  patch: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: a, annotations: {x: null}}\n",
        ),
        ("a.yaml", CONFIG_MAP),
    ]);
    let built = run(&tree, &BuildOptions::default()).unwrap();
    assert_eq!(built.objects.iter().next().unwrap().object.annotation("x"), Some("null"));
}

#[test]
fn a_directive_in_a_list_that_comes_with_a_new_element_is_read() {
    let patch = "resources: [d.yaml]\npatches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: d}\n    spec: {template: {spec: {containers: [{name: new, env: [{$patch: replace}, {name: A, value: b}]}]}}}\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: old}]}}}\n";
    let tree = tree(&[("kustomization.yaml", patch), ("d.yaml", deployment)]);
    let text = to_yaml(&run(&tree, &BuildOptions::default()).unwrap().objects);
    assert!(!text.contains("$patch") && text.contains("name: A"), "{text}");
}

#[test]
fn a_field_made_for_an_empty_affix_is_null() {
    let affix = |kind: &str| {
        format!(
            "- |-\n  apiVersion: builtin\n  kind: {kind}Transformer\n  metadata: {{name: x}}\n  {}: ''\n  fieldSpecs:\n  - {{path: spec/{kind}, create: true}}\n  - {{path: spec/e, create: true}}\n",
            kind.to_lowercase()
        )
    };
    let text = format!("resources: [a.yaml]\ntransformers:\n{}{}", affix("Prefix"), affix("Suffix"));
    let tree = tree(&[
        ("kustomization.yaml", &text),
        ("a.yaml", "apiVersion: x.io/v1\nkind: A\nmetadata:\n  name: a\nspec:\n  e: \"\"\n"),
    ]);
    let built = run(&tree, &BuildOptions::default()).unwrap();
    let expected = "apiVersion: x.io/v1\nkind: A\nmetadata:\n  name: a\nspec:\n  Prefix: null\n  Suffix: null\n  e: \"\"\n";
    assert_eq!(to_yaml(&built.objects), expected);
}
