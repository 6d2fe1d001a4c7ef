//! `values.schema.json`: JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12, without references to other files.

use crate::chart::Chart;
use crate::tree::NodeRef;
use holdfast_gotemplate::{Map, Value};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value as Json;
use std::fmt::Write as _;
use std::sync::Arc;

/// A compiled schema, or why there is none.
pub(crate) type Compiled = Result<Validator, String>;

/// Values that the schemas of a chart or of charts below it refuse, one line per fault. The texts are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
pub struct SchemaError(pub String);

/// How many faults one schema reports.
const MAX_FAULTS: usize = 100;

/// Checks the values of a chart and of the charts below it that take part.
pub(crate) fn validate(root: &NodeRef, values: &Map) -> Result<(), SchemaError> {
    let mut faults = String::new();
    collect(root, values, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(SchemaError(faults)) }
}

fn collect(node: &NodeRef, values: &Map, faults: &mut String) {
    let node = node.borrow();
    if let Some(compiled) = node.chart.compiled_schema() {
        let start = faults.len();
        check(&compiled, values, faults);
        if faults.len() > start {
            faults.insert_str(start, &format!("{}:\n", node.name));
        }
    }
    for below in &node.below {
        let name = below.borrow().name.clone();
        match values.get(name.as_bytes()) {
            None | Some(Value::Nil | Value::Invalid) => {}
            Some(Value::Map(values)) => collect(below, &values, faults),
            Some(other) => {
                let found = other.type_name();
                let _ =
                    writeln!(faults, "{name}:\ninvalid type for values: expected object (map), got {found}");
            }
        }
    }
}

fn check(compiled: &Compiled, values: &Map, faults: &mut String) {
    let validator = match compiled {
        Ok(validator) => validator,
        Err(error) => {
            faults.push_str(error);
            return;
        }
    };
    match Value::Map(values.clone()).to_json() {
        Ok(values) => {
            if !validator.is_valid(&values) {
                describe_all(validator.iter_errors(&values).take(MAX_FAULTS), 0, faults);
                faults.push('\n');
            }
        }
        Err(error) => faults.push_str(&error),
    }
}

impl Chart {
    /// The chart's schema, compiled on first use.
    pub(crate) fn compiled_schema(&self) -> Option<Arc<Compiled>> {
        let schema = self.schema.as_ref()?;
        Some(self.kept.schema.get_or_init(|| Arc::new(compile(schema))).clone())
    }
}

fn compile(text: &[u8]) -> Compiled {
    let mut schema: Json = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let draft = draft(&schema)?;
    if let Json::Object(map) = &mut schema
        && map.contains_key("$schema")
    {
        map.insert("$schema".to_owned(), canonical(draft).into());
    }
    jsonschema::options()
        .with_draft(draft)
        .should_validate_formats(matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7))
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .with_retriever(NoFiles)
        .build(&schema)
        .map_err(|error| format!("the schema is invalid: {error}"))
}

/// The draft that `$schema` names; the newest where it names none.
fn draft(schema: &Json) -> Result<Draft, String> {
    let Some(address) = schema.get("$schema").and_then(Json::as_str) else { return Ok(Draft::Draft202012) };
    let name = address.trim_end_matches('#');
    let name = name.strip_prefix("http://").or_else(|| name.strip_prefix("https://")).unwrap_or(name);
    Ok(match name {
        "json-schema.org/schema" | "json-schema.org/draft/2020-12/schema" => Draft::Draft202012,
        "json-schema.org/draft/2019-09/schema" => Draft::Draft201909,
        "json-schema.org/draft-07/schema" => Draft::Draft7,
        "json-schema.org/draft-06/schema" => Draft::Draft6,
        "json-schema.org/draft-04/schema" => Draft::Draft4,
        _ => return Err(format!("$schema {address:?} is no draft of JSON Schema that is known here")),
    })
}

fn canonical(draft: Draft) -> &'static str {
    match draft {
        Draft::Draft4 => "http://json-schema.org/draft-04/schema#",
        Draft::Draft6 => "http://json-schema.org/draft-06/schema#",
        Draft::Draft7 => "http://json-schema.org/draft-07/schema#",
        Draft::Draft201909 => "https://json-schema.org/draft/2019-09/schema",
        _ => "https://json-schema.org/draft/2020-12/schema",
    }
}

/// References to other files: none is read; a `urn:` that nobody resolves allows everything, as in Helm.
struct NoFiles;

