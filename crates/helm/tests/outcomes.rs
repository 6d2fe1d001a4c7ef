//! What a render gives: manifests, hooks, notes, CRDs, needs; and what the command makes of it.

use crate::{chart, rendered, request, try_render};
use holdfast_helm::capabilities::Capabilities;
use holdfast_helm::chart::Chart;
use holdfast_helm::manifest::Event;
use holdfast_helm::release::Release;
use holdfast_helm::render::{Lookup, Lookups, MissingDependencies, Need, Outcome, Rendered, render};
use holdfast_helm::template::{Surroundings, TemplateArgs, TemplateNeed, TemplateOutcome, template};
use holdfast_helm::values::Layers;
use holdfast_tree::MemoryTree;
use insta::{assert_debug_snapshot, assert_snapshot};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

fn sample() -> Arc<Chart> {
    chart(&[
        (
            "crds/crd.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n",
        ),
        ("templates/NOTES.txt", "Installed {{ .Release.Name }} in {{ .Release.Namespace }}."),
        ("templates/_helpers.tpl", "{{ define \"name\" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}"),
        (
            "templates/list.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: one}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: two}\n",
        ),
        (
            "templates/more.yaml",
            "# first\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ include \"name\" . }}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: s\n",
        ),
        (
            "templates/test.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: t\n  annotations:\n    helm.sh/hook: test\n    helm.sh/hook-weight: \"3\"\n",
        ),
    ])
}

