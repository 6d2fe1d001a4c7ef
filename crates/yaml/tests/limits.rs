//! Texts that are too much.

use holdfast_yaml::{ErrorKind, Limits, Options, documents, parse};

/// The limit that a text exceeds, by its name.
fn exceeded(text: &str, limits: Limits) -> Option<&'static str> {
    let options = Options { limits, ..Options::v2() };
    match parse(text.as_bytes(), &options).err()?.kind() {
        ErrorKind::Limit { name, .. } => Some(name),
        other => panic!("{other}"),
    }
}

#[test]
fn deep_nesting_is_refused() {
    let many = 200_000;
    for text in
        ["[".repeat(many), "- ".repeat(many), "{a: ".repeat(many), "? ".repeat(many), "[{a: ".repeat(many)]
    {
        assert_eq!(exceeded(&text, Limits::default()), Some("max_depth"), "{}", &text[..10]);
    }
    let indented: String = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(exceeded(&indented, Limits::default()), Some("max_depth"));
    let within = format!("{}{}", "[".repeat(256), "]".repeat(256));
    assert_eq!(exceeded(&within, Limits::default()), None);
    assert_eq!(exceeded(&format!("[{within}]"), Limits::default()), Some("max_depth"));
}

#[test]
fn aliases_cannot_grow_without_bounds() {
    let mut bomb = "a0: &a0 x\n".to_owned();
    for level in 1..30 {
        bomb += &format!("a{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}]\n", level - 1);
    }
    assert_eq!(exceeded(&bomb, Limits::default()), Some("max_nodes"));
    let merged = (1..30).fold("a0: &a0 {x: 1}\n".to_owned(), |text, level| {
        text + &format!("a{level}: &a{level} {{b: *a{0}, c: *a{0}, <<: *a{0}}}\n", level - 1)
    });
    assert_eq!(exceeded(&merged, Limits::default()), Some("max_nodes"));
}

#[test]
fn every_node_counts() {
    let limits = Limits { max_nodes: 5, ..Limits::default() };
    assert_eq!(exceeded("a: [b, c]", limits), None);
    assert_eq!(exceeded("a: [b, c, d]", limits), Some("max_nodes"));
    assert_eq!(exceeded("a: &x b\nc: *x", limits), None);
    assert_eq!(exceeded("a: &x [b]\nc: *x", limits), Some("max_nodes"));
}

#[test]
fn long_texts_are_refused_before_they_are_read() {
    let limits = Limits { max_bytes: 10, ..Limits::default() };
    assert_eq!(exceeded("a: 12345678", limits), Some("max_bytes"));
    assert_eq!(exceeded("a: 1234567", limits), None);
    // Neither YAML nor UTF-8, which nobody finds out.
    let long = vec![0xff; Limits::default().max_bytes + 1];
    let error = documents(&long, &Options::v2()).remove(0).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 1: the text exceeds the limit max_bytes of 67108864 bytes");
}

/// A token at a time could cost the length of the queue or of the line.
#[test]
fn long_lines_take_linear_time() {
    for text in [
        format!("[{}]", "a, ".repeat(200_000)),
        format!("[{}]", "{a: b}, ".repeat(100_000)),
        format!("a: {}", "b ".repeat(500_000)),
        format!("a: \"{}\"", "\\n".repeat(500_000)),
        format!("a: '{}'", "b\n\n ".repeat(200_000)),
        "&a a: *a\n".to_owned() + &(0..50_000).map(|i| format!("k{i}: &a{i} [x]\n")).collect::<String>(),
        "? a\n: b\n? ".to_owned() + &"c\n\n  ".repeat(200_000),
    ] {
        parse(text.as_bytes(), &Options::v2()).unwrap();
    }
}
