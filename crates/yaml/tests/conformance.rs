//! Cases printed by the Go libraries: `conformance/yaml`.

use holdfast_yaml::{Options, Value, parse, to_string};
use std::fs;
use std::path::PathBuf;

fn set() -> Option<PathBuf> {
    holdfast_testkit::conformance("yaml")
}

/// A value as Go prints it after reading JSON into `interface{}`: every number is a float.
fn through_float64(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().unwrap()),
        Value::Array(items) => items.iter().map(through_float64).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), through_float64(v))).collect(),
        other => other.clone(),
    }
}

/// Text, in which `-0` and `0` differ.
fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap()
}

fn report(failures: &[String], total: usize) {
    assert!(total > 0, "no cases found");
    assert!(failures.is_empty(), "{} of {total} cases fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn scalars_v2() {
    let Some(folder) = set() else { return };
    let (mut failures, rows) = (Vec::new(), scalar_rows(&folder));
    for row in &rows {
        let scalar = row["scalar"].as_str().unwrap();
        let expected = row["v2_json"].as_str().unwrap();
        let found = parse(format!("k: {scalar}\n").as_bytes(), &Options::v2());
        let equal = match (&found, expected.starts_with("ERR")) {
            (Err(_), true) => true,
            (Ok(found), false) => {
                let expected: Value = serde_json::from_str(expected).unwrap();
                json(&through_float64(&found["k"])) == json(&through_float64(&expected))
            }
            _ => false,
        };
        if !equal {
            failures.push(format!("{scalar}: {found:?}, not {expected}"));
        }
    }
    report(&failures, rows.len());
}

#[test]
fn scalars_v3() {
    let Some(folder) = set() else { return };
    let (mut failures, rows) = (Vec::new(), scalar_rows(&folder));
    for row in &rows {
        let scalar = row["scalar"].as_str().unwrap();
        let expected = row["v3_type_value"].as_str().unwrap();
        let found = parse(format!("k: {scalar}\n").as_bytes(), &Options::v3());
        let (kind, text) = expected.split_once(':').unwrap_or((expected, ""));
        let equal = match (&found, kind) {
            (Err(_), "float64") => text.ends_with("Inf") || text == "NaN",
            (Err(_), _) => expected.starts_with("ERR"),
            (Ok(found), "string") => found["k"] == text,
            (Ok(found), "bool" | "int" | "uint64") => json(&found["k"]) == text,
            (Ok(found), "float64") => found["k"].as_f64() == text.parse().ok(),
            (Ok(found), "<nil>") => found["k"].is_null(),
            (Ok(found), "time.Time") => found["k"] == rfc3339(text),
            _ => false,
        };
        if !equal {
            failures.push(format!("{scalar}: {found:?}, not {expected}"));
        }
    }
    report(&failures, rows.len());
}

/// Go's `String` form of a time (`2001-12-14 21:59:43.1 -0500 -0500`) as JSON has it.
fn rfc3339(text: &str) -> String {
    let parts: Vec<&str> = text.split(' ').collect();
    let zone = match parts[2] {
        "+0000" => "Z".to_owned(),
        zone => format!("{}:{}", &zone[..3], &zone[3..]),
    };
    format!("{}T{}{zone}", parts[0], parts[1])
}

#[test]
fn scalars_emitted() {
    let Some(folder) = set() else { return };
    let (mut failures, rows) = (Vec::new(), scalar_rows(&folder));
    for row in &rows {
        let scalar = row["scalar"].as_str().unwrap();
        let expected = format!("k: {}\n", row["emit_as_string_value"].as_str().unwrap());
        let found = to_string(&serde_json::json!({ "k": scalar }));
        if found != expected {
            failures.push(format!("{scalar}: {found:?}, not {expected:?}"));
        }
    }
    report(&failures, rows.len());
}

fn scalar_rows(folder: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("scalars.json")).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(file["rows"].take()).unwrap()
}

#[test]
fn documents() {
    let Some(folder) = set() else { return };
    let text = fs::read_to_string(folder.join("documents.json")).unwrap();
    let cases: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    let mut failures = Vec::new();
    for (name, expected) in &cases {
        let text = fs::read(folder.join("documents").join(name)).unwrap();
        // The cases are what the library reads, without kustomize's round trip.
        let v3 = Options { kyaml_round_trip: false, ..Options::v3() };
        for (dialect, options) in [("v2", Options::v2()), ("v3", v3)] {
            let Some(expected) = expected[dialect].as_str() else { continue };
            let found = parse(&text, &options);
            let equal = match (&found, expected.starts_with("ERR")) {
                (Err(_), true) => true,
                (Ok(found), false) => {
                    let expected: Value = serde_json::from_str(expected).unwrap();
                    through_float64(found) == through_float64(&expected)
                }
                _ => false,
            };
            if !equal {
                failures.push(format!("{name} {dialect}: {found:?}, not {expected}"));
            }
        }
    }
    report(&failures, cases.len());
}

#[test]
fn emission() {
    let Some(folder) = set() else { return };
    let text = fs::read_to_string(folder.join("emit.jsonl")).unwrap();
    let (mut failures, mut total) = (Vec::new(), 0);
    for line in text.lines() {
        total += 1;
        let case: Value = serde_json::from_str(line).unwrap();
        let found = to_string(&case["value"]);
        if Some(found.as_str()) != case["yaml"].as_str() {
            failures.push(format!("{found}---- not ----\n{}", case["yaml"].as_str().unwrap_or_default()));
        }
    }
    report(&failures, total);
}

/// What was emitted reads as what it was, in the dialect that emits.
#[test]
fn emission_reads_back() {
    let Some(folder) = set() else { return };
    let text = fs::read_to_string(folder.join("emit.jsonl")).unwrap();
    let (mut failures, mut total) = (Vec::new(), 0);
    for line in text.lines() {
        total += 1;
        let case: Value = serde_json::from_str(line).unwrap();
        let yaml = case["yaml"].as_str().unwrap();
        // Upstream writes the key `<<` unquoted, which no reader takes for a key.
        if yaml.contains("<<:") {
            continue;
        }
        match parse(yaml.as_bytes(), &Options::v2()) {
            Ok(found) if through_float64(&found) == through_float64(&case["value"]) => {}
            other => failures.push(format!("{yaml}: {other:?}")),
        }
    }
    report(&failures, total);
}
