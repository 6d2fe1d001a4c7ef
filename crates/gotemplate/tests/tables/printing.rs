//! `print`, `println`, `printf`: verbs, flags, errors in the text. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (
            r#"{{ $d := toDate "2006-01-02T15:04:05.999" "2017-12-31T10:11:12.123456" }}{{ $d.Year }} {{ $d.Month }} {{ $d.Day }} {{ $d.Hour }} {{ $d.Minute }} {{ $d.Second }} {{ $d.Nanosecond }} {{ $d.Weekday }} {{ $d.YearDay }} {{ $d.Format "Jan" }} {{ $d.Unix }} {{ $d.UnixNano }} {{ $d.UTC }} {{ $d.IsZero }} {{ $d.AddDate 0 2 31 }} {{ printf "%d %v %T" $d.Month $d.Month $d.Month }} {{ int $d.Month }} {{ add $d.Month 1 }} {{ kindOf $d.Month }} {{ typeOf $d.Month }} {{ $d | toJson }} {{ $d.Month | toJson }}"#,
            Ok(
                r#"2017 December 31 10 11 12 123456000 Sunday 365 Dec 1514715072 1514715072123456000 2017-12-31 10:11:12.123456 +0000 UTC false 2018-04-03 10:11:12.123456 +0000 UTC 12 December time.Month 12 13 int time.Month "2017-12-31T10:11:12.123456Z" 12"#,
            ),
        ),
        (
            r#"{{printf "%v|%+v|%#v|%T|%s|%q|%d|%x" .m .m .m .m .m .m .m .m}}"#,
            Ok(
                r#"map[x:1 y:map[z:q]]|map[x:1 y:map[z:q]]|map[string]interface {}{"x":1, "y":map[string]interface {}{"z":"q"}}|map[string]interface {}|map[x:%!s(float64=1) y:map[z:q]]|map["x":%!q(float64=1) "y":map["z":"q"]]|map[%!d(string=x):%!d(float64=1) %!d(string=y):map[%!d(string=z):%!d(string=q)]]|map[78:0x1p+00 79:map[7a:71]]"#,
            ),
        ),
        (
            r#"{{printf "%v|%+v|%#v|%T|%s|%q|%d|%x" .mixed .mixed .mixed .mixed .mixed .mixed .mixed .mixed}}"#,
            Ok(
                r#"[1 a <nil> true map[k:v] [1]]|[1 a <nil> true map[k:v] [1]]|[]interface {}{1, "a", interface {}(nil), true, map[string]interface {}{"k":"v"}, []interface {}{1}}|[]interface {}|[%!s(float64=1) a <nil> %!s(bool=true) map[k:v] [%!s(float64=1)]]|[%!q(float64=1) "a" <nil> %!q(bool=true) map["k":"v"] [%!q(float64=1)]]|[%!d(float64=1) %!d(string=a) <nil> %!d(bool=true) map[%!d(string=k):%!d(string=v)] [%!d(float64=1)]]|[0x1p+00 61 <nil> %!x(bool=true) map[6b:76] [0x1p+00]]"#,
            ),
        ),
        (
            r#"{{printf "%v|%+v|%#v|%T|%s|%q|%d|%x|%X|%o|%O|%b|%c|%U|%#U|%e|%t|%z" 65 65 65 65 65 65 65 65 65 65 65 65 65 65 65 65 65 65}}"#,
            Ok(
                "65|65|65|int|%!s(int=65)|'A'|65|41|41|101|0o101|1000001|A|U+0041|U+0041 'A'|%!e(int=65)|%!t(int=65)|%!z(int=65)",
            ),
        ),
        (
            r#"{{printf "%v|%+v|%#v|%s|%q|%d|%x|%X|%e|%E|%f|%F|%g|%G|%b|%t|%c" .f .f .f .f .f .f .f .f .f .f .f .f .f .f .f .f .f}}"#,
            Ok(
                "1.5|1.5|1.5|%!s(float64=1.5)|%!q(float64=1.5)|%!d(float64=1.5)|0x1.8p+00|0X1.8P+00|1.500000e+00|1.500000E+00|1.500000|1.500000|1.5|1.5|6755399441055744p-52|%!t(float64=1.5)|%!c(float64=1.5)",
            ),
        ),
        (
            r#"{{printf "%v|%+v|%#v|%s|%q|%d|%x|%X|% x|%#x|% #x|%.2s|%.2q|%5s|%-5s|%05s|%+q|%#q|%t" .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni .uni}}"#,
            Ok(
                r#"héllo|héllo|"héllo"|héllo|"héllo"|%!d(string=héllo)|68c3a96c6c6f|68C3A96C6C6F|68 c3 a9 6c 6c 6f|0x68c3a96c6c6f|0x68 0xc3 0xa9 0x6c 0x6c 0x6f|hé|"hé"|héllo|héllo|héllo|"h\u00e9llo"|`héllo`|%!t(string=héllo)"#,
            ),
        ),
        (
            r#"{{printf "%5t|%-7t|%v|%q|%d" true false true true true}}"#,
            Ok(" true|false  |true|%!q(bool=true)|%!d(bool=true)"),
        ),
        (
            r#"{{printf "%6.2f|%-8.3f|%+.1e|%08.3f|% d|%+d|%x|%#o|%#b|%#X" 3.14159 2.5 12345.678 -3.14159 5 5 -255 8 5 255}}"#,
            Ok("  3.14|2.500   |+1.2e+04|-003.142| 5|+5|-ff|010|0b101|0XFF"),
        ),
        (
            r#"{{printf "%*d|%-*d|%.*f|%[2]d %[1]d|%[3]*.[2]*[1]f" 5 42 5 42 2 3.14159}}"#,
            Ok("   42|42   |3.14|42 5|%!f(int=000000000000000000000000000000000000000005)"),
        ),
        (r#"{{printf "%[2]d %[1]d" 1 2}}"#, Ok("2 1")),
        (r#"{{printf "%[3]d" 1}}"#, Ok("%!d(BADINDEX)")),
        (r#"{{printf "%[x]d" 1}}"#, Ok("%!d(BADINDEX)")),
        (r#"{{printf "%[1]d %d" 1 2}}"#, Ok("1 2")),
        (r#"{{printf "%[]d" 1}}"#, Ok("%!d(BADINDEX)")),
        (r#"{{printf "%[1" 1}}"#, Ok("%!(NOVERB)")),
        (r#"{{printf "%[0]d" 1}}"#, Ok("%!d(BADINDEX)")),
        (r#"{{printf "%d %d" 1}}"#, Ok("1 %!d(MISSING)")),
        (r#"{{printf "%d" 1 2}}"#, Ok("1%!(EXTRA int=2)")),
        (r#"{{printf "%"}}"#, Ok("%!(NOVERB)")),
        (r#"{{printf "%!"}}"#, Ok("%!!(MISSING)")),
        (r#"{{printf "%z" 1}}"#, Ok("%!z(int=1)")),
        (r#"{{printf "100%%"}}"#, Ok("100%")),
        (r#"{{printf "%-"}}"#, Ok("%!(NOVERB)")),
        (r#"{{printf "%5"}}"#, Ok("%!(NOVERB)")),
        (r#"{{printf "%.3"}}"#, Ok("%!(NOVERB)")),
        (
            r#"{{printf "%s|%v|%d|%q|%x|%T|%t|%5v|%-8v|" .n .n .n .n .n .n .n .n .n}}"#,
            Ok("%!s(<nil>)|<nil>|%!d(<nil>)|%!q(<nil>)|%!x(<nil>)|<nil>|%!t(<nil>)|<nil>|<nil>   |"),
        ),
        (r#"{{printf "%v %v" nil .missing}}"#, Ok("<nil> <nil>")),
        ("{{print nil}}", Ok("<nil>")),
        (r#"{{print .missing "a"}}"#, Ok("<nil>a")),
        ("{{println}}", Ok("\n")),
        ("{{print}}", Ok("")),
        (r#"{{println 1 "a" .n}}"#, Ok("1 a <nil>\n")),
        (
            r#"{{printf "%v %s %d" (list 1 "a" nil) (list 1 "a" nil) (list 1 "a" nil)}}"#,
            Ok("[1 a <nil>] [%!s(int=1) a <nil>] [1 %!d(string=a) <nil>]"),
        ),
        (
            r#"{{printf "%#v" (list 1 "a" nil 1.5 true (dict "a" nil))}}"#,
            Ok(
                r#"[]interface {}{1, "a", interface {}(nil), 1.5, true, map[string]interface {}{"a":interface {}(nil)}}"#,
            ),
        ),
        (r#"{{printf "%v %#v %T" (until 3) (until 3) (until 3)}}"#, Ok("[0 1 2] []int{0, 1, 2} []int")),
        (r#"{{printf "%#v" (splitList "," "a,b")}}"#, Ok(r#"[]string{"a", "b"}"#)),
        (r#"{{printf "%#v" (split "," "a,b")}}"#, Ok(r#"map[string]string{"_0":"a", "_1":"b"}"#)),
        (r#"{{printf "%q" (splitList "," "a,b")}}"#, Ok(r#"["a" "b"]"#)),
        (
            r#"{{printf "%5d|%-5d|%05d" (until 3) (until 3) (until 3)}}"#,
            Ok("[    0     1     2]|[0     1     2    ]|[00000 00001 00002]"),
        ),
        (r#"{{printf "%5v" (list "a" 1)}}"#, Ok("[    a     1]")),
        (r#"{{printf "%x %X" (splitList "," "ab,cd") "hi"}}"#, Ok("[6162 6364] 6869")),
        (r#"{{printf "%c%c" 228 0x1F600}}"#, Ok("ä😀")),
        (r#"{{printf "%q" 228}}"#, Ok("'ä'")),
        (r#"{{printf "%q" 0x1F600}}"#, Ok("'😀'")),
        (r#"{{printf "%+q" 228}}"#, Ok(r#"'\u00e4'"#)),
        (r#"{{printf "%U" 0x1F600}}"#, Ok("U+1F600")),
        (r#"{{printf "%c" -1}}"#, Ok("�")),
        (r#"{{printf "%q" 7}}"#, Ok(r#"'\a'"#)),
        (
            r#"{{printf "%v" 1e20}} {{printf "%v" 1e21}} {{printf "%v" 123456789.0}} {{printf "%v" 0.00001}} {{printf "%v" 0.0001}} {{printf "%v" 100000.0}} {{printf "%v" 1234567.0}} {{print 1e6 12345.678 0.1 1e-7}} {{1e100}} {{1.7976931348623157e308}} {{5e-324}} {{-0.0}}"#,
            Ok(
                "1e+20 1e+21 1.23456789e+08 1e-05 0.0001 100000 1.234567e+06 1e+06 12345.678 0.1 1e-07 1e+100 1.7976931348623157e+308 5e-324 -0",
            ),
        ),
        (r#"{{printf "%g %g %g %G" 1e6 1e-5 123456789.0 1e-10}}"#, Ok("1e+06 1e-05 1.23456789e+08 1E-10")),
        (
            r#"{{printf "%.3g %.10g %.0g %.1g" 1234.5678 1234.5678 1234.5678 0.05}}"#,
            Ok("1.23e+03 1234.5678 1e+03 0.05"),
        ),
        (
            r#"{{printf "%#g %#.3g %#v %#v %#x" 1.0 1.0 1.0 1e6 1.0}}"#,
            Ok("1.00000 1.00 1 1e+06 0x1.0000p+00"),
        ),
        (r#"{{printf "%e %.0e %#.0e" 0.0 15.0 15.0}}"#, Ok("0.000000e+00 2e+01 2.e+01")),
        (
            r#"{{printf "%.2f %.2f %.2f %.0f %.0f %.0f" 0.125 0.375 2.675 0.5 1.5 2.5}}"#,
            Ok("0.12 0.38 2.67 0 2 2"),
        ),
        (
            r#"{{printf "%x %X %.3x %x" 1.5 255.75 3.14159 0.0}}"#,
            Ok("0x1.8p+00 0X1.FF8P+07 0x1.922p+01 0x0p+00"),
        ),
        (r#"{{printf "%b" 1.5}}"#, Ok("6755399441055744p-52")),
        (r#"{{printf "%6v|%-6v|%06v|%+v|% v" 1.5 1.5 1.5 1.5 1.5}}"#, Ok("   1.5|1.5   |0001.5|1.5| 1.5")),
        (r#"{{printf "%6v|%-6v|%06v|%+v|% v" 42 42 42 42 42}}"#, Ok("    42|42    |000042|42| 42")),
        (r#"{{printf "%x" -42}}"#, Ok("-2a")),
        (r#"{{printf "%08b" 5}}"#, Ok("00000101")),
        (r#"{{printf "%+.3d" 5}}"#, Ok("+005")),
        (r#"{{printf "%.0d" 0}}"#, Ok("")),
        (r#"{{printf "%5.0d|" 0}}"#, Ok("     |")),
        (r#"{{printf "%10.4d|%-10.4d|" 42 42}}"#, Ok("      0042|0042      |")),
        (r#"{{printf "%#08x" 255}}"#, Ok("0x000000ff")),
        (r#"{{printf "% 05d" 42}}"#, Ok(" 0042")),
        (r#"{{printf "%t" 1}}"#, Ok("%!t(int=1)")),
        (r#"{{printf "%s" 1}}"#, Ok("%!s(int=1)")),
        (r#"{{printf "%d" "a"}}"#, Ok("%!d(string=a)")),
        (r#"{{printf "%d" true}}"#, Ok("%!d(bool=true)")),
        (r#"{{printf "%f" 1}}"#, Ok("%!f(int=1)")),
        (r#"{{printf "%s" .l}}"#, Ok("[%!s(float64=1) %!s(float64=2) %!s(float64=3)]")),
        (
            r#"{{printf "%d" .m}}"#,
            Ok("map[%!d(string=x):%!d(float64=1) %!d(string=y):map[%!d(string=z):%!d(string=q)]]"),
        ),
        (r#"{{printf "%5d" "x"}}"#, Ok("%!d(string=    x)")),
        (r#"{{printf "%.1f" "x"}}"#, Ok("%!f(string=x)")),
        (r#"{{printf "%v" (semver "1.2.3")}}"#, Ok("1.2.3")),
        (
            r#"{{printf "%s %q %x" (semver "1.2") (semver "1.2") (semver "1.2")}}"#,
            Ok(r#"1.2.0 "1.2.0" 312e322e30"#),
        ),
        (r#"{{printf "%d" (semver "1.2.3")}}"#, Ok("&{1 2 3 %!d(string=) %!d(string=) %!d(string=1.2.3)}")),
        (r#"{{printf "\u00e9\x41\n\t\"'"}}"#, Ok("éA\n\t\"'")),
        (r#"{{printf `a\n`}}"#, Ok(r#"a\n"#)),
        (r#"{{"\a\b\f\v" | printf "%q"}}"#, Ok(r#""\a\b\f\v""#)),
        ("{{ .s | printf }}", Ok("hi")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            "{{ printf }}",
            Err(
                r#"template: t:1:3: executing "t" at <printf>: wrong number of args for printf: want at least 1 got 0"#,
            ),
        ),
        ("{{ printf 1 }}", Err(r#"template: t:1:10: executing "t" at <1>: expected string; found 1"#)),
        ("{{ printf nil }}", Err(r#"template: t:1:10: executing "t" at <nil>: cannot assign nil to string"#)),
        (
            "{{ .a | printf }}",
            Err(
                r#"template: t:1:8: executing "t" at <printf>: wrong type for value; expected string; got float64"#,
            ),
        ),
    ]);
}
