//! Texts and what the Go libraries read in them: `None` is an error.
//!
//! The values are those of `sigs.k8s.io/yaml` (V2) and go-yaml v3 without kustomize's round trip (V3).

use holdfast_yaml::{Options, parse};
use serde_json::{Value, from_str};

/// A text, and the JSON read in it by either dialect.
type Case = (&'static str, Option<&'static str>, Option<&'static str>);

fn check(cases: &[Case]) {
    let v3 = Options { kyaml_round_trip: false, ..Options::v3() };
    for (text, expected_v2, expected_v3) in cases {
        for (options, expected) in [(Options::v2(), expected_v2), (v3, expected_v3)] {
            let found = parse(text.as_bytes(), &options);
            let expected: Option<Value> = expected.map(|json| from_str(json).unwrap());
            assert_eq!(found.as_ref().ok(), expected.as_ref(), "{:?} {text:?}: {found:?}", options.dialect);
        }
    }
}

#[test]
fn block_scalars() {
    check(&[
        ("a: |\n  x\n   y\n\n  z\n", Some(r#"{"a": "x\n y\n\nz\n"}"#), Some(r#"{"a": "x\n y\n\nz\n"}"#)),
        ("a: |-\n  x\n\n\n", Some(r#"{"a": "x"}"#), Some(r#"{"a": "x"}"#)),
        ("a: |+\n  x\n\n\nb: 1", Some(r#"{"a": "x\n\n\n", "b": 1}"#), Some(r#"{"a": "x\n\n\n", "b": 1}"#)),
        ("a: |2\n   x\n  y\n", Some(r#"{"a": " x\ny\n"}"#), Some(r#"{"a": " x\ny\n"}"#)),
        ("a: |1-\n x\n", Some(r#"{"a": "x"}"#), Some(r#"{"a": "x"}"#)),
        ("a: >\n  x\n  y\n\n  z\n", Some(r#"{"a": "x y\nz\n"}"#), Some(r#"{"a": "x y\nz\n"}"#)),
        ("a: >-\n  x\n    y\n  z\n", Some(r#"{"a": "x\n  y\nz"}"#), Some(r#"{"a": "x\n  y\nz"}"#)),
        ("a: >+\n  x\n\n", Some(r#"{"a": "x\n\n"}"#), Some(r#"{"a": "x\n\n"}"#)),
        ("a: |\n\n\n  x\n", Some(r#"{"a": "\n\nx\n"}"#), Some(r#"{"a": "\n\nx\n"}"#)),
        ("a: |\nb: 1", Some(r#"{"a": "", "b": 1}"#), Some(r#"{"a": "", "b": 1}"#)),
        ("a: |  # comment\n  x # text\n", Some(r#"{"a": "x # text\n"}"#), Some(r#"{"a": "x # text\n"}"#)),
        ("a: |\n  x\n # comment\nb: 1", Some(r#"{"a": "x\n", "b": 1}"#), Some(r#"{"a": "x\n", "b": 1}"#)),
        ("a: |\n  x\n y\n", None, None),
        ("- |\n x\n- >\n y\n z", Some(r#"["x\n", "y z"]"#), Some(r#"["x\n", "y z"]"#)),
        ("|\n x\n y", Some(r#""x\ny""#), Some(r#""x\ny""#)),
        ("a: |0\n x", None, None),
        ("a: |x\n y", None, None),
        ("a: |\n\tx", None, None),
        ("a:\n  - |\n   x\n  - y", Some(r#"{"a": ["x\n", true]}"#), Some(r#"{"a": ["x\n", "y"]}"#)),
        ("--- |\nx\n y\n", Some(r#""""#), Some(r#""""#)),
        ("a: |\n    x\n  \n  y\nb: 1", None, None),
        ("a: |\n  \n    x\n", Some(r#"{"a": "\nx\n"}"#), Some(r#"{"a": "\nx\n"}"#)),
        ("a: >\n\n  x\n\n\n  y\n", Some(r#"{"a": "\nx\n\ny\n"}"#), Some(r#"{"a": "\nx\n\ny\n"}"#)),
        ("a: |+", Some(r#"{"a": ""}"#), Some(r#"{"a": ""}"#)),
        ("a: >-", Some(r#"{"a": ""}"#), Some(r#"{"a": ""}"#)),
    ]);
}

#[test]
fn plain_scalars() {
    check(&[
        ("a: b c\n  d\n\n  e", Some(r#"{"a": "b c d\ne"}"#), Some(r#"{"a": "b c d\ne"}"#)),
        ("a: b\nc", None, None),
        ("a: b #c", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("a: b#c", Some(r#"{"a": "b#c"}"#), Some(r#"{"a": "b#c"}"#)),
        ("a: b: c", None, None),
        ("a: b:c", Some(r#"{"a": "b:c"}"#), Some(r#"{"a": "b:c"}"#)),
        ("a:b", Some(r#""a:b""#), Some(r#""a:b""#)),
        ("a: -b", Some(r#"{"a": "-b"}"#), Some(r#"{"a": "-b"}"#)),
        ("a: - b", None, None),
        ("a: ?b", Some(r#"{"a": "?b"}"#), Some(r#"{"a": "?b"}"#)),
        ("a: ? b", None, None),
        ("a: @b", None, None),
        ("a: `b`", None, None),
        ("a: %b", None, None),
        ("%a: b", None, None),
        ("a: !b", Some(r#"{"a": ""}"#), Some(r#"{"a": ""}"#)),
        ("a: 'b' c", None, None),
        ("a: b\n\tc", None, None),
        ("a:\tb", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("a: b\t", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("\ta: b", None, None),
        ("a: [b", None, None),
        ("a: b]", Some(r#"{"a": "b]"}"#), Some(r#"{"a": "b]"}"#)),
        ("a: \"b", None, None),
        ("a: b\n c: d", None, None),
        ("a: b\n- c", None, None),
        ("- a\nb: c", None, None),
        ("a: b\nc: d\n e: f", None, None),
        ("a: #b\n  c", Some(r#"{"a": "c"}"#), Some(r#"{"a": "c"}"#)),
        ("x y: z", Some(r#"{"x y": "z"}"#), Some(r#"{"x y": "z"}"#)),
        ("a : b", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("a: x,y [z] {w}", Some(r#"{"a": "x,y [z] {w}"}"#), Some(r#"{"a": "x,y [z] {w}"}"#)),
        ("- -- a", Some(r#"["-- a"]"#), Some(r#"["-- a"]"#)),
        ("---a: b", Some(r#"{"---a": "b"}"#), Some(r#"{"---a": "b"}"#)),
        ("a: ---", Some(r#"{"a": "---"}"#), Some(r#"{"a": "---"}"#)),
        ("a: .5.", Some(r#"{"a": ".5."}"#), Some(r#"{"a": ".5."}"#)),
        (
            "a: http://x:80/y?z=1#f",
            Some(r#"{"a": "http://x:80/y?z=1#f"}"#),
            Some(r#"{"a": "http://x:80/y?z=1#f"}"#),
        ),
    ]);
}

#[test]
fn quoted_scalars() {
    check(&[
        ("a: 'b'", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("a: 'it''s'", Some(r#"{"a": "it's"}"#), Some(r#"{"a": "it's"}"#)),
        ("a: 'b\n c'", Some(r#"{"a": "b c"}"#), Some(r#"{"a": "b c"}"#)),
        ("a: 'b\nc'", Some(r#"{"a": "b c"}"#), Some(r#"{"a": "b c"}"#)),
        ("a: 'b\n\n\n  c  \n d'", Some(r#"{"a": "b\n\nc d"}"#), Some(r#"{"a": "b\n\nc d"}"#)),
        ("a: 'b\\n'", Some(r#"{"a": "b\\n"}"#), Some(r#"{"a": "b\\n"}"#)),
        (
            "a: \"b\\n\\t\\x41\\u00e9\\U0001F600\\0\\e\\_\\N\\L\\P\"",
            Some("{\"a\": \"b\\n\\tAé😀\\u0000\\u001b\u{a0}\u{85}\u{2028}\u{2029}\"}"),
            Some("{\"a\": \"b\\n\\tAé😀\\u0000\\u001b\u{a0}\u{85}\u{2028}\u{2029}\"}"),
        ),
        ("a: \"b \\\n   c\"", Some(r#"{"a": "b c"}"#), Some(r#"{"a": "b c"}"#)),
        ("a: \"b\\\n\n  c\"", Some(r#"{"a": "b\nc"}"#), Some(r#"{"a": "b\nc"}"#)),
        ("a: \"b\\\n\\ c\"", Some(r#"{"a": "b c"}"#), Some(r#"{"a": "b c"}"#)),
        ("a: \"b  \n  c\"", Some(r#"{"a": "b c"}"#), Some(r#"{"a": "b c"}"#)),
        ("a: \"\\/\"", None, None),
        ("a: \"\\q\"", None, None),
        ("a: \"\\x4\"", None, None),
        ("a: \"\\ud83d\\ude00\"", None, None),
        ("a: \"b\n---\nc\"", None, None),
        ("a: \"\"", Some(r#"{"a": ""}"#), Some(r#"{"a": ""}"#)),
        ("a: ''", Some(r#"{"a": ""}"#), Some(r#"{"a": ""}"#)),
        ("'a': b", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("\"a\\tb\": c", Some(r#"{"a\tb": "c"}"#), Some(r#"{"a\tb": "c"}"#)),
        ("'a\nb': c", None, None),
        ("\"a\"b: c", None, None),
        ("a: \"b\"#c", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("a: 'b\t\n\tc'", Some(r#"{"a": "b c"}"#), Some(r#"{"a": "b c"}"#)),
    ]);
}

#[test]
fn flow_collections() {
    check(&[
        ("{a: b, c: [d, e]}", Some(r#"{"a": "b", "c": ["d", "e"]}"#), Some(r#"{"a": "b", "c": ["d", "e"]}"#)),
        ("[a, b,]", Some(r#"["a", "b"]"#), Some(r#"["a", "b"]"#)),
        ("[,]", None, None),
        ("[a,,b]", None, None),
        ("{a, b: }", Some(r#"{"a": null, "b": null}"#), Some(r#"{"a": null, "b": null}"#)),
        ("{a: b, ? c : d}", Some(r#"{"a": "b", "c": "d"}"#), Some(r#"{"a": "b", "c": "d"}"#)),
        ("[a: b, c]", Some(r#"[{"a": "b"}, "c"]"#), Some(r#"[{"a": "b"}, "c"]"#)),
        ("[{a: b}, [c]]", Some(r#"[{"a": "b"}, ["c"]]"#), Some(r#"[{"a": "b"}, ["c"]]"#)),
        ("{\"a\":b}", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("{a:b}", Some(r#"{"a:b": null}"#), Some(r#"{"a:b": null}"#)),
        ("[a:b]", Some(r#"["a:b"]"#), Some(r#"["a:b"]"#)),
        ("{a: b\n, c: d}", Some(r#"{"a": "b", "c": "d"}"#), Some(r#"{"a": "b", "c": "d"}"#)),
        ("a: {b: c\n}", Some(r#"{"a": {"b": "c"}}"#), Some(r#"{"a": {"b": "c"}}"#)),
        ("a: [\nb\n]", Some(r#"{"a": ["b"]}"#), Some(r#"{"a": ["b"]}"#)),
        ("a: [b\n]\nc: d", Some(r#"{"a": ["b"], "c": "d"}"#), Some(r#"{"a": ["b"], "c": "d"}"#)),
        ("[a?b]", None, None),
        ("[a #c\n, b]", Some(r#"["a", "b"]"#), Some(r#"["a", "b"]"#)),
        ("{a: {b: {c: {}}}}", Some(r#"{"a": {"b": {"c": {}}}}"#), Some(r#"{"a": {"b": {"c": {}}}}"#)),
        ("[[[]]]", Some("[[[]]]"), Some("[[[]]]")),
        ("{a: -}", Some(r#"{"a": "-"}"#), Some(r#"{"a": "-"}"#)),
        ("[- a]", None, None),
        ("{a: |\n b}", None, None),
        ("[\"a\"\n \"b\"]", None, None),
        ("{a: b}}", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("{a: 'b\n c'}", Some(r#"{"a": "b c"}"#), Some(r#"{"a": "b c"}"#)),
        ("[a b\n c]", Some(r#"["a b c"]"#), Some(r#"["a b c"]"#)),
        ("{}", Some("{}"), Some("{}")),
        ("[]", Some("[]"), Some("[]")),
        ("a: {}\nb: []", Some(r#"{"a": {}, "b": []}"#), Some(r#"{"a": {}, "b": []}"#)),
        ("{a: *x}", None, None),
        ("{? a}", Some(r#"{"a": null}"#), Some(r#"{"a": null}"#)),
        ("{: a}", None, None),
        ("[? a : b]", Some(r#"[{"a": "b"}]"#), Some(r#"[{"a": "b"}]"#)),
        ("[?]", None, None),
        ("{a: b,\n\tc: d}", Some(r#"{"a": "b", "c": "d"}"#), Some(r#"{"a": "b", "c": "d"}"#)),
    ]);
}

#[test]
fn collections() {
    check(&[
        (
            "a:\n- b\n- c\nd: e",
            Some(r#"{"a": ["b", "c"], "d": "e"}"#),
            Some(r#"{"a": ["b", "c"], "d": "e"}"#),
        ),
        (
            "a:\n  - b\n  -  c: d\n     e: f",
            Some(r#"{"a": ["b", {"c": "d", "e": "f"}]}"#),
            Some(r#"{"a": ["b", {"c": "d", "e": "f"}]}"#),
        ),
        ("- - a\n  - b\n- - c", Some(r#"[["a", "b"], ["c"]]"#), Some(r#"[["a", "b"], ["c"]]"#)),
        ("-\n  a: b\n-\n  - c", Some(r#"[{"a": "b"}, ["c"]]"#), Some(r#"[{"a": "b"}, ["c"]]"#)),
        (
            "- a: b\n  c: d\n- e",
            Some(r#"[{"a": "b", "c": "d"}, "e"]"#),
            Some(r#"[{"a": "b", "c": "d"}, "e"]"#),
        ),
        (
            "a:\n  b:\n    c: d\n  e: f\ng: h",
            Some(r#"{"a": {"b": {"c": "d"}, "e": "f"}, "g": "h"}"#),
            Some(r#"{"a": {"b": {"c": "d"}, "e": "f"}, "g": "h"}"#),
        ),
        ("a:\n\nb:", Some(r#"{"a": null, "b": null}"#), Some(r#"{"a": null, "b": null}"#)),
        ("- \n- a\n-", Some(r#"[null, "a", null]"#), Some(r#"[null, "a", null]"#)),
        ("? a\n: b\n? c\n", Some(r#"{"a": "b", "c": null}"#), Some(r#"{"a": "b", "c": null}"#)),
        ("? - a\n: b", None, None),
        ("? a: b\n: c", None, None),
        ("a:\n - b\n- c", None, None),
        ("a:\n  b: c\n d: e", None, None),
        ("- a\n - b", Some(r#"["a - b"]"#), Some(r#"["a - b"]"#)),
        ("a: b\na: c", Some(r#"{"a": "c"}"#), None),
        ("a: 1\n\"a\": 2", Some(r#"{"a": 2}"#), None),
        (
            "a:\n   b: c\n   d:\n     - e\n",
            Some(r#"{"a": {"b": "c", "d": ["e"]}}"#),
            Some(r#"{"a": {"b": "c", "d": ["e"]}}"#),
        ),
        ("a: !!map {b: c}", Some(r#"{"a": {"b": "c"}}"#), Some(r#"{"a": {"b": "c"}}"#)),
        ("a: !!seq\n- b", Some(r#"{"a": ["b"]}"#), Some(r#"{"a": ["b"]}"#)),
        (
            "a: &x\n  b: c\nd: *x",
            Some(r#"{"a": {"b": "c"}, "d": {"b": "c"}}"#),
            Some(r#"{"a": {"b": "c"}, "d": {"b": "c"}}"#),
        ),
        ("- &a b\n- *a\n- &a c\n- *a", Some(r#"["b", "b", "c", "c"]"#), Some(r#"["b", "b", "c", "c"]"#)),
        ("a: *b\nb: &b c", None, None),
        ("&a [*a]", None, None),
        ("a: &x [1, *x]", None, None),
        ("&m a: b", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("a: &x", Some(r#"{"a": null}"#), Some(r#"{"a": null}"#)),
        ("a: & b", None, None),
        ("a: *", None, None),
        ("*a : b", None, None),
    ]);
}

#[test]
fn merges() {
    check(&[
        (
            "a: &x {p: 1, q: 2}\nb:\n  q: 3\n  <<: *x\n  r: 4",
            Some(r#"{"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2, "r": 4}}"#),
            Some(r#"{"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3, "r": 4}}"#),
        ),
        (
            "a: &x {p: 1}\nb: &y {p: 2, q: 3}\nc:\n  <<: [*x, *y]",
            Some(r#"{"a": {"p": 1}, "b": {"p": 2, "q": 3}, "c": {"p": 1, "q": 3}}"#),
            Some(r#"{"a": {"p": 1}, "b": {"p": 2, "q": 3}, "c": {"p": 1, "q": 3}}"#),
        ),
        ("<<: {a: 1}\nb: 2", Some(r#"{"a": 1, "b": 2}"#), Some(r#"{"a": 1, "b": 2}"#)),
        ("<<: a", None, None),
        ("<<: [a]", None, None),
        ("<<:", None, None),
        ("<<: {a: 1}\n<<: {b: 2}", Some(r#"{"a": 1, "b": 2}"#), None),
        ("'<<': {a: 1}", Some(r#"{"<<": {"a": 1}}"#), Some(r#"{"<<": {"a": 1}}"#)),
        ("a: <<", Some(r#"{"a": "<<"}"#), Some(r#"{"a": "<<"}"#)),
        (
            "a: &x {<<: {p: 1}, q: 2}\nb: {<<: *x}",
            Some(r#"{"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}}"#),
            Some(r#"{"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}}"#),
        ),
        ("<<: [{a: 1}, {a: 2, b: 3}]\na: 4", Some(r#"{"a": 4, "b": 3}"#), Some(r#"{"a": 4, "b": 3}"#)),
    ]);
}

#[test]
fn tags() {
    check(&[
        ("a: !!str 1", Some(r#"{"a": "1"}"#), Some(r#"{"a": "1"}"#)),
        ("a: !!int '1'", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("a: !!int x", None, None),
        ("a: !!float 1", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("a: !!bool yes", Some(r#"{"a": true}"#), None),
        ("a: !!null ''", Some(r#"{"a": null}"#), Some(r#"{"a": null}"#)),
        ("a: !!binary aGVs\\nbG8=", None, None),
        ("a: !!binary \"aGVs\\n bG8=\"", None, None),
        ("a: !!binary aGVsbG8", None, None),
        (
            "a: !!timestamp 2001-01-01",
            Some(r#"{"a": "2001-01-01"}"#),
            Some(r#"{"a": "2001-01-01T00:00:00Z"}"#),
        ),
        ("a: !x 1", Some(r#"{"a": "1"}"#), Some(r#"{"a": "1"}"#)),
        ("a: !x {b: 1}", Some(r#"{"a": {"b": 1}}"#), Some(r#"{"a": {"b": 1}}"#)),
        ("a: ! 1", Some(r#"{"a": "1"}"#), Some(r#"{"a": 1}"#)),
        ("a: !!str", Some(r#"{"a": ""}"#), Some(r#"{"a": ""}"#)),
        ("a: !<tag:yaml.org,2002:str> 1", Some(r#"{"a": "1"}"#), Some(r#"{"a": "1"}"#)),
        ("%TAG !e! tag:yaml.org,2002:\n---\na: !e!str 1", Some(r#"{"a": "1"}"#), Some(r#"{"a": "1"}"#)),
        ("a: !e!x 1", None, None),
        (
            "a: !!set {b, c}",
            Some(r#"{"a": {"b": null, "c": null}}"#),
            Some(r#"{"a": {"b": null, "c": null}}"#),
        ),
        ("a: !!str yes", Some(r#"{"a": "yes"}"#), Some(r#"{"a": "yes"}"#)),
        ("! a", Some(r#""a""#), Some(r#""a""#)),
    ]);
}

#[test]
fn keys() {
    check(&[
        ("1: a", Some(r#"{"1": "a"}"#), Some(r#"{"1": "a"}"#)),
        ("1.5: a", Some(r#"{"1.5": "a"}"#), Some(r#"{"1.5": "a"}"#)),
        ("1e3: a", Some(r#"{"1000": "a"}"#), Some(r#"{"1000": "a"}"#)),
        ("true: a", Some(r#"{"true": "a"}"#), Some(r#"{"true": "a"}"#)),
        ("yes: a", Some(r#"{"true": "a"}"#), Some(r#"{"yes": "a"}"#)),
        ("0x10: a", Some(r#"{"16": "a"}"#), Some(r#"{"16": "a"}"#)),
        ("~: a", None, Some(r#"{"<nil>": "a"}"#)),
        (": a", None, None),
        ("'': a", Some(r#"{"": "a"}"#), Some(r#"{"": "a"}"#)),
        ("[a]: b", None, None),
        ("{a: b}: c", None, None),
        ("a:\n  1: b", Some(r#"{"a": {"1": "b"}}"#), Some(r#"{"a": {"1": "b"}}"#)),
        ("18446744073709551615: a", None, Some(r#"{"18446744073709551615": "a"}"#)),
        (".inf: a", Some(r#"{".inf": "a"}"#), Some(r#"{"+Inf": "a"}"#)),
        ("on: off", Some(r#"{"true": false}"#), Some(r#"{"on": "off"}"#)),
    ]);
}

#[test]
fn documents() {
    check(&[
        ("a: 1\n---\nb: 2", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("---\na: 1\n...\nb: 2", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("--- a", Some(r#""a""#), Some(r#""a""#)),
        ("--- {a: b}", Some(r#"{"a": "b"}"#), Some(r#"{"a": "b"}"#)),
        ("---\n---\na: 1", Some("null"), Some("null")),
        ("# c\na: 1 # d\n# e", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("", Some("null"), Some("null")),
        ("\n\n", Some("null"), Some("null")),
        ("# c", Some("null"), Some("null")),
        ("---", Some("null"), Some("null")),
        ("...", None, None),
        ("a: 1\n...", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("a: 1\n---\n]", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("a: 1\n--- ]", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("%YAML 1.1\n---\na: 1", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("%YAML 1.2\n---\na: 1", None, None),
        ("%YAML 1.1\na: 1", None, None),
        ("%X\n---\na: 1", None, None),
        ("%YAML 1.1\n%YAML 1.1\n---\na: 1", None, None),
        ("\u{feff}a: 1", Some(r#"{"a": 1}"#), Some(r#"{"a": 1}"#)),
        ("a: 1\r\nb: 2\r\n", Some(r#"{"a": 1, "b": 2}"#), Some(r#"{"a": 1, "b": 2}"#)),
        ("a: 1\rb: 2", Some(r#"{"a": 1, "b": 2}"#), Some(r#"{"a": 1, "b": 2}"#)),
        ("a: x\u{85}b: 2", Some(r#"{"a": "x", "b": 2}"#), Some(r#"{"a": "x", "b": 2}"#)),
        ("a: x\u{2028}b: 2", Some(r#"{"a": "x", "b": 2}"#), Some(r#"{"a": "x", "b": 2}"#)),
        ("a: x\u{a0}y", Some("{\"a\": \"x\u{a0}y\"}"), Some("{\"a\": \"x\u{a0}y\"}")),
        ("a: \u{2028}y", None, None),
        ("a: x\u{7}", None, None),
        ("a: x\u{7f}", None, None),
        ("a: 1\n ---\nb: 2", Some(r#"{"a": "1 ---", "b": 2}"#), Some(r#"{"a": "1 ---", "b": 2}"#)),
        ("a: |\n  x\n---\nb: 2", Some(r#"{"a": "x\n"}"#), Some(r#"{"a": "x\n"}"#)),
    ]);
}

/// What kustomize has of a text after it wrote and read it once.
#[test]
fn kustomize_round_trip() {
    for (text, expected) in [
        ("a: >-\n  x(c,\n    y\n  )\n", Some(r#"{"a": "x(c,\n\n  y\n)"}"#)),
        ("a: >\n  x\n\n    y\n  z\n", Some(r#"{"a": "x\n\n\n  y\nz\n"}"#)),
        ("a: >+\n  x\n\n", Some(r#"{"a": "x\n\n\n"}"#)),
        ("a: >-\n  x\n  y\n\n  z\n", Some(r#"{"a": "x y\nz"}"#)),
        ("a: >-\n    x\n   y\n", None),
        ("b:\n- c: >\n    x\n     y\n", Some(r#"{"b": [{"c": "x\n\n y\n"}]}"#)),
        ("a: >2\n  \tx\n  y\n", None),
        ("a: |\n  x\n    y\n", Some(r#"{"a": "x\n  y\n"}"#)),
        ("a: {b: , c}", Some(r#"{"a": {"b": "", "c": ""}}"#)),
        ("a: [{b: }]", Some(r#"{"a": [{"b": ""}]}"#)),
        ("a:\nb: {c: ~}", Some(r#"{"a": null, "b": {"c": null}}"#)),
        ("a: {b: ''}", Some(r#"{"a": {"b": ""}}"#)),
        ("1: x", Some(r#"{"1": "x"}"#)),
        ("1.50: x", Some(r#"{"1.50": "x"}"#)),
        ("true: x", Some(r#"{"true": "x"}"#)),
        ("2001-01-01: x", Some(r#"{"2001-01-01": "x"}"#)),
        ("~: x", None),
        ("a:\n  1: x", None),
        ("a: {true: x}", None),
        ("a: {2001-01-01: x}", None),
        ("a: {yes: x}", Some(r#"{"a": {"yes": "x"}}"#)),
        ("a: &x {1: y}\nb: *x", None),
        (".inf: x", Some(r#"{".inf": "x"}"#)),
        ("a: .inf", None),
    ] {
        let found = parse(text.as_bytes(), &Options::v3());
        let expected: Option<Value> = expected.map(|json| from_str(json).unwrap());
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{text:?}: {found:?}");
    }
}
