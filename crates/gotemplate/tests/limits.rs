//! What untrusted templates cannot do: run or grow without end, overflow the stack, keep memory.

use std::rc::Rc;

use holdfast_gotemplate::{HostObject, Limit, Limits, Map, Numbers, Str, Value};
use serde_json::json;

use crate::support::{run, session, templates};

/// The limit that a template hits.
fn hits(template: &str) -> Option<Limit> {
    let limits = Limits { steps: 100_000, output: 1 << 20, memory: 1 << 22, depth: 200 };
    let data = Value::from_json(&json!({}), Numbers::Float64);
    let error =
        session(limits).execute(&templates(template).expect("parses"), b"t", &data).expect_err(template);
    assert!(error.message.contains("limit") || error.limit.is_none(), "{error}");
    error.limit
}

#[test]
fn each_limit_is_named() {
    let steps = Some(Limit::Steps(100_000));
    assert_eq!(hits("{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}"), steps);
    assert_eq!(hits("{{ range 9223372036854775807 }}{{ end }}"), steps);
    assert_eq!(hits("{{ range 100 }}{{ $_ := genCA \"a\" 1 }}{{ end }}"), steps);
    let output = Some(Limit::Output(1 << 20));
    assert_eq!(hits("{{ $x := repeat 10000 \"x\" }}{{ range 1000 }}{{ $x }}{{ end }}"), output);
    assert_eq!(
        hits("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}"),
        Some(Limit::Depth(200))
    );
}

#[test]
fn memory_is_bounded_however_it_grows() {
    let memory = Some(Limit::Memory(1 << 22));
    for template in [
        "{{ repeat 1000000000000 \"x\" }}",
        "{{ $x := \"xxxxxxxx\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}",
        "{{ $x := list 1 }}{{ range 100 }}{{ $x = concat $x $x }}{{ end }}",
        "{{ $x := dict }}{{ range 100 }}{{ $x = dict \"a\" $x \"b\" $x }}{{ end }}{{ toJson $x }}",
        "{{ $x := dict }}{{ range 100 }}{{ $x = dict \"a\" $x \"b\" $x }}{{ end }}{{ $x }}",
        "{{ until 1000000000 }}",
        "{{ untilStep 0 9000000000000000000 1 }}",
        "{{ seq 1 9223372036854775806 }}",
        "{{ indent 100000000000 \"a\" }}",
        "{{ replace \"\" (repeat 1000 \"x\") (repeat 10000 \"y\") }}",
        "{{ wrapWith 1 (repeat 1000 \"x\") (repeat 10000 \"y\") }}",
        "{{ randAlphaNum 1000000000000 }}",
        "{{ randBytes 1000000000000 }}",
        "{{ join (repeat 10000 \"x\") (until 10000) }}",
        "{{ printf \"%1000000d%1000000d%1000000d%1000000d%1000000d\" 1 1 1 1 1 }}",
        "{{ regexReplaceAll \"\" (repeat 10000 \"y\") (repeat 10000 \"x\") }}",
        "{{ splitList \"\" (repeat 1000000 \"y\") }}",
    ] {
        assert_eq!(hits(template), memory, "{template}");
    }
}

#[test]
fn exponential_structures_stop() {
    // 2^100 elements, of which each function would visit all.
    let build = "{{ $x := dict }}{{ range 100 }}{{ $x = dict \"a\" $x \"b\" $x }}{{ end }}";
    for function in ["deepCopy $x", "deepEqual $x (deepCopy $x)", "merge (dict) (dict \"k\" (deepCopy $x))"] {
        assert!(hits(&format!("{build}{{{{ $_ := {function} }}}}")).is_some(), "{function}");
    }
}