impl Retrieve for NoFiles {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        if uri.as_str().starts_with("urn:") {
            return Ok(Json::Bool(true));
        }
        Err("references to other files are not followed; bundle the schema, or skip its validation".into())
    }
}

fn describe_all<'e>(errors: impl Iterator<Item = ValidationError<'e>>, indent: usize, out: &mut String) {
    let errors: Vec<ValidationError<'_>> = errors.collect();
    let mut done = vec![false; errors.len()];
    for index in 0..errors.len() {
        if done[index] {
            continue;
        }
        let error = &errors[index];
        let place = error.instance_path().to_string();
        let text = if let ValidationErrorKind::Required { .. } = error.kind() {
            let mut missing = Vec::new();
            for (other, done) in errors.iter().zip(&mut done).skip(index) {
                if let ValidationErrorKind::Required { property } = other.kind()
                    && other.instance_path().to_string() == place
                    && other.schema_path().to_string() == error.schema_path().to_string()
                {
                    missing.push(quote(property));
                    *done = true;
                }
            }
            let noun = if missing.len() == 1 { "property" } else { "properties" };
            format!("missing {noun} {}", missing.join(", "))
        } else {
            describe(error)
        };
        let _ = write!(
            out,
            "{}{}- at '{place}': {text}",
            if out.is_empty() { "" } else { "\n" },
            "  ".repeat(indent)
        );
        causes(error, indent + 1, out);
    }
}

fn causes(error: &ValidationError<'_>, indent: usize, out: &mut String) {
    if indent > 8 {
        return;
    }
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } =
        error.kind()
    {
        for branch in context {
            for cause in branch {
                let place = cause.instance_path();
                let _ = write!(out, "\n{}- at '{place}': {}", "  ".repeat(indent), describe(cause));
                causes(cause, indent + 1, out);
            }
        }
    }
}

/// The fault in the words of the validator that Helm uses; rare keywords in those of ours.
fn describe(error: &ValidationError<'_>) -> String {
    let found = error.instance();
    match error.kind() {
        ValidationErrorKind::Type { kind } => format!("got {}, want {}", type_of(found), wanted(kind)),
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().map(|name| format!("'{name}'")).collect();
            format!("additional properties {} not allowed", names.join(", "))
        }
        ValidationErrorKind::Enum { options } => match options.as_array() {
            Some(all) if all.len() == 1 => format!("value must be {}", quote(&all[0])),
            Some(all) => {
                let all: Vec<String> = all.iter().map(quote).collect();
                format!("value must be one of {}", all.join(", "))
            }
            None => "'enum' failed".to_owned(),
        },
        ValidationErrorKind::Constant { expected_value } => {
            format!("value must be {}", quote(expected_value))
        }
        ValidationErrorKind::Minimum { limit } => format!("minimum: got {found}, want {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("maximum: got {found}, want {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            format!("exclusiveMinimum: got {found}, want {limit}")
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            format!("exclusiveMaximum: got {found}, want {limit}")
        }
        ValidationErrorKind::MinLength { limit } => format!("minLength: got {}, want {limit}", length(found)),
        ValidationErrorKind::MaxLength { limit } => format!("maxLength: got {}, want {limit}", length(found)),
        ValidationErrorKind::MinItems { limit } => format!("minItems: got {}, want {limit}", length(found)),
        ValidationErrorKind::MaxItems { limit } => format!("maxItems: got {}, want {limit}", length(found)),
        ValidationErrorKind::MinProperties { limit } => {
            format!("minProperties: got {}, want {limit}", length(found))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            format!("maxProperties: got {}, want {limit}", length(found))
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!("{} does not match pattern '{pattern}'", quote(found))
        }
        ValidationErrorKind::Format { format } => format!("{} is not valid {format}", quote(found)),
        ValidationErrorKind::FalseSchema => "false schema".to_owned(),
        ValidationErrorKind::Not { .. } => "'not' failed".to_owned(),
        ValidationErrorKind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        ValidationErrorKind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        ValidationErrorKind::OneOfMultipleValid { .. } => "'oneOf' failed, more than one matched".to_owned(),
        _ => error.to_string(),
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn wanted(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(set) => set.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or "),
    }
}

fn quote(value: &Json) -> String {
    match value {
        Json::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn length(value: &Json) -> usize {
    match value {
        Json::String(text) => text.chars().count(),
        Json::Array(items) => items.len(),
        Json::Object(map) => map.len(),
        _ => 0,
    }
}
