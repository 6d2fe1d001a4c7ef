//! Hashes, passwords, keys, certificates. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ sha1sum "a" }}"#, Ok("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")),
        (r#"{{ sha256sum "a" }}"#, Ok("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb")),
        (
            r#"{{ sha512sum "a" }}"#,
            Ok(
                "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75",
            ),
        ),
        (r#"{{ adler32sum "hello" }}"#, Ok("103547413")),
        (r#"{{ adler32sum "" }}"#, Ok("1")),
        (r#"{{ derivePassword 1 "long" "password" "user" "example.com" }}"#, Ok("ZedaFaxcZaso9*")),
        (r#"{{ derivePassword 2 "maximum" "p" "u" "s" }}"#, Ok("GVrMlwPINBRhIcQLa58%")),
        (r#"{{ derivePassword 1 "pin" "p" "u" "s" }}"#, Ok("2461")),
        (r#"{{ derivePassword 1 "nope" "p" "u" "s" }}"#, Ok("cannot find password template nope")),
        (r#"{{ derivePassword 1 "basic" "p" "u" "s" }}"#, Ok("tGf1NEr0")),
        (r#"{{ derivePassword 1 "medium" "p" "u" "s" }}"#, Ok("Rud1@Nel")),
        (r#"{{ derivePassword 1 "short" "p" "u" "s" }}"#, Ok("Rud1")),
        (r#"{{ htpasswd "a:b" "c" }}"#, Ok("invalid username: a:b")),
        (r#"{{ bcrypt "x" | trunc 7 }}"#, Ok("$2a$10$")),
        (
            r#"{{ bcrypt (repeat 80 "x") }}"#,
            Ok("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"),
        ),
        (r#"{{ genPrivateKey "nope" }}"#, Ok("Unknown type nope")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ decryptAES "secretkey" "MTIzNDU2Nzg5MDEyMzQ1Ng==" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <decryptAES "secretkey" "MTIzNDU2Nzg5MDEyMzQ1Ng==">: error calling decryptAES: runtime error: index out of range [-1]"#,
            ),
        ),
        (
            r#"{{ decryptAES "secretkey" "abcd" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <decryptAES "secretkey" "abcd">: error calling decryptAES: runtime error: slice bounds out of range [:16] with capacity 3"#,
            ),
        ),
        (
            r#"{{ decryptAES "k" "!" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <decryptAES "k" "!">: error calling decryptAES: illegal base64 data at input byte 0"#,
            ),
        ),
        (
            r#"{{ genSelfSignedCert "cn" (list "x") nil 10 }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <genSelfSignedCert "cn" (list "x") nil 10>: error calling genSelfSignedCert: error parsing ip: x"#,
            ),
        ),
        (
            r#"{{ genSelfSignedCert "cn" (list 1) nil 10 }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <genSelfSignedCert "cn" (list 1) nil 10>: error calling genSelfSignedCert: error parsing ip: 1 is not a string"#,
            ),
        ),
        (
            r#"{{ genSelfSignedCert "cn" nil (list 1) 10 }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <genSelfSignedCert "cn" nil (list 1) 10>: error calling genSelfSignedCert: error processing alternate dns name: 1 is not a string"#,
            ),
        ),
        (
            r#"{{ genSelfSignedCert "cn" (splitList "," "a") nil 10 }}"#,
            Err(
                r#"template: t:1:41: executing "t" at <"a">: wrong type for value; expected []interface {}; got []string"#,
            ),
        ),
        (
            r#"{{ buildCustomCert "x" "y" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <buildCustomCert "x" "y">: error calling buildCustomCert: unable to decode base64 certificate"#,
            ),
        ),
        (
            r#"{{ buildCustomCert (b64enc "x") (b64enc "y") }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <buildCustomCert (b64enc "x") (b64enc "y")>: error calling buildCustomCert: unable to decode certificate"#,
            ),
        ),
        (
            r#"{{ genCAWithKey "x" 10 "y" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <genCAWithKey "x" 10 "y">: error calling genCAWithKey: parsing private key: no PEM data in input"#,
            ),
        ),
        (
            r#"{{ genSignedCert "cn" nil nil 10 "x" }}"#,
            Err(
                r#"template: t:1:33: executing "t" at <"x">: can't handle "x" for arg of type sprig.certificate"#,
            ),
        ),
        (
            r#"{{ genSelfSignedCert "a" .l .l 1 }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <genSelfSignedCert "a" .l .l 1>: error calling genSelfSignedCert: error parsing ip: 1 is not a string"#,
            ),
        ),
        (
            r#"{{ derivePassword -1 "a" "b" "c" "d" }}"#,
            Err(r#"template: t:1:18: executing "t" at <-1>: expected unsigned integer; found -1"#),
        ),
        (
            r#"{{ derivePassword 1.5 "a" "b" "c" "d" }}"#,
            Err(r#"template: t:1:18: executing "t" at <1.5>: expected unsigned integer; found 1.5"#),
        ),
        (
            r#"{{ derivePassword .a "a" "b" "c" "d" }}"#,
            Err(
                r#"template: t:1:18: executing "t" at <.a>: wrong type for value; expected uint32; got float64"#,
            ),
        ),
    ]);
}
