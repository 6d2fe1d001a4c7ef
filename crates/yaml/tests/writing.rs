//! Values and what `sigs.k8s.io/yaml` prints for them.

use holdfast_yaml::{marshal, to_string};
use serde_json::{Value, json};

fn check(value: Value, expected: &str) {
    assert_eq!(to_string(&value), expected, "{value}");
    assert_eq!(marshal(&value).as_deref(), Ok(expected), "{value}");
}

#[test]
fn scalars() {
    check(json!(null), "null\n");
    check(json!(true), "true\n");
    check(json!(0), "0\n");
    check(json!(-1), "-1\n");
    check(json!(12345678901234567890u64), "12345678901234567890\n");
    check(json!(1.5), "1.5\n");
    check(json!(1e-07), "1e-07\n");
    check(json!(123456.5), "123456.5\n");
    check(json!(1234567.5), "1.2345675e+06\n");
    check(json!(1e+21), "1e+21\n");
    check(json!(""), "\"\"\n");
    check(json!("a"), "a\n");
    check(json!("a b"), "a b\n");
    check(json!("yes"), "\"yes\"\n");
    check(json!("null"), "\"null\"\n");
    check(json!("1"), "\"1\"\n");
    check(json!("1.0"), "\"1.0\"\n");
    check(json!("017"), "\"017\"\n");
    check(json!("2001-01-01"), "\"2001-01-01\"\n");
    check(json!("1:30"), "\"1:30\"\n");
    check(json!("~"), "\"~\"\n");
    check(json!("<<"), "<<\n");
    check(json!("="), "=\n");
    check(json!("a: b"), "'a: b'\n");
    check(json!("a #b"), "'a #b'\n");
    check(json!("- a"), "'- a'\n");
    check(json!("-a"), "-a\n");
    check(json!("?"), "'?'\n");
    check(json!("? a"), "'? a'\n");
    check(json!(":a"), ":a\n");
    check(json!("a:"), "'a:'\n");
    check(json!("#a"), "'#a'\n");
    check(json!("&a"), "'&a'\n");
    check(json!("*a"), "'*a'\n");
    check(json!("!a"), "'!a'\n");
    check(json!("|a"), "'|a'\n");
    check(json!(">a"), "'>a'\n");
    check(json!("'a'"), "'''a'''\n");
    check(json!("\"a\""), "'\"a\"'\n");
    check(json!("%a"), "'%a'\n");
    check(json!("@a"), "'@a'\n");
    check(json!("`a"), "'`a'\n");
    check(json!("{a}"), "'{a}'\n");
    check(json!("[a]"), "'[a]'\n");
    check(json!("a,b"), "a,b\n");
    check(json!("a]"), "a]\n");
    check(json!("---"), "'---'\n");
    check(json!("--- a"), "'--- a'\n");
    check(json!("..."), "'...'\n");
    check(json!("---a"), "'---a'\n");
    check(json!(" a"), "' a'\n");
    check(json!("a "), "'a '\n");
    check(json!("a\tb"), "\"a\\tb\"\n");
    check(json!("é日"), "é日\n");
    check(json!("😀"), "\"\\U0001F600\"\n");
    check(json!("a\u{2028}b"), "'a\u{2028}  b'\n");
    check(json!("a\u{a0}b"), "a\u{a0}b\n");
    check(json!("\u{7}"), "\"\\a\"\n");
    check(json!("\u{feff}a"), "\"\\uFEFF\\x61\"\n");
    check(json!("a\\b"), "a\\b\n");
    check(json!("it's"), "it's\n");
}

#[test]
fn multiline_strings() {
    check(json!("a\nb"), "|-\n  a\n  b\n");
    check(json!("a\nb\n"), "|\n  a\n  b\n");
    check(json!("a\n\n"), "|+\n  a\n\n");
    check(json!("\n"), "|2+\n\n");
    check(json!("\n\na"), "|2-\n\n\n  a\n");
    check(json!(" a\nb"), "|2-\n   a\n  b\n");
    check(json!("a\n b"), "|-\n  a\n   b\n");
    check(json!("a \nb"), "\"a \\nb\"\n");
    check(json!("a\n\n\nb"), "|-\n  a\n\n\n  b\n");
    check(json!("a\r\nb"), "\"a\\r\\nb\"\n");
    check(json!("a\n\tb"), "\"a\\n\\tb\"\n");
    check(json!("\ta\nb"), "\"\\ta\\nb\"\n");
    check(json!("a\nb "), "\"a\\nb \"\n");
    check(json!("#a\nb"), "|-\n  #a\n  b\n");
    check(json!("a: b\nc: d\n"), "|\n  a: b\n  c: d\n");
}

