//! Versions. Expected results are what Go prints.

use super::check;

#[test]
fn output() {
    check(&[
        (r#"{{ semver "1.2.3-beta.1+b1" }}"#, Ok("1.2.3-beta.1+b1")),
        (r#"{{ (semver "v1.2").Major }}"#, Ok("1")),
        (r#"{{ (semver "1.2.3-b+c").Prerelease }}"#, Ok("b")),
        (r#"{{ (semver "1.2.3-b+c").Metadata }}"#, Ok("c")),
        (r#"{{ (semver "v1.2").Original }}"#, Ok("v1.2")),
        (r#"{{ (semver "1.2.3").Compare (semver "1.2.4") }}"#, Ok("-1")),
        (r#"{{ (semver "1.2.3").LessThan (semver "1.3") }}"#, Ok("true")),
        (r#"{{ (semver "v1.2.3-a").IncPatch }}"#, Ok("1.2.3")),
        (r#"{{ (semver "1.2.3").IncMinor }}"#, Ok("1.3.0")),
        (r#"{{ (semver "1.2.3").IncMajor }}"#, Ok("2.0.0")),
        (r#"{{ semver "1.2.3" | toJson }}"#, Ok(r#""1.2.3""#)),
        (r#"{{ semverCompare "^1.2.0" "1.2.3" }}"#, Ok("true")),
        (r#"{{ semverCompare ">=1.19-0" "1.20.1-eks" }}"#, Ok("true")),
        (r#"{{ semverCompare "<1.0 || >2" "2.1" }}"#, Ok("false")),
        (r#"{{ semverCompare "~1.2" "1.3.0" }}"#, Ok("false")),
        (r#"{{ semverCompare "1.x" "1.5" }}"#, Ok("true")),
        (r#"{{ semverCompare "*" "1.0.0-a" }}"#, Ok("false")),
        (r#"{{ semverCompare ">= 1.2, < 2" "v1.9" }}"#, Ok("true")),
        (r#"{{ (semver "1.2.3").Major | printf "%T %v" }}"#, Ok("uint64 %!v(MISSING)")),
    ]);
}

#[test]
fn failures() {
    check(&[
        (
            r#"{{ semverCompare "x.y" "1.2.3" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <semverCompare "x.y" "1.2.3">: error calling semverCompare: improper constraint: "x.y""#,
            ),
        ),
        (
            r#"{{ semverCompare "1" "zzz" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <semverCompare "1" "zzz">: error calling semverCompare: invalid semantic version"#,
            ),
        ),
        (
            r#"{{ semver "zzz" }}"#,
            Err(
                r#"template: t:1:3: executing "t" at <semver "zzz">: error calling semver: invalid semantic version"#,
            ),
        ),
        (
            r#"{{ semverCompare .a "1" }}"#,
            Err(
                r#"template: t:1:17: executing "t" at <.a>: wrong type for value; expected string; got float64"#,
            ),
        ),
        (
            r#"{{ (semver "1.2.3").Compare "x" }}"#,
            Err(
                r#"template: t:1:28: executing "t" at <"x">: can't handle "x" for arg of type *semver.Version"#,
            ),
        ),
    ]);
}
