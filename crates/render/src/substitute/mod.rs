//! Flux' post-build substitution: `${var}` in rendered objects.
//!
//! The grammar and its oddities are those of `fluxcd/pkg/envsubst`, a fork of `drone/envsubst`: only `${…}` is looked
//! at, `$var` stays as it is, `$$` is one dollar sign and keeps what follows from being looked at. Defaults (`=`, `:=`,
//! `:-`, `:?`, `:+`, all meaning the same), lengths, upper and lower case, substrings, replacements and trimming by
//! glob are known. The object is written as YAML, its text is substituted and read again, so that what was a string
//! may become a number: who wants a string writes quotes around the variable.

mod expand;
mod functions;
mod glob;
mod parse;

use crate::{Diagnostic, RenderError, Rendered};
use expand::{Expansion, expand};
use holdfast_object::Object;
use holdfast_yaml::Options;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// Variables and what is done with them.
///
/// How a front-end uses it: take the variables of each `substituteFrom` in order, then those of `substitute`, and
/// [`Substitution::set`] them (later ones win); wrap it in [`crate::Transform::Substitute`] and apply that to the
/// rendered objects before owner labels are set. Values are masked in `Debug`, and no error carries one.
#[derive(Debug, Clone, Default)]
pub struct Substitution {
    variables: BTreeMap<String, SecretString>,
    /// A variable without a value and without a default is an error; else it is empty.
    pub strict: bool,
    /// Substitute also when there are no variables, for the sake of the defaults (`substituteStrategy: Always`).
    pub always: bool,
    /// Objects with this label or annotation of value `disabled` are left alone.
    pub disabled_by: String,
}

impl PartialEq for Substitution {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret;
        let same = |((a, x), (b, y)): ((&String, &SecretString), (&String, &SecretString))| {
            a == b && x.expose_secret() == y.expose_secret()
        };
        (self.strict, self.always, &self.disabled_by) == (other.strict, other.always, &other.disabled_by)
            && self.variables.len() == other.variables.len()
            && self.variables.iter().zip(&other.variables).all(same)
    }
}

/// Why a variable is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'")]
pub struct InvalidVariable(pub String);

/// Bytes that all substitutions of one render may write.
const MAX_BYTES: usize = 64 << 20;
/// Steps of glob matching that all substitutions of one render may take.
const MAX_STEPS: usize = 200_000_000;

