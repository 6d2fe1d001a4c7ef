//! Cases whose results Go printed.

use holdfast_gotemplate::{
    Functions, MissingKey, Numbers, Options, Params, ParseOptions, Session, TemplateSet, Type, Value, parse,
};
use serde_json::Value as Json;

/// Runs one template as Go does with `missingkey=zero` and returns its output, or the error's text.
fn run(text: &str, data: &Json) -> Result<String, String> {
    let mut functions = Functions::sprig();
    functions.insert("dec", Params::fixed(&[Type::Any]), |_, args| {
        let Value::Float(number) = args[0] else { return Err("dec: not a float64".into()) };
        Ok(Value::Float(number - 1.0))
    });
    let mut templates = TemplateSet::new();
    let parsed =
        parse("t", text.as_bytes(), &ParseOptions::new(&functions)).map_err(|error| error.to_string())?;
    templates.add(&parsed);
    let mut session = Session::new(Options {
        missing_key: MissingKey::Zero,
        limits: Default::default(),
        now: 0,
        seed: [0; 32],
    });
    let data = Value::from_json(data, Numbers::Float64);
    let output = session.execute(&templates, b"t", &data).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

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
