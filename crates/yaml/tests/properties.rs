//! What holds for any text and any value.

use holdfast_yaml::edit::{commented_scalars, set_scalar};
use holdfast_yaml::{Options, PathPart, documents, locate, parse, parse_all, to_string};
use proptest::prelude::*;
use serde_json::Value;

/// Pieces of YAML, so that random texts come near to being some.
const PIECES: &[&str] = &[
    "a",
    "b: ",
    "c:\n",
    "- ",
    "-\n",
    "\n",
    "\n  ",
    "\n    ",
    " ",
    "\t",
    "? ",
    ": ",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    " # c",
    "&a ",
    "*a",
    "!",
    "!!int ",
    "!<x> ",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "|",
    ">",
    "|-\n",
    ">2+\n",
    "'",
    "\"",
    "''",
    "\\",
    "\\n",
    "\\x41",
    "\r\n",
    "\r",
    "1",
    "0x1F",
    "1e3",
    "yes",
    "~",
    "2001-01-01",
    "<<: ",
    "@",
    "`",
    "é",
    "日",
    "😀",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{7}",
    "\0",
];

fn near_yaml() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

/// Strings with everything that matters to quoting, folding and block styles.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        ".{0,20}",
        "[a-c \n]{0,20}",
        prop::collection::vec(prop::sample::select(PIECES), 0..30).prop_map(|pieces| pieces.concat()),
        "([a-z]{1,9} {1,2}){0,30}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Whole floats are integers afterwards, as in JSON.
        any::<f64>().prop_filter("fractions", |f| f.fract() != 0.0 || f.abs() >= 1e21).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        // Upstream writes the key `<<` unquoted, which reads as a merge.
        let key = text().prop_filter("no merges", |key| key != "<<");
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Both dialects as they read a text, without kustomize's round trip.
fn readers() -> [Options; 2] {
    [Options::v2(), Options { kyaml_round_trip: false, ..Options::v3() }]
}

/// Nothing here may panic.
fn read_in_every_way(text: &[u8]) {
    for options in [Options::v2(), Options::v3()] {
        let first = parse(text, &options);
        assert_eq!(first, parse(text, &options));
        let split = documents(text, &options);
        assert_eq!(parse_all(text, &options).is_ok(), split.iter().all(Result::is_ok));
        for error in split.iter().filter_map(|document| document.as_ref().err()) {
            assert!(error.line() >= 1 && error.column() >= 1, "{error}");
        }
    }
    for path in [&[][..], &[PathPart::Key("a"), PathPart::Index(0)], &[PathPart::Index(0)]] {
        if let Some(at) = locate(text, 0, path) {
            assert!(at.start <= at.end && at.end <= text.len(), "{at:?}");
            if let Ok(text) = std::str::from_utf8(text) {
                assert!(text.get(at.start..at.end).is_some(), "{at:?}");
                let _ = set_scalar(text, &at, "x: y");
            }
        }
    }
    let _ = commented_scalars(text);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
        read_in_every_way(&text);
    }

    #[test]
    fn any_near_yaml_is_read_or_refused(text in near_yaml()) {
        read_in_every_way(text.as_bytes());
    }

    #[test]
    fn invalid_utf8_is_refused_with_its_place(lines in 0usize..5, before in "[a-z]{0,9}") {
        let text = [&b"a: 1\n".repeat(lines)[..], before.as_bytes(), b"\xff"].concat();
        let error = parse(&text, &Options::v2()).unwrap_err();
        prop_assert_eq!((error.line() as usize, error.column() as usize), (lines + 1, before.len() + 1));
    }

    #[test]
    fn what_is_written_reads_back(value in value()) {
        let yaml = to_string(&value);
        for options in readers() {
            prop_assert_eq!(parse(yaml.as_bytes(), &options), Ok(value.clone()), "{}", yaml);
        }
    }

    #[test]
    fn an_edit_says_what_was_asked_for(value in text(), quote in prop::sample::select(vec!["", "'", "\""])) {
        let text = format!("x: 1\na: {quote}b{quote} # c\nd: e\n");
        let at = locate(text.as_bytes(), 0, &[PathPart::Key("a")]).unwrap();
        let edited = set_scalar(&text, &at, &value).unwrap();
        for options in readers() {
            let expected = serde_json::json!({"x": 1, "a": value, "d": "e"});
            prop_assert_eq!(parse(edited.as_bytes(), &options), Ok(expected), "{}", edited);
        }
        prop_assert!(edited.starts_with("x: 1\na: ") && edited.ends_with(" # c\nd: e\n"), "{}", edited);
    }
}
