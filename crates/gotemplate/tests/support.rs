//! What the tests share.

use holdfast_gotemplate::{
    Functions, Limits, MissingKey, Numbers, Options, Params, ParseOptions, Session, TemplateSet, Type, Value,
    parse,
};
use serde_json::Value as Json;

/// A session as Helm would open it: `missingkey=zero`, the test's time, a fixed seed.
pub(crate) fn session(limits: Limits) -> Session {
    Session::new(Options {
        missing_key: MissingKey::Zero,
        limits,
        now: 1_795_253_696_123_456_789,
        seed: [7; 32],
    })
}

/// All functions, and `dec`, which the shared cases have in addition.
pub(crate) fn functions() -> Functions {
    let mut functions = Functions::sprig();
    functions.insert("dec", Params::fixed(&[Type::Any]), |_, args| {
        let Value::Float(number) = args[0] else { return Err("dec: not a float64".into()) };
        Ok(Value::Float(number - 1.0))
    });
    functions
}

/// A set with one text, named `t`.
pub(crate) fn templates(text: &str) -> Result<TemplateSet, String> {
    let functions = functions();
    let parsed =
        parse("t", text.as_bytes(), &ParseOptions::new(&functions)).map_err(|error| error.to_string())?;
    let mut templates = TemplateSet::new();
    templates.add(&parsed);
    Ok(templates)
}

/// Renders one template over JSON data, whose numbers are all `float64`.
pub(crate) fn run(text: &str, data: &Json) -> Result<String, String> {
    let templates = templates(text)?;
    let data = Value::from_json(data, Numbers::Float64);
    let output =
        session(Limits::default()).execute(&templates, b"t", &data).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}
