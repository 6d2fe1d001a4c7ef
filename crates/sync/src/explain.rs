use crate::progress::Correction;
use crate::step::Reason;
use holdfast_merge::drift::Difference;
use holdfast_object::{ObjectRef, Origin, Value};

/// The most characters of a value that are shown.
const SHOWN: usize = 80;

/// Why an object is to be written or deleted, for people: a line for each field that is not as wanted, with its value,
/// who set it, and the file and line that wants it. Values of Secrets are not shown.
pub fn explain(object: &ObjectRef, origin: Option<&Origin>, why: &Reason) -> Vec<String> {
    explain_at(object, origin, why, &|_| None)
}

/// The same, with the place of a field itself where `place` knows it.
pub fn explain_at(
    object: &ObjectRef,
    origin: Option<&Origin>,
    why: &Reason,
    place: &dyn Fn(&Difference) -> Option<Origin>,
) -> Vec<String> {
    lines(object, origin, why, Tense::Present, place)
}

/// What a correction met, in the same words, of what was and is no more.
pub fn explain_correction(correction: &Correction) -> Vec<String> {
    lines(&correction.object, correction.origin.as_ref(), &correction.why, Tense::Past, &|_| None)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tense {
    Present,
    Past,
}

impl Tense {
    fn is(self) -> &'static str {
        if self == Self::Present { "is" } else { "was" }
    }

    fn has(self) -> &'static str {
        if self == Self::Present { "has" } else { "had" }
    }
}

fn lines(
    object: &ObjectRef,
    origin: Option<&Origin>,
    why: &Reason,
    tense: Tense,
    place: &dyn Fn(&Difference) -> Option<Origin>,
) -> Vec<String> {
    let named = |origin: Option<&Origin>| match origin {
        Some(origin) => format!("{object} ({origin})"),
        None => object.to_string(),
    };
    let name = named(origin);
    let is_secret = object.key.kind == "Secret" && object.key.group.is_empty();
    let one = |what: String| vec![format!("{name} {what}")];
    match why {
        Reason::Differs(differences) => {
            let line = |d: &Difference| {
                let at = place(d);
                format!("{}: {}", named(at.as_ref().or(origin)), of_field(d, is_secret, tense))
            };
            differences.iter().map(line).collect()
        }
        Reason::Folded(managers) => one(format!("{} fields of {}", tense.has(), managers.join(", "))),
        Reason::OwnershipLost => one(format!("{} fields that are no longer ours", tense.has())),
        Reason::Missing => one(format!("{} missing", tense.is())),
        why if tense == Tense::Present => one(why.to_string()),
        Reason::Unverified => one("was applied again, as whether it differed could not be told".into()),
        Reason::NotDesired => one("was no longer desired".into()),
        Reason::AppDeleted => one("belonged to a deleted app".into()),
    }
}

fn of_field(difference: &Difference, is_secret: bool, tense: Tense) -> String {
    let shown = |value: &Option<Value>| match value {
        None => "absent".to_owned(),
        Some(_) if is_secret => "a value that is not shown".to_owned(),
        Some(value) => shorten(&value.to_string()),
    };
    let taken = difference.taken_by.as_ref().map(|taker| {
        let when = taker.time.as_deref().map(|time| format!(" at {time}")).unwrap_or_default();
        format!(", set by {taker}{when}")
    });
    let (live, wanted) = (shown(&difference.live), shown(&difference.desired));
    format!("{} {} {live}, wanted {wanted}{}", difference.path, tense.is(), taken.unwrap_or_default())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_merge::drift::{ArgocdRequest, argocd};
    use holdfast_object::{Object, json};

    /// The differences of a Deployment or Secret from what Git says, as Argo CD's rule finds them.
    fn reason(desired: &Value, live: &Value) -> Reason {
        let request = ArgocdRequest { desired, live, ignore: &[], manager: "us", defaults: None };
        Reason::Differs(argocd(&request).differences)
    }

    fn scaled(kind: &str, fields: Value) -> (ObjectRef, Value) {
        let mut value =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "n"}});
        fields.as_object().unwrap().iter().for_each(|(key, field)| value[key] = field.clone());
        (Object::new(value.clone()).unwrap().reference(), value)
    }

    #[test]
    fn a_field_is_told_with_its_values_place_and_taker() {
        let (object, desired) = scaled("ConfigMap", json!({"data": {"replicas": "3"}}));
        let (_, mut live) = scaled("ConfigMap", json!({"data": {"replicas": "7"}}));
        live["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Update",
            "apiVersion": "v1", "time": "2026-01-01T10:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:replicas": {}}}}]);
        let origin = Origin { file: "a.yaml".into(), line: 4, document: 0 };
        let why = reason(&desired, &live);
        let field = "ConfigMap/n/a (a.yaml:4): .data.replicas";
        let by = r#""7", wanted "3", set by kubectl/Update at 2026-01-01T10:00:00Z"#;
        assert_eq!(explain(&object, Some(&origin), &why), [format!("{field} is {by}")]);
        let own = |d: &Difference| {
            assert_eq!(d.path.to_string(), ".data.replicas");
            Some(Origin { line: 9, ..origin.clone() })
        };
        let at_field = explain_at(&object, Some(&origin), &why, &own);
        assert_eq!(at_field, [format!("ConfigMap/n/a (a.yaml:9): .data.replicas is {by}")]);
        let correction = Correction { object, origin: Some(origin), why };
        assert_eq!(explain_correction(&correction), [format!("{field} was {by}")]);
    }

    #[test]
    fn a_secret_keeps_its_values() {
        let (object, desired) = scaled("Secret", json!({"data": {"key": "bmV3"}}));
        let (_, live) = scaled("Secret", json!({"data": {"key": "b2xk"}}));
        let lines = explain(&object, None, &reason(&desired, &live)).join("\n");
        assert!(lines.contains("a value that is not shown") && !lines.contains("b2xk"), "{lines}");
        assert!(!lines.contains("bmV3"), "{lines}");
    }

    #[test]
    fn what_has_no_fields_is_told_in_a_sentence() {
        let (object, _) = scaled("ConfigMap", json!({}));
        let check = |why: Reason, present: &str, past: &str| {
            assert_eq!(explain(&object, None, &why), [format!("ConfigMap/n/a {present}")]);
            let correction = Correction { object: object.clone(), origin: None, why };
            assert_eq!(explain_correction(&correction), [format!("ConfigMap/n/a {past}")]);
        };
        check(Reason::Missing, "is missing", "was missing");
        check(Reason::Folded(vec!["helm".into()]), "has fields of helm", "had fields of helm");
        check(
            Reason::OwnershipLost,
            "has fields that are no longer ours",
            "had fields that are no longer ours",
        );
    }
}