/// On the stack that a thread of a server has.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(test).expect("spawns");
    thread.join().expect("does not panic");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    on_a_small_stack(|| {
        let nest = |open: &str, inner: &str, close: &str, depth: usize| {
            run(&format!("{}{inner}{}", open.repeat(depth), close.repeat(depth)), &json!({}))
        };
        assert_eq!(nest("{{if true}}", "x", "{{end}}", 9_000), Ok("x".into()));
        assert_eq!(nest("{{with 1}}", "x", "{{end}}", 9_000), Ok("x".into()));
        assert_eq!(nest("{{range 1}}", "x", "{{end}}", 9_000), Ok("x".into()));
        assert!(nest("{{if true}}", "x", "{{end}}", 20_000).expect_err("too deep").contains("nested deeper"));
        assert_eq!(
            run(&format!("{{{{{}1{}}}}}", "(".repeat(9_000), ")".repeat(9_000)), &json!({})),
            Ok("1".into())
        );
        assert_eq!(
            run(&format!("{{{{{}1{}}}}}", "not (".repeat(9_000), ")".repeat(9_000)), &json!({})),
            Ok("true".into())
        );
        assert!(
            run(&format!("{{{{{}1{}}}}}", "(".repeat(20_000), ")".repeat(20_000)), &json!({}))
                .expect_err("too deep")
                .contains("max expression depth exceeded")
        );
        let chain = format!("{{{{if false}}}}{}{{{{end}}}}", "{{else if false}}".repeat(9_000));
        assert_eq!(run(&chain, &json!({})), Ok(String::new()));
        let recursion =
            "{{define \"a\"}}{{if gt . 0.0}}{{template \"a\" (dec .)}}{{end}}{{end}}{{template \"a\" .n}}";
        assert_eq!(run(recursion, &json!({ "n": 4_500 })), Ok(String::new()));
        assert!(
            run(recursion, &json!({ "n": 50_000 })).expect_err("too deep").contains("maximum template depth")
        );
    });
}

#[test]
fn deep_values_do_not_overflow_the_stack() {
    on_a_small_stack(|| {
        let lists = "{{ $x := list }}{{ range 50000 }}{{ $x = list $x }}{{ end }}";
        let dicts = "{{ $x := dict }}{{ range 50000 }}{{ $x = dict \"a\" $x }}{{ end }}";
        for build in [lists, dicts] {
            assert_eq!(run(build, &json!({})), Ok(String::new()), "made and dropped");
            for use_ in
                ["{{ $x }}", "{{ toJson $x }}", "{{ deepCopy $x }}", "{{ deepEqual $x (list $x) }}{{ $x }}"]
            {
                assert!(
                    run(&format!("{build}{use_}"), &json!({})).expect_err(use_).contains("deep"),
                    "{use_}"
                );
            }
        }
        let json = format!("{}{}", "[".repeat(9_000), "]".repeat(9_000));
        assert_eq!(run("{{ fromJson .s | kindOf }}", &json!({ "s": json })), Ok("slice".into()));
    });
}

/// Tells when it is dropped.
struct Flag(Rc<std::cell::Cell<bool>>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

impl HostObject for Flag {
    fn type_name(&self) -> &str {
        "Flag"
    }
}

#[test]
fn a_map_that_holds_itself_is_freed_with_the_session() {
    let dropped = Rc::new(std::cell::Cell::new(false));
    let map = Map::new([(Str::from("flag"), Value::Object(Rc::new(Flag(Rc::clone(&dropped)))))].into());
    let data = Value::from(map);
    let template =
        "{{ $_ := set . \"self\" . }}{{ $_ := set .self \"list\" (list .self) }}{{ .self.self.list | len }}";
    let mut session = session(Limits::default());
    let output = session.execute(&templates(template).expect("parses"), b"t", &data).expect("renders");
    assert_eq!(output, b"1");
    assert_eq!(
        session.execute(&templates("{{ . }}").expect("parses"), b"t", &data).expect_err("endless").limit,
        Some(Limit::Nesting)
    );
    drop(data);
    assert!(!dropped.get());
    drop(session);
    assert!(dropped.get());
}

#[test]
fn a_hopeless_expression_is_refused_quickly() {
    let error =
        run("{{ mustRegexMatch \"(((a{100}){100}){100})\" \"b\" }}", &json!({})).expect_err("too large");
    assert!(error.contains("error parsing regexp"), "{error}");
    assert_eq!(run("{{ mustRegexMatch \"(a*)*b\" (repeat 10000 \"a\") }}", &json!({})), Ok("false".into()));
}
