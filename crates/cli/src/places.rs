//! Where in the source's files a field stands that differs: pure, over the files as they were rendered.

use holdfast_merge::drift::Difference;
use holdfast_merge::fields::{FieldPath, PathElement};
use holdfast_object::{ObjectKey, Origin, Value};
use holdfast_sync::{PlannedChange, Reason};
use holdfast_tree::FileTree;
use holdfast_yaml::PathPart;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The places of fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Places {
    fields: BTreeMap<(ObjectKey, FieldPath), Origin>,
}

impl Places {
    /// Looks for every field that some changes would set. What is not written as it is wanted where its object stands
    /// (a patch, a template, a variable or a generator makes it) has no place.
    pub(crate) fn find(changes: &[PlannedChange], files: &[Arc<dyn FileTree>]) -> Self {
        let mut fields = BTreeMap::new();
        for change in changes {
            let (Some(origin), Reason::Differs(differences)) = (&change.op.origin, &change.op.why) else {
                continue;
            };
            let object = &change.op.object.key;
            let found = differences.iter().filter_map(|difference| {
                let line = files.iter().find_map(|files| line(files.as_ref(), origin, object, difference))?;
                Some(((object.clone(), difference.path.clone()), Origin { line, ..origin.clone() }))
            });
            fields.extend(found);
        }
        Self { fields }
    }

    /// Where a field of an object stands.
    pub(crate) fn of(&self, object: &ObjectKey, difference: &Difference) -> Option<&Origin> {
        self.fields.get(&(object.clone(), difference.path.clone()))
    }
}

/// The line of a field in the document that its object comes from, when it says there what is wanted.
fn line(files: &dyn FileTree, origin: &Origin, object: &ObjectKey, difference: &Difference) -> Option<u32> {
    let wanted = difference.desired.as_ref()?;
    let text = files.read(&origin.file).ok()?;
    let mut documents = holdfast_yaml::documents(&text, &holdfast_yaml::Options::v2()).into_iter().flatten();
    let document = documents.find(|document| document.index == origin.document)?;
    let (parts, value) = steps(&difference.path, &document.value)?;
    let is_of_kind = document.value.get("kind").and_then(Value::as_str) == Some(object.kind.as_str());
    if value != wanted || !is_of_kind {
        return None;
    }
    holdfast_yaml::line(&text, origin.document, &parts)
}

/// The way to what a path leads to, by the positions of its items, and what stands there.
fn steps<'p, 'v>(path: &'p FieldPath, value: &'v Value) -> Option<(Vec<PathPart<'p>>, &'v Value)> {
    let mut at = value;
    let mut parts = Vec::with_capacity(path.0.len());
    for element in &path.0 {
        let found = FieldPath(vec![element.clone()]).find(at)?;
        parts.push(match (element, at) {
            (PathElement::Field(name), _) => PathPart::Key(name),
            (_, Value::Array(items)) => {
                PathPart::Index(items.iter().position(|item| std::ptr::eq(item, found))?)
            }
            _ => return None,
        });
        at = found;
    }
    Some((parts, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_merge::drift::{ArgocdRequest, argocd};
    use holdfast_object::{Object, json};
    use holdfast_sync::{Change, Op, Propagation, Verb};
    use holdfast_tree::MemoryTree;

    const FILE: &str = r#"# a file of two
apiVersion: v1
kind: ConfigMap
metadata: {name: first}
data:
  color: green
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: sidecar
        image: proxy:1
      - name: main
        image: "web:2"
        env:
        - {name: A, value: '${COLOR}'}
        args:
        - --serve
"#;

    fn deployment() -> Value {
        let text = FILE.as_bytes();
        holdfast_yaml::parse_all(text, &holdfast_yaml::Options::v2()).unwrap().remove(1).value
    }

    /// The lines of the fields in which live differs from what the file, changed by patches, wants.
    fn check(patch: impl Fn(&mut Value), drift: impl Fn(&mut Value), expected: &[(&str, Option<u32>)]) {
        let mut desired = deployment();
        patch(&mut desired);
        let mut live = desired.clone();
        drift(&mut live);
        let request =
            ArgocdRequest { desired: &desired, live: &live, ignore: &[], manager: "us", defaults: None };
        let why = Reason::Differs(argocd(&request).differences);
        let object = Object::new(desired.clone()).unwrap().reference();
        let origin = Some(Origin { file: "app/all.yaml".into(), line: 8, document: 1 });
        let verb = Verb::Delete { propagation: Propagation::Background };
        let op = Op { object, verb, why, origin, precondition: None };
        let changes = [PlannedChange { op, change: Change::Configured }];
        let mut files = MemoryTree::new();
        files.insert("app/all.yaml", FILE.to_owned());
        let places = Places::find(&changes, &[Arc::new(MemoryTree::new()), Arc::new(files)]);
        let Reason::Differs(differences) = &changes[0].op.why else { unreachable!("it differs") };
        let found: Vec<(String, Option<u32>)> = differences
            .iter()
            .map(|d| (d.path.to_string(), places.of(&changes[0].op.object.key, d).map(|o| o.line)))
            .collect();
        let found: Vec<(&str, Option<u32>)> =
            found.iter().map(|(path, line)| (path.as_str(), *line)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_field_has_the_line_that_says_what_is_wanted() {
        let nothing = |_: &mut Value| {};
        check(nothing, |v| v["spec"]["replicas"] = json!(7), &[(".spec.replicas", Some(13))]);
        check(
            nothing,
            |v| v["spec"]["template"]["spec"]["containers"][1]["image"] = json!("web:1"),
            &[(".spec.template.spec.containers[name=\"main\"].image", Some(20))],
        );
        // What is missing whole stands at its key.
        check(
            nothing,
            |v| drop(v["spec"].as_object_mut().unwrap().remove("template")),
            &[(".spec.template", Some(14))],
        );
    }

    #[test]
    fn what_is_made_elsewhere_has_no_line() {
        check(
            |v| v["spec"]["replicas"] = json!(5),
            |v| v["spec"]["replicas"] = json!(7),
            &[(".spec.replicas", None)],
        );
        check(
            |v| v["spec"]["paused"] = json!(true),
            |v| v["spec"]["paused"] = json!(false),
            &[(".spec.paused", None)],
        );
    }
}
