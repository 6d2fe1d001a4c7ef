//! Texts that cannot be parsed or executed. Expected results are what Go prints.

use super::check;

#[test]
fn failures() {
    check(&[
        ("{{1__0}}", Err(r#"template: t:1: illegal number syntax: "1__0""#)),
        ("{{08}}", Err(r#"template: t:1: integer overflow: "08""#)),
        ("{{0xg}}", Err(r#"template: t:1: bad number syntax: "0xg""#)),
        ("{{99999999999999999999}}", Err(r#"template: t:1: integer overflow: "99999999999999999999""#)),
        ("{{1e999}}", Err(r#"template: t:1: illegal number syntax: "1e999""#)),
        ("{{'ab'}}", Err("template: t:1: malformed character constant: 'ab'")),
        ("{{''}}", Err("template: t:1: invalid syntax")),
        (r#"{{'\q'}}"#, Err("template: t:1: invalid syntax")),
        (r#"{{"\q"}}"#, Err("template: t:1: invalid syntax")),
        (
            "{{9223372036854775808}}",
            Err(
                r#"template: t:1:2: executing "t" at <9223372036854775808>: 9223372036854775808 overflows int"#,
            ),
        ),
        (
            "{{.s.x}}",
            Err(r#"template: t:1:4: executing "t" at <.s.x>: can't evaluate field x in type interface {}"#),
        ),
        (
            "{{.l.x}}",
            Err(r#"template: t:1:4: executing "t" at <.l.x>: can't evaluate field x in type interface {}"#),
        ),
        (
            "{{.a.b.c}}",
            Err(r#"template: t:1:4: executing "t" at <.a.b.c>: can't evaluate field b in type interface {}"#),
        ),
        (
            "{{.n.x}}",
            Err(r#"template: t:1:4: executing "t" at <.n.x>: nil pointer evaluating interface {}.x"#),
        ),
        (
            "{{.m.x.y}}",
            Err(r#"template: t:1:4: executing "t" at <.m.x.y>: can't evaluate field y in type interface {}"#),
        ),
        (
            "{{$x := .s}}{{$x.y}}",
            Err(r#"template: t:1:16: executing "t" at <$x.y>: can't evaluate field y in type string"#),
        ),
        (
            "{{$x := .m.x}}{{$x.y}}",
            Err(r#"template: t:1:18: executing "t" at <$x.y>: can't evaluate field y in type float64"#),
        ),
        (
            "{{range .l}}{{.x}}{{end}}",
            Err(r#"template: t:1:14: executing "t" at <.x>: can't evaluate field x in type interface {}"#),
        ),
        (
            "{{range $i, $v := .l}}{{$v.x}}{{end}}",
            Err(r#"template: t:1:26: executing "t" at <$v.x>: can't evaluate field x in type interface {}"#),
        ),
        (
            "{{with .s}}{{.x}}{{end}}",
            Err(r#"template: t:1:13: executing "t" at <.x>: can't evaluate field x in type string"#),
        ),
        (
            r#"{{define "t2"}}{{.x}}{{end}}{{template "t2" .s}}"#,
            Err(r#"template: t:1:17: executing "t2" at <.x>: can't evaluate field x in type string"#),
        ),
        (
            r#"{{define "t2"}}{{.a.x}}{{end}}{{template "t2" .}}"#,
            Err(r#"template: t:1:19: executing "t2" at <.a.x>: can't evaluate field x in type interface {}"#),
        ),
        (
            "{{(.m).x.y}}",
            Err(r#"template: t:1:3: executing "t" at <.m>: can't evaluate field y in type interface {}"#),
        ),
        (r#"{{"a".b}}"#, Err(r#"template: t:1: unexpected . after term "\"a\"""#)),
        ("{{1.b}}", Err(r#"template: t:1: bad number syntax: "1.b""#)),
        ("{{nil.a}}", Err(r#"template: t:1: unexpected . after term "nil""#)),
        ("{{true.x}}", Err(r#"template: t:1: unexpected . after term "true""#)),
        ("{{..}}", Err("template: t:1: unexpected <.> in operand")),
        ("{{.a.}}", Err("template: t:1: unexpected <.> in operand")),
        ("{{$}}{{$.s}}{{$.}}", Err("template: t:1: unexpected <.> in operand")),
        ("{{$x}}", Err(r#"template: t:1: undefined variable "$x""#)),
        ("{{$x = 1}}{{$x}}", Err(r#"template: t:1:7: executing "t" at <1>: undefined variable: $x"#)),
        ("{{$x, $y := 1}}", Err("template: t:1: too many declarations in command")),
        ("{{range $x, $y, $z := .l}}{{end}}", Err("template: t:1: too many declarations in range")),
        ("{{range $x, := .l}}{{end}}", Err("template: t:1: range can only initialize variables")),
        ("{{range $x, 5 := .l}}{{end}}", Err("template: t:1: range can only initialize variables")),
        ("{{if $x := .s}}{{$x}}{{end}}{{$x}}", Err(r#"template: t:1: undefined variable "$x""#)),
        (
            "{{if false}}{{$y := 1}}{{else}}{{$y}}{{end}}",
            Err(r#"template: t:1:33: executing "t" at <$y>: undefined variable: $y"#),
        ),
        (
            "{{range $i, $j := 3}}{{end}}",
            Err(
                r#"template: t:1:18: executing "t" at <3>: can't use 3 to iterate over more than one variable"#,
            ),
        ),
        (
            "{{range .f}}{{end}}",
            Err(r#"template: t:1:8: executing "t" at <.f>: range can't iterate over 1.5"#),
        ),
        (
            r#"{{range "abc"}}{{end}}"#,
            Err(r#"template: t:1:8: executing "t" at <"abc">: range can't iterate over abc"#),
        ),
        (
            "{{range .t}}{{end}}",
            Err(r#"template: t:1:8: executing "t" at <.t>: range can't iterate over true"#),
        ),
        ("{{continue}}", Err("template: t:1: {{continue}} outside {{range}}")),
        (r#"{{range .l}}{{define "x"}}{{end}}{{end}}"#, Err("template: t:1: unexpected <define> in command")),
        (
            r#"{{range .l}}{{block "bx" .}}{{break}}{{end}}{{end}}"#,
            Err("template: t:1: {{break}} outside {{range}}"),
        ),
        (
            r#"{{block "b1" .m}}[{{.x}}]{{end}}{{block "b1" .m}}again{{end}}"#,
            Err(r#"template: t:1: template: multiple definition of template "b1""#),
        ),
        (
            r#"{{define "a"}}A{{end}}{{define "a"}}B{{end}}"#,
            Err(r#"template: t:1: template: multiple definition of template "a""#),
        ),
        (
            r#"{{define "t"}}self{{end}}x"#,
            Err(r#"template: t:1: template: multiple definition of template "t""#),
        ),
        ("{{define a}}{{end}}", Err(r#"template: t:1: unexpected "a" in define clause"#)),
        (r#"{{define "a"}}"#, Err("template: t:1: unexpected EOF")),
        (r#"{{define "a" 1}}{{end}}"#, Err(r#"template: t:1: unexpected "1" in define clause"#)),
        ("{{define}}", Err(r#"template: t:1: unexpected "}}" in define clause"#)),
        ("{{template}}", Err(r#"template: t:1: unexpected "}}" in template clause"#)),
        ("{{template a}}", Err(r#"template: t:1: unexpected "a" in template clause"#)),
        (
            r#"{{template "a" . .}}"#,
            Err(r#"template: t:1:11: executing "t" at <{{template "a" . .}}>: template "a" not defined"#),
        ),
        (
            r#"{{template "nope"}}"#,
            Err(r#"template: t:1:11: executing "t" at <{{template "nope"}}>: template "nope" not defined"#),
        ),
        (
            r#"{{template "a" .x.y}}{{define "a"}}{{end}}"#,
            Err(r#"template: t:1:17: executing "t" at <.x.y>: nil pointer evaluating interface {}.y"#),
        ),
        (r#"{{block "a"}}{{end}}"#, Err("template: t:1: missing value for block clause")),
        ("{{if}}{{end}}", Err("template: t:1: missing value for if")),
        (
            "{{if .a .b}}{{end}}",
            Err(r#"template: t:1:5: executing "t" at <.a>: a is not a method but has arguments"#),
        ),
        ("{{if .t}}a{{else}}b{{else}}c{{end}}", Err("template: t:1: expected end; found {{else}}")),
        ("{{if .t}}a{{else with .s}}b{{end}}", Err("template: t:1: unexpected <with> in input")),
        ("{{with .t}}a{{else if .s}}b{{end}}", Err("template: t:1: unexpected <if> in input")),
        ("{{range .el}}a{{else if .s}}b{{end}}", Err("template: t:1: unexpected <if> in input")),
        ("{{else}}", Err("template: t:1: unexpected {{else}}")),
        ("{{end}}", Err("template: t:1: unexpected {{end}}")),
        ("{{if .t}}", Err("template: t:1: unexpected EOF")),
        ("{{if .t}}{{end}}{{end}}", Err("template: t:1: unexpected {{end}}")),
        ("{{ | .a}}", Err(r#"template: t:1: unexpected "|" in command"#)),
        ("{{.a || .b}}", Err(r#"template: t:1: unexpected "|" in command"#)),
        ("{{.a | 1}}", Err("template: t:1: non executable command in pipeline stage 2")),
        (r#"{{.a | "x"}}"#, Err("template: t:1: non executable command in pipeline stage 2")),
        ("{{.a | nil}}", Err("template: t:1: non executable command in pipeline stage 2")),
        ("{{.a | .}}", Err("template: t:1: non executable command in pipeline stage 2")),
        ("{{()}}", Err("template: t:1: missing value for parenthesized pipeline")),
        ("{{(}}", Err("template: t:1: unclosed left paren")),
        ("{{)}}", Err("template: t:1: unexpected right paren")),
        ("{{(.a}}", Err("template: t:1: unclosed left paren")),
        ("{{.a)}}", Err("template: t:1: unexpected right paren")),
        ("{{.a,}}", Err(r#"template: t:1: unexpected "," in operand"#)),
        ("{{,}}", Err(r#"template: t:1: unexpected "," in command"#)),
        ("{{.a @}}", Err(r#"template: t:1: unexpected "@" in operand"#)),
        ("{{#}}", Err(r##"template: t:1: unexpected "#" in command"##)),
        ("{{é}}", Err(r#"template: t:1: function "é" not defined"#)),
        ("{{.a-b}}", Err("template: t:1: bad character U+002D '-'")),
        ("{{a-b}}", Err("template: t:1: bad character U+002D '-'")),
        ("{{.a=1}}", Err("template: t:1: bad character U+003D '='")),
        ("{{:= 1}}", Err(r#"template: t:1: unexpected ":=" in command"#)),
        ("{{$x := }}", Err("template: t:1: missing value for command")),
        ("{{$x :=}}", Err("template: t:1: missing value for command")),
        ("{{$x : 1}}", Err(r#"template: t:1: undefined variable "$x""#)),
        (r#"{{"abc}}"#, Err("template: t:1: unterminated quoted string")),
        ("{{`abc}}", Err("template: t:1: unterminated raw quoted string")),
        ("{{'a}}", Err("template: t:1: unterminated character constant")),
        ("{{/* a}}", Err("template: t:1: unclosed comment")),
        ("{{/* a */ b}}", Err("template: t:1: comment ends before closing delimiter")),
        ("{{ /* a */ }}", Err(r#"template: t:1: unexpected "/" in command"#)),
        (r#"a {{- "b" -}} c{{-"d"-}}e"#, Err(r#"template: t:1: illegal number syntax: "-""#)),
        (r#"{{"a\"#, Err("template: t:1: unterminated quoted string")),
        ("{{.a", Err("template: t:1: unclosed action")),
        ("{{.nope.x}}{{end}}", Err("template: t:1: unexpected {{end}}")),
        (r#"{{"multi"#, Err("template: t:1: unterminated quoted string")),
        (
            "{{.Values.a.b.c.d.e.f.g}}",
            Err(
                r#"template: t:1:9: executing "t" at <.Values.a.b.c.d.e.f.g>: nil pointer evaluating interface {}.a"#,
            ),
        ),
        (
            "{{ .t.x }}",
            Err(r#"template: t:1:5: executing "t" at <.t.x>: can't evaluate field x in type interface {}"#),
        ),
        (
            "{{ $m := .m }}{{ $m.y.z }}{{ $m.nope }}{{ $m.nope.x }}",
            Err(r#"template: t:1:44: executing "t" at <$m.nope.x>: nil pointer evaluating interface {}.x"#),
        ),
    ]);
}

#[test]
fn places_in_several_lines() {
    check(&[
        ("a\nb\n{{ .x", Err("template: t:3: unclosed action")),
        (
            "{{ if .t }}\n\n{{ .nope.x }}{{ end }}",
            Err("template: t:3:8: executing \"t\" at <.nope.x>: nil pointer evaluating interface {}.x"),
        ),
        ("x\n{{ if .t }}\ny", Err("template: t:3: unexpected EOF")),
        ("{{ .s\n| upper\n| nope }}", Err("template: t:3: function \"nope\" not defined")),
        ("{{\n\n.a @ }}", Err("template: t:3: unexpected \"@\" in operand")),
        ("{{ \"abc\n\" }}", Err("template: t:1: unterminated quoted string")),
        ("{{/* a\nb", Err("template: t:1: unclosed comment")),
        ("{{ `a\nb` }}\n{{ nope }}", Err("template: t:3: function \"nope\" not defined")),
        (
            "{{ define \"x\" }}\n{{ .a.b }}\n{{ end }}\n\n{{ template \"x\" . }}",
            Err("template: t:2:5: executing \"x\" at <.a.b>: can't evaluate field b in type interface {}"),
        ),
        (
            "{{ range .l }}\n  {{- if eq . 2.0 }}\n  {{ .x.y }}\n{{ end }}{{ end }}",
            Err("template: t:3:7: executing \"t\" at <.x.y>: can't evaluate field x in type interface {}"),
        ),
        (
            "é {{ .nope.x }}",
            Err("template: t:1:11: executing \"t\" at <.nope.x>: nil pointer evaluating interface {}.x"),
        ),
        (
            "{{- /* c */ -}}\n\n{{ .nope.x }}",
            Err("template: t:3:8: executing \"t\" at <.nope.x>: nil pointer evaluating interface {}.x"),
        ),
        ("{{ (\n1\n", Err("template: t:3: unclosed action started at t:1")),
        ("{{ .a\n}}\n{{ else }}", Err("template: t:3: unexpected {{else}}")),
        ("{{..s.x\n}}", Err("template: t:1: unexpected . after term \".\"")),
        ("{{ include \"x\" . }}", Err("template: t:1: function \"include\" not defined")),
        (
            "line 1\r\n{{ .nope.x }}",
            Err("template: t:2:8: executing \"t\" at <.nope.x>: nil pointer evaluating interface {}.x"),
        ),
        ("{{ $x := 1 }}\n{{ $y }}", Err("template: t:2: undefined variable \"$y\"")),
        (
            "{{ trunc 3\n .a }}",
            Err(
                "template: t:2:1: executing \"t\" at <.a>: wrong type for value; expected string; got float64",
            ),
        ),
        (
            "{{ dict \"a\" (list 1\n 2\n (index .l 9)) }}",
            Err(
                "template: t:3:2: executing \"t\" at <index .l 9>: error calling index: index out of range: 9",
            ),
        ),
    ]);
}
