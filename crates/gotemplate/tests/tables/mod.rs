//! What templates print, as tables: a template and its output, or its error.

mod builtins;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod errors;
mod json;
mod language;
mod lists;
mod numbers;
mod printing;
mod regex;
mod strings;
mod versions;

use serde_json::json;

use crate::support::run;

/// Renders each template over the same data and compares what it prints, or the error's text.
fn check(cases: &[(&str, Result<&str, &str>)]) {
    let data = json!({
        "a": 1,
        "f": 1.5,
        "big": 1000000,
        "e": 1e+21,
        "s": "hi",
        "l": [
            1,
            2,
            3
        ],
        "m": {
            "x": 1,
            "y": {
                "z": "q"
            }
        },
        "t": true,
        "n": null,
        "empty": "",
        "el": [],
        "em": {},
        "uni": "héllo",
        "f0": 0.0,
        "neg": -7,
        "s10": "10",
        "sl": [
            "b",
            "a",
            "c"
        ],
        "mixed": [
            1,
            "a",
            null,
            true,
            {
                "k": "v"
            },
            [
                1
            ]
        ],
        "deep": {
            "a": {
                "b": {
                    "c": "d"
                }
            }
        },
        "nil2": {
            "a": null
        }
    });
    for (template, expected) in cases {
        let found = run(template, &data);
        let found = found.as_ref().map(String::as_str).map_err(String::as_str);
        assert_eq!(found, *expected, "{template}");
    }
}
