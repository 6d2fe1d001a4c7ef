//! Regular expressions. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (
            r#"{{ regexMatch "^a.*z$" "abcz" }}{{ regexMatch "(" "x" }}{{ regexMatch "\\d+" "٣" }}{{ regexMatch "\\bfoo\\b" "a foo b" }}{{ regexMatch "(?i)HELLO" "hello" }}"#,
            Ok("truefalsefalsetruetrue"),
        ),
        (r#"{{ regexFind "[a-z]+" "123abc456" }}"#, Ok("abc")),
        (r#"{{ regexFind "x" "abc" }}"#, Ok("")),
        (r#"{{ regexFindAll "[2,4,6,8]" "123456789" -1 }}"#, Ok("[2 4 6 8]")),
        (r#"{{ regexFindAll "a" "aaa" 2 }}"#, Ok("[a a]")),
        (r#"{{ regexFindAll "x" "aaa" -1 }}"#, Ok("[]")),
        (r#"{{ regexFindAll "x" "a" -1 | toJson }}"#, Ok("null")),
        (
            r#"{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W" }}{{ regexReplaceAll "(?P<n>x+)" "axxb" "[$n]" }}{{ regexReplaceAll "a" "banana" "$$" }}{{ regexReplaceAll "" "abc" "-" }}{{ regexReplaceAll "a*" "baaac" "x" }}{{ regexReplaceAll "(a)(b)?" "ac" "$2|$1|$0|$3" }}{{ regexReplaceAll "a" "a" "${x" }}{{ regexReplaceAll "a" "a" "$" }}"#,
            Ok("-W-xxW----a[xx]bb$n$n$-a-b-c-xbxcx|a|a|c${x$"),
        ),
        (
            r#"{{ regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}" }}{{ regexSplit "z+" "pizza" -1 }}{{ regexSplit "z" "pizza" 1 }}{{ regexSplit "z" "pizza" 2 }}{{ regexSplit "z" "pizza" 0 }}{{ regexSplit "" "abc" -1 }}{{ regexSplit "x" "" -1 }}{{ regexSplit "^" "abc" -1 }}{{ regexSplit "a" "aba" -1 | toJson }}{{ regexSplit "," "a,b,c" 2 | toJson }}"#,
            Ok(r#"-${1}-${1}-[pi a][pizza][pi za][][a b c][][abc]["","b",""]["a","b,c"]"#),
        ),
        (r#"{{ regexQuoteMeta "1.2.3(a)[b]{c}^$|?*+\\-" }}"#, Ok(r#"1\.2\.3\(a\)\[b\]\{c\}\^\$\|\?\*\+\\-"#)),
        (r#"{{ regexFindAll "a*" "baaac" -1 | toJson }}"#, Ok(r#"["","aaa",""]"#)),
        (r#"{{ regexFindAll "" "abc" -1 | toJson }}"#, Ok(r#"["","","",""]"#)),
        (r#"{{ regexFindAll "a|" "aba" -1 | toJson }}"#, Ok(r#"["a","a"]"#)),
        (r#"{{ mustRegexFind "(?P<n>a)(?P<n>b)" "a" }}"#, Ok("")),
        (r#"{{ mustRegexFind "[\\d-z]" "a" }}"#, Ok("")),
        (r#"{{ mustRegexFind "a{,5}" "a{,5}" }}"#, Ok("a{,5}")),
        (r#"{{ mustRegexFind "a{" "a{" }}"#, Ok("a{")),
        (r#"{{ mustRegexFind "[]a]+" "]a" }}"#, Ok("]a")),
        (r#"{{ mustRegexFind "[^]a]+" "]axyz" }}"#, Ok("xyz")),
        (r#"{{ mustRegexFind "[a&&b]+" "a&b" }}"#, Ok("a&b")),
        (r#"{{ mustRegexFind "[[a]+" "[a" }}"#, Ok("[a")),
        (
            r##"{{ mustRegexFind "\\Qa.b\\E+" "a.bb" }}{{ mustRegexFind "\\x41\\x{42}\\103" "ABC" }}{{ mustRegexFind "\\pL+" "héy1" }}{{ mustRegexFind "\\p{Greek}+" "xαβ" }}{{ mustRegexFind "\\PL" "a1" }}{{ mustRegexFind "[\\p{L}\\d_-]+" "a-1_é" }}{{ mustRegexFind "[[:alpha:]]+" "abc1" }}{{ mustRegexFind "[[:^alpha:]]+" "abc1" }}{{ mustRegexFind "\\w+" "héllo" }}{{ mustRegexFind "\\s+" "a \v\tb" | quote }}{{ mustRegexFind "(?U)a+" "aaa" }}{{ mustRegexFind "a+?" "aaa" }}{{ mustRegexFind "(?s)a.b" "a\nb" | quote }}{{ mustRegexFind "a.b" "a\nb" | quote }}{{ mustRegexFind "(?m)^b$" "a\nb\nc" }}{{ mustRegexFind "\\Ab" "ab" }}{{ mustRegexFind "b\\z" "ab" }}{{ mustRegexFind "[^a]" "\n" | quote }}{{ mustRegexFind "\\<a" "<a" }}{{ mustRegexFind "\\_" "_" }}{{ mustRegexFind "(?i:A)b" "ab" }}{{ mustRegexFind "(?i-s:A)b" "ab" }}{{ mustRegexFind "#a b" "#a b" }}{{ mustRegexFind "[\\]a]+" "]a" }}{{ mustRegexFind "[\\-a]+" "-a" }}{{ mustRegexFind "\\07" "\a" | quote }}"##,
            Ok(r#"a.bbABChéyαβ1a-1_éabc1h" "aa"a\nb"""bb"\n"<a_abab#a b]a-a"\a""#),
        ),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ mustRegexMatch "(" "x" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexMatch "(" "x">: error calling mustRegexMatch: error parsing regexp: missing closing ): `(`"#,
            ),
        ),
        (
            r#"{{ regexFind "(" "x" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <regexFind "(" "x">: error calling regexFind: regexp: Compile(`(`): error parsing regexp: missing closing ): `(`"#,
            ),
        ),
        (
            r#"{{ regexFind "a`(" "x" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <regexFind "a`(" "x">: error calling regexFind: regexp: Compile("a`("): error parsing regexp: missing closing ): `a`(`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "a**" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "a**" "a">: error calling mustRegexFind: error parsing regexp: invalid nested repetition operator: `**`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "*" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "*" "a">: error calling mustRegexFind: error parsing regexp: missing argument to repetition operator: `*`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "a{2000}" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "a{2000}" "a">: error calling mustRegexFind: error parsing regexp: invalid repeat count: `{2000}`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "a{2,1}" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "a{2,1}" "a">: error calling mustRegexFind: error parsing regexp: invalid repeat count: `{2,1}`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "[z-a]" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "[z-a]" "a">: error calling mustRegexFind: error parsing regexp: invalid character class range: `z-a`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "[a" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "[a" "a">: error calling mustRegexFind: error parsing regexp: missing closing ]: `[a`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "a)" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "a)" "a">: error calling mustRegexFind: error parsing regexp: unexpected ): `a)`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "\\" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "\\" "a">: error calling mustRegexFind: error parsing regexp: trailing backslash at end of expression: ``"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "\\q" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "\\q" "a">: error calling mustRegexFind: error parsing regexp: invalid escape sequence: `\q`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "\\1" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "\\1" "a">: error calling mustRegexFind: error parsing regexp: invalid escape sequence: `\1`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "(?x)a" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "(?x)a" "a">: error calling mustRegexFind: error parsing regexp: invalid or unsupported Perl syntax: `(?x`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "(?<n" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "(?<n" "a">: error calling mustRegexFind: error parsing regexp: invalid named capture: `(?<n`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "\\pX" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "\\pX" "a">: error calling mustRegexFind: error parsing regexp: invalid character class range: `\pX`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "[[:foo:]]" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "[[:foo:]]" "a">: error calling mustRegexFind: error parsing regexp: invalid character class range: `[:foo:]`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "(?=a)" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "(?=a)" "a">: error calling mustRegexFind: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "a++" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "a++" "a">: error calling mustRegexFind: error parsing regexp: invalid nested repetition operator: `++`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "(?i" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "(?i" "a">: error calling mustRegexFind: error parsing regexp: invalid or unsupported Perl syntax: `(?i`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "x{2}{3}" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "x{2}{3}" "a">: error calling mustRegexFind: error parsing regexp: invalid nested repetition operator: `{2}{3}`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "|*" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "|*" "a">: error calling mustRegexFind: error parsing regexp: missing argument to repetition operator: `*`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "\\8" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "\\8" "a">: error calling mustRegexFind: error parsing regexp: invalid escape sequence: `\8`"#,
            ),
        ),
        (
            r#"{{ mustRegexFind "[a--b]+" "a" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <mustRegexFind "[a--b]+" "a">: error calling mustRegexFind: error parsing regexp: invalid character class range: `a--`"#,
            ),
        ),
    ]);
}
