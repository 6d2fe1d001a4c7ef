//! Runs cases against a server.

use crate::case::{Body, Case, Step, Suite};
use crate::normal::Normaliser;
use crate::server::{Answer, Request, Server};
use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What tables write as it is and requests do not.
const NOT_IN_PATHS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'|');

/// How often something that takes its time is asked for …
const TRIES: usize = 400;
/// … and how long between.
const PAUSE: Duration = Duration::from_millis(50);

/// What a server answered to a step, normalised: `status`, `body`, and where there are any `type`, `warnings`,
/// `events`.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The case.
    pub case: String,
    /// The step, from 1.
    pub step: usize,
    /// Method and path, for a reader.
    pub request: String,
    /// The answer.
    pub answer: Value,
}

/// Runs every case of a suite, so many at once, and answers the outcomes in their order.
///
/// # Errors
/// When a server does not answer, or something that a case waits for never happens.
pub async fn run_suite(server: &Server, suite: &Suite, at_once: usize) -> Result<Vec<Outcome>> {
    for definition in &suite.definitions {
        establish(server, definition).await?;
    }
    let cases = suite.cases.iter().map(|case| async move {
        run_case(server, case).await.with_context(|| format!("{}: case {:?}", suite.name, case.name))
    });
    let outcomes: Vec<Vec<Outcome>> = stream::iter(cases).buffered(at_once).try_collect().await?;
    Ok(outcomes.concat())
}

/// Creates a definition and waits until its objects are served.
///
/// # Errors
/// When it is refused or never served.
pub async fn establish(server: &Server, definition: &Value) -> Result<()> {
    let answer = post(server, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await?;
    if answer.code != 201 {
        bail!("a definition is refused: {}", answer.value());
    }
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
    wait(server, &path, &json!({"/status/conditions/1/status": "True"})).await?;
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for version in spec["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true) {
        let (group, version, plural) =
            (text(&spec["group"]), text(&version["name"]), text(&spec["names"]["plural"]));
        wait(server, &format!("/apis/{group}/{version}/{plural}"), &200.into()).await?;
    }
    Ok(())
}

/// Creates a namespace in which pods can be created.
///
/// # Errors
/// When it is refused.
pub async fn create_namespace(server: &Server, name: &str) -> Result<()> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let answer = post(server, "/api/v1/namespaces", &body).await?;
    if answer.code != 201 {
        bail!("namespace {name} is refused: {}", answer.value());
    }
    wait(server, &format!("/api/v1/namespaces/{name}/serviceaccounts/default"), &200.into()).await?;
    wait(server, &format!("/api/v1/namespaces/{name}/configmaps/kube-root-ca.crt"), &200.into()).await?;
    Ok(())
}

async fn post(server: &Server, path: &str, body: &Value) -> Result<Answer> {
    let request = Request {
        method: "POST".into(),
        path: path.into(),
        media: "application/json".into(),
        body: body.to_string().into(),
        ..Request::default()
    };
    server.send(&request).await
}

async fn wait(server: &Server, path: &str, until: &Value) -> Result<()> {
    let request = Request { method: "GET".into(), path: path.into(), ..Request::default() };
    repeat(server, &request, until).await.map(drop)
}

/// Sends a request again and again until the answer is as wanted.
async fn repeat(server: &Server, request: &Request, until: &Value) -> Result<Answer> {
    let mut last = None;
    for _ in 0..TRIES {
        let answer = server.send(request).await?;
        if is_so(&answer, until) {
            return Ok(answer);
        }
        last = Some(answer);
        tokio::time::sleep(PAUSE).await;
    }
    let last = last.map(|a| format!("{} {}", a.code, a.value())).unwrap_or_default();
    bail!("{} {} was never {until}, but {last}", request.method, request.path)
}

fn is_so(answer: &Answer, until: &Value) -> bool {
    match until {
        Value::Number(code) => code.as_u64() == Some(answer.code.into()),
        Value::Object(wanted) => {
            let body = answer.value();
            wanted.iter().all(|(pointer, value)| body.pointer(pointer).unwrap_or(&Value::Null) == value)
        }
        _ => false,
    }
}