impl Substitution {
    /// Gives a variable a value, in place of one it had. As in Flux, line feeds are taken out of the value.
    ///
    /// # Errors
    /// [`InvalidVariable`] when the name is none.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidVariable> {
        let starts = |c: char| c == '_' || c.is_ascii_alphabetic();
        let is_name = name.starts_with(starts) && name.chars().all(|c| starts(c) || c.is_ascii_digit());
        if !is_name {
            return Err(InvalidVariable(name.to_owned()));
        }
        self.variables.insert(name.to_owned(), SecretString::from(value.replace('\n', "")));
        Ok(())
    }

    /// Whether objects are looked at at all.
    pub fn is_active(&self) -> bool {
        self.always || !self.variables.is_empty()
    }

    /// Substitutes in every object.
    ///
    /// # Errors
    /// [`RenderError::Broken`] with every object that cannot be substituted; none is changed then.
    pub(crate) fn apply(&self, rendered: &mut Rendered) -> Result<(), RenderError> {
        if !self.is_active() {
            return Ok(());
        }
        let expansion = Expansion::new(&self.variables, self.strict, MAX_BYTES, MAX_STEPS);
        let mut changed = Vec::new();
        let mut broken = Vec::new();
        for (at, entry) in rendered.objects.iter().enumerate() {
            match self.substituted(&entry.object, &expansion) {
                Ok(None) => {}
                Ok(Some(object)) => changed.push((at, object)),
                Err(message) => {
                    let name = entry.object.name();
                    let message = format!("post build failed for '{name}': envsubst error: {message}");
                    broken.push(Diagnostic { origin: entry.origin.clone(), message });
                }
            }
        }
        if !broken.is_empty() {
            return Err(RenderError::Broken(broken));
        }
        let mut entries: Vec<_> = rendered.objects.iter_mut().collect();
        for (at, object) in changed {
            entries[at].object = object;
        }
        Ok(())
    }

    /// The object with its variables replaced; `None` where there is nothing to replace.
    fn substituted(&self, object: &Object, expansion: &Expansion<'_>) -> Result<Option<Object>, String> {
        let key = self.disabled_by.as_str();
        let is_off = |value: Option<&str>| value == Some("disabled");
        if !key.is_empty() && (is_off(object.label(key)) || is_off(object.annotation(key))) {
            return Ok(None);
        }
        let text = holdfast_yaml::to_string(&object.to_value());
        if !text.contains('$') {
            return Ok(None);
        }
        let text = expand(&text, expansion).map_err(|e| format!("variable substitution failed: {e}"))?;
        // What the parser says may quote the text, which may hold a secret by now: only the place is told.
        let value = holdfast_yaml::parse(&text, &Options::v2())
            .map_err(|e| format!("the result is no YAML any more (line {} of the object)", e.line()))?;
        Object::new(value).map(Some).map_err(|_| "the result is no object any more".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{ObjectSet, Origin, Value, json};

    const MARK: &str = "kustomize.toolkit.fluxcd.io/substitute";

    fn origin(line: u32) -> Origin {
        Origin { file: "a.yaml".into(), line, document: 0 }
    }

    fn substitution(variables: &[(&str, &str)], strict: bool) -> Substitution {
        let mut substitution = Substitution { strict, disabled_by: MARK.into(), ..Default::default() };
        variables.iter().for_each(|(name, value)| substitution.set(name, value).unwrap());
        substitution
    }

    fn run(substitution: &Substitution, data: Value) -> Result<Value, String> {
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
        let mut objects = ObjectSet::new();
        objects.push(Object::new(object).unwrap(), Some(origin(3)));
        let mut rendered = Rendered { objects, ..Rendered::default() };
        substitution.apply(&mut rendered).map_err(|e| e.to_string())?;
        Ok(rendered.objects.iter().next().unwrap().object.get(&["data"]).cloned().unwrap_or_default())
    }

    #[test]
    fn types_follow_the_quotes() {
        let variables = substitution(
            &[("n", "8080"), ("t", "true"), ("s", "text"), ("e", ""), ("m", "a: b"), ("q", "\"7\"")],
            false,
        );
        let check = |data: Value, expected: Value| assert_eq!(run(&variables, data), Ok(expected));
        check(json!({"a": "${n}"}), json!({"a": 8080}));
        check(json!({"a": "${t}"}), json!({"a": true}));
        check(json!({"a": "${e}"}), json!({"a": null}));
        check(json!({"a": "${q}"}), json!({"a": "7"}));
        check(json!({"a": "'${n}'"}), json!({"a": "'8080'"}));
        check(json!({"a": "${s} ${n}"}), json!({"a": "text 8080"}));
        check(json!({"a": "8${e}"}), json!({"a": 8}));
        check(json!({"a": "$${n} $n"}), json!({"a": "${n} $n"}));
        // A text that needs quotes for another reason keeps them.
        check(json!({"a": "1${e}", "b": "x: ${n}"}), json!({"a": 1, "b": "x: 8080"}));
        // Keys are text like any other.
        check(json!({"${s}": "x"}), json!({"text": "x"}));
        assert!(run(&variables, json!({"a": "${m}"})).is_err());
    }

    #[test]
    fn objects_may_be_left_out() {
        let variables = substitution(&[("v", "1")], true);
        for place in ["labels", "annotations"] {
            for (value, expected) in [("disabled", "${v}-${unset}"), ("enabled", "")] {
                let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": "a", place: {MARK: value}}, "data": {"a": "${v}-${unset}"}});
                let mut objects = ObjectSet::new();
                objects.push(Object::new(object).unwrap(), None);
                let mut rendered = Rendered { objects, ..Rendered::default() };
                let outcome = variables.apply(&mut rendered);
                let data = rendered.objects.iter().next().unwrap().object.get(&["data", "a"]).cloned();
                if expected.is_empty() {
                    assert!(outcome.is_err(), "{place}");
                } else {
                    assert_eq!((outcome, data), (Ok(()), Some(json!(expected))), "{place}");
                }
            }
        }
    }

    #[test]
    fn without_variables_only_always_substitutes() {
        let mut none = substitution(&[], false);
        assert_eq!(run(&none, json!({"a": "${v:=1}"})), Ok(json!({"a": "${v:=1}"})));
        none.always = true;
        assert_eq!(run(&none, json!({"a": "${v:=1}"})), Ok(json!({"a": 1})));
    }

    #[test]
    fn every_broken_object_is_named_and_nothing_is_changed() {
        let mut objects = ObjectSet::new();
        for (name, text) in [("a", "${unset}"), ("b", "${v"), ("c", "${v}")] {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": text}});
            objects.push(Object::new(object).unwrap(), Some(origin(objects.len() as u32 + 1)));
        }
        let mut rendered = Rendered { objects, ..Rendered::default() };
        let before = rendered.clone();
        let error = substitution(&[("v", "geheim")], true).apply(&mut rendered).unwrap_err().to_string();
        assert_eq!(
            error,
            "a.yaml:1: post build failed for 'a': envsubst error: variable substitution failed: variable not set (strict mode): \"unset\"\n\
             a.yaml:2: post build failed for 'b': envsubst error: variable substitution failed: missing closing brace"
        );
        assert_eq!(rendered, before);
    }

    #[test]
    fn no_secret_is_told() {
        let variables = substitution(&[("v", "'geheim: [")], true);
        let error = run(&variables, json!({"a": "x ${v}"})).unwrap_err();
        assert!(!error.contains("geheim"), "{error}");
        assert!(error.contains("no YAML any more (line 3"), "{error}");
        assert!(!format!("{variables:?}").contains("geheim"));
    }

    #[test]
    fn names_are_checked() {
        let mut variables = Substitution::default();
        for (name, ok) in
            [("a", true), ("_A1", true), ("1a", false), ("a-b", false), ("", false), ("ä", false)]
        {
            assert_eq!(variables.set(name, "").is_ok(), ok, "{name}");
        }
    }
}
