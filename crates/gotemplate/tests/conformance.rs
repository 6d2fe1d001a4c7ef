//! Cases whose results Go printed, kept outside the repository.

use serde_json::Value as Json;

use crate::support::run;

#[test]
fn text_template_and_sprig() {
    let Some(folder) = holdfast_testkit::conformance("gotemplate") else { return };
    let cases = std::fs::read_to_string(folder.join("cases.json")).expect("cases.json");
    let cases: Vec<Json> = serde_json::from_str(&cases).expect("JSON");
    let mut failed = Vec::new();
    for case in &cases {
        let template = case["template"].as_str().expect("template");
        let (output, error) = (case["output"].as_str().unwrap_or(""), case["error"].as_str().unwrap_or(""));
        let expected = if error.is_empty() { Ok(output.to_owned()) } else { Err(error.to_owned()) };
        let found = run(template, &case["data"]);
        if found != expected {
            failed.push(format!("{template}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    println!("gotemplate: {} passed, {} failed", cases.len() - failed.len(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
