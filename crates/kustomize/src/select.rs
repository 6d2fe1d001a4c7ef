//! Choosing resources: regular expressions over their identity, and label selectors.

use crate::error::{BuildError, Result};
use crate::inject::PatchTarget;
use crate::kustomization::Selector;
use crate::resource::{Gvk, ResSet, Resource};
use holdfast_object::Object;
use regex::Regex;

/// Chooses objects by what they are, as the targets of patches do: regular expressions over their identity, selectors
/// over labels and annotations. An empty one chooses every object.
#[derive(Debug)]
pub struct ObjectSelector(Chooser);

impl ObjectSelector {
    /// Reads a target.
    ///
    /// # Errors
    /// What is wrong with an expression or a selector.
    pub fn new(target: &PatchTarget) -> std::result::Result<Self, String> {
        let selector = Selector {
            group: target.group.clone(),
            version: target.version.clone(),
            kind: target.kind.clone(),
            name: target.name.clone(),
            namespace: target.namespace.clone(),
            label_selector: target.label_selector.clone(),
            annotation_selector: target.annotation_selector.clone(),
        };
        Chooser::new(&selector).map(Self).map_err(|e| e.to_string())
    }

    /// Whether an object is chosen.
    pub fn selects(&self, object: &Object) -> bool {
        let Self(chooser) = self;
        let gvk = object.gvk();
        fits(chooser.group.as_ref(), &gvk.group)
            && fits(chooser.version.as_ref(), &gvk.version)
            && fits(chooser.kind.as_ref(), &gvk.kind)
            && chooser.matches_name(object.name())
            && chooser.matches_namespace(object.namespace())
            && chooser.labels.0.iter().all(|r| r.matches(object.label(&r.key)))
            && chooser.annotations.0.iter().all(|r| r.matches(object.annotation(&r.key)))
    }
}

/// A compiled [`Selector`]: every part must match the whole text; an empty one matches anything.
#[derive(Debug)]
pub(crate) struct Chooser {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Requirements,
    annotations: Requirements,
}

/// A regular expression, or a plain text where that is all it is.
#[derive(Debug)]
enum Pattern {
    Text(String),
    Regex(Regex),
}

impl Pattern {
    fn new(field: &str, text: &str) -> Result<Option<Self>> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'/') {
            return Ok(Some(Self::Text(text.to_owned())));
        }
        let regex = Regex::new(&format!("^(?:{text})$")).map_err(|e| {
            BuildError::new(format!("invalid regular expression '{text}': {e}")).of_field(field)
        })?;
        Ok(Some(Self::Regex(regex)))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Text(own) => own == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

fn fits(pattern: Option<&Pattern>, text: &str) -> bool {
    pattern.is_none_or(|p| p.matches(text))
}

impl Chooser {
    pub(crate) fn new(selector: &Selector) -> Result<Self> {
        Ok(Self {
            group: Pattern::new("group", &selector.group)?,
            version: Pattern::new("version", &selector.version)?,
            kind: Pattern::new("kind", &selector.kind)?,
            name: Pattern::new("name", &selector.name)?,
            namespace: Pattern::new("namespace", &selector.namespace)?,
            labels: Requirements::parse(&selector.label_selector)
                .map_err(|e| BuildError::new(e).of_field("labelSelector"))?,
            annotations: Requirements::parse(&selector.annotation_selector)
                .map_err(|e| BuildError::new(e).of_field("annotationSelector"))?,
        })
    }

    pub(crate) fn matches_gvk(&self, gvk: &Gvk) -> bool {
        fits(self.group.as_ref(), &gvk.group)
            && fits(self.version.as_ref(), &gvk.version)
            && fits(self.kind.as_ref(), &gvk.kind)
    }

    pub(crate) fn matches_name(&self, name: &str) -> bool {
        fits(self.name.as_ref(), name)
    }

    pub(crate) fn matches_namespace(&self, namespace: &str) -> bool {
        fits(self.namespace.as_ref(), namespace)
    }

    /// True when the resource's labels and annotations fit.
    pub(crate) fn matches_metadata(&self, resource: &Resource) -> bool {
        self.labels.match_texts(resource, "labels") && self.annotations.match_texts(resource, "annotations")
    }

    /// True when labels or annotations are asked for at all.
    pub(crate) fn asks_metadata(&self) -> bool {
        !self.labels.0.is_empty() || !self.annotations.0.is_empty()
    }

    /// True when group, version, kind, name and namespace are all open.
    pub(crate) fn is_open(&self) -> bool {
        [&self.group, &self.version, &self.kind, &self.name, &self.namespace].iter().all(|p| p.is_none())
    }

    /// As patch targets select: by the name and namespace it has or had at first, and today's kind.
    pub(crate) fn selects(&self, resource: &Resource) -> bool {
        if !self.matches_gvk(&resource.id.gvk) {
            return false;
        }
        let original = resource.previous.first();
        let namespace_fits = self.matches_namespace(resource.id.effective_namespace())
            || original.is_some_and(|p| {
                self.matches_namespace(if p.namespace.is_empty() { "default" } else { &p.namespace })
            });
        let name_fits =
            self.matches_name(&resource.id.name) || original.is_some_and(|p| self.matches_name(&p.name));
        namespace_fits && name_fits && self.matches_metadata(resource)
    }

