//! Reads `{"template": …, "data": …}` lines and prints `{"output": …}` or `{"error": …}` for each: a way to compare
//! this crate with Go's own engine.

use std::io::{BufRead, Write};

use holdfast_gotemplate::{
    Functions, MissingKey, Numbers, Options, ParseOptions, Session, TemplateSet, Value, parse,
};
use serde_json::{Value as Json, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let functions = Functions::sprig();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Json = serde_json::from_str(&line?)?;
        let result = match run(&functions, case["template"].as_str().unwrap_or_default(), &case["data"]) {
            Ok(output) => json!({ "output": String::from_utf8_lossy(&output) }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{result}")?;
    }
    Ok(())
}

fn run(functions: &Functions, template: &str, data: &Json) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut templates = TemplateSet::new();
    templates.add(&parse("t", template.as_bytes(), &ParseOptions::new(functions))?);
    let mut session = Session::new(Options {
        missing_key: MissingKey::Zero,
        limits: Default::default(),
        now: 1_795_253_696_123_456_789,
        seed: [0; 32],
    });
    Ok(session.execute(&templates, b"t", &Value::from_json(data, Numbers::Float64))?)
}
