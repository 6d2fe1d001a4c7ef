//! The functions that Helm adds to sprig's, or replaces.

use super::errors::{END, START};
use super::toml;
use crate::HelmVersion;
use crate::chart::Chart;
use crate::render::{Lookup, Lookups};
use crate::values::{document, new_map};
use foldhash::fast::RandomState;
use holdfast_gotemplate::{
    Context, FuncError, Functions, List, Map, MapType, Numbers, Params, ParseOptions, Str, Type, Value, parse,
};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// How often one template may include itself.
const MAX_INCLUDES: u32 = 1000;

/// Sprig's functions: those of `--name-template`.
pub(crate) fn name_functions() -> &'static Functions {
    static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
        let mut functions = Functions::sprig();
        functions.remove("env");
        functions.remove("expandenv");
        functions
    });
    &FUNCTIONS
}

/// The functions of Helm's templates.
pub(crate) fn functions(helm: HelmVersion) -> &'static Functions {
    static V3: LazyLock<Functions> = LazyLock::new(|| {
        let mut functions = name_functions().clone();
        add_template_functions(&mut functions);
        add_formats(&mut functions);
        functions
    });
    static WITH_DURATIONS: LazyLock<Functions> = LazyLock::new(|| {
        let mut functions = V3.clone();
        add_strict_formats(&mut functions);
        super::durations::add(&mut functions);
        functions
    });
    if helm.has_duration_functions() { &WITH_DURATIONS } else { &V3 }
}

/// What the functions of one render keep.
pub(super) struct State {
    /// How often each template is being included.
    included: HashMap<Str, u32, RandomState>,
    lookups: Lookups,
    needs: Vec<Lookup>,
    /// Keeps the parsed texts of `tpl`.
    chart: Arc<Chart>,
}

impl State {
    pub(super) fn new(lookups: Lookups, chart: Arc<Chart>) -> Self {
        Self { included: HashMap::default(), lookups, needs: Vec::new(), chart }
    }

    pub(super) fn take_needs(&mut self) -> Vec<Lookup> {
        std::mem::take(&mut self.needs)
    }
}

fn state<'c>(context: &'c mut Context<'_>) -> Result<&'c mut State, FuncError> {
    context.extension::<State>().ok_or_else(|| "no render is in progress".into())
}

fn add_template_functions(functions: &mut Functions) {
    use Type::{Any, String};
    functions.insert("include", Params::fixed(&[String, Any]), |context, args| {
        let Value::Str(name) = &args[0] else { return Err("include: the name must be a string".into()) };
        include(context, name, &args[1])
    });
    functions.insert("tpl", Params::fixed(&[String, Any]), |context, args| {
        tpl(context, bytes(&args[0]), &args[1])
    });
    functions.insert("required", Params::fixed(&[String, Any]), |_, args| match &args[1] {
        Value::Nil | Value::Invalid => Err(said(&args[0])),
        Value::Str(text) if text.is_empty() => Err(said(&args[0])),
        value => Ok(value.clone()),
    });
    functions.insert("fail", Params::fixed(&[String]), |_, args| Err(said(&args[0])));
    functions.insert("lookup", Params::fixed(&[String, String, String, String]), lookup);
    functions.insert("getHostByName", Params::fixed(&[String]), |_, _| Ok(Value::str("")));
}

fn add_formats(functions: &mut Functions) {
    use Type::{Any, String};
    functions.insert("toYaml", Params::fixed(&[Any]), |_, args| Ok(Value::from(to_yaml(&args[0]))));
    functions.insert("toYamlPretty", Params::fixed(&[Any]), |_, args| {
        let pretty = || args[0].to_json().map(|json| super::pretty::to_string(&json)).unwrap_or_default();
        Ok(Value::from(with_stack(&args[0], pretty)))
    });
    functions.insert("fromYaml", Params::fixed(&[String]), |_, args| mapping(FROM_YAML, yaml(&args[0])));
    functions.insert("fromYamlArray", Params::fixed(&[String]), |_, args| array(FROM_YAML, yaml(&args[0])));
    functions.insert("fromJson", Params::fixed(&[String]), |_, args| json_mapping(&args[0]));
    functions.insert("fromJsonArray", Params::fixed(&[String]), |_, args| json_array(&args[0]));
    functions.insert("toToml", Params::fixed(&[Any]), |_, args| {
        if args[0].is_nil() {
            return Err("reflect: call of reflect.Value.Type on zero Value".into());
        }
        Ok(Value::from(with_stack(&args[0], || toml::to_string(&args[0]))))
    });
    functions.insert("fromToml", Params::fixed(&[String]), |_, args| Ok(toml::parse(bytes(&args[0]))));
}