    /// The places of the resources it selects.
    pub(crate) fn select(&self, set: &ResSet) -> Vec<usize> {
        set.list.iter().enumerate().filter(|(_, r)| self.selects(r)).map(|(at, _)| at).collect()
    }
}

/// A label selector (`a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`).
#[derive(Debug, Default)]
struct Requirements(Vec<Requirement>);

#[derive(Debug)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Missing,
    Greater,
    Less,
}

impl Requirements {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut requirements = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (requirement, after) =
                parse_requirement(rest).ok_or_else(|| format!("unable to parse label selector '{text}'"))?;
            requirements.push(requirement);
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(more) if !more.trim().is_empty() => more.trim_start(),
                None if after.is_empty() => after,
                _ => return Err(format!("unable to parse label selector '{text}'")),
            };
        }
        Ok(Self(requirements))
    }

    fn match_texts(&self, resource: &Resource, section: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let texts = resource.texts(section);
        self.0.iter().all(|r| r.matches(texts.iter().find(|(k, _)| *k == r.key).map(|(_, v)| v.as_str())))
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

fn word(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| !is_key_byte(b)).unwrap_or(text.len());
    (&text[..end], &text[end..])
}

fn parse_requirement(text: &str) -> Option<(Requirement, &str)> {
    let make = |key: &str, operator, values| Requirement { key: key.to_owned(), operator, values };
    if let Some(rest) = text.strip_prefix('!') {
        let (key, rest) = word(rest.trim_start());
        return (!key.is_empty()).then(|| (make(key, Operator::Missing, Vec::new()), rest));
    }
    let (key, rest) = word(text);
    if key.is_empty() {
        return None;
    }
    let rest = rest.trim_start();
    for (sign, operator) in [
        ("==", Operator::In),
        ("!=", Operator::NotIn),
        ("=", Operator::In),
        (">", Operator::Greater),
        ("<", Operator::Less),
    ] {
        if let Some(rest) = rest.strip_prefix(sign) {
            let (value, rest) = word(rest.trim_start());
            if matches!(operator, Operator::Greater | Operator::Less) && value.parse::<i64>().is_err() {
                return None;
            }
            return Some((make(key, operator, vec![value.to_owned()]), rest));
        }
    }
    for (name, operator) in [("notin", Operator::NotIn), ("in", Operator::In)] {
        let Some(list) = rest.strip_prefix(name).map(str::trim_start).and_then(|r| r.strip_prefix('('))
        else {
            continue;
        };
        let (inside, rest) = list.split_once(')')?;
        let values: Vec<String> = inside.split(',').map(|v| v.trim().to_owned()).collect();
        return Some((make(key, operator, values), rest));
    }
    Some((make(key, Operator::Exists, Vec::new()), rest))
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        let number = |text: &str| text.parse::<i64>().ok();
        let bound = self.values.first().and_then(|v| number(v));
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.iter().any(|own| own == v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.iter().any(|own| own == v)),
            Operator::Exists => value.is_some(),
            Operator::Missing => value.is_none(),
            Operator::Greater => value.and_then(number).zip(bound).is_some_and(|(v, b)| v > b),
            Operator::Less => value.and_then(number).zip(bound).is_some_and(|(v, b)| v < b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_chosen_by_what_they_are() {
        let object = Object::new(holdfast_object::json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web-1", "namespace": "n", "labels": {"tier": "front"}}}));
        let object = object.unwrap();
        let chooses = |target: PatchTarget| ObjectSelector::new(&target).unwrap().selects(&object);
        assert!(chooses(PatchTarget::default()));
        assert!(chooses(PatchTarget {
            kind: "Deploy.*".into(),
            name: "web-[0-9]".into(),
            ..Default::default()
        }));
        assert!(!chooses(PatchTarget { name: "web".into(), ..Default::default() }), "the whole name counts");
        assert!(chooses(PatchTarget { label_selector: "tier in (front)".into(), ..Default::default() }));
        assert!(!chooses(PatchTarget { annotation_selector: "a".into(), ..Default::default() }));
        assert!(ObjectSelector::new(&PatchTarget { name: "(".into(), ..Default::default() }).is_err());
    }

    #[test]
    fn label_selectors_have_every_operator() {
        let check = |text: &str, value: Option<&str>, expected: bool| {
            let requirements = Requirements::parse(text).unwrap();
            assert_eq!(requirements.0.iter().all(|r| r.matches(value)), expected, "{text} on {value:?}");
        };
        check("a=b", Some("b"), true);
        check("a==b,a!=c", Some("b"), true);
        check("a in (b, c)", Some("c"), true);
        check("a notin (b,c)", None, true);
        check("a notin (b,c)", Some("b"), false);
        check("a", Some(""), true);
        check("!a", Some(""), false);
        check("a>1", Some("2"), true);
        check("a<1", Some("x"), false);
        check("", None, true);
        for wrong in ["a b", "=b", "a in b", "a,,b", "a>x"] {
            assert!(Requirements::parse(wrong).is_err(), "{wrong}");
        }
    }
}
