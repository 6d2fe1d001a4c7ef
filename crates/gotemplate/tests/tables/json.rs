//! JSON texts. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        ("{{ toJson .m }}", Ok(r#"{"x":1,"y":{"z":"q"}}"#)),
        ("{{ toJson .l }}", Ok("[1,2,3]")),
        ("{{ toJson .n }}", Ok("null")),
        (r#"{{ toJson "<a&b>\u2028é\x01" }}"#, Ok(r#""\u003ca\u0026b\u003e\u2028é\u0001""#)),
        ("{{ toJson 1 }}", Ok("1")),
        ("{{ toJson 1.5 }}", Ok("1.5")),
        ("{{ toJson .e }}", Ok("1e+21")),
        ("{{ toJson .big }}", Ok("1000000")),
        ("{{ toJson 1e-7 }}", Ok("1e-7")),
        ("{{ toJson 123456789012345678 }}", Ok("123456789012345678")),
        (
            "{{ toPrettyJson .mixed }}",
            Ok("[\n  1,\n  \"a\",\n  null,\n  true,\n  {\n    \"k\": \"v\"\n  },\n  [\n    1\n  ]\n]"),
        ),
        ("{{ toPrettyJson .em }}", Ok("{}")),
        ("{{ toPrettyJson .el }}", Ok("[]")),
        ("{{ toPrettyJson .m }}", Ok("{\n  \"x\": 1,\n  \"y\": {\n    \"z\": \"q\"\n  }\n}")),
        (r#"{{ toRawJson "<a&b>" }}"#, Ok(r#""<a&b>""#)),
        ("{{ mustToJson .m }}", Ok(r#"{"x":1,"y":{"z":"q"}}"#)),
        ("{{ mustToRawJson .l }}", Ok("[1,2,3]")),
        ("{{ mustToPrettyJson .m }}", Ok("{\n  \"x\": 1,\n  \"y\": {\n    \"z\": \"q\"\n  }\n}")),
        (r#"{{ fromJson "{\"a\":[1,2,{\"b\":null}],\"c\":1.5}" }}"#, Ok("map[a:[1 2 map[b:<nil>]] c:1.5]")),
        (r#"{{ (fromJson "[1,2]") | first }}"#, Ok("1")),
        (r#"{{ fromJson "xx" }}"#, Ok("<no value>")),
        (r#"{{ mustFromJson "\"\\ud83d\\ude00 \\ud83d x\"" }}"#, Ok("😀 � x")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ mustFromJson "xx" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "xx">: error calling mustFromJson: invalid character 'x' looking for beginning of value"#,
            ),
        ),
        (
            r#"{{ mustFromJson "" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "">: error calling mustFromJson: unexpected end of JSON input"#,
            ),
        ),
        (
            r#"{{ mustFromJson "{" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "{">: error calling mustFromJson: unexpected end of JSON input"#,
            ),
        ),
        (
            r#"{{ mustFromJson "{\"a\" 1}" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "{\"a\" 1}">: error calling mustFromJson: invalid character '1' after object key"#,
            ),
        ),
        (
            r#"{{ mustFromJson "[1 2]" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "[1 2]">: error calling mustFromJson: invalid character '2' after array element"#,
            ),
        ),
        (
            r#"{{ mustFromJson "[1,]" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "[1,]">: error calling mustFromJson: invalid character ']' looking for beginning of value"#,
            ),
        ),
        (
            r#"{{ mustFromJson "{\"a\":1,}" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "{\"a\":1,}">: error calling mustFromJson: invalid character '}' looking for beginning of object key string"#,
            ),
        ),
        (
            r#"{{ mustFromJson "tru" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "tru">: error calling mustFromJson: invalid character ' ' in literal true (expecting 'e')"#,
            ),
        ),
        (
            r#"{{ mustFromJson "trux" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "trux">: error calling mustFromJson: invalid character 'x' in literal true (expecting 'e')"#,
            ),
        ),
        (
            r#"{{ mustFromJson "01" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "01">: error calling mustFromJson: invalid character '1' after top-level value"#,
            ),
        ),
        (
            r#"{{ mustFromJson "1." }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "1.">: error calling mustFromJson: invalid character ' ' after decimal point in numeric literal"#,
            ),
        ),
        (
            r#"{{ mustFromJson "1e" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "1e">: error calling mustFromJson: invalid character ' ' in exponent of numeric literal"#,
            ),
        ),
        (
            r#"{{ mustFromJson "1e999" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "1e999">: error calling mustFromJson: json: cannot unmarshal number 1e999 into Go value of type float64"#,
            ),
        ),
        (
            r#"{{ mustFromJson "\"a\nb\"" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "\"a\nb\"">: error calling mustFromJson: invalid character '\n' in string literal"#,
            ),
        ),
        (
            r#"{{ mustFromJson "\"\\x\"" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "\"\\x\"">: error calling mustFromJson: invalid character 'x' in string escape code"#,
            ),
        ),
        (
            r#"{{ mustFromJson "\"\\u12g4\"" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "\"\\u12g4\"">: error calling mustFromJson: invalid character 'g' in \u hexadecimal character escape"#,
            ),
        ),
        (
            r#"{{ mustFromJson "1 2" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "1 2">: error calling mustFromJson: invalid character '2' after top-level value"#,
            ),
        ),
        (
            r#"{{ mustFromJson "'a'" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustFromJson "'a'">: error calling mustFromJson: invalid character '\'' looking for beginning of value"#,
            ),
        ),
    ]);
}
