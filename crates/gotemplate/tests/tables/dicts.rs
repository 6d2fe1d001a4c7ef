//! Dictionaries. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        ("{{ deepEqual .l .l }}", Ok("true")),
        ("{{ deepEqual (list 1 2) (list 1 2) }}", Ok("true")),
        ("{{ deepEqual (list 1) (list 1.0) }}", Ok("false")),
        (r#"{{ deepEqual .m (dict "x" 1.0 "y" (dict "z" "q")) }}"#, Ok("true")),
        ("{{ deepEqual .n .n }}", Ok("true")),
        ("{{ deepEqual (int64 1) 1 }}", Ok("false")),
        (r#"{{ get .m "x" }}"#, Ok("1")),
        (r#"{{ get .m "nope" }}"#, Ok("")),
        (r#"{{ get .nil2 "a" }}"#, Ok("<no value>")),
        (
            r#"{{ set .m "k" 1 }}{{ .m }}{{ unset .m "k" }}{{ .m }}{{ hasKey .m "x" }}{{ hasKey .m "q" }}"#,
            Ok(
                "map[k:1 x:1 y:map[z:q]]map[k:1 x:1 y:map[z:q]]map[x:1 y:map[z:q]]map[x:1 y:map[z:q]]truefalse",
            ),
        ),
        (r#"{{ pluck "x" .m (dict "x" 2) (dict) }}"#, Ok("[1 2]")),
        (r#"{{ keys (dict "a" 1) }}"#, Ok("[a]")),
        (r#"{{ values (dict "a" 1) }}"#, Ok("[1]")),
        (r#"{{ pick .m "x" "nope" }}"#, Ok("map[x:1]")),
        (r#"{{ omit .m "x" }}"#, Ok("map[y:map[z:q]]")),
        ("{{ keys .m | sortAlpha }}", Ok("[x y]")),
        (r#"{{ dict "a" }}"#, Ok("map[a:]")),
        ("{{ dict 1 2 }}", Ok("map[1:2]")),
        (r#"{{ dict "a" 1 "a" 2 }}"#, Ok("map[a:2]")),
        ("{{ dict }}", Ok("map[]")),
        ("{{ dict .n 1 }}", Ok("map[<nil>:1]")),
        (
            r#"{{ $a := dict "x" 1 "n" (dict "p" 1) }}{{ merge $a (dict "x" 2 "y" 3 "n" (dict "p" 2 "q" 3)) }}{{ $a }}"#,
            Ok("map[n:map[p:1 q:3] x:1 y:3]map[n:map[p:1 q:3] x:1 y:3]"),
        ),
        (
            r#"{{ $a := dict "x" 1 "n" (dict "p" 1) "l" (list 1) "e" "" }}{{ mergeOverwrite $a (dict "x" 2 "y" 3 "n" (dict "p" 2 "q" 3) "l" (list 2 3) "e" "f") }}"#,
            Ok("map[e:f l:[2 3] n:map[p:2 q:3] x:2 y:3]"),
        ),
        (
            r#"{{ $a := dict "x" 1 "b" true "z" 0 "s" "" "l" list "d" dict }}{{ merge $a (dict "x" 0 "b" false "z" 5 "s" "t" "l" (list 1) "d" (dict "k" 1)) }}"#,
            Ok("map[b:true d:map[k:1] l:[1] s:t x:1 z:5]"),
        ),
        (
            r#"{{ $a := dict "x" 1 "b" true }}{{ mergeOverwrite $a (dict "x" 0 "b" false "n" .n) }}"#,
            Ok("map[b:false n:<nil> x:0]"),
        ),
        (
            r#"{{ $a := dict "x" (dict "a" 1) }}{{ merge $a (dict "x" "str") }}{{ mergeOverwrite $a (dict "x" "str") }}"#,
            Ok("map[x:map[a:1]]map[x:str]"),
        ),
        (
            r#"{{ $a := dict "x" "s" }}{{ merge $a (dict "x" (dict "a" 1)) }}{{ mergeOverwrite $a (dict "x" (dict "a" 1)) }}"#,
            Ok("map[x:s]map[x:map[a:1]]"),
        ),
        (
            r#"{{ $a := dict "x" "str" }}{{ merge $a (dict "x" (list 1)) }}{{ mergeOverwrite $a (dict "x" (list 1 2)) }}"#,
            Ok("map[x:str]map[x:[1 2]]"),
        ),
        (
            r#"{{ $a := dict "x" .n }}{{ merge $a (dict "x" 5) }}{{ merge (dict "a" .n) (dict "a" .n "b" .n) }}"#,
            Ok("map[x:5]map[a:<nil>]"),
        ),
        (
            r#"{{ $b := dict "n" (dict "q" 1) }}{{ $a := merge (dict) $b }}{{ $_ := set $a.n "w" 2 }}{{ $b }}"#,
            Ok("map[n:map[q:1 w:2]]"),
        ),
        (
            r#"{{ $b := dict "n" (dict "q" 1) }}{{ $a := merge (dict "n" (dict "e" 1)) $b }}{{ $_ := set $a.n "w" 2 }}{{ $b }}{{ $a }}"#,
            Ok("map[n:map[q:1]]map[n:map[e:1 q:1 w:2]]"),
        ),
        (
            r#"{{ $b := dict "n" (dict "q" 1) }}{{ $a := mergeOverwrite (dict "n" (dict)) $b }}{{ $_ := set $a.n "w" 2 }}{{ $b }}{{ $a }}"#,
            Ok("map[n:map[q:1]]map[n:map[q:1 w:2]]"),
        ),
        (r#"{{ mustMerge (dict "a" 1) (dict "b" 2) }}"#, Ok("map[a:1 b:2]")),
        (r#"{{ mustMergeOverwrite (dict "a" 1) (dict "a" 2) }}"#, Ok("map[a:2]")),
        (
            r#"{{ merge (dict "l" (list 1 2)) (dict "l" (list 3)) }}{{ merge (dict "x" 1 "l" list) (dict "l" (list 3)) }}{{ mergeOverwrite (dict "l" (list 1 2)) (dict "l" list) }}"#,
            Ok("map[l:[1 2]]map[l:[3] x:1]map[l:[]]"),
        ),
        (
            r#"{{ $c := deepCopy .m }}{{ $_ := set $c.y "z" "changed" }}{{ .m }}{{ $c }}{{ mustDeepCopy .l }}"#,
            Ok("map[x:1 y:map[z:q]]map[x:1 y:map[z:changed]][1 2 3]"),
        ),
        (r#"{{ dig "a" "b" "c" "def" .deep }}"#, Ok("d")),
        (r#"{{ dig "a" "x" "c" "def" .deep }}"#, Ok("def")),
        (r#"{{ dig "a" "b" "def" .deep }}"#, Ok("map[c:d]")),
        (r#"{{ dig "q" "def" .deep }}"#, Ok("def")),
        (r#"{{(dict "a" 1).a}}"#, Ok("1")),
        (r#"{{(dict "a" (dict "b" 2)).a.b}}"#, Ok("2")),
        ("{{ .missing | keys }}", Ok("[]")),
        (r#"{{ dict "a" 1 | keys | first | upper }}"#, Ok("A")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ dig "a" .deep }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <dig "a" .deep>: error calling dig: dig needs at least three arguments"#,
            ),
        ),
        (
            r#"{{ dig "s" "x" "def" . }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <dig "s" "x" "def" .>: error calling dig: interface conversion: interface {} is string, not map[string]interface {}"#,
            ),
        ),
        (
            r#"{{ dig "n" "x" "def" . }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <dig "n" "x" "def" .>: error calling dig: interface conversion: interface {} is nil, not map[string]interface {}"#,
            ),
        ),
        (
            r#"{{ dig 1 "def" . }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <dig 1 "def" .>: error calling dig: interface conversion: interface {} is int, not string"#,
            ),
        ),
        (
            r#"{{ hasKey .s "x" }}"#,
            Err(
                r#"template: t:1:10: executing "t" at <.s>: wrong type for value; expected map[string]interface {}; got string"#,
            ),
        ),
        (
            r#"{{ hasKey .n "x" }}"#,
            Err(
                r#"template: t:1:10: executing "t" at <.n>: wrong type for value; expected map[string]interface {}; got interface {}"#,
            ),
        ),
        (
            r#"{{ hasKey .missing "x" }}"#,
            Err(
                r#"template: t:1:10: executing "t" at <.missing>: wrong type for value; expected map[string]interface {}; got interface {}"#,
            ),
        ),
        (
            r#"{{ set .missing "a" 1 }}"#,
            Err(
                r#"template: t:1:7: executing "t" at <.missing>: wrong type for value; expected map[string]interface {}; got interface {}"#,
            ),
        ),
        (
            r#"{{ set (.missing) "a" 1 }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <set (.missing) "a" 1>: error calling set: assignment to entry in nil map"#,
            ),
        ),
        (
            r#"{{ hasKey (split "," "a") "_0" }}"#,
            Err(
                r#"template: t:1:21: executing "t" at <"a">: wrong type for value; expected map[string]interface {}; got map[string]string"#,
            ),
        ),
        (
            r#"{{ get "x" "y" }}"#,
            Err(
                r#"template: t:1:7: executing "t" at <"x">: can't handle "x" for arg of type map[string]interface {}"#,
            ),
        ),
        ("{{ get .m 1 }}", Err(r#"template: t:1:10: executing "t" at <1>: expected string; found 1"#)),
    ]);
}