/// Runs one case in a namespace of its own.
///
/// # Errors
/// As [`run_suite`].
pub async fn run_case(server: &Server, case: &Case) -> Result<Vec<Outcome>> {
    create_namespace(server, &case.namespace).await?;
    let mut normal = Normaliser::default();
    let mut answers: Vec<Value> = Vec::new();
    let mut outcomes = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let request = request(step, &answers).with_context(|| format!("step {}", index + 1))?;
        // What a step takes from an earlier answer was not sent of its own accord, and differs from run to run.
        normal.sent(&step.path);
        match &step.body {
            Body::None => {}
            Body::Json(value) => normal.sent(&value.to_string()),
            Body::Text(text) => normal.sent(text),
        }
        let answer = match &step.until {
            Some(until) => repeat(server, &request, until).await,
            None => server.send(&request).await,
        };
        let answer = answer.with_context(|| format!("step {}", index + 1))?;
        let shown = describe(&answer, &request, &mut normal);
        answers.push(answer.value());
        if !step.quiet {
            let request = format!("{} {}", step.method, step.path);
            outcomes.push(Outcome { case: case.name.clone(), step: index + 1, request, answer: shown });
        }
    }
    Ok(outcomes)
}

fn request(step: &Step, answers: &[Value]) -> Result<Request> {
    let body = match &step.body {
        Body::None => String::new(),
        Body::Json(value) => filled(value, answers)?.to_string(),
        Body::Text(text) => filled_text(text, answers)?,
    };
    Ok(Request {
        method: step.method.clone(),
        path: utf8_percent_encode(&filled_text(&step.path, answers)?, NOT_IN_PATHS).to_string(),
        media: step.media.clone(),
        headers: step.headers.clone(),
        body: body.into(),
    })
}

/// A value with every `$(STEP.path)` replaced by what that step answered; `$(?STEP.path)` is null where it answered no
/// such thing.
fn filled(value: &Value, answers: &[Value]) -> Result<Value> {
    Ok(match value {
        Value::String(text) => {
            let whole = text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
            match whole {
                Some(reference) if !reference.contains('$') => match reference.strip_prefix('?') {
                    Some(reference) => lookup(reference, answers).cloned().unwrap_or(Value::Null),
                    None => lookup(reference, answers)?.clone(),
                },
                _ => filled_text(text, answers)?.into(),
            }
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled(item, answers)).collect::<Result<_>>()?)
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| Ok((key.clone(), filled(value, answers)?)));
            Value::Object(entries.collect::<Result<Map<_, _>>>()?)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, answers: &[Value]) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("$(") {
        let end = start + rest[start..].find(')').context("a reference without an end")?;
        let value = lookup(&rest[start + 2..end], answers)?;
        out.push_str(&rest[..start]);
        out.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        rest = &rest[end + 1..];
    }
    Ok(out + rest)
}

fn lookup<'a>(reference: &str, answers: &'a [Value]) -> Result<&'a Value> {
    let (step, path) = reference.split_once('.').unwrap_or((reference, ""));
    let step: usize = step.parse().with_context(|| format!("{reference:?} begins with no number"))?;
    let answer =
        answers.get(step.wrapping_sub(1)).with_context(|| format!("{reference:?}: no such step yet"))?;
    let pointer: String = path.split('.').filter(|s| !s.is_empty()).map(|s| format!("/{s}")).collect();
    answer.pointer(&pointer).with_context(|| format!("{reference:?} is not in {answer}"))
}

/// An answer as it is recorded.
fn describe(answer: &Answer, request: &Request, normal: &mut Normaliser) -> Value {
    let mut out = json!({"status": answer.code});
    if !answer.media.starts_with("application/json") || answer.media.contains(";as=") {
        out["type"] = answer.media.as_str().into();
    }
    if !answer.warnings.is_empty() {
        out["warnings"] = answer.warnings.iter().map(|w| normal.text(w)).collect();
    }
    if answer.code == 200 && request.path.contains("watch=1") {
        let lines = answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let events = lines.map(|line| {
            let value = serde_json::from_slice(line)
                .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(line).into_owned()));
            let mut event = normal.value(&value);
            if event["type"] == "BOOKMARK" {
                // How far the whole store has come.
                event["object"]["metadata"]["resourceVersion"] = "<revision>".into();
            }
            event
        });
        out["events"] = events.collect();
    } else {
        out["body"] = normal.value(&answer.value());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_what_a_step_answered() {
        let answers = [json!({"metadata": {"uid": "u"}, "items": [{"n": 3}]})];
        let filled = filled(&json!(["$(1.metadata.uid)", "$(1.items.0.n)", "is $(1.items.0.n)"]), &answers);
        assert_eq!(filled.unwrap(), json!(["u", 3, "is 3"]));
        assert!(lookup("2.x", &answers).is_err() && lookup("1.x", &answers).is_err());
    }
}