/// Those of Helm 4 that fail where the others write nothing, or the error.
fn add_strict_formats(functions: &mut Functions) {
    functions.insert("mustToYaml", Params::fixed(&[Type::Any]), |_, args| {
        Ok(Value::from(with_stack(&args[0], || try_yaml(&args[0]))?))
    });
    functions.insert("mustToToml", Params::fixed(&[Type::Any]), |_, args| {
        Ok(Value::from(with_stack(&args[0], || toml::try_to_string(&args[0]))?))
    });
}

fn bytes(value: &Value) -> &[u8] {
    match value {
        Value::Str(text) => text.as_bytes(),
        _ => &[],
    }
}

/// An error whose text is the chart author's.
fn said(message: &Value) -> FuncError {
    let message = String::from_utf8_lossy(bytes(message));
    format!("{START}{message}{END}").into()
}

fn include(context: &mut Context<'_>, name: &Str, data: &Value) -> Result<Value, FuncError> {
    let shown = || holdfast_gotemplate::quote(name);
    if context.templates().get(name).is_none() {
        return Err(format!("template: no template {} associated with template \"gotpl\"", shown()).into());
    }
    let count = state(context)?.included.entry(name.clone()).or_default();
    if *count > MAX_INCLUDES {
        return Err(format!(
            "rendering template has a nested reference name: {}: unable to execute template",
            String::from_utf8_lossy(name)
        )
        .into());
    }
    *count += 1;
    let result = context.execute(name, data);
    if let Some(count) = state(context)?.included.get_mut(name) {
        *count -= 1;
    }
    result.map(Value::Str)
}

/// Executes a text as a template beside the others; what it defines is seen inside of it only.
fn tpl(context: &mut Context<'_>, text: &[u8], data: &Value) -> Result<Value, FuncError> {
    const NAME: &str = "gotpl";
    if !text.windows(2).any(|pair| pair == b"{{") {
        return Ok(Value::from(without_no_value(text.to_vec())));
    }
    let chart = state(context)?.chart.clone();
    let shown = || holdfast_gotemplate::quote(text);
    let parsed = chart
        .kept
        .texts
        .get(text, || parse(NAME, text, &ParseOptions::new(functions(chart.helm))))
        .map_err(|error| format!("cannot parse template {}: {error}", shown()))?;
    let mut templates = context.templates().clone();
    templates.add(&parsed);
    match context.execute_in(templates, NAME.as_bytes(), data) {
        Ok(written) => Ok(match find_no_value(&written) {
            None => Value::Str(written),
            Some(_) => Value::from(without_no_value(written.to_vec())),
        }),
        Err(FuncError::Limit(limit)) => Err(limit.into()),
        Err(FuncError::Exec(mut error)) => {
            error.message = format!("error during tpl function execution for {}: {}", shown(), error.message);
            Err(FuncError::Exec(error))
        }
        Err(error) => Err(format!("error during tpl function execution for {}: {error}", shown()).into()),
    }
}

const NO_VALUE: &[u8] = b"<no value>";

fn find_no_value(text: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, NO_VALUE)
}

/// Absent values print as nothing.
fn without_no_value(text: Vec<u8>) -> Vec<u8> {
    take_no_value(text).0
}

/// The same, with the places in the result where something was taken out and how many bytes up to there.
pub(super) fn take_no_value(text: Vec<u8>) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut removed = Vec::new();
    if find_no_value(&text).is_none() {
        return (text, removed);
    }
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = &text[..];
    while let Some(at) = find_no_value(rest) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at + NO_VALUE.len()..];
        removed.push((kept.len(), (removed.len() + 1) * NO_VALUE.len()));
    }
    kept.extend_from_slice(rest);
    (kept, removed)
}

/// An object of the cluster, or an empty mapping where it does not exist, no cluster is asked, or the answer is yet
/// to come.
fn lookup(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let text = |index: usize| String::from_utf8_lossy(bytes(&args[index])).into_owned();
    let wanted = Lookup { api_version: text(0), kind: text(1), namespace: text(2), name: text(3) };
    let state = state(context)?;
    let Lookups::Answered(answers) = &state.lookups else { return Ok(Value::Map(new_map())) };
    match answers.get(&wanted) {
        Some(Some(object)) => Ok(Value::from_json(object, Numbers::Int64)),
        Some(None) => Ok(Value::Map(new_map())),
        None => {
            if !state.needs.contains(&wanted) {
                state.needs.push(wanted);
            }
            Ok(Value::Map(new_map()))
        }
    }
}

