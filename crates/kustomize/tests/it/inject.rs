//! What Flux and Argo CD lay on top of a kustomization.

use holdfast_kustomize::{
    ArgoCd, BuildOptions, Flux, FluxImage, InjectedPatch, Injection, LoadRestrictor, Outcome, PatchTarget,
    Provided, build, to_yaml,
};
use holdfast_tree::MemoryTree;
use std::collections::BTreeMap;

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx:1
";
const COMPONENT: &str = "\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
namePrefix: c-
";

fn run(tree: &MemoryTree, path: &str, injection: Injection) -> String {
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        inject: Some(&injection),
        ..BuildOptions::default()
    };
    match build(tree, path, &options, &Provided::new()) {
        Ok(Outcome::Built(built)) => to_yaml(&built.objects),
        Ok(Outcome::Needs(needs)) => format!("needs {needs:?}"),
        Err(errors) => format!("error: {errors}"),
    }
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

#[test]
fn flux_makes_a_kustomization_up_where_there_is_none() {
    let mut tree = MemoryTree::new();
    tree.insert("app/b.yaml", config_map("b"));
    tree.insert("app/sub/a.yml", config_map("a"));
    tree.insert("app/sub/notes.txt", "not YAML: [");
    tree.insert("app/base/kustomization.yaml", "resources: [c.yaml]\nnamePrefix: base-\n");
    tree.insert("app/base/c.yaml", config_map("c"));
    tree.insert("app/base/unused.yaml", config_map("unused"));
    let flux = Flux { target_namespace: Some("shop".into()), ..Flux::default() };
    insta::assert_snapshot!(run(&tree, "app", Injection::Flux(flux)), @r"
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: a
      namespace: shop
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: b
      namespace: shop
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: base-c
      namespace: shop
    ");
    tree.insert("empty/readme.md", "nothing here");
    assert_eq!(run(&tree, "empty", Injection::Flux(Flux::default())), "");
    tree.insert("broken/x.yaml", "a: [");
    let error = run(&tree, "broken", Injection::Flux(Flux::default()));
    assert!(error.starts_with("error: broken/x.yaml:"), "{error}");
}

#[test]
fn flux_lays_its_fields_over_the_kustomization() {
    let mut tree = MemoryTree::new();
    tree.insert(
        "kustomization.yaml",
        "resources: [web.yaml]\nnamespace: old\nimages:\n- name: nginx\n  newName: mirror/nginx\n  newTag: '2'\nunknown: field\n",
    );
    tree.insert("web.yaml", DEPLOYMENT);
    tree.insert("component/kustomization.yaml", COMPONENT);
    let patch = InjectedPatch {
        patch: "- op: add\n  path: /metadata/annotations/a\n  value: b\n".into(),
        target: Some(PatchTarget { kind: "Deployment".into(), ..PatchTarget::default() }),
        ..InjectedPatch::default()
    };
    let image = FluxImage { name: "nginx".into(), digest: "sha256:ab".into(), ..FluxImage::default() };
    let flux = Flux {
        target_namespace: Some("new".into()),
        name_suffix: Some("-x".into()),
        patches: vec![patch],
        images: vec![image],
        components: vec!["component".into(), "missing".into()],
        ignore_missing_components: true,
        ..Flux::default()
    };
    insta::assert_snapshot!(run(&tree, "", Injection::Flux(flux)), @r"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      annotations:
        a: b
      name: c-web-x
      namespace: new
    spec:
      selector:
        matchLabels:
          app: web
      template:
        metadata:
          labels:
            app: web
        spec:
          containers:
          - image: mirror/nginx@sha256:ab
            name: web
    ");
    let remote = Flux { components: vec!["https://github.com/a/b".into()], ..Flux::default() };
    let error = run(&tree, "", Injection::Flux(remote));
    assert_eq!(error, "error: component path 'https://github.com/a/b' must be local and relative");
}

#[test]
fn argo_cd_edits_the_kustomization() {
    let mut tree = MemoryTree::new();
    tree.insert(
        "kustomization.yaml",
        "resources: [web.yaml]\ncommonAnnotations: {a: kept}\nimages:\n- name: nginx\n  newTag: '2'\n",
    );
    tree.insert("web.yaml", DEPLOYMENT);
    let pairs = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let argocd = ArgoCd {
        name_prefix: "prod-".into(),
        namespace: "shop".into(),
        images: vec!["nginx=mirror/nginx:*".into(), "redis:7".into()],
        replicas: vec![("web".into(), 3)],
        common_labels: pairs("team", "shop"),
        label_without_selector: true,
        label_include_templates: true,
        common_annotations: pairs("b", "added"),
        ..ArgoCd::default()
    };
    insta::assert_snapshot!(run(&tree, "", Injection::ArgoCd(argocd.clone())), @r"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      annotations:
        a: kept
        b: added
      labels:
        team: shop
      name: prod-web
      namespace: shop
    spec:
      replicas: 3
      selector:
        matchLabels:
          app: web
      template:
        metadata:
          annotations:
            a: kept
            b: added
          labels:
            app: web
            team: shop
        spec:
          containers:
          - image: mirror/nginx:2
            name: web
    ");
    let fails = |argocd: ArgoCd| run(&tree, "", Injection::ArgoCd(argocd));
    assert_eq!(
        fails(ArgoCd { common_annotations: pairs("a", "new"), ..ArgoCd::default() }),
        "error: annotation a already in kustomization file. Use --force to override."
    );
    assert!(
        fails(ArgoCd { images: vec!["nginx".into()], ..ArgoCd::default() })
            .contains("invalid format of image")
    );
    let forced =
        ArgoCd { common_annotations: pairs("a", "new"), force_common_annotations: true, ..ArgoCd::default() };
    assert!(fails(forced).contains("a: new"));
}
