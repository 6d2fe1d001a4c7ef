//! Charts that loop, recurse or grow: they end with an error that names the limit, and never with the process.

use crate::{chart, request, try_render};
use holdfast_helm::capabilities::Capabilities;
use holdfast_helm::release::Release;
use holdfast_helm::render::render;
use holdfast_helm::values::Layers;
use proptest::prelude::*;

/// Renders within small limits and returns the error.
fn refused(files: &[(&str, &str)]) -> String {
    let chart = chart(files);
    let (release, capabilities) = (Release::install("r", "ns"), Capabilities::offline());
    let mut request = request(&chart, &release, &capabilities, Layers::default());
    request.limits =
        holdfast_gotemplate::Limits { steps: 200_000, output: 1 << 20, memory: 16 << 20, ..request.limits };
    match render(&request) {
        Ok(_) => panic!("rendered"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn endless_templates_end() {
    let check = |template: &str, limit: &str| {
        let error = refused(&[("templates/a.yaml", template)]);
        assert!(error.contains(limit), "{template}: {error}");
    };
    check("{{ range until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}", "limit");
    check(
        "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}",
        "exceeded maximum template depth",
    );
    check(
        "{{ define \"x\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}",
        "rendering template has a nested reference name: x",
    );
    check(
        "{{ define \"x\" }}{{ tpl \"{{ include \\\"x\\\" . }}\" . }}{{ end }}{{ include \"x\" . }}",
        "nested reference name: x",
    );
    check("{{ $t := \"{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}", "limit");
    check("{{ range until 100000 }}0123456789abcdef0123456789abcdef{{ end }}", "limit `output`");
    check("{{ $s := \"x\" }}{{ range until 40 }}{{ $s = print $s $s }}{{ end }}", "limit `memory`");
    check("{{ repeat 100000000 \"x\" }}", "limit");
    check(
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}x: {{ toJson $d }}{{ fail \"limit\" }}",
        "limit",
    );
}

#[test]
fn values_that_hold_themselves_are_refused() {
    let error = refused(&[
        (
            "Chart.yaml",
            "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n- name: kid\n  version: 1.0.0\n  import-values:\n  - {child: a.b, parent: x}\n  - {child: a, parent: x.y}\n  - {child: a, parent: x.z}\n",
        ),
        ("charts/kid/Chart.yaml", "apiVersion: v2\nname: kid\nversion: 1.0.0\n"),
        ("charts/kid/values.yaml", "a: {b: {c: 1}}\n"),
        (
            "templates/a.yaml",
            "a: {{ .Values.x.y.b.y.b.y.b.c }}{{ fail \"values nest deeper than 512 levels\" }}",
        ),
    ]);
    assert!(error.contains("values nest deeper than 512 levels"), "{error}");
}

#[test]
fn hostile_schemas_are_refused() {
    let check = |schema: &str| {
        let chart = chart(&[("values.schema.json", schema), ("values.yaml", "a: 1")]);
        let error = try_render(&chart, Layers::default()).unwrap_err().to_string();
        assert!(error.starts_with("values don't meet the specifications"), "{error}");
        error
    };
    assert!(check("{\"$ref\": \"https://example.com/x.json\"}").contains("not followed"));
    assert!(check("{\"$ref\": \"file:///etc/passwd\"}").contains("not followed"));
    assert!(check("{\"$schema\": \"https://example.com/x\"}").contains("no draft"));
    check(&format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)));
    check("{\"properties\": {\"a\": {\"type\": \"string\", \"pattern\": \"(a+)+$\"}}}");
    // Helm refuses schemas that refer to themselves without end; here they allow everything, but end.
    let circles = [
        "{\"$ref\": \"#\"}",
        "{\"allOf\": [{\"$ref\": \"#/$defs/a\"}], \"$defs\": {\"a\": {\"anyOf\": [{\"$ref\": \"#/$defs/a\"}]}}}",
    ];
    for schema in circles {
        let chart = chart(&[("values.schema.json", schema), ("values.yaml", "a: 1")]);
        assert!(try_render(&chart, Layers::default()).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever the texts, a chart renders or fails; it never panics.
    #[test]
    fn any_chart_renders_or_fails(
        template in "(\\{\\{-? ?|-? ?\\}\\}|\\.Values|\\.Files|\\.Chart|\\.a|range|if|end|with|define|include|tpl|toYaml|\"x\"|\\||\\$|:=| |\n|---|- |: |#|'|[a-z]){0,24}",
        values in "([a-z]|: |\n|- |  |\\[|\\{|\\}|\\]|&a |\\*a|!!|\"|null){0,16}",
    ) {
        let files = [("templates/a.yaml", template.as_str()), ("values.yaml", values.as_str())];
        if let Ok(chart) = crate::load(&files) {
            let _ = try_render(&std::sync::Arc::new(chart), Layers::default());
        }
    }

    /// Assignments of any shape set something or are refused.
    #[test]
    fn any_assignment_is_read_or_refused(text in "([a-c]|=|\\.|,|\\[|\\]|\\{|\\}|[0-9]|\\\\|null| ){0,16}") {
        let chart = chart(&[("templates/a.yaml", "a: 1")]);
        for layers in [
            Layers { set: vec![&text], ..Layers::default() },
            Layers { set_string: vec![&text], ..Layers::default() },
            Layers { set_json: vec![&text], ..Layers::default() },
            Layers { set_literal: vec![&text], ..Layers::default() },
        ] {
            let _ = try_render(&chart, layers);
        }
    }
}
