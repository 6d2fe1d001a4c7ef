//! Values: layers, nulls, globals, subcharts, and a plain model that they are held to.

use crate::{chart, template, text, try_render};
use holdfast_helm::render::Outcome;
use holdfast_helm::values::{Document, Layers};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn document(text: &str) -> Document<'_> {
    Document::Text { name: "v.yaml", text: text.as_bytes() }
}

const ALL: &str = "v: {{ toJson .Values }}";

#[test]
fn numbers_keep_the_type_of_their_source() {
    let types = "types: '{{ range $k, $v := .Values }} {{ $k }} {{ typeOf $v }}{{ end }}'";
    assert_snapshot!(
        template(types, "a: 1\nb: 1.5\nc: 0777\nd: yes\n", &["e=1", "f=1.5", "g=007"]),
        @"types: ' a float64 b float64 c float64 d bool e int64 f string g string'"
    );
}

#[test]
fn nulls_delete_what_the_chart_has_and_stay_where_it_has_nothing() {
    let defaults = "a: 1\nm: {b: 1, c: {d: 2}}\nnull_: null\n";
    assert_snapshot!(template(ALL, defaults, &[]), @r#"v: {"a":1,"m":{"b":1,"c":{"d":2}},"null_":null}"#);
    assert_snapshot!(
        template(ALL, defaults, &["a=null", "m.b=null", "m.new=null", "o=null"]),
        @r#"v: {"m":{"c":{"d":2},"new":null},"null_":null,"o":null}"#
    );
}

/// Argo CD hands Helm its values in this order: files, then `values` or `valuesObject` as one more document, then
/// parameters (`--set`, or `--set-string` where `forceString` is set), then file parameters.
#[test]
fn layers_combine_in_the_order_of_argo_cd() {
    let chart = chart(&[
        ("templates/a.yaml", ALL),
        ("values.yaml", "a: chart\nb: chart\nc: chart\nd: chart\ne: chart\n"),
    ]);
    let object = json!({"c": "object", "d": "object", "e": "object", "n": 3});
    let read = |path: &str| Ok(format!("content of {path}").into_bytes());
    let layers = Layers {
        documents: vec![
            document("a: first\nb: first\nd: first\n"),
            document("b: second\nm: {k: v}"),
            Document::Parsed(object.as_object().unwrap()),
        ],
        set: vec!["d=parameter", "m.j=1"],
        set_string: vec!["m.s=1"],
        set_file: vec!["e=file.txt"],
        read_file: Some(&read),
        ..Layers::default()
    };
    assert_snapshot!(
        text(&chart, layers),
        @r#"v: {"a":"first","b":"second","c":"object","d":"parameter","e":"content of file.txt","m":{"j":1,"k":"v","s":"1"},"n":3}"#
    );
}

#[test]
fn subcharts_see_their_values_and_the_globals() {
    let chart = chart(&[
        ("values.yaml", "global: {g: 1, deep: {x: {a: parent}}}\nkid: {k: parent}\n"),
        ("templates/a.yaml", ALL),
        ("charts/kid/Chart.yaml", "apiVersion: v2\nname: kid\nversion: 1.0.0\n"),
        ("charts/kid/values.yaml", "k: kid\nl: kid\nglobal: {h: 2, deep: {x: {b: kid}}}\n"),
        ("charts/kid/templates/k.yaml", "kid: {{ toJson .Values }}"),
    ]);
    // The kid's default below the second level of the globals is seen by the parent too: Helm shares that mapping.
    assert_snapshot!(text(&chart, Layers::default()), @r#"
    kid: {"global":{"deep":{"x":{"a":"parent","b":"kid"}},"g":1,"h":2},"k":"parent","l":"kid"}
    ---
    v: {"global":{"deep":{"x":{"a":"parent","b":"kid"}},"g":1},"kid":{"global":{"deep":{"x":{"a":"parent","b":"kid"}},"g":1,"h":2},"k":"parent","l":"kid"}}
    "#);
    let error = try_render(&chart, Layers { set: vec!["kid=text"], ..Layers::default() }).unwrap_err();
    assert_snapshot!(error, @"type mismatch on kid: %!t(string)");
}

#[test]
fn what_templates_set_is_seen_by_templates_that_come_later() {
    let chart = chart(&[
        ("templates/a.yaml", "a: {{ .Values.set }} {{ .Values.kid.set }}"),
        ("templates/b.yaml", "{{ $_ := set .Values \"set\" \"by b\" }}b: 1"),
        ("charts/kid/Chart.yaml", "apiVersion: v2\nname: kid\nversion: 1.0.0\n"),
        ("charts/kid/templates/k.yaml", "{{ $_ := set .Values \"set\" \"by kid\" }}k: 1"),
    ]);
    assert_snapshot!(text(&chart, Layers::default()), @r"
    k: 1
    ---
    a: by b by kid
    ---
    b: 1
    ");
}

#[test]
fn errors_name_the_flag_or_the_file() {
    let chart = chart(&[("templates/a.yaml", ALL)]);
    let check = |layers: Layers<'_>, expected: &str| {
        assert_eq!(try_render(&chart, layers).unwrap_err().to_string(), expected);
    };
    check(
        Layers { set: vec!["a"], ..Layers::default() },
        "failed parsing --set data: key \"a\" has no value",
    );
    check(Layers { set_json: vec!["a={"], ..Layers::default() }, "failed parsing --set-json data a={");
    check(
        Layers { documents: vec![document("- 1")], ..Layers::default() },
        "failed to parse v.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
    );
    check(
        Layers { set_file: vec!["a=x"], ..Layers::default() },
        "failed parsing --set-file data: files cannot be read here",
    );
}

/// What the layers of one chart without subcharts come to, said plainly: documents merge key by key, the chart's
/// values fill in what is absent, and a null removes a key that the chart has a value for.
fn model(defaults: &Map<String, Value>, documents: &[Map<String, Value>]) -> Map<String, Value> {
    let mut user = Map::new();
    for document in documents {
        overlay(&mut user, document);
    }
    fill(&mut user, defaults, true);
    user
}

fn overlay(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => overlay(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn fill(user: &mut Map<String, Value>, defaults: &Map<String, Value>, top: bool) {
    for (key, default) in defaults {
        match user.get_mut(key) {
            None => {
                user.insert(key.clone(), default.clone());
            }
            // At the top a null removes the key even over a null, below only over a value.
            Some(Value::Null) if top || !default.is_null() => {
                user.shift_remove(key);
            }
            Some(Value::Object(user)) => {
                if let Value::Object(defaults) = default {
                    fill(user, defaults, false);
                }
            }
            Some(_) => {}
        }
    }
}

fn values() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        Just(json!(["x"])),
    ];
    let key = "[abc]";
    let tree = leaf.prop_recursive(3, 24, 4, move |inner| {
        proptest::collection::btree_map(key, inner, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    });
    proptest::collection::btree_map(key, tree, 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn values_merge_as_the_model_says(defaults in values(), documents in proptest::collection::vec(values(), 0..4)) {
        let defaults_text = Value::Object(defaults.clone()).to_string();
        let chart = chart(&[("templates/a.yaml", ALL), ("values.yaml", &defaults_text)]);
        let layers = Layers { documents: documents.iter().map(Document::Parsed).collect(), ..Layers::default() };
        let got = text(&chart, layers);
        let got: Value = serde_json::from_str(got.strip_prefix("v: ").unwrap()).unwrap();
        prop_assert_eq!(got, Value::Object(model(&defaults, &documents)));
    }
}

/// A template over some values, with a chart below; what it gives or how it fails, as Helm 3.22 has it.
fn of_values(text: &str) -> Result<String, String> {
    let chart = chart(&[
        ("values.yaml", "a: {b: {c: 1, d: [1]}, e: null}\nYAML: shadowed\nt: text\n"),
        ("charts/kid/Chart.yaml", "apiVersion: v2\nname: kid\nversion: 1.0.0\n"),
        ("charts/kid/values.yaml", "k: 1\n"),
        ("templates/_x.tpl", "{{ define \"kid\" }}{{ end }}"),
        ("templates/a.yaml", text),
    ]);
    match try_render(&chart, Layers::default()) {
        Ok(Outcome::Rendered(rendered)) => Ok(rendered.manifests.into_iter().map(|m| m.content).collect()),
        Ok(Outcome::Needs(needs)) => panic!("{needs:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn values_have_the_methods_of_helms_type() {
    let check = |text: &str, expected: &str| {
        // A document is trimmed.
        let expected = format!("x: {expected}").trim_end().to_owned();
        assert_eq!(of_values(&format!("x: {text}")).unwrap(), expected, "{text}");
    };
    // The method wins over the value of that name; the plain mappings below have none.
    check(
        "{{ .Values.YAML | quote }}",
        r#""YAML: shadowed\na:\n  b:\n    c: 1\n    d:\n    - 1\n  e: null\nkid:\n  global: {}\n  k: 1\nt: text\n""#,
    );
    check("{{ .Values.a.YAML | quote }}", "");
    check("{{ .Values.Table \"a.b\" | toJson }}", r#"{"c":1,"d":[1]}"#);
    check("{{ typeOf (.Values.Table \"a.b\") }}", "chartutil.Values");
    check("{{ (.Values.Table \"a\").YAML | quote }}", r#""b:\n  c: 1\n  d:\n  - 1\ne: null\n""#);
    check("{{ .Values.PathValue \"a.b.c\" }} {{ \"a.b.d\" | .Values.PathValue }}", "1 [1]");
    check("{{ .Values.PathValue \"t\" }}", "text");
    let fails = |action: &str, expected: &str| {
        let error = of_values(&format!("x: {{{{ {action} }}}}")).unwrap_err();
        assert!(error.ends_with(expected), "{action}: {error}");
    };
    fails(".Values.Table \"zz\"", "at <.Values.Table>: error calling Table: \"zz\" is not a table");
    fails(".Values.Table \"t.x\"", "error calling Table: \"t\" is not a table");
    fails(".Values.Table", "wrong number of args for Table: want 1 got 0");
    fails(".Values.Table 1", "at <1>: expected string; found 1");
    fails(".Values.YAML 1", "wrong number of args for YAML: want 0 got 1");
    fails(".Values.PathValue \"\"", "error calling PathValue: YAML path cannot be empty");
    fails(".Values.PathValue \"a.b\"", "error calling PathValue: \"b\" is not a value");
    fails(".Values.PathValue \"zz.y\"", "error calling PathValue: \"y\" is not a value");
    fails(".Values.Encode", "wrong number of args for Encode: want 1 got 0");
    fails(".Values.Encode 1", "at <1>: can't handle 1 for arg of type io.Writer");
}

#[test]
fn times_of_toml_are_times() {
    let check = |action: &str, expected: &str| {
        let toml = r#"{{ $t := fromToml "a = 2020-01-02\nb = 2020-01-02T03:04:05Z\nc = 2020-01-02T03:04:05+02:00\nd = 03:04:05\ne = 2020-01-02T03:04:05.5\n" }}"#;
        assert_eq!(of_values(&format!("{toml}x: {{{{ {action} }}}}")).unwrap(), format!("x: {expected}"));
    };
    check("typeOf $t.a", "time.Time");
    check("$t.a", "2020-01-02 00:00:00 +0000 date-local");
    check("$t.b", "2020-01-02 03:04:05 +0000 UTC");
    check("$t.c", "2020-01-02 03:04:05 +0200 +0200");
    check("$t.d", "0000-01-01 03:04:05 +0000 time-local");
    check("$t.e", "2020-01-02 03:04:05.5 +0000 datetime-local");
    check("$t.b | date \"2006\"", "2020");
    check("$t.c.Year", "2020");
    check(
        "$t | toJson",
        r#"{"a":"2020-01-02T00:00:00Z","b":"2020-01-02T03:04:05Z","c":"2020-01-02T03:04:05+02:00","d":"0000-01-01T03:04:05Z","e":"2020-01-02T03:04:05.5Z"}"#,
    );
    check(
        "toToml $t | quote",
        r#""a = 2020-01-02\nb = 2020-01-02T03:04:05Z\nc = 2020-01-02T03:04:05+02:00\nd = 03:04:05\ne = 2020-01-02T03:04:05.5\n""#,
    );
}
