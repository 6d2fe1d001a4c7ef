//! Base64, base32, URLs, paths, escaping. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ b64enc "hello" }}"#, Ok("aGVsbG8=")),
        (r#"{{ b64enc "" }}"#, Ok("")),
        (r#"{{ b64enc "a" }}"#, Ok("YQ==")),
        (r#"{{ b64enc "ab" }}"#, Ok("YWI=")),
        (r#"{{ b64dec "aGVsbG8=" }}"#, Ok("hello")),
        (r#"{{ b64dec "x" }}"#, Ok("illegal base64 data at input byte 0")),
        (r#"{{ b64dec "aGVsbG8" }}"#, Ok("illegal base64 data at input byte 4")),
        (r#"{{ b64dec "aGVs!G8=" }}"#, Ok("illegal base64 data at input byte 4")),
        (r#"{{ b64dec "aGVs\nbG8=" }}"#, Ok("hello")),
        (r#"{{ b64dec "aGVsbG8==" }}"#, Ok("illegal base64 data at input byte 8")),
        (r#"{{ b64dec "aGVsbA=" }}"#, Ok("illegal base64 data at input byte 7")),
        (r#"{{ b64dec "aGVsbA==x" }}"#, Ok("illegal base64 data at input byte 8")),
        (r#"{{ b64dec "====" }}"#, Ok("illegal base64 data at input byte 0")),
        (r#"{{ b64dec "a===" }}"#, Ok("illegal base64 data at input byte 1")),
        (r#"{{ b64dec "ab=c" }}"#, Ok("illegal base64 data at input byte 2")),
        (r#"{{ b64dec "ab" }}"#, Ok("illegal base64 data at input byte 0")),
        (r#"{{ b64dec "YQ=\n=" }}"#, Ok("a")),
        (r#"{{ b64dec "abcde" }}"#, Ok("illegal base64 data at input byte 4")),
        (r#"{{ b32enc "hello" }}"#, Ok("NBSWY3DP")),
        (r#"{{ b32enc "a" }}"#, Ok("ME======")),
        (r#"{{ b32enc "" }}"#, Ok("")),
        (r#"{{ b32dec "NBSWY3DP" }}"#, Ok("hello")),
        (r#"{{ b32dec "ME======" }}"#, Ok("a")),
        (r#"{{ b32dec "M" }}"#, Ok("illegal base32 data at input byte 0")),
        (r#"{{ b32dec "ME=====" }}"#, Ok("illegal base32 data at input byte 7")),
        (r#"{{ b32dec "ME" }}"#, Ok("illegal base32 data at input byte 0")),
        (r#"{{ b32dec "M0======" }}"#, Ok("illegal base32 data at input byte 1")),
        (r#"{{ b32dec "MEA=====" }}"#, Ok("illegal base32 data at input byte 3")),
        (r#"{{ b32dec "M=======" }}"#, Ok("illegal base32 data at input byte 1")),
        (r#"{{ b32dec "MFRGG===" }}"#, Ok("abc")),
        (r#"{{ b32dec "MFRGGZA=" }}"#, Ok("abcd")),
        (r#"{{ b32dec "ME====A=" }}"#, Ok("illegal base32 data at input byte 5")),
        (r#"{{ b32dec "ABCDEFGHI" }}"#, Ok("illegal base32 data at input byte 8")),
        (
            r#"{{ urlParse "http://user:p%40ss@host:8080/a%20b?q=1&r=2#frag%20x" }}"#,
            Ok(
                "map[fragment:frag x host:host:8080 hostname:host opaque: path:/a b query:q=1&r=2 scheme:http userinfo:user:p%40ss]",
            ),
        ),
        (
            r#"{{ urlParse "mailto:a@b.c" }}"#,
            Ok("map[fragment: host: hostname: opaque:a@b.c path: query: scheme:mailto userinfo:]"),
        ),
        (
            r#"{{ urlParse "/path?x" }}"#,
            Ok("map[fragment: host: hostname: opaque: path:/path query:x scheme: userinfo:]"),
        ),
        (
            r#"{{ urlParse "//host/p" }}"#,
            Ok("map[fragment: host:host hostname:host opaque: path:/p query: scheme: userinfo:]"),
        ),
        (r#"{{ urlParse "" }}"#, Ok("map[fragment: host: hostname: opaque: path: query: scheme: userinfo:]")),
        (
            r#"{{ urlParse "http://[::1]:80/" }}"#,
            Ok("map[fragment: host:[::1]:80 hostname:::1 opaque: path:/ query: scheme:http userinfo:]"),
        ),
        (
            r#"{{ urlParse "HTTP://Host" }}"#,
            Ok("map[fragment: host:Host hostname:Host opaque: path: query: scheme:http userinfo:]"),
        ),
        (
            r#"{{ urlParse "a/b:c" }}"#,
            Ok("map[fragment: host: hostname: opaque: path:a/b:c query: scheme: userinfo:]"),
        ),
        (
            r#"{{ urlParse "http://h/%C3%A9é" }}"#,
            Ok("map[fragment: host:h hostname:h opaque: path:/éé query: scheme:http userinfo:]"),
        ),
        (
            r#"{{ urlParse "http://h?a=%zz" }}"#,
            Ok("map[fragment: host:h hostname:h opaque: path: query:a=%zz scheme:http userinfo:]"),
        ),
        (
            r#"{{ urlParse "*" }}"#,
            Ok("map[fragment: host: hostname: opaque: path:* query: scheme: userinfo:]"),
        ),
        (
            r#"{{ urlParse "http://h:" }}"#,
            Ok("map[fragment: host:h: hostname:h opaque: path: query: scheme:http userinfo:]"),
        ),
        (
            r#"{{ urlParse "postgres://a:1,b:2/db" }}"#,
            Ok(
                "map[fragment: host:a:1,b:2 hostname:a:1,b opaque: path:/db query: scheme:postgres userinfo:]",
            ),
        ),
        (
            r#"{{ urlParse "a:b:c/d" }}"#,
            Ok("map[fragment: host: hostname: opaque:b:c/d path: query: scheme:a userinfo:]"),
        ),
        (
            r#"{{ urlJoin (dict "scheme" "http" "host" "host:80" "path" "/a b" "query" "q=1" "fragment" "x y" "userinfo" "u:p@q") }}"#,
            Ok("http://u:p%40q@host:80/a%20b?q=1#x%20y"),
        ),
        (r#"{{ urlJoin (dict "host" "h" "path" "p") }}"#, Ok("//h/p")),
        (r#"{{ urlJoin (dict "path" "a:b") }}"#, Ok("./a:b")),
        (r#"{{ urlJoin (dict "scheme" "mailto" "opaque" "a@b") }}"#, Ok("mailto:a@b")),
        ("{{ urlJoin dict }}", Ok("")),
        (r#"{{ urlJoin (urlParse "https://u@h/p?q#f") }}"#, Ok("https://u@h/p?q#f")),
        (r#"{{ urlJoin (dict "scheme" "http" "path" "/x") }}"#, Ok("http:///x")),
        (r#"{{ urlJoin (dict "scheme" "http") }}"#, Ok("http:")),
        (r#"{{ urlquery "a b" "c&d" 1 }}"#, Ok("a+bc%26d1")),
        (r#"{{ html "<a href='x'>\"&" .n }}"#, Ok("&lt;a href=&#39;x&#39;&gt;&#34;&amp;&lt;no value&gt;")),
        (r#"{{ js "a'b\"c<>&=\n\\é\u200b" }}"#, Ok(r#"a\'b\"c\u003C\u003E\u0026\u003D\u000A\\é\u200B"#)),
        ("{{ html .missing }}", Ok("&lt;no value&gt;")),
        ("{{ urlquery .l }}", Ok("%5B1+2+3%5D")),
        (r#"{{ base "/a/b.txt" }}"#, Ok("b.txt")),
        (r#"{{ dir "/a/b.txt" }}"#, Ok("/a")),
        (r#"{{ ext "/a/b.txt" }}"#, Ok(".txt")),
        (r#"{{ clean "/a/../b//c/." }}"#, Ok("/b/c")),
        (r#"{{ isAbs "/a" }}"#, Ok("true")),
        (r#"{{ base "" }}"#, Ok(".")),
        (r#"{{ base "/" }}"#, Ok("/")),
        (r#"{{ base "a/" }}"#, Ok("a")),
        (r#"{{ dir "" }}"#, Ok(".")),
        (r#"{{ dir "a" }}"#, Ok(".")),
        (r#"{{ dir "/a" }}"#, Ok("/")),
        (r#"{{ dir "/" }}"#, Ok("/")),
        (r#"{{ ext "a" }}"#, Ok("")),
        (r#"{{ ext "a.b/c" }}"#, Ok("")),
        (r#"{{ clean "" }}"#, Ok(".")),
        (r#"{{ clean "../a" }}"#, Ok("../a")),
        (r#"{{ clean "/../a" }}"#, Ok("/a")),
        (r#"{{ clean "a/../.." }}"#, Ok("..")),
        (r#"{{ osBase "/a/b" }}"#, Ok("b")),
        (r#"{{ osDir "/a/b" }}"#, Ok("/a")),
        (r#"{{ osExt "x.y" }}"#, Ok(".y")),
        (r#"{{ osClean "a//b" }}"#, Ok("a/b")),
        (r#"{{ osIsAbs "a" }}"#, Ok("false")),
        (r#"{{ dir "a//b" }}"#, Ok("a")),
        (r#"{{ dir "/a/b/" }}"#, Ok("/a/b")),
        (r#"{{ html "<" | printf "%s" }}"#, Ok("&lt;")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ urlParse "http://a b/" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse "http://a b/">: error calling urlParse: unable to parse url: parse "http://a b/": invalid character " " in host name"#,
            ),
        ),
        (
            r#"{{ urlParse "http://h/%zz" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse "http://h/%zz">: error calling urlParse: unable to parse url: parse "http://h/%zz": invalid URL escape "%zz""#,
            ),
        ),
        (
            r#"{{ urlParse ":x" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse ":x">: error calling urlParse: unable to parse url: parse ":x": missing protocol scheme"#,
            ),
        ),
        (
            r#"{{ urlParse "1:b" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse "1:b">: error calling urlParse: unable to parse url: parse "1:b": first path segment in URL cannot contain colon"#,
            ),
        ),
        (
            r#"{{ urlParse "http://h:abc/" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse "http://h:abc/">: error calling urlParse: unable to parse url: parse "http://h:abc/": invalid port ":abc" after host"#,
            ),
        ),
        (
            r#"{{ urlParse "http://[::1" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse "http://[::1">: error calling urlParse: unable to parse url: parse "http://[::1": missing ']' in host"#,
            ),
        ),
        (
            r#"{{ urlParse "http://h\x01" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse "http://h\x01">: error calling urlParse: unable to parse url: parse "http://h\x01": net/url: invalid control character in URL"#,
            ),
        ),
        (
            r#"{{ urlParse "http://us er@h/" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlParse "http://us er@h/">: error calling urlParse: unable to parse url: parse "http://us er@h/": net/url: invalid userinfo"#,
            ),
        ),
        (
            r#"{{ urlJoin (dict "scheme" 1) }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <urlJoin (dict "scheme" 1)>: error calling urlJoin: unable to parse scheme key, must be of type string, but int found"#,
            ),
        ),
    ]);
}
