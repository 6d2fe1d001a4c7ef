//! Actions, control structures, variables, templates. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        ("{{ without .l 1.0 2.0 }}", Ok("[3]")),
        ("{{ without .l 1 }}", Ok("[1 2 3]")),
        (r#"{{'\n'}}"#, Ok("10")),
        (r#"{{'\''}}"#, Ok("39")),
        (r#"{{'\x41'}}"#, Ok("65")),
        (r#"{{'\u00e9'}}"#, Ok("233")),
        ("{{'é'}}", Ok("233")),
        (r#"{{'\101'}}"#, Ok("65")),
        (
            "{{0x1F}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{0x_1F}} {{1e3}} {{0x1p4}} {{.5}} {{-5}} {{+5}} {{- 5}}",
            Ok("31 3 15 15 1000 31 1000 16 0.5 -5 55"),
        ),
        ("{{9223372036854775807}} {{-9223372036854775808}}", Ok("9223372036854775807 -9223372036854775808")),
        (
            "{{(.n).x}} {{((.n).x).y}} {{$x := .n}}{{$x.y}} {{with .m}}{{.q}}{{end}}",
            Ok("<no value> <no value> <no value> <no value>"),
        ),
        (r#"{{define "t2"}}{{.x}}{{end}}{{template "t2"}}|{{template "t2" .m}}"#, Ok("<no value>|1")),
        (
            "{{.}}",
            Ok(
                "map[a:1 big:1e+06 deep:map[a:map[b:map[c:d]]] e:1e+21 el:[] em:map[] empty: f:1.5 f0:0 l:[1 2 3] m:map[x:1 y:map[z:q]] mixed:[1 a <nil> true map[k:v] [1]] n:<nil> neg:-7 nil2:map[a:<nil>] s:hi s10:10 sl:[b a c] t:true uni:héllo]",
            ),
        ),
        ("{{$x := 1}}{{$x = 2}}{{$x}}", Ok("2")),
        ("{{$y := 1}}{{if false}}{{$y := 2}}{{else}}{{$y}}{{end}}", Ok("1")),
        ("{{$y := 1}}{{range .l}}{{$y = .}}{{end}}{{$y}}", Ok("3")),
        (
            "{{range $i := .l}}{{$i}}{{end}} {{range $k, $v := .m}}{{$k}}={{$v}};{{end}} {{range $i, $v := .sl}}{{$i}}{{$v}}{{end}}",
            Ok("123 x=1;y=map[z:q]; 0b1a2c"),
        ),
        ("{{$i := 0}}{{$v := 0}}{{range $i, $v = .l}}{{end}}{{$i}}{{$v}}", Ok("23")),
        (
            r#"{{range 3}}{{.}}{{end}} {{range $i := 3}}{{$i}}{{end}} {{range 0}}x{{else}}none{{end}} {{range -1}}x{{else}}neg{{end}} {{range $i := int64 2}}{{printf "%T" $i}}{{end}}"#,
            Ok("012 012 none neg int64int64"),
        ),
        (
            "{{range .n}}x{{else}}y{{end}} {{range .missing}}x{{else}}y{{end}} {{range .em}}x{{else}}y{{end}} {{range .el}}x{{else}}{{$.s}}{{end}}",
            Ok("y y y hi"),
        ),
        (
            "{{range .l}}{{if eq . 2.0}}{{continue}}{{end}}{{.}}{{end}} {{range .l}}{{if eq . 2.0}}{{break}}{{end}}{{.}}{{end}} {{range .l}}{{range $.l}}{{if eq . 2.0}}{{break}}{{end}}{{.}}{{end}};{{end}}",
            Ok("13 1 1;1;1;"),
        ),
        (r#"{{block "b1" .}}{{block "b2" .}}{{.s}}{{end}}{{end}}{{template "b2" .}}"#, Ok("hihi")),
        (r#"{{define "a"}}A{{end}}{{define "a"}}{{end}}{{template "a"}}"#, Ok("A")),
        (r#"{{define "a"}}{{end}}{{define "a"}}B{{end}}{{template "a"}}"#, Ok("B")),
        (r#"{{define "a"}} {{/* c */}} {{end}}{{template "a"}}|"#, Ok("  |")),
        (r#"{{define "t"}}self{{end}}"#, Ok("self")),
        (
            "{{if .t}}a{{else if .n}}b{{else}}c{{end}}{{if .n}}a{{else if .t}}b{{end}}{{if .n}}a{{else if .n}}b{{else if .t}}c{{else}}d{{end}}",
            Ok("abc"),
        ),
        (
            "{{with .n}}a{{else with .s}}{{.}}{{else}}c{{end}}{{with .n}}a{{else with .n}}b{{else}}c{{end}}",
            Ok("hic"),
        ),
        ("{{.a | }}", Ok("1")),
        ("{{.é}}", Ok("<no value>")),
        ("{{- /* a */ -}}x", Ok("x")),
        ("{{-3}}{{- 3}}{{3 -}} x", Ok("-333x")),
        (r#"b"}}"#, Ok(r#"b"}}"#)),
        ("}}", Ok("}}")),
        (r#"line"}}"#, Ok(r#"line"}}"#)),
        (r#"{{ $_ := set . "x" 1 }}{{ .x }}{{ $_ := unset . "x" }}{{ .x }}"#, Ok("1<no value>")),
        (
            r#"{{ $d := dict "a" 1 }}{{ range $k, $v := $d }}{{ $_ := set $d "b" 2 }}{{ $k }}{{ end }}{{ $d }}"#,
            Ok("amap[a:1 b:2]"),
        ),
        ("{{ with $m := .m }}{{ $m.y.z }}{{ .x }}{{ end }}", Ok("q1")),
        (r#"{{ range $k, $v := dict "b" 1 "a" 2 }}{{ $k }}{{ $v }}{{ end }}"#, Ok("a2b1")),
        (r#"{{ range $v := dict "b" 1 "a" 2 }}{{ $v }}{{ end }}"#, Ok("21")),
        (r#"{{ range tuple "a" "b" }}{{ . }}{{ end }}"#, Ok("ab")),
        (r#"{{ range $i, $c := splitList "" "abc" }}{{ $i }}{{ $c }}{{ end }}"#, Ok("0a1b2c")),
        (r#"{{ range (split "," "a,b") }}{{ . }}{{ end }}"#, Ok("ab")),
        (r#"{{ range keys (dict "z" 1) }}{{ . }}{{ end }}"#, Ok("z")),
        ("{{ if and .m .m.y }}yes{{ end }}", Ok("yes")),
        ("{{ if not (and .m .nope) }}yes{{ end }}", Ok("yes")),
    ]);
}
