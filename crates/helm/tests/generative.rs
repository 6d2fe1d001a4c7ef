//! Charts, values and archives made by chance: they render or fail, within limits and without a panic, and values merge
//! as a plain model of Helm's rules says. `HOLDFAST_FUZZ_SECONDS` sets how long.

use crate::{chart, load, request, text, try_render};
use holdfast_helm::HelmVersion;
use holdfast_helm::capabilities::Capabilities;
use holdfast_helm::chart::{Chart, Limits, LoadOptions};
use holdfast_helm::release::Release;
use holdfast_helm::render::render;
use holdfast_helm::values::{Document, Layers};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Tries `test` on values of a strategy; a failure names the smallest one.
fn explore<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    for _ in holdfast_testkit::rounds(1) {
        let mut runner = TestRunner::new(Config::with_cases(256));
        if let Err(error) = runner.run(strategy, &test) {
            panic!("{error}");
        }
    }
}

/// Values with every kind of member, and few names, so that two of them often meet.
fn values() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..1000).prop_map(Value::from),
        "[a-z ]{0,3}".prop_map(Value::from),
        Just(json!([])),
        Just(json!([1, null, {"a": null}])),
    ];
    let mapping = |inner| prop::collection::btree_map("[a-d]", inner, 0..4);
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        mapping(inner.boxed()).prop_map(|map| Value::Object(map.into_iter().collect()))
    });
    prop::collection::btree_map("[a-d]", value, 0..4).prop_map(|map| map.into_iter().collect())
}

/// What a user's values make of a chart's defaults.
///
/// A null of the user removes the key, at the root whatever the default is, below only where the default is no null.
/// A null of the chart stays where the user says nothing. Mappings merge; of anything else the user's counts.
fn coalesced(user: &Map<String, Value>, defaults: &Map<String, Value>, is_root: bool) -> Map<String, Value> {
    let mut merged = user.clone();
    for (key, default) in defaults {
        match (user.get(key), default) {
            (None, default) => {
                merged.insert(key.clone(), default.clone());
            }
            (Some(Value::Null), default) if is_root || !default.is_null() => {
                merged.remove(key);
            }
            (Some(Value::Object(user)), Value::Object(defaults)) => {
                merged.insert(key.clone(), coalesced(user, defaults, false).into());
            }
            _ => {}
        }
    }
    merged
}

/// Helm 4's rule: nulls of the chart are dropped, wherever they stand.
fn without_nulls(defaults: &Map<String, Value>) -> Map<String, Value> {
    let kept = defaults.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| match value {
        Value::Object(inner) => (key.clone(), without_nulls(inner).into()),
        value => (key.clone(), value.clone()),
    });
    kept.collect()
}

/// A later document over an earlier one.
fn over(earlier: &Map<String, Value>, later: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = earlier.clone();
    for (key, value) in later {
        match (merged.get_mut(key), value) {
            (Some(Value::Object(earlier)), Value::Object(later)) => *earlier = over(earlier, later),
            _ => {
                merged.insert(key.clone(), value.clone());
            }
        }
    }
    merged
}

#[test]
fn values_merge_as_the_model_says() {
    let shown = |chart: &Arc<Chart>, documents: &[&Map<String, Value>]| -> Value {
        let documents = documents.iter().map(|values| Document::Parsed(values)).collect();
        let text = text(chart, Layers { documents, ..Layers::default() });
        serde_json::from_str(text.trim_start_matches("v: ")).unwrap()
    };
    explore(&(values(), values(), values()), |(defaults, first, second)| {
        let files = [
            ("values.yaml", &*serde_json::to_string(&defaults).unwrap()),
            ("templates/a.yaml", "v: {{ toJson .Values }}"),
        ];
        let user = over(&first, &second);
        let chart = chart(&files);
        prop_assert_eq!(shown(&chart, &[&first, &second]), Value::from(coalesced(&user, &defaults, true)));
        let chart = Arc::new(crate::load_for(&files, HelmVersion::V4).unwrap());
        // A null of the user that stands over nothing stays, as in Helm 3; the others find the default gone or not.
        let clean = coalesced_4(&user, &defaults);
        prop_assert_eq!(shown(&chart, &[&first, &second]), Value::from(clean));
        Ok(())
    });
}

/// Helm 4's coalescing: the nulls at the chart's root still remove the user's, those below are dropped first.
fn coalesced_4(user: &Map<String, Value>, defaults: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = coalesced(user, &without_nulls(defaults), true);
    for (key, default) in defaults {
        if default.is_null() && user.get(key).is_some_and(Value::is_null) {
            merged.remove(key);
        }
    }
    merged
}

/// What a subchart sees: the user's values under its name, over the parent's, over its own.
#[test]
fn subcharts_see_all_layers() {
    explore(&(values(), values(), values()), |(own, parent, user)| {
        let under =
            |values: &Map<String, Value>| Map::from_iter([("kid".to_owned(), Value::from(values.clone()))]);
        let (parent, user) = (under(&parent), under(&user));
        let files = [
            ("values.yaml", &*serde_json::to_string(&parent).unwrap()),
            ("charts/kid/Chart.yaml", "apiVersion: v2\nname: kid\nversion: 1.0.0\n"),
            ("charts/kid/values.yaml", &*serde_json::to_string(&own).unwrap()),
            ("charts/kid/templates/a.yaml", "v: {{ omit .Values \"global\" | toJson }}"),
        ];
        let chart = chart(&files);
        let layers = Layers { documents: vec![Document::Parsed(&user)], ..Layers::default() };
        let found: Value = serde_json::from_str(text(&chart, layers).trim_start_matches("v: ")).unwrap();
        // Nulls pass through the parent, for the subchart's own defaults to meet them.
        let given = match over_keeping_nulls(&user["kid"], &parent["kid"]) {
            Value::Object(given) => given,
            other => panic!("{other}"),
        };
        prop_assert_eq!(found, Value::from(coalesced(&given, &own, true)));
        Ok(())
    });
}

