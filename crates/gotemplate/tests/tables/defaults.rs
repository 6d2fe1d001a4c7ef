//! `default` and its kin, reflection. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ default "d" .n }}"#, Ok("d")),
        (r#"{{ default "d" .s }}"#, Ok("hi")),
        (r#"{{ default "d" .empty }}"#, Ok("d")),
        ("{{ default 5 .f0 }}", Ok("5")),
        ("{{ default (list 1) .el }}", Ok("[1]")),
        (r#"{{ default "d" }}"#, Ok("d")),
        ("{{ empty .n }}", Ok("true")),
        ("{{ empty .em }}", Ok("true")),
        ("{{ empty .el }}", Ok("true")),
        ("{{ empty 0 }}", Ok("true")),
        (r#"{{ empty "x" }}"#, Ok("false")),
        ("{{ empty false }}", Ok("true")),
        ("{{ empty .m }}", Ok("false")),
        (r#"{{ coalesce 0 "" .n "x" }}"#, Ok("x")),
        ("{{ coalesce }}", Ok("<no value>")),
        ("{{ coalesce 0 }}", Ok("<no value>")),
        (r#"{{ all 1 "a" true }}"#, Ok("true")),
        ("{{ all 1 0 }}", Ok("false")),
        (r#"{{ any 0 "" 1 }}"#, Ok("true")),
        ("{{ any }}", Ok("false")),
        ("{{ all }}", Ok("true")),
        (r#"{{ ternary "a" "b" true }}"#, Ok("a")),
        (r#"{{ true | ternary "a" "b" }}"#, Ok("a")),
        ("{{ typeOf .a }}", Ok("float64")),
        ("{{ typeOf 1 }}", Ok("int")),
        (r#"{{ typeOf "s" }}"#, Ok("string")),
        ("{{ typeOf .l }}", Ok("[]interface {}")),
        ("{{ typeOf .m }}", Ok("map[string]interface {}")),
        ("{{ typeOf .n }}", Ok("<nil>")),
        (r#"{{ typeOf (list "a") }}"#, Ok("[]interface {}")),
        (r#"{{ typeOf (splitList "," "a,b") }}"#, Ok("[]string")),
        ("{{ typeOf (until 3) }}", Ok("[]int")),
        (r#"{{ typeOf (split "," "a,b") }}"#, Ok("map[string]string")),
        ("{{ typeOf (int64 1) }}", Ok("int64")),
        ("{{ typeOf (chunk 2 .l) }}", Ok("[][]interface {}")),
        ("{{ typeOf true }}", Ok("bool")),
        ("{{ typeOf 1.5 }}", Ok("float64")),
        (r#"{{ typeOf (semver "1.2.3") }}"#, Ok("*semver.Version")),
        ("{{ kindOf .a }}", Ok("float64")),
        ("{{ kindOf 1 }}", Ok("int")),
        (r#"{{ kindOf "s" }}"#, Ok("string")),
        ("{{ kindOf .l }}", Ok("slice")),
        ("{{ kindOf .m }}", Ok("map")),
        ("{{ kindOf .n }}", Ok("invalid")),
        (r#"{{ kindOf (semver "1.2.3") }}"#, Ok("ptr")),
        ("{{ kindOf (int64 5) }}", Ok("int64")),
        (r#"{{ kindIs "map" .m }}"#, Ok("true")),
        (r#"{{ kindIs "slice" .l }}"#, Ok("true")),
        (r#"{{ kindIs "invalid" .n }}"#, Ok("true")),
        (r#"{{ typeIs "string" .s }}"#, Ok("true")),
        (r#"{{ typeIs "float64" .a }}"#, Ok("true")),
        (r#"{{ typeIsLike "semver.Version" (semver "1.2.3") }}"#, Ok("true")),
        (r#"{{ typeIsLike "string" "a" }}"#, Ok("true")),
        ("{{ hello }}", Ok("Hello!")),
        ("{{ toString 1 }}", Ok("1")),
        ("{{ toString 1.5 }}", Ok("1.5")),
        ("{{ toString .l }}", Ok("[1 2 3]")),
        ("{{ toString .n }}", Ok("<nil>")),
        ("{{ toString true }}", Ok("true")),
        (r#"{{ toString (semver "v1.2") }}"#, Ok("1.2.0")),
        ("{{ toString .big }}", Ok("1e+06")),
        (r#"{{ typeOf (semver "1.2.3").Major }}"#, Ok("uint64")),
        ("{{ .m.x | default 3 }}", Ok("1")),
        ("{{ .m.q | default 3 }}", Ok("3")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ ternary "a" "b" .n }}"#,
            Err(
                r#"template: t:1:19: executing "t" at <.n>: wrong type for value; expected bool; got interface {}"#,
            ),
        ),
        (
            r#"{{ ternary "a" "b" .s }}"#,
            Err(
                r#"template: t:1:19: executing "t" at <.s>: wrong type for value; expected bool; got string"#,
            ),
        ),
        (
            r#"{{ fail "boom" }}"#,
            Err(r#"template: t:1:3: executing "t" at <fail "boom">: error calling fail: boom"#),
        ),
        ("{{ ternary 1 2 3 }}", Err(r#"template: t:1:15: executing "t" at <3>: expected bool; found 3"#)),
        (
            r#"{{ ternary 1 2 "x" }}"#,
            Err(r#"template: t:1:15: executing "t" at <"x">: expected bool; found "x""#),
        ),
        (
            "{{ .m.q.r | default 3 }}",
            Err(r#"template: t:1:5: executing "t" at <.m.q.r>: nil pointer evaluating interface {}.r"#),
        ),
    ]);
}