#[test]
fn long_strings() {
    check(
        json!(
            "word word word word word word word word word word word word word word word word word word word word end"
        ),
        "word word word word word word word word word word word word word word word word word\n  word word word end\n",
    );
    check(
        json!(
            "'quoted' word word word word word word word word word word word word word word word word word word word word "
        ),
        "'''quoted'' word word word word word word word word word word word word word word\n  word word word word word word '\n",
    );
    check(
        json!(
            "yes: word word word word word word word word word word word word word word word word word word word word "
        ),
        "'yes: word word word word word word word word word word word word word word word word\n  word word word word '\n",
    );
    check(
        json!(
            "\u{7} word word word word word word word word word word word word word word word word word word word word"
        ),
        "\"\\a word word word word word word word word word word word word word word word word\n  word word word word\"\n",
    );
    check(
        json!(
            "word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  end"
        ),
        "word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  word  end\n",
    );
    check(
        json!(
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx y"
        ),
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n  y\n",
    );
    check(
        json!(
            "a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  y"
        ),
        "'a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  y'\n",
    );
    check(
        json!(
            "\u{7} xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  y"
        ),
        "\"\\a xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n  \\ y\"\n",
    );
    check(
        json!("ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé y z"),
        "ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé\n  y z\n",
    );
}

#[test]
fn collections() {
    check(json!({}), "{}\n");
    check(json!([]), "[]\n");
    check(json!([[]]), "- []\n");
    check(json!([{}]), "- {}\n");
    check(json!({"a": {}}), "a: {}\n");
    check(json!({"a": []}), "a: []\n");
    check(json!({"a": [1, [2, 3], {"b": 4, "c": [5]}]}), "a:\n- 1\n- - 2\n  - 3\n- b: 4\n  c:\n  - 5\n");
    check(json!([[1, 2], [3]]), "- - 1\n  - 2\n- - 3\n");
    check(json!({"a": {"b": {"c": null}}}), "a:\n  b:\n    c: null\n");
    check(json!([{"a": [{"b": 1}]}, "c"]), "- a:\n  - b: 1\n- c\n");
}

#[test]
fn keys() {
    check(
        json!({"b": 1, "a": 2, "A": 3, "a10": 4, "a9": 5, "_": 6, "1": 7, "-": 8}),
        "'-': 8\n_: 6\n\"1\": 7\nA: 3\na: 2\na9: 5\na10: 4\nb: 1\n",
    );
    check(json!({"": 1}), "\"\": 1\n");
    check(
        json!({"yes": 1, "1": 2, "null": 3, "a b": 4, "a: b": 5, " a": 6, "<<": 7}),
        "' a': 6\n<<: 7\n\"1\": 2\na b: 4\n'a: b': 5\n\"null\": 3\n\"yes\": 1\n",
    );
    check(json!({"a\nb": 1}), "? |-\n  a\n  b\n: 1\n");
    check(
        json!({"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": 1}),
        "? kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n: 1\n",
    );
    check(
        json!({"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": [1]}),
        "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk:\n- 1\n",
    );
    check(
        json!({"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": [1, {"a": "b"}]}),
        "? kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n: - 1\n  - a: b\n",
    );
    check(json!({"a\nb": {"c": "d\ne"}}), "? |-\n  a\n  b\n: c: |-\n    d\n    e\n");
    check(
        json!([{"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": {"x": 1, "y": ["z"]}}]),
        "- ? kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n  : x: 1\n    \"y\":\n    - z\n",
    );
    check(json!({"a01": 1, "a1": 2, "a1b": 3, "a1.5": 4}), "a1: 2\na1.5: 4\na1b: 3\na01: 1\n");
}

/// What upstream cannot write, or writes as something else, since it reads the value's JSON as YAML first.
#[test]
fn marshal_has_the_failures_of_upstream() {
    for value in [json!("\u{7f}"), json!({"a\u{9f}": 1}), json!(["\u{fffe}"]), json!({"k".repeat(1023): 1})] {
        assert!(marshal(&value).is_err(), "{value}");
        assert_eq!(
            holdfast_yaml::parse(to_string(&value).as_bytes(), &holdfast_yaml::Options::v2()),
            Ok(value)
        );
    }
    assert_eq!(marshal(&json!("a \u{85} b")).as_deref(), Ok("a b\n"));
    assert_eq!(to_string(&json!("a \u{85} b")), "\"a \\N b\"\n");
    let longest = json!({"k".repeat(1022): 1});
    assert_eq!(marshal(&longest), Ok(to_string(&longest)));
    // `<` takes six characters in Go's JSON.
    assert!(marshal(&json!({"<".repeat(171): 1})).is_err());
    assert!(marshal(&json!({"<".repeat(170): 1})).is_ok());
}

/// Keys may sort in a circle (118 before 11a, 11 before 51, 51 before 118): upstream's order is then random, ours is
/// the same each time.
#[test]
fn circular_key_orders_are_stable() {
    let value = json!({"y118": 1, "y11a": 2, "y51": 3});
    assert_eq!(to_string(&value), to_string(&value.clone()));
    assert_eq!(to_string(&value).lines().count(), 3);
}