fn over_keeping_nulls(user: &Value, defaults: &Value) -> Value {
    let (Value::Object(user), Value::Object(defaults)) = (user, defaults) else { return user.clone() };
    let mut merged = user.clone();
    for (key, default) in defaults {
        let value = match user.get(key) {
            None => default.clone(),
            Some(value) => over_keeping_nulls(value, default),
        };
        merged.insert(key.clone(), value);
    }
    merged.into()
}

/// Pieces that templates of charts are made of.
const PIECES: &[&str] = &[
    "{{ ",
    " }}",
    "{{- ",
    " -}}",
    "if ",
    "else ",
    "end",
    "range ",
    "with ",
    "define \"d\" ",
    "include \"d\" ",
    "template \"d\" ",
    "tpl ",
    "toYaml ",
    "fromYaml ",
    "toJson ",
    "fromJson ",
    "toToml ",
    "fromToml ",
    "toYamlPretty ",
    "nindent 2 ",
    "quote ",
    "required \"r\" ",
    "fail \"f\" ",
    "lookup \"v1\" \"Secret\" \"n\" \"s\" ",
    ".Values",
    ".Values.a",
    ".Values.b.c",
    ".Values.list",
    ".Files",
    ".Files.Get \"x\" ",
    ".Files.Glob \"*\" ",
    ".Chart",
    ".Chart.Name",
    ".Release",
    ".Capabilities.KubeVersion",
    ".Template",
    ".Subcharts",
    "$",
    ".",
    "(",
    ")",
    "| ",
    "\"{{ .a }}\" ",
    "\"x\" ",
    "1 ",
    "nil ",
    "set .Values \"a\" ",
    "unset .Values \"a\" ",
    "merge .Values ",
    "deepCopy ",
    "dict ",
    "list ",
    "dig \"a\" \"b\" ",
    "default 1 ",
    "until 3 ",
    "kind: A\n",
    "---\n",
    "a: ",
    "- ",
    "\n",
    "# c\n",
    "metadata: {annotations: {helm.sh/hook: ",
    "pre-install}}\n",
];

#[test]
fn charts_render_or_fail() {
    let template =
        || prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat());
    let version = prop_oneof![Just(HelmVersion::V3), Just(HelmVersion::V4)];
    explore(&(template(), template(), values(), version), |(template, helpers, values, helm)| {
        let files = [
            ("templates/a.yaml", &*template),
            ("templates/_b.tpl", &*helpers),
            ("values.yaml", &*serde_json::to_string(&values).unwrap()),
            ("x", "text"),
        ];
        let chart = Arc::new(crate::load_for(&files, helm).unwrap());
        let (release, capabilities) = (Release::install("r", "ns"), Capabilities::of(helm));
        let mut request = request(&chart, &release, &capabilities, Layers::default());
        request.limits =
            holdfast_gotemplate::Limits { steps: 20_000, output: 1 << 20, memory: 1 << 22, depth: 50 };
        let _ = render(&request);
        Ok(())
    });
}

#[test]
fn archives_load_or_are_refused() {
    let kid = crate::charts::tgz(&[("kid/Chart.yaml", b"apiVersion: v2\nname: kid\nversion: 1.0.0\n")]);
    let whole = crate::charts::tar(&[
        (
            "c/Chart.yaml",
            b"apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: kid, version: '*'}]\n",
        ),
        ("c/values.yaml", b"a: 1\n"),
        ("c/templates/a.yaml", b"a: {{ .Values.a }}"),
        ("c/charts/kid.tgz", &kid),
    ]);
    // Changed before it is packed, so that the change reaches the reader of the tar archive.
    let changes = prop::collection::vec((0..whole.len(), any::<u8>()), 0..8);
    explore(&(changes, 0..whole.len(), any::<bool>()), |(changes, cut, is_cut)| {
        let mut tar = whole.clone();
        for (at, byte) in changes {
            tar[at] = byte;
        }
        if is_cut {
            tar.truncate(cut);
        }
        let limits = Limits::new(1 << 20, 1 << 19, 100, 4);
        let archive = crate::charts::gzip(&tar);
        let options = LoadOptions { helm: HelmVersion::V3, limits };
        if let Ok(chart) = Chart::from_archive(&archive, options) {
            let _ = try_render(&Arc::new(chart), Layers::default());
        }
        Ok(())
    });
}

/// Deep documents are refused by the reader of YAML, and what passes it is no danger to the stack.
#[test]
fn deep_values_are_refused_or_rendered() {
    for levels in [10, 200, 250, 300, 5_000, 100_000] {
        let deep = format!("a: {}1{}", "{a: ".repeat(levels), "}".repeat(levels));
        if let Ok(chart) =
            load(&[("values.yaml", &deep), ("templates/a.yaml", "v: {{ toYaml .Values | nindent 2 }}")])
        {
            let _ = try_render(&Arc::new(chart), Layers::default());
        }
    }
}
