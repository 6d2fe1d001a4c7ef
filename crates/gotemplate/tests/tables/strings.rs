//! Strings and words. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ splitList "," "a,b,,c" }}"#, Ok("[a b  c]")),
        (r#"{{ splitList "" "héy" }}"#, Ok("[h é y]")),
        (r#"{{ splitList "," "" | len }}"#, Ok("1")),
        (r#"{{ splitList "" "" | len }}"#, Ok("0")),
        (
            r#"{{ $x := split "." "a.b.c" }}{{ $x._0 }}{{ $x._2 }}{{ $x }}{{ $x.nope }}|{{ splitn "." 2 "a.b.c" }}{{ splitn "." 0 "a.b" }}{{ splitn "." -1 "a.b" }}"#,
            Ok("acmap[_0:a _1:b _2:c]|map[_0:a _1:b.c]map[]map[_0:a _1:b]"),
        ),
        (r#"{{ trunc 3 "hello" }}"#, Ok("hel")),
        (r#"{{ trunc -3 "hello" }}"#, Ok("llo")),
        (r#"{{ trunc 10 "a" }}"#, Ok("a")),
        (r#"{{ trunc -10 "a" }}"#, Ok("a")),
        (r#"{{ trunc 0 "a" }}"#, Ok("")),
        ("{{ trunc 2 .uni | quote }}", Ok(r#""h\xc3""#)),
        (r#"{{ upper "héß" }}"#, Ok("HÉß")),
        (r#"{{ lower "HÉẞ" }}"#, Ok("héß")),
        (r#"{{ title "hello wOrld foo-bar it's x_y 3rd" }}"#, Ok("Hello WOrld Foo-Bar It'S X_y 3rd")),
        (r#"{{ untitle "Hello World" }}"#, Ok("hello world")),
        (r#"{{ swapcase "This Is a.Test" }}"#, Ok("tHIS iS A.tEST")),
        (
            r#"{{ trim "  a b \n" }}|{{ trimAll "$" "$5$" }}|{{ trimall "ab" "abcab" }}|{{ trimSuffix "-" "a-" }}|{{ trimPrefix "-" "-a" }}|{{ trimAll "é" "éaé" }}"#,
            Ok("a b|5|c|a|a|a"),
        ),
        (r#"{{ contains "a" "cat" }}"#, Ok("true")),
        (r#"{{ contains "" "cat" }}"#, Ok("true")),
        (r#"{{ hasPrefix "c" "cat" }}"#, Ok("true")),
        (r#"{{ hasSuffix "t" "cat" }}"#, Ok("true")),
        (r#"{{ substr 0 3 "hello" }}"#, Ok("hel")),
        (r#"{{ substr 1 -1 "hello" }}"#, Ok("ello")),
        (r#"{{ substr -1 3 "hello" }}"#, Ok("hel")),
        (r#"{{ substr 2 10 "hello" }}"#, Ok("llo")),
        (r#"{{ repeat 3 "ab" }}"#, Ok("ababab")),
        (r#"{{ repeat 0 "ab" }}"#, Ok("")),
        (r#"{{ replace "a" "b" "banana" }}"#, Ok("bbnbnb")),
        (r#"{{ replace "" "-" "héy" }}"#, Ok("-h-é-y-")),
        (r#"{{ replace "x" "y" "abc" }}"#, Ok("abc")),
        (r#"{{ replace "aa" "b" "aaa" }}"#, Ok("ba")),
        (r#"{{ indent 2 "a\nb\n" }}"#, Ok("  a\n  b\n  ")),
        (r#"{{ nindent 2 "a\nb" }}"#, Ok("\n  a\n  b")),
        (r#"{{ indent 0 "a\nb" }}"#, Ok("a\nb")),
        (r#"{{ nindent 4 "" }}"#, Ok("\n    ")),
        (r#"{{ indent 3 "\n\n" }}"#, Ok("   \n   \n   ")),
        (r#"{{ quote "a\"b" 1 .n true .f }}"#, Ok(r#""a\"b" "1" "true" "1.5""#)),
        (r#"{{ squote "a" 1 .n }}"#, Ok("'a' '1'")),
        (r#"{{ cat "a" 1 .n "b" }}"#, Ok("a 1 b")),
        ("{{ cat }}", Ok("")),
        ("{{ quote }}", Ok("")),
        ("{{ quote .l }}", Ok(r#""[1 2 3]""#)),
        ("{{ squote .l }}", Ok("'[1 2 3]'")),
        (r#"{{ quote "é\t\x00" }}"#, Ok(r#""é\t\x00""#)),
        (r#"{{ plural "one" "many" 1 }}"#, Ok("one")),
        (r#"{{ plural "one" "many" 2 }}"#, Ok("many")),
        (r#"{{ plural "one" "many" 0 }}"#, Ok("many")),
        (r#"{{ nospace " h e l l o " }}"#, Ok("hello")),
        (r#"{{ nospace "hé llo" }}"#, Ok("hÃ©llo")),
        (r#"{{ nospace "héllo" }}"#, Ok("héllo")),
        (r#"{{ initials "First Try" }}"#, Ok("FT")),
        (r#"{{ initials "héllo élan" }}"#, Ok("hÃ")),
        (r#"{{ wrap 5 "hello world foo bar bazzzzzz q" }}"#, Ok("hello\nworld\nfoo\nbar\nbazzzzzz\nq")),
        (r#"{{ wrapWith 5 "\t" "hello world foobarbazqux" }}"#, Ok("hello\tworld\tfooba\trbazq\tux")),
        (r#"{{ wrap 0 "ab cd" }}"#, Ok("ab\ncd")),
        (r#"{{ wrap 80 "x" }}"#, Ok("x")),
        (r#"{{ wrapWith 3 "" "abcdefgh" }}"#, Ok("abc\ndef\ngh")),
        (r#"{{ abbrev 5 "hello world" }}"#, Ok("he...")),
        (r#"{{ abbrev 3 "hello" }}"#, Ok("hello")),
        (r#"{{ abbrev 20 "hello" }}"#, Ok("hello")),
        (r#"{{ abbrevboth 5 10 "1234 5678 9123" }}"#, Ok("...5678...")),
        (r#"{{ abbrevboth 0 10 "1234 5678 9123" }}"#, Ok("1234 56...")),
        (r#"{{ abbrevboth 5 6 "1234 5678 9123" }}"#, Ok("1234 5678 9123")),
        (r#"{{ abbrevboth 8 10 "hello world it is a test" }}"#, Ok("...rld ...")),
        (r#"{{ abbrevboth 50 10 "hello world it is a test" }}"#, Ok("... a test")),
        (r#"{{ camelcase "http_server" }}"#, Ok("HttpServer")),
        (r#"{{ camelcase "HTTP-server" }}"#, Ok("HttpServer")),
        (r#"{{ camelcase "_complex__case_" }}"#, Ok("_Complex_Case_")),
        (r#"{{ camelcase "GOLANG_IS_GREAT" }}"#, Ok("GolangIsGreat")),
        (r#"{{ camelcase "some words here" }}"#, Ok("SomeWordsHere")),
        (r#"{{ camelcase "-a" }}"#, Ok("-A")),
        (r#"{{ camelcase "--" }}"#, Ok("---")),
        (r#"{{ camelcase "" }}"#, Ok("")),
        (r#"{{ camelcase "a" }}"#, Ok("A")),
        (r#"{{ camelcase "_" }}"#, Ok("__")),
        (r#"{{ camelcase "fooBar" }}"#, Ok("FooBar")),
        (r#"{{ camelcase "FOOBar_Baz" }}"#, Ok("FoobarBaz")),
        (r#"{{ snakecase "FirstName" }}"#, Ok("first_name")),
        (r#"{{ snakecase "HTTPServer" }}"#, Ok("http_server")),
        (r#"{{ snakecase "NoHTTPS" }}"#, Ok("no_https")),
        (r#"{{ snakecase "GO_PATH" }}"#, Ok("go_path")),
        (r#"{{ snakecase "GO PATH" }}"#, Ok("go_path")),
        (r#"{{ snakecase "http2xx" }}"#, Ok("http_2xx")),
        (r#"{{ snakecase "HTTP20xOK" }}"#, Ok("http_20x_ok")),
        (r#"{{ snakecase "Duration2m3s" }}"#, Ok("duration_2m3s")),
        (r#"{{ snakecase "Bld4Floor3rd" }}"#, Ok("bld4_floor_3rd")),
        (r#"{{ snakecase "" }}"#, Ok("")),
        (r#"{{ snakecase "a" }}"#, Ok("a")),
        (r#"{{ snakecase "A1" }}"#, Ok("a1")),
        (r#"{{ snakecase "_a_" }}"#, Ok("_a_")),
        (r#"{{ snakecase "a.B-c" }}"#, Ok("a.b_c")),
        (r#"{{ snakecase "a1B2" }}"#, Ok("a1_b2")),
        (r#"{{ snakecase "ABC123def" }}"#, Ok("abc_123def")),
        (r#"{{ snakecase "éÀbC" }}"#, Ok("é_àb_c")),
        (
            r#"{{ kebabcase "FirstName" }} {{ kebabcase "aB1cD" }} {{ kebabcase "x2" }} {{ kebabcase "2x" }} {{ kebabcase "2X" }} {{ kebabcase "a2" }} {{ kebabcase "foo$bar" }} {{ kebabcase "foo$Bar" }} {{ kebabcase "Foo+Bar" }} {{ kebabcase "v1.2.3" }} {{ kebabcase "AB" }} {{ kebabcase "aBC" }}"#,
            Ok("first-name a-b-1c-d x2 2x 2-x a2 foo-$-bar foo-$-bar foo-+-bar v1.2.3 ab a-bc"),
        ),
        ("| upper}}", Ok("| upper}}")),
        (r#"{{ "x" | trunc (int .a) }}"#, Ok("x")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            "{{ trunc 5 .a }}",
            Err(
                r#"template: t:1:11: executing "t" at <.a>: wrong type for value; expected string; got float64"#,
            ),
        ),
        (
            "{{ trunc 5 .n }}",
            Err(
                r#"template: t:1:11: executing "t" at <.n>: wrong type for value; expected string; got interface {}"#,
            ),
        ),
        (
            "{{ trunc 5 .missing }}",
            Err(
                r#"template: t:1:11: executing "t" at <.missing>: wrong type for value; expected string; got interface {}"#,
            ),
        ),
        (
            "{{ .missing | trunc 5 }}",
            Err(r#"template: t:1:20: executing "t" at <5>: invalid value; expected string"#),
        ),
        (
            r#"{{ trunc "5" "x" }}"#,
            Err(r#"template: t:1:9: executing "t" at <"5">: expected integer; found "5""#),
        ),
        (
            r#"{{ trunc .a "x" }}"#,
            Err(r#"template: t:1:9: executing "t" at <.a>: wrong type for value; expected int; got float64"#),
        ),
        (
            r#"{{ trunc 1.5 "x" }}"#,
            Err(r#"template: t:1:9: executing "t" at <1.5>: expected integer; found 1.5"#),
        ),
        (
            r#"{{ trunc nil "x" }}"#,
            Err(r#"template: t:1:9: executing "t" at <nil>: cannot assign nil to int"#),
        ),
        (
            r#"{{ trunc true "x" }}"#,
            Err(r#"template: t:1:9: executing "t" at <true>: expected integer; found true"#),
        ),
        (
            "{{ upper .a }}",
            Err(
                r#"template: t:1:9: executing "t" at <.a>: wrong type for value; expected string; got float64"#,
            ),
        ),
        (
            "{{ .a | upper }}",
            Err(
                r#"template: t:1:8: executing "t" at <upper>: wrong type for value; expected string; got float64"#,
            ),
        ),
        (
            "{{ upper }}",
            Err(r#"template: t:1:3: executing "t" at <upper>: wrong number of args for upper: want 1 got 0"#),
        ),
        (
            r#"{{ upper "a" "b" }}"#,
            Err(r#"template: t:1:3: executing "t" at <upper>: wrong number of args for upper: want 1 got 2"#),
        ),
        (
            r#"{{ substr 4 2 "hello" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <substr 4 2 "hello">: error calling substr: runtime error: slice bounds out of range [4:2]"#,
            ),
        ),
        (
            r#"{{ substr -1 10 "hello" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <substr -1 10 "hello">: error calling substr: runtime error: slice bounds out of range [:10] with length 5"#,
            ),
        ),
        (
            r#"{{ substr -1 -1 "hello" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <substr -1 -1 "hello">: error calling substr: runtime error: slice bounds out of range [:-1]"#,
            ),
        ),
        (
            r#"{{ substr 9 10 "hello" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <substr 9 10 "hello">: error calling substr: runtime error: slice bounds out of range [9:5]"#,
            ),
        ),
        (
            r#"{{ repeat -1 "ab" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <repeat -1 "ab">: error calling repeat: strings: negative Repeat count"#,
            ),
        ),
        (
            r#"{{ indent -1 "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <indent -1 "a">: error calling indent: strings: negative Repeat count"#,
            ),
        ),
        (
            r#"{{ plural "a" "b" .a }}"#,
            Err(
                r#"template: t:1:18: executing "t" at <.a>: wrong type for value; expected int; got float64"#,
            ),
        ),
        (
            "{{.a | upper | lower}}",
            Err(
                r#"template: t:1:7: executing "t" at <upper>: wrong type for value; expected string; got float64"#,
            ),
        ),
        (
            "{{ trunc }}",
            Err(r#"template: t:1:3: executing "t" at <trunc>: wrong number of args for trunc: want 2 got 0"#),
        ),
        (
            "{{ trunc 1 2 3 }}",
            Err(r#"template: t:1:3: executing "t" at <trunc>: wrong number of args for trunc: want 2 got 3"#),
        ),
        (
            r#"{{ .s | trunc "x" }}"#,
            Err(r#"template: t:1:14: executing "t" at <"x">: expected integer; found "x""#),
        ),
        (
            r#"{{ "x" | trunc .a }}"#,
            Err(
                r#"template: t:1:15: executing "t" at <.a>: wrong type for value; expected int; got float64"#,
            ),
        ),
    ]);
}
