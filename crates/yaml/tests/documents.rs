//! Files of several documents, and places in them.

use holdfast_yaml::{Options, PathPart, documents, locate, parse_all};

fn shown(text: &str, options: &Options) -> Vec<String> {
    documents(text.as_bytes(), options)
        .into_iter()
        .map(|document| match document {
            Ok(document) => format!("{} line {}: {}", document.index, document.line, document.value),
            Err(error) => format!("{} {error}", error.document()),
        })
        .collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(shown(text, &Options::v2()), expected, "{text:?}");
}

#[test]
fn files_are_cut_at_lines_that_start_with_dashes() {
    check("a: 1\n---\nb: 2\n", &[r#"0 line 1: {"a":1}"#, r#"1 line 3: {"b":2}"#]);
    check("---\na: 1\n--- # c\n\nb: 2", &[r#"0 line 2: {"a":1}"#, r#"1 line 5: {"b":2}"#]);
    check("a: |\n  x\n  ---\n  y\n", &[r#"0 line 1: {"a":"x\n---\ny\n"}"#]);
    check("a: 1\r\n---\r\nb: 2\r\n", &[r#"0 line 1: {"a":1}"#, r#"1 line 3: {"b":2}"#]);
}

#[test]
fn empty_documents_are_null_and_counted() {
    check("# c\n---\na: 1\n---\n\n---\n", &["0 line 1: null", r#"1 line 3: {"a":1}"#, "2 line 5: null"]);
    check("", &["0 line 1: null"]);
    check("---\n---\n", &["0 line 3: null"]);
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    check(
        "a: 1\n---\nb: [\n---\nc: @\n---\nd: 4\n",
        &[
            r#"0 line 1: {"a":1}"#,
            "1 line 4, column 1: a value is missing",
            "2 line 5, column 4: no value can start with `@`; quote it",
            r#"3 line 7: {"d":4}"#,
        ],
    );
    let error = parse_all(b"a: 1\n---\nb: [\n---\nc: @\n", &Options::v2()).unwrap_err();
    assert_eq!((error.document(), error.line()), (1, 4));
}

#[test]
fn only_comments_may_follow_a_separator() {
    check(
        "a: 1\n--- b\nc: 1\n",
        &[
            "0 line 2, column 4: only a comment may follow the document separator `---`, not `b`",
            r#"1 line 3: {"c":1}"#,
        ],
    );
    // kustomize leaves a marker on the first line to YAML.
    assert_eq!(
        shown("--- {a: 1}\n---\nb: 2\n", &Options::v3()),
        [r#"0 line 1: {"a":1}"#, r#"1 line 3: {"b":2}"#]
    );
}

#[test]
fn anchors_end_with_their_document() {
    check("a: &x 1\n---\nb: *x\n", &[r#"0 line 1: {"a":1}"#, "1 line 3, column 4: unknown anchor `x`"]);
}

#[test]
fn fields_are_located() {
    use PathPart::{Index, Key};
    let text = "# c\na: 1\n---\nspec:\n  é: [x, {y: 'z'}] # d\n  list:\n  - k: |\n      t\n    n:\n  - b\n  \"q\": 2\nend: 3\n";
    for (path, expected) in [
        (&[][..], Some((4, 1, &text[text.find("spec").unwrap()..text.len() - 1]))),
        (&[Key("spec"), Key("é")], Some((5, 6, "[x, {y: 'z'}]"))),
        (&[Key("spec"), Key("é"), Index(1), Key("y")], Some((5, 14, "'z'"))),
        (&[Key("spec"), Key("list"), Index(1)], Some((10, 5, "b"))),
        (&[Key("spec"), Key("list"), Index(0), Key("k")], Some((7, 8, "|\n      t\n"))),
        (&[Key("spec"), Key("list"), Index(0), Key("n")], Some((9, 7, ""))),
        (&[Key("spec"), Key("q")], Some((11, 8, "2"))),
        (&[Key("end")], Some((12, 6, "3"))),
        (&[Key("spec"), Key("list"), Index(2)], None),
        (&[Key("spec"), Key("list"), Key("k")], None),
        (&[Key("a")], None),
    ] {
        let found = locate(text.as_bytes(), 1, path).map(|at| (at.line, at.column, &text[at.start..at.end]));
        assert_eq!(found, expected, "{path:?}");
    }
    assert_eq!(locate(text.as_bytes(), 2, &[]), None);
    assert_eq!(locate(b"a: [", 0, &[Key("a")]), None);
}
