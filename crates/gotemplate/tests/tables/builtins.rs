//! Go's own functions. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ len .l | plural "a" "b" }}"#, Ok("b")),
        ("{{index .l 0}}", Ok("1")),
        ("{{index .s 0}}", Ok("104")),
        (r#"{{index "abc" 1}}"#, Ok("98")),
        (r#"{{index .mixed 4 "k"}}"#, Ok("v")),
        (r#"{{index .deep "a" "b" "c"}}"#, Ok("d")),
        (r#"{{index .deep "x" }}"#, Ok("<no value>")),
        ("{{index .deep}}", Ok("map[a:map[b:map[c:d]]]")),
        ("{{len .uni}}", Ok("6")),
        (r#"{{len "abc"}}"#, Ok("3")),
        ("{{len (list 1)}}", Ok("1")),
        ("{{len dict}}", Ok("0")),
        ("{{not .n}}", Ok("true")),
        ("{{not 0}}", Ok("true")),
        (r#"{{not "a"}}"#, Ok("false")),
        ("{{and 1 2}}", Ok("2")),
        ("{{and 0 2}}", Ok("0")),
        ("{{or 0 2}}", Ok("2")),
        ("{{or 0 0}}", Ok("0")),
        ("{{and .n 1}}", Ok("<no value>")),
        ("{{or .n .n}}", Ok("<no value>")),
        ("{{or nil 1}}", Ok("1")),
        ("{{1 | and 2}}", Ok("1")),
        ("{{0 | or 0}}", Ok("0")),
        ("{{and true (eq 1 1)}}", Ok("true")),
        ("{{or true .nope.x.y}}", Ok("true")),
        ("{{and false .nope.x.y}}", Ok("false")),
        ("{{eq 1 2 3 1}}", Ok("true")),
        (r#"{{eq "a" "b" "a"}}"#, Ok("true")),
        ("{{ne 1 2}}", Ok("true")),
        ("{{ne 1 1}}", Ok("false")),
        ("{{lt 1 2}}", Ok("true")),
        ("{{le 2 2}}", Ok("true")),
        ("{{gt 1.5 1.0}}", Ok("true")),
        ("{{ge 1 2}}", Ok("false")),
        (r#"{{lt "a" "b"}}"#, Ok("true")),
        ("{{eq true false}}", Ok("false")),
        ("{{eq .n nil}}", Ok("true")),
        ("{{eq .missing .n}}", Ok("true")),
        ("{{eq (int64 1) 1}}", Ok("true")),
        ("{{lt (int64 1) 2}}", Ok("true")),
        (r#"{{eq (index "a" 0) 97}}"#, Ok("true")),
        (r#"{{lt -1 (index "a" 0)}}"#, Ok("true")),
        ("{{eq .l nil}}", Ok("false")),
        ("{{eq .m nil}}", Ok("false")),
        ("{{eq nil .m}}", Ok("false")),
        ("{{ne .s nil}}", Ok("true")),
        ("{{eq .s .n}}", Ok("false")),
        (r#"{{eq (semver "1.2.3") (semver "1.2.3")}}"#, Ok("false")),
        (r#"{{(index .m "nope").y}}"#, Ok("<no value>")),
        ("{{ not (eq .a 1.0) }}", Ok("false")),
        (r#"{{ or (not true) (and true "x") }}"#, Ok("x")),
        ("{{ (and .m .m.y).z }}", Ok("q")),
        (r#"{{ eq (semver "1.2.3").Major 1 }}"#, Ok("true")),
        (r#"{{ gt (semver "1.2.3").Minor 1 }}"#, Ok("true")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            "{{index .l 5}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .l 5>: error calling index: index out of range: 5"#,
            ),
        ),
        (
            "{{index .l -1}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .l -1>: error calling index: index out of range: -1"#,
            ),
        ),
        (
            r#"{{index .l "a"}}"#,
            Err(
                r#"template: t:1:2: executing "t" at <index .l "a">: error calling index: cannot index slice/array with type string"#,
            ),
        ),
        (
            "{{index .l 1.0}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .l 1.0>: error calling index: cannot index slice/array with type float64"#,
            ),
        ),
        (
            "{{index .l nil}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .l nil>: error calling index: cannot index slice/array with nil"#,
            ),
        ),
        (
            "{{index .m 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .m 1>: error calling index: value has type int; should be string"#,
            ),
        ),
        (
            "{{index .m nil}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .m nil>: error calling index: value is nil; should be of type string"#,
            ),
        ),
        (
            "{{index .s 5}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .s 5>: error calling index: index out of range: 5"#,
            ),
        ),
        (
            "{{index .s 2}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .s 2>: error calling index: reflect: string index out of range"#,
            ),
        ),
        (
            "{{index .l 3}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .l 3>: error calling index: reflect: slice index out of range"#,
            ),
        ),
        (
            "{{index 1 2}}",
            Err(
                r#"template: t:1:2: executing "t" at <index 1 2>: error calling index: can't index item of type int"#,
            ),
        ),
        (
            "{{index nil 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <index nil 1>: error calling index: index of untyped nil"#,
            ),
        ),
        (
            r#"{{index .deep "x" "y"}}"#,
            Err(
                r#"template: t:1:2: executing "t" at <index .deep "x" "y">: error calling index: index of nil pointer"#,
            ),
        ),
        (
            "{{index .n 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <index .n 1>: error calling index: index of untyped nil"#,
            ),
        ),
        (
            "{{len nil}}",
            Err(
                r#"template: t:1:2: executing "t" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value"#,
            ),
        ),
        (
            "{{len .n}}",
            Err(r#"template: t:1:2: executing "t" at <len .n>: error calling len: len of nil pointer"#),
        ),
        (
            "{{len}}",
            Err(r#"template: t:1:2: executing "t" at <len>: wrong number of args for len: want 1 got 0"#),
        ),
        (
            "{{len 1 2}}",
            Err(r#"template: t:1:2: executing "t" at <len>: wrong number of args for len: want 1 got 2"#),
        ),
        (
            "{{and}}",
            Err(
                r#"template: t:1:2: executing "t" at <and>: wrong number of args for and: want at least 1 got 0"#,
            ),
        ),
        (
            "{{or false .nope.x.y}}",
            Err(r#"template: t:1:16: executing "t" at <.nope.x.y>: nil pointer evaluating interface {}.x"#),
        ),
        (
            "{{eq 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <eq 1>: error calling eq: missing argument for comparison"#,
            ),
        ),
        (
            "{{eq}}",
            Err(
                r#"template: t:1:2: executing "t" at <eq>: wrong number of args for eq: want at least 1 got 0"#,
            ),
        ),
        (
            "{{eq .l 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <eq .l 1>: error calling eq: incompatible types for comparison: []interface {} and int"#,
            ),
        ),
        (
            "{{eq 1 .l}}",
            Err(
                r#"template: t:1:2: executing "t" at <eq 1 .l>: error calling eq: incompatible types for comparison: int and []interface {}"#,
            ),
        ),
        (
            "{{eq .m .l}}",
            Err(
                r#"template: t:1:2: executing "t" at <eq .m .l>: error calling eq: non-comparable types map[x:%!s(float64=1) y:map[z:q]]: map[string]interface {}, []interface {}: [1 2 3]"#,
            ),
        ),
        (
            "{{eq (list) (list)}}",
            Err(
                r#"template: t:1:2: executing "t" at <eq (list) (list)>: error calling eq: non-comparable type []: []interface {}"#,
            ),
        ),
        (
            "{{lt .l 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <lt .l 1>: error calling lt: invalid type for comparison"#,
            ),
        ),
        (
            r#"{{lt 1 "a"}}"#,
            Err(
                r#"template: t:1:2: executing "t" at <lt 1 "a">: error calling lt: incompatible types for comparison: int and string"#,
            ),
        ),
        (
            "{{lt nil 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <lt nil 1>: error calling lt: invalid type for comparison"#,
            ),
        ),
        (
            "{{le true false}}",
            Err(
                r#"template: t:1:2: executing "t" at <le true false>: error calling le: invalid type for comparison"#,
            ),
        ),
        (
            "{{gt 1}}",
            Err(r#"template: t:1:2: executing "t" at <gt>: wrong number of args for gt: want 2 got 1"#),
        ),
        (
            "{{call 1}}",
            Err(
                r#"template: t:1:2: executing "t" at <call 1>: error calling call: non-function 1 of type int"#,
            ),
        ),
        (
            "{{call .n}}",
            Err(r#"template: t:1:2: executing "t" at <call .n>: error calling call: call of nil"#),
        ),
        (
            "{{call nil}}",
            Err(r#"template: t:1:2: executing "t" at <call nil>: error calling call: call of nil"#),
        ),
        (
            "{{call}}",
            Err(
                r#"template: t:1:2: executing "t" at <call>: wrong number of args for call: want at least 1 got 0"#,
            ),
        ),
        (
            r#"{{(index .m "x").y}}"#,
            Err(r#"template: t:1:12: executing "t" at <"x">: can't evaluate field y in type float64"#),
        ),
    ]);
}
