//! `--validate`: the result held against the schemas of its kinds, without a cluster.

use holdfast_helm::template::{Surroundings, TemplateArgs, TemplateOutcome, TemplateOutput, template};
use holdfast_tree::MemoryTree;
use insta::assert_snapshot;

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.x.io}
spec:
  group: x.io
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
";

fn validate(templates: &[(&str, &str)], flags: &str) -> Result<TemplateOutput, String> {
    let mut tree = MemoryTree::new();
    tree.insert("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n");
    tree.insert("c/crds/widgets.yaml", DEFINITION);
    templates.iter().for_each(|(name, text)| tree.insert(&format!("c/templates/{name}"), (*text).to_owned()));
    let around = Surroundings {
        tree: &tree,
        folder: "",
        stdin: None,
        chart: None,
        dependencies: Vec::new(),
        files: Default::default(),
        now: 0,
        seed: [0; 32],
        limits: holdfast_gotemplate::Limits::default(),
    };
    let arguments: Vec<String> =
        ["c", "--validate"].into_iter().chain(flags.split_whitespace()).map(String::from).collect();
    let args = TemplateArgs::parse(&arguments).map_err(|e| e.to_string())?;
    match template(&args, &around).map_err(|e| e.to_string())? {
        TemplateOutcome::Done(output) => Ok(output),
        TemplateOutcome::Needs(needs) => panic!("{needs:?}"),
    }
}

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";

#[test]
fn what_fits_is_printed_and_kinds_that_nobody_knows_are_named() {
    let widget = "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n";
    let foreign = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c}\nspec: {odd: 1}\n";
    let output = validate(&[("a.yaml", SERVICE), ("b.yaml", widget), ("c.yaml", foreign)], "").unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("kind: Certificate"));
    assert_eq!(
        output.warnings,
        ["cert-manager.io/v1 Certificate is not checked: its definition is not part of the chart"]
    );
}

#[test]
fn everything_that_does_not_fit_is_named_with_its_place() {
    let old = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: old}\n";
    let hook = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\nspec: {container: []}\n";
    let templates = [
        (
            "a.yaml",
            "# two\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: '80', prot: TCP}]}\n",
        ),
        ("b.yaml", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: big, odd: 1}\n"),
        ("c.yaml", old),
        ("t.yaml", hook),
    ];
    let version = holdfast_object::schema::Schemas::builtin().version();
    let shown = |flags: &str| validate(&templates, flags).unwrap_err().replace(version, "v1.x");
    assert_snapshot!(shown(""), @r"
    the result does not fit the schemas of Kubernetes v1.x:
      c/templates/c.yaml:1: PodDisruptionBudget/old: Kubernetes v1.x has no policy/v1beta1 PodDisruptionBudget
      c/templates/a.yaml:3: Service/web: spec.ports[0].port: expected a 32-bit integer, found a string
      c/templates/a.yaml:3: Service/web: spec.ports[0].prot: unknown field
      c/templates/b.yaml:1: Widget/w: spec.size: expected an integer, found a string
      c/templates/b.yaml:1: Widget/w: spec.odd: unknown field
      c/templates/t.yaml:1: Pod/t: spec.container: unknown field
      c/templates/t.yaml:1: Pod/t: spec.containers: required field is missing
    ");
    assert!(!shown("--no-hooks").contains("Pod/t"));
    assert!(!shown("--skip-tests").contains("Pod/t"));
}