#[test]
fn objects_come_with_their_template_and_line() {
    let rendered = rendered(&sample(), Layers::default());
    let objects = rendered.objects().unwrap();
    let shown: Vec<String> = objects
        .iter()
        .map(|entry| {
            format!("{} {} {}", entry.object.kind(), entry.object.name(), entry.origin.as_ref().unwrap())
        })
        .collect();
    assert_debug_snapshot!(shown, @r#"
    [
        "Service s c/templates/more.yaml:8",
        "Deployment r-c c/templates/more.yaml:3",
        "ConfigMap one c/templates/list.yaml:1",
        "ConfigMap two c/templates/list.yaml:1",
    ]
    "#);
    assert_eq!(rendered.notes, "Installed r in ns.");
    assert_eq!(rendered.crd_objects().unwrap().len(), 1);
    assert_eq!(rendered.hook_objects(false).unwrap().len(), 1);
    assert_eq!(rendered.hook_objects(true).unwrap().len(), 0);
    assert_eq!(rendered.hooks[0].events, [Event::Test]);
    assert_eq!(rendered.hooks[0].weight, 3);
}

#[test]
fn lines_are_those_of_the_template() {
    let chart = chart(&[
        ("templates/_h.tpl", "{{ define \"whole\" }}kind: FromHelper\napiVersion: v1\n{{ end }}"),
        (
            "templates/a.yaml",
            "{{- $x := 1 }}\n{{- if $x }}\n\n{{ .Values.none }}{{/* c */}}\nkind: A\napiVersion: v1\n---\n{{- range until 2 }}\n---\n# item\nkind: Item{{ . }}\napiVersion: v1\n{{- end }}\n---\n{{ include \"whole\" . }}\n{{- end }}",
        ),
    ]);
    let rendered = rendered(&chart, Layers::default());
    let lines: Vec<(&str, u32)> = rendered.manifests.iter().map(|m| (m.kind.as_str(), m.line)).collect();
    assert_eq!(lines, [("A", 5), ("FromHelper", 15), ("Item0", 11), ("Item1", 11)]);
}

#[test]
fn lookups_are_needs_until_they_are_answered() {
    let chart = chart(&[(
        "templates/a.yaml",
        "a: {{ ((lookup \"v1\" \"Secret\" .Release.Namespace \"s\").data).k | default \"none\" }}\nb: {{ len (lookup \"v1\" \"Node\" \"\" \"\") }}",
    )]);
    let (release, capabilities) = (Release::install("r", "ns"), Capabilities::offline());
    let mut request = request(&chart, &release, &capabilities, Layers::default());
    let content = |outcome: Outcome| match outcome {
        Outcome::Rendered(rendered) => rendered.manifests[0].content.clone(),
        Outcome::Needs(needs) => panic!("{needs:?}"),
    };
    assert_eq!(content(render(&request).unwrap()), "a: none\nb: 0");

    let secret =
        Lookup { api_version: "v1".into(), kind: "Secret".into(), namespace: "ns".into(), name: "s".into() };
    let nodes = Lookup {
        api_version: "v1".into(),
        kind: "Node".into(),
        namespace: String::new(),
        name: String::new(),
    };
    request.lookups = Lookups::Answered(Arc::new(HashMap::new()));
    let Outcome::Needs(needs) = render(&request).unwrap() else { panic!("nothing needed") };
    assert_eq!(needs, [Need::Lookup(secret.clone()), Need::Lookup(nodes.clone())]);
    let answers = [(secret, Some(json!({"data": {"k": "v"}}))), (nodes, None)];
    request.lookups = Lookups::Answered(Arc::new(answers.into_iter().collect()));
    assert_eq!(content(render(&request).unwrap()), "a: v\nb: 0");
}

#[test]
fn missing_dependencies_are_needs_where_the_caller_wants_them() {
    let chart = chart(&[(
        "Chart.yaml",
        "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies: [{name: d, version: ^1, repository: 'oci://x/y'}]\n",
    )]);
    let (release, capabilities) = (Release::install("r", "ns"), Capabilities::offline());
    let mut request = request(&chart, &release, &capabilities, Layers::default());
    request.options.missing_dependencies = MissingDependencies::Ask;
    let Outcome::Needs(needs) = render(&request).unwrap() else { panic!("nothing needed") };
    assert_debug_snapshot!(needs, @r#"
    [
        Dependency(
            Missing {
                repository: "oci://x/y",
                name: "d",
                version: "^1",
            },
        ),
    ]
    "#);
}

#[test]
fn equal_inputs_give_equal_outputs() {
    let chart = chart(&[(
        "templates/a.yaml",
        "a: {{ randAlphaNum 20 }}\nb: {{ now | date \"2006-01-02\" }}\nc: {{ uuidv4 }}",
    )]);
    let texts: Vec<Rendered> = (0..2).map(|_| rendered(&chart, Layers::default())).collect();
    assert_eq!(texts[0].manifests, texts[1].manifests);
    assert!(texts[0].manifests[0].content.contains("b: 2023-11-14"));
}

#[test]
fn author_errors_are_said_plainly() {
    let check = |template: &str, expected: &str| {
        let chart = chart(&[("templates/a.yaml", template)]);
        let error = crate::try_render(&chart, Layers::default()).unwrap_err().to_string();
        assert_eq!(error, expected);
    };
    check("{{ fail \"no: way\" }}", "execution error at (c/templates/a.yaml:1:3): no: way");
    check(
        "{{ define \"x\" }}{{ required \"give a\" .Values.a }}{{ end }}\n{{ include \"x\" . }}",
        "execution error at (c/templates/a.yaml:2:3): give a",
    );
    check("a\n{{ if }}", "parse error at (c/templates/a.yaml:2): missing value for if");
    check(
        "{{ .Values.a.b }}",
        "template: c/templates/a.yaml:1:10: executing \"c/templates/a.yaml\" at <.Values.a.b>: nil pointer evaluating interface {}.b",
    );
    check(
        "{{ include \"nobody\" . }}",
        "template: c/templates/a.yaml:1:3: executing \"c/templates/a.yaml\" at <include \"nobody\" .>: error calling include: template: no template \"nobody\" associated with template \"gotpl\"",
    );
}

#[test]
fn a_template_without_data_has_no_value() {
    let chart = chart(&[(
        "templates/a.yaml",
        "{{ define \"x\" }}{{ hasKey . \"a\" }} {{ .a.b }}{{ end }}a: {{ include \"x\" .Values.none }}",
    )]);
    assert_eq!(crate::text(&chart, Layers::default()), "a: false");
}

/// Runs `helm template` over a chart in `/charts/c`, from `/work`.
fn command(line: &str) -> Result<TemplateOutcome, String> {
    let mut tree = MemoryTree::new();
    tree.insert("charts/c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    tree.insert("charts/c/values.yaml", "a: chart\n");
    tree.insert("charts/c/crds/x.yaml", "kind: CustomResourceDefinition\n");
    tree.insert(
        "charts/c/templates/a.yaml",
        "kind: A\na: {{ .Values.a }}\nup: {{ .Release.IsUpgrade }} {{ .Release.Name }}\n---\nkind: B\n",
    );
    tree.insert("charts/c/templates/t.yaml", "kind: T\nmetadata: {annotations: {helm.sh/hook: test}}\n");
    tree.insert("work/v.yaml", "a: file\n");
    let around = Surroundings {
        tree: &tree,
        folder: "work",
        stdin: Some(b"a: stdin\n"),
        chart: None,
        dependencies: Vec::new(),
        files: Default::default(),
        now: 0,
        seed: [0; 32],
        limits: holdfast_gotemplate::Limits::default(),
    };
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let args = TemplateArgs::parse(&arguments).map_err(|error| error.to_string())?;
    template(&args, &around).map_err(|error| error.to_string())
}

fn printed(line: &str) -> String {
    match command(line) {
        Ok(TemplateOutcome::Done(output)) => String::from_utf8(output.stdout).unwrap(),
        Ok(TemplateOutcome::Needs(need)) => format!("needs {need:?}"),
        Err(error) => error,
    }
}

#[test]
fn the_command_prints_what_helm_prints() {
    assert_snapshot!(printed("r ../charts/c --include-crds -f v.yaml --is-upgrade"), @r"
    ---
    # Source: c/crds/x.yaml
    kind: CustomResourceDefinition

    ---
    # Source: c/templates/a.yaml
    kind: A
    a: file
    up: true r
    ---
    # Source: c/templates/a.yaml
    kind: B
    ---
    # Source: c/templates/t.yaml
    kind: T
    metadata: {annotations: {helm.sh/hook: test}}
    ");
    assert_snapshot!(printed("/charts/c --skip-tests -f - --name-template x-{{\"Y\"|lower}}"), @r"
    ---
    # Source: c/templates/a.yaml
    kind: A
    a: stdin
    up: false x-y
    ---
    # Source: c/templates/a.yaml
    kind: B
    ");
    assert_snapshot!(printed("../charts/c --show-only templates/t*"), @r"
    ---
    # Source: c/templates/t.yaml
    kind: T
    metadata: {annotations: {helm.sh/hook: test}}
    ");
}

#[test]
fn the_command_refuses_clearly() {
    let check = |line: &str, expected: &str| assert_eq!(printed(line), expected, "{line}");
    check("r ../charts/c -s templates/none.yaml", "could not find template templates/none.yaml in chart");
    check("r ../charts/c -f none.yaml", "open none.yaml: no such file or directory");
    check("r ../charts/none", "path \"../charts/none\" not found");
    check(
        "r ../charts/c/values.yaml",
        "file '../charts/c/values.yaml' seems to be a YAML file, but expected a gzipped archive",
    );
    check("r ../charts/c -z", "unknown shorthand flag: 'z' in -z");
    check(
        "r ../charts/c --timeout x",
        "invalid argument \"x\" for \"--timeout\" flag: time: invalid duration \"x\"",
    );
    check(
        "r ../charts/c --labels a",
        "invalid argument \"a\" for \"-l, --labels\" flag: a must be formatted as key=value",
    );
    check("r ../charts/c -f https://x.io/v.yaml", "needs Files([\"https://x.io/v.yaml\"])");
    check(
        "r ../charts/c --kube-version one",
        "invalid kube version 'one': could not parse \"one\" as version",
    );
    check(
        "Bad ../charts/c",
        "release name \"Bad\": invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53",
    );
}

#[test]
fn remote_charts_are_needs() {
    let Ok(TemplateOutcome::Needs(need)) = command("r podinfo --repo https://example.com --devel") else {
        panic!()
    };
    assert_eq!(
        need,
        TemplateNeed::Chart {
            reference: "podinfo".into(),
            repository: "https://example.com".into(),
            version: ">0.0.0-0".into()
        }
    );
}

#[test]
fn files_are_written_per_template() {
    let Ok(TemplateOutcome::Done(output)) = command("r ../charts/c --output-dir out --release-name") else {
        panic!()
    };
    let files: Vec<_> =
        output.files.iter().map(|f| (f.path.as_str(), std::str::from_utf8(&f.data).unwrap())).collect();
    assert_eq!(
        files,
        [
            (
                "out/r/c/templates/a.yaml",
                "---\n# Source: c/templates/a.yaml\nkind: A\na: chart\nup: false r\n---\n# Source: c/templates/a.yaml\nkind: B\n"
            ),
            (
                "out/r/c/templates/t.yaml",
                "---\n# Source: c/templates/t.yaml\nkind: T\nmetadata: {annotations: {helm.sh/hook: test}}\n"
            ),
        ]
    );
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "wrote out/r/c/templates/a.yaml\nwrote out/r/c/templates/a.yaml\nwrote out/r/c/templates/t.yaml\n\n"
    );
}

/// How the objects of Go print: in the order of their fields, embedded ones in braces of their own, and with a
/// `String` method of the pointer's only where an action prints them.
#[test]
fn objects_print_as_go_prints_them() {
    let check = |template: &str, expected: &str| {
        let text = crate::template(&format!("a: |-\n  {{{{ {template} }}}}"), "a: 1", &[]);
        assert_eq!(text.trim_start_matches("a: |-\n  "), expected, "{template}");
    };
    check(".Chart", "{{c  [] 0.1.0  [] []  v2    false map[]  [] } true}");
    check("toJson .Chart", r#"{"name":"c","version":"0.1.0","apiVersion":"v2","IsRoot":true}"#);
    check(".Capabilities.KubeVersion", "v1.37.0");
    check(".Capabilities.KubeVersion | quote", "\"{v1.37.0 1 37}\"");
    check("printf \"%+v\" .Capabilities.KubeVersion", "{Version:v1.37.0 Major:1 Minor:37}");
    check(".Files.absent", "[]");
    check("set .Values \"b\" 2 | typeOf", "map[string]interface {}");
    check(
        "fromJson \"[1]\" | toJson",
        r#"{"Error":"json: cannot unmarshal array into Go value of type map[string]interface {}"}"#,
    );
    check("fromJsonArray \"x\"", "[invalid character 'x' looking for beginning of value]");
    check("toToml (dict \"t\" (toDate \"2006-01-02\" \"2024-02-29\")) | trim", "t = 2024-02-29T00:00:00Z");
}

#[test]
fn helm_4_differs() {
    let text = |files: &[(&str, &str)], set_json: &[&str]| {
        let chart = std::sync::Arc::new(crate::load_for(files, holdfast_helm::HelmVersion::V4).unwrap());
        crate::text(&chart, Layers { set_json: set_json.to_vec(), ..Layers::default() })
    };
    let values = ("values.yaml", "a: 1\nn: null\n---\na: 2\nb: {n: null, x: 1}\n");
    let show = |template: &'static str| ("templates/a.yaml", template);
    assert_eq!(text(&[values, show("a: {{ toJson .Values }}\n")], &[]), "a: {\"a\":2,\"b\":{\"x\":1}}\n");
    assert_eq!(
        text(&[values, show("a: {{ toJson .Values }}")], &["{\"a\": {\"b\": [1]}}", "b.y=2"]),
        "a: {\"a\":{\"b\":[1]},\"b\":{\"x\":1,\"y\":2}}"
    );
    assert_eq!(
        text(
            &[show(
                "a: {{ .Chart.Absent }}{{ typeOf .Chart }} {{ .Chart.Name }} {{ .Capabilities.HelmVersion.Version }}"
            )],
            &[]
        ),
        "a: map[string]interface {} c v4.3.1"
    );
    assert_eq!(
        text(
            &[show(
                "a: {{ durationSeconds \"1m30s\" }} {{ durationRoundTo \"2h15m\" \"30m\" }} {{ mustToDuration 90 }} {{ durationDays \"x\" }}"
            )],
            &[]
        ),
        "a: 90 2h30m0s 1m30s 0"
    );
    let chart =
        crate::load_for(&[show("{{ mustToDuration \"x\" }}")], holdfast_helm::HelmVersion::V4).unwrap();
    let error = try_render(&std::sync::Arc::new(chart), Layers::default()).unwrap_err().to_string();
    assert!(error.ends_with("error calling mustToDuration: could not parse duration \"x\""), "{error}");
}
