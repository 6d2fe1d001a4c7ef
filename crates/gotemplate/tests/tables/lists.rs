//! Lists. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (
            r#"{{ $a := dict "x" (list 1) }}{{ merge $a (dict "x" (dict "a" 1)) }}{{ mergeOverwrite $a (dict "x" (dict "a" 1)) }}"#,
            Ok("map[x:[1]]map[x:map[a:1]]"),
        ),
        (r#"{{ list 1 "a" .n }}"#, Ok("[1 a <nil>]")),
        ("{{ list }}", Ok("[]")),
        ("{{ tuple 1 2 }}", Ok("[1 2]")),
        ("{{ first .l }}", Ok("1")),
        ("{{ last .l }}", Ok("3")),
        ("{{ rest .l }}", Ok("[2 3]")),
        ("{{ initial .l }}", Ok("[1 2]")),
        ("{{ first .el }}", Ok("<no value>")),
        ("{{ rest .el }}", Ok("[]")),
        ("{{ initial .el }}", Ok("[]")),
        ("{{ last .el }}", Ok("<no value>")),
        ("{{ append .l 4 }}", Ok("[1 2 3 4]")),
        ("{{ prepend .l 0 }}", Ok("[0 1 2 3]")),
        ("{{ push .el 1 }}", Ok("[1]")),
        (r#"{{ mustAppend .l "x" }}"#, Ok("[1 2 3 x]")),
        (r#"{{ append (splitList "," "a,b") "c" | typeOf }}"#, Ok("[]interface {}")),
        ("{{ reverse .l }}", Ok("[3 2 1]")),
        (r#"{{ uniq (list 1 1 2 "a" "a" 1.0) }}"#, Ok("[1 2 a 1]")),
        ("{{ has 1.0 .l }}", Ok("true")),
        ("{{ has 1 .l }}", Ok("false")),
        (r#"{{ has "x" .n }}"#, Ok("false")),
        (r#"{{ compact (list 0 1 "" "a" .n false) }}"#, Ok("[1 a]")),
        ("{{ slice .l 1 }}", Ok("[2 3]")),
        ("{{ slice .l 1 2 }}", Ok("[2]")),
        ("{{ slice .l }}", Ok("[1 2 3]")),
        ("{{ slice .el 1 }}", Ok("<no value>")),
        (r#"{{ slice .l "1" }}"#, Ok("[2 3]")),
        ("{{ chunk 2 .l }}", Ok("[[1 2] [3]]")),
        ("{{ chunk 5 .l }}", Ok("[[1 2 3]]")),
        ("{{ chunk 3 .l }}", Ok("[[1 2 3]]")),
        ("{{ chunk 1 .el }}", Ok("[]")),
        ("{{ concat .l .sl }}", Ok("[1 2 3 b a c]")),
        ("{{ concat }}", Ok("[]")),
        ("{{ concat .el }}", Ok("[]")),
        ("{{ concat (list) | toJson }}", Ok("null")),
        ("{{ rest .el | toJson }}", Ok("null")),
        ("{{ sortAlpha .sl }}", Ok("[a b c]")),
        ("{{ sortAlpha (list 3 1 2) }}", Ok("[1 2 3]")),
        (r#"{{ sortAlpha "x" }}"#, Ok("[x]")),
        (r#"{{ sortAlpha (list "b" .n "a") }}"#, Ok("[a b]")),
        ("{{ sortAlpha .n }}", Ok("[<nil>]")),
        (r#"{{ join "," .sl }}"#, Ok("b,a,c")),
        (r#"{{ join "," .l }}"#, Ok("1,2,3")),
        (r#"{{ join "," .n }}"#, Ok("")),
        (r#"{{ join "," "x" }}"#, Ok("x")),
        (r#"{{ join "," .mixed }}"#, Ok("1,a,true,map[k:v],[1]")),
        (r#"{{ join "," (until 3) }}"#, Ok("0,1,2")),
        ("{{ toStrings .mixed }}", Ok("[1 a true map[k:v] [1]]")),
        ("{{ toStrings .n }}", Ok("[]")),
        ("{{ toStrings 5 }}", Ok("[5]")),
        (r#"{{ list | first | default "x" }}"#, Ok("x")),
        ("{{ (list 1 2 3) | first | add 1 }}", Ok("2")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            "{{ append .s 1 }}",
            Err(
                r#"template: t:1:3: executing "t" at <append .s 1>: error calling append: Cannot push on type string"#,
            ),
        ),
        (
            "{{ append .n 1 }}",
            Err(
                r#"template: t:1:3: executing "t" at <append .n 1>: error calling append: runtime error: invalid memory address or nil pointer dereference"#,
            ),
        ),
        (
            "{{ first .s }}",
            Err(
                r#"template: t:1:3: executing "t" at <first .s>: error calling first: Cannot find first on type string"#,
            ),
        ),
        (
            "{{ first .n }}",
            Err(
                r#"template: t:1:3: executing "t" at <first .n>: error calling first: runtime error: invalid memory address or nil pointer dereference"#,
            ),
        ),
        (
            "{{ mustFirst .m }}",
            Err(
                r#"template: t:1:3: executing "t" at <mustFirst .m>: error calling mustFirst: Cannot find first on type map"#,
            ),
        ),
        (
            "{{ slice .l 0 5 }}",
            Err(
                r#"template: t:1:3: executing "t" at <slice .l 0 5>: error calling slice: reflect.Value.Slice: slice index out of bounds"#,
            ),
        ),
        (
            "{{ slice .l 2 1 }}",
            Err(
                r#"template: t:1:3: executing "t" at <slice .l 2 1>: error calling slice: reflect.Value.Slice: slice index out of bounds"#,
            ),
        ),
        (
            "{{ chunk 0 .l }}",
            Err(
                r#"template: t:1:3: executing "t" at <chunk 0 .l>: error calling chunk: runtime error: makeslice: len out of range"#,
            ),
        ),
        (
            "{{ concat .s }}",
            Err(
                r#"template: t:1:3: executing "t" at <concat .s>: error calling concat: Cannot concat type string as list"#,
            ),
        ),
        (
            "{{ concat .n }}",
            Err(
                r#"template: t:1:3: executing "t" at <concat .n>: error calling concat: runtime error: invalid memory address or nil pointer dereference"#,
            ),
        ),
        (
            r#"{{ has "a" "abc" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <has "a" "abc">: error calling has: Cannot find has on type string"#,
            ),
        ),
        (
            "{{ uniq .s }}",
            Err(
                r#"template: t:1:3: executing "t" at <uniq .s>: error calling uniq: Cannot find uniq on type string"#,
            ),
        ),
        (
            "{{(list 1).x}}",
            Err(r#"template: t:1:8: executing "t" at <1>: can't evaluate field x in type []interface {}"#),
        ),
    ]);
}
