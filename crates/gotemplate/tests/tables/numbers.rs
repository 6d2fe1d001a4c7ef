//! Arithmetic. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ atoi "99999999999999999999x" }}"#, Ok("9223372036854775807")),
        (r#"{{ atoi "9999999999999999999x" }}"#, Ok("0")),
        (r#"{{ atoi "5" }}"#, Ok("5")),
        (r#"{{ atoi "x" }}"#, Ok("0")),
        (r#"{{ atoi "99999999999999999999" }}"#, Ok("9223372036854775807")),
        (r#"{{ atoi "-99999999999999999999" }}"#, Ok("-9223372036854775808")),
        (r#"{{ atoi "+5" }}"#, Ok("5")),
        (r#"{{ atoi " 5" }}"#, Ok("0")),
        (r#"{{ atoi "" }}"#, Ok("0")),
        (r#"{{ atoi "0x10" }}"#, Ok("0")),
        (r#"{{ int "5" }}"#, Ok("5")),
        (r#"{{ int "0x1f" }}"#, Ok("31")),
        (r#"{{ int "010" }}"#, Ok("8")),
        (r#"{{ int "1_000" }}"#, Ok("1000")),
        (r#"{{ int "5.0" }}"#, Ok("5")),
        (r#"{{ int "5.5" }}"#, Ok("0")),
        (r#"{{ int "" }}"#, Ok("0")),
        ("{{ int .f }}", Ok("1")),
        ("{{ int true }}", Ok("1")),
        ("{{ int .n }}", Ok("0")),
        ("{{ int .l }}", Ok("0")),
        (r#"{{ int "1e3" }}"#, Ok("0")),
        (r#"{{ int "0b11" }}"#, Ok("3")),
        (r#"{{ int "0o17" }}"#, Ok("15")),
        (r#"{{ int "-5" }}"#, Ok("-5")),
        (r#"{{ int "5." }}"#, Ok("0")),
        (r#"{{ int "100" }}"#, Ok("100")),
        (r#"{{ int "5.00" }}"#, Ok("5")),
        (r#"{{ int "+7" }}"#, Ok("7")),
        ("{{ int 9.9e18 }}", Ok("-9223372036854775808")),
        ("{{ int64 9.9e18 }}", Ok("-9223372036854775808")),
        ("{{ int -1.9 }}", Ok("-1")),
        (r#"{{ int "0" }}"#, Ok("0")),
        (r#"{{ int "00" }}"#, Ok("0")),
        (r#"{{ int "08" }}"#, Ok("0")),
        (r#"{{ float64 "1.5" }}"#, Ok("1.5")),
        (r#"{{ float64 "x" }}"#, Ok("0")),
        ("{{ float64 1 }}", Ok("1")),
        ("{{ float64 true }}", Ok("1")),
        ("{{ float64 .n }}", Ok("0")),
        (r#"{{ float64 "1e3" }}"#, Ok("1000")),
        (r#"{{ float64 "0x1p4" }}"#, Ok("16")),
        (r#"{{ float64 "1_000.5" }}"#, Ok("1000.5")),
        (r#"{{ float64 "inf" }}"#, Ok("+Inf")),
        (r#"{{ float64 ".5" }}"#, Ok("0.5")),
        (r#"{{ float64 "5." }}"#, Ok("5")),
        (r#"{{ toDecimal "777" }}"#, Ok("511")),
        ("{{ toDecimal 777 }}", Ok("511")),
        (r#"{{ toDecimal "0644" }}"#, Ok("420")),
        (r#"{{ toDecimal "8" }}"#, Ok("0")),
        ("{{ toDecimal .a }}", Ok("1")),
        (r#"{{ toDecimal "-7" }}"#, Ok("-7")),
        ("{{ add1 1 }}", Ok("2")),
        ("{{ add 1 2 3 }}", Ok("6")),
        ("{{ add }}", Ok("0")),
        ("{{ sub 5 2 }}", Ok("3")),
        ("{{ mul 2 3 4 }}", Ok("24")),
        ("{{ div 7 2 }}", Ok("3")),
        ("{{ mod 7 3 }}", Ok("1")),
        ("{{ mod -7 3 }}", Ok("-1")),
        ("{{ div -7 2 }}", Ok("-3")),
        ("{{ add 1.9 1.9 }}", Ok("2")),
        (r#"{{ add "1" "2" }}"#, Ok("3")),
        (r#"{{ add "x" 1 }}"#, Ok("1")),
        ("{{ add 9223372036854775807 1 }}", Ok("-9223372036854775808")),
        ("{{ mul 5 }}", Ok("5")),
        ("{{ max 1 2 3 }}", Ok("3")),
        ("{{ min 3 1 2 }}", Ok("1")),
        ("{{ biggest 1 5 }}", Ok("5")),
        (r#"{{ max "3" 2.9 }}"#, Ok("3")),
        ("{{ maxf 1.5 2.5 }}", Ok("2.5")),
        ("{{ minf 1.5 2.5 }}", Ok("1.5")),
        ("{{ floor 1.9 }}", Ok("1")),
        ("{{ ceil 1.1 }}", Ok("2")),
        (r#"{{ floor "1.9" }}"#, Ok("1")),
        ("{{ round 1.55 1 }}", Ok("1.6")),
        ("{{ round 123.5555 3 }}", Ok("123.556")),
        ("{{ round 1.5 0 }}", Ok("2")),
        ("{{ round -1.5 0 }}", Ok("-2")),
        ("{{ round 2.4999 2 0.3 }}", Ok("2.5")),
        ("{{ round 123.4 -1 }}", Ok("120")),
        ("{{ floor -1.1 }}", Ok("-2")),
        ("{{ until 5 }}", Ok("[0 1 2 3 4]")),
        ("{{ until 0 }}", Ok("[]")),
        ("{{ until -3 }}", Ok("[0 -1 -2]")),
        ("{{ untilStep 3 6 2 }}", Ok("[3 5]")),
        ("{{ untilStep 0 10 3 }}", Ok("[0 3 6 9]")),
        ("{{ untilStep 6 3 -1 }}", Ok("[6 5 4]")),
        ("{{ untilStep 3 6 -1 }}", Ok("[]")),
        ("{{ untilStep 6 3 1 }}", Ok("[]")),
        ("{{ untilStep 1 1 1 }}", Ok("[]")),
        ("{{ untilStep 0 5 0 }}", Ok("[]")),
        ("{{ seq 5 }}", Ok("1 2 3 4 5")),
        ("{{ seq -3 }}", Ok("1 0 -1 -2 -3")),
        ("{{ seq 0 }}", Ok("1 0")),
        ("{{ seq 2 5 }}", Ok("2 3 4 5")),
        ("{{ seq 5 2 }}", Ok("5 4 3 2")),
        ("{{ seq 0 2 10 }}", Ok("0 2 4 6 8 10")),
        ("{{ seq 0 -2 -5 }}", Ok("0 -2 -4")),
        ("{{ seq 5 1 0 }}", Ok("")),
        ("{{ seq }}", Ok("")),
        ("{{ seq 1 2 3 4 }}", Ok("")),
        ("{{ seq 1 }}", Ok("1")),
        ("{{ add1f 1.5 }}", Ok("2.5")),
        ("{{ addf 0.1 0.2 }}", Ok("0.3")),
        ("{{ addf 1 2.5 }}", Ok("3.5")),
        ("{{ subf 7.5 2 3 }}", Ok("2.5")),
        ("{{ mulf 1.1 1.1 }}", Ok("1.21")),
        ("{{ divf 10 2 4 }}", Ok("1.25")),
        ("{{ divf 1 3 }}", Ok("0.3333333333333333")),
        ("{{ divf 2 3 }}", Ok("0.6666666666666667")),
        ("{{ addf }}", Ok("0")),
        ("{{ mulf 1e300 1e300 }}", Ok("+Inf")),
        ("{{ divf -2 3 }}", Ok("-0.6666666666666667")),
        ("{{ divf 1e-20 3 }}", Ok("0")),
        ("{{ subf 1 }}", Ok("1")),
        ("{{ divf 1 7 7 7 }}", Ok("0.0029154518950437")),
        ("{{ addf 1e21 1 }}", Ok("1e+21")),
        ("{{ divf 5e-17 1 }}", Ok("1e-16")),
        (r#"{{ add (semver "1.2.3").Patch 1 }}"#, Ok("4")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            "{{ div 1 0 }}",
            Err(
                r#"template: t:1:3: executing "t" at <div 1 0>: error calling div: runtime error: integer divide by zero"#,
            ),
        ),
        (
            "{{ mod 1 0 }}",
            Err(
                r#"template: t:1:3: executing "t" at <mod 1 0>: error calling mod: runtime error: integer divide by zero"#,
            ),
        ),
        (
            "{{ max }}",
            Err(
                r#"template: t:1:3: executing "t" at <max>: wrong number of args for max: want at least 1 got 0"#,
            ),
        ),
        (
            "{{ divf 1 0 }}",
            Err(r#"template: t:1:3: executing "t" at <divf 1 0>: error calling divf: decimal division by 0"#),
        ),
        (
            r#"{{ round 1.5 "x" }}"#,
            Err(r#"template: t:1:13: executing "t" at <"x">: expected integer; found "x""#),
        ),
        (
            "{{ round 1.5 .a }}",
            Err(
                r#"template: t:1:13: executing "t" at <.a>: wrong type for value; expected int; got float64"#,
            ),
        ),
        (
            r#"{{ round 1.5 1 "x" }}"#,
            Err(r#"template: t:1:15: executing "t" at <"x">: expected float; found "x""#),
        ),
        (
            r#"{{ until "5" }}"#,
            Err(r#"template: t:1:9: executing "t" at <"5">: expected integer; found "5""#),
        ),
        (
            "{{ until .a }}",
            Err(r#"template: t:1:9: executing "t" at <.a>: wrong type for value; expected int; got float64"#),
        ),
        ("{{ until nil }}", Err(r#"template: t:1:9: executing "t" at <nil>: cannot assign nil to int"#)),
    ]);
}

/// Complex numbers are only ever literals: no function makes one.
#[test]
fn complex_literals() {
    check(&[
        (
            "{{ 1i }} {{ -2.5i }} {{ 1+2i }} {{ 1.5e3-2i }} {{ 0i }} {{ 10i }} {{ 017i }} {{ 0x1p-2i }} {{ 1e5+1e-3i }}",
            Ok("(0+1i) (0-2.5i) (1+2i) (1500-2i) (0+0i) (0+10i) (0+17i) (0+0.25i) (100000+0.001i)"),
        ),
        (
            r#"{{ printf "%v|%8.2f|%+.1e|%d|%T|%x|%08v|%-6v|" 1+2i 1+2i 1+2i 1i 1i 1i 1i 1i }}"#,
            Ok(
                "(1+2i)|(    1.00   +2.00i)|(+1.0e+00+2.0e+00i)|%!d(complex128=(0+1i))|complex128|(0x0p+00+0x1p+00i)|(00000000+0000001i)|(0     +1    i)|",
            ),
        ),
        (
            "{{ eq 1i 1i }} {{ eq 1i 2i }} {{ not 1i }} {{ with 0i }}a{{ else }}b{{ end }}",
            Ok("true false false b"),
        ),
        (
            r#"{{ kindOf 1i }} {{ default "d" 0i }} {{ deepEqual 1i 1i }} {{ toJson (list 1i) }}"#,
            Ok("complex128 d true "),
        ),
        ("{{ trunc 2+0i \"abc\" }}", Ok("ab")),
        (
            "{{ lt 1i 2i }}",
            Err(
                "template: t:1:3: executing \"t\" at <lt 1i 2i>: error calling lt: invalid type for comparison",
            ),
        ),
        (
            "{{ eq 1i 1 }}",
            Err(
                "template: t:1:3: executing \"t\" at <eq 1i 1>: error calling eq: incompatible types for comparison: complex128 and int",
            ),
        ),
        ("{{ 1i+2i }}", Err("template: t:1: syntax error scanning complex number")),
        ("{{ 0x1e+2i }}", Err("template: t:1: strconv.ParseFloat: parsing \"0x1e\": invalid syntax")),
        ("{{ 1e999+1i }}", Err("template: t:1: strconv.ParseFloat: parsing \"1e999\": value out of range")),
        ("{{ 1_i }}", Err("template: t:1: illegal number syntax: \"1_i\"")),
        ("{{ 1+2 }}", Err("template: t:1: bad number syntax: \"1+2\"")),
    ]);
}