/// A value as YAML without its last line break; nothing where YAML or JSON cannot say it.
pub(super) fn to_yaml(value: &Value) -> String {
    with_stack(value, || yaml_text(value))
}

/// Levels of nesting that fit on the stack that is always left.
const SHALLOW: usize = 100;
/// Stack for values that nest deeper, in bytes; none is written that nests deeper than 1,000 levels.
const DEEP_STACK: usize = 32 << 20;

/// Calls a function that recurses into a value.
fn with_stack<T>(value: &Value, call: impl FnOnce() -> T) -> T {
    if nests_deeper(value, SHALLOW) { stacker::grow(DEEP_STACK, call) } else { call() }
}

fn nests_deeper(value: &Value, levels: usize) -> bool {
    let Some(levels) = levels.checked_sub(1) else { return true };
    match value {
        Value::Map(map) => map.entries().values().any(|value| nests_deeper(value, levels)),
        Value::List(list) => list.items().iter().any(|value| nests_deeper(value, levels)),
        _ => false,
    }
}

fn yaml_text(value: &Value) -> String {
    try_yaml(value).unwrap_or_default()
}

fn try_yaml(value: &Value) -> Result<String, FuncError> {
    let json = value.to_json().map_err(|error| format!("error marshaling into JSON: {error}"))?;
    let mut text = holdfast_yaml::marshal(&json).map_err(|error| error.to_string())?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// What Helm's YAML reader says before the JSON decoder's own words.
const FROM_YAML: &str = "error unmarshaling JSON: while decoding JSON: ";

fn yaml(text: &Value) -> Result<Json, String> {
    document(bytes(text)).map_err(|error| format!("error converting YAML to JSON: yaml: {error}"))
}

fn mapping(prefix: &str, parsed: Result<Json, String>) -> Result<Value, FuncError> {
    let error = match parsed {
        Ok(Json::Object(map)) => return Ok(Value::Map(Map::from_json(&map, MapType::Any, Numbers::Float64))),
        Ok(Json::Null) => return Ok(Value::Map(new_map())),
        Ok(other) => format!("{prefix}{}", wrong_type(&other, "map[string]interface {}")),
        Err(error) => error,
    };
    let map = new_map();
    map.insert("Error", Value::from(error));
    Ok(Value::Map(map))
}

fn array(prefix: &str, parsed: Result<Json, String>) -> Result<Value, FuncError> {
    let error = match parsed {
        Ok(json @ Json::Array(_)) => return Ok(Value::from_json(&json, Numbers::Float64)),
        Ok(Json::Null) => return Ok(Value::List(List::new(Vec::new()))),
        Ok(other) => format!("{prefix}{}", wrong_type(&other, "[]interface {}")),
        Err(error) => error,
    };
    Ok(Value::List(List::new(vec![Value::from(error)])))
}

/// JSON is read with Go's own words for what is wrong with it.
fn json_mapping(text: &Value) -> Result<Value, FuncError> {
    let error = match holdfast_gotemplate::json::decode(bytes(text)) {
        Ok(Value::Map(map)) => return Ok(Value::Map(map)),
        Ok(Value::Nil) => return Ok(Value::Map(new_map())),
        Ok(other) => cannot_unmarshal(json_name(&other), "map[string]interface {}"),
        Err(error) => error,
    };
    let map = new_map();
    map.insert("Error", Value::from(error));
    Ok(Value::Map(map))
}

/// The same for lists.
fn json_array(text: &Value) -> Result<Value, FuncError> {
    let error = match holdfast_gotemplate::json::decode(bytes(text)) {
        Ok(Value::List(list)) => return Ok(Value::List(list)),
        Ok(Value::Nil) => return Ok(Value::List(List::new(Vec::new()))),
        Ok(other) => cannot_unmarshal(json_name(&other), "[]interface {}"),
        Err(error) => error,
    };
    Ok(Value::List(List::new(vec![Value::from(error)])))
}

fn json_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        _ => "number",
    }
}

fn cannot_unmarshal(found: &str, wanted: &str) -> String {
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}

fn wrong_type(found: &Json, wanted: &str) -> String {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    cannot_unmarshal(found, wanted)
}
