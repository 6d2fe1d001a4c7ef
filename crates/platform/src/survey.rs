use holdfast_object::Object;
use std::fmt;

/// Why a custom resource is not run: a reason each. Empty when it is.
pub fn unsupported(object: &Object) -> Vec<String> {
    match object.gvk().group.as_str() {
        "argoproj.io" => holdfast_argocd::unsupported(object),
        _ => holdfast_flux::unsupported(object),
    }
}

/// Whether a custom resource brings objects to a cluster, and so counts as an app; sources and projects do not.
pub fn is_app(object: &Object) -> bool {
    matches!(
        (object.gvk().group.as_str(), object.kind()),
        ("kustomize.toolkit.fluxcd.io", "Kustomization")
            | ("helm.toolkit.fluxcd.io", "HelmRelease")
            | ("argoproj.io", "Application" | "ApplicationSet")
            | ("flagger.app", "Canary")
    )
}

/// How many apps there are, and how many are refused for what: `17 of 41 run; 24 refused: helm 14, hooks 6, jsonnet 4`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    apps: usize,
    /// Topics with how many apps they keep from being run, in the order in which they were met.
    refused: Vec<(String, usize)>,
}

impl Survey {
    /// Counts the apps among custom resources. What a source holds is not looked at.
    pub fn of<'o>(objects: impl IntoIterator<Item = &'o Object>) -> Self {
        let mut survey = Self::default();
        for object in objects.into_iter().filter(|object| is_app(object)) {
            survey.count(unsupported(object).first().map(String::as_str));
        }
        survey
    }

    /// Counts one app, with the reason for which it is refused if it is.
    pub fn count(&mut self, refusal: Option<&str>) {
        self.apps += 1;
        let Some(topic) = refusal.map(topic) else { return };
        match self.refused.iter_mut().find(|(known, _)| *known == topic) {
            Some((_, count)) => *count += 1,
            None => self.refused.push((topic, 1)),
        }
    }

    /// How many apps there are.
    pub fn apps(&self) -> usize {
        self.apps
    }

    /// How many of them are refused.
    pub fn refused(&self) -> usize {
        self.refused.iter().map(|(_, count)| count).sum()
    }

    /// The topics, the most frequent first: `helm 14, hooks 6`.
    pub fn topics(&self) -> String {
        let mut topics: Vec<&(String, usize)> = self.refused.iter().collect();
        topics.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        topics.iter().map(|(topic, count)| format!("{topic} {count}")).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (apps, refused) = (self.apps, self.refused());
        write!(f, "{} of {apps} run", apps - refused)?;
        if refused > 0 {
            write!(f, "; {refused} refused: {}", self.topics())?;
        }
        Ok(())
    }
}

/// What a refusal is about, in a word or two: the field's name, the kind that is not run, or the words in parentheses.
fn topic(refusal: &str) -> String {
    let first = refusal.split("; ").next().unwrap_or_default();
    let first = first.strip_suffix(" is not supported yet").unwrap_or(first);
    let first = first.strip_suffix(" is not run yet").unwrap_or(first);
    if let Some((_, words)) = first.rsplit_once(" (") {
        return words.trim_end_matches(')').to_owned();
    }
    // `hooks: Job/migrate`
    let (what, detail) = first.split_once([':', ' ']).unwrap_or((first, ""));
    match what.rsplit_once('.') {
        // `spec.sourceRef.kind Bucket`
        Some((_, "kind")) => detail.trim().to_owned(),
        Some((_, field)) => field.split('[').next().unwrap_or(field).to_owned(),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{Value, json};

    #[test]
    fn refusals_have_short_names() {
        let check = |refusal: &str, expected: &str| assert_eq!(topic(refusal), expected, "{refusal}");
        check("HelmRelease is not run yet", "HelmRelease");
        check("spec.decryption", "decryption");
        check("spec.dependsOn[0].readyExpr", "readyExpr");
        check("spec.sourceRef.kind Bucket", "Bucket");
        check("spec.source.plugin is not supported yet", "plugin");
        check("spec.sources (several sources) is not supported yet", "several sources");
        check(
            "spec.destination.server: https://x.io (another cluster) is not supported yet",
            "another cluster",
        );
        check("hooks: Job/migrate, Job/seed is not supported yet", "hooks");
        check("spec: missing field `sourceRef`", "spec");
    }

    #[test]
    fn apps_are_counted_and_sources_are_not() {
        let object = |api: &str, kind: &str, spec: Value| {
            Object::new(json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a"}, "spec": spec}))
                .unwrap()
        };
        let flux = |extra: Value| {
            let mut spec =
                json!({"interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "g"}});
            extra.as_object().unwrap().iter().for_each(|(key, value)| spec[key] = value.clone());
            object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", spec)
        };
        let set = || object("argoproj.io/v1alpha1", "ApplicationSet", json!({}));
        let objects = [
            flux(json!({})),
            flux(json!({"unheardOf": {"a": 1}})),
            set(),
            set(),
            object(
                "source.toolkit.fluxcd.io/v1",
                "GitRepository",
                json!({"url": "https://x/y", "interval": "1m"}),
            ),
        ];
        let survey = Survey::of(&objects);
        assert_eq!(survey.to_string(), "1 of 4 run; 3 refused: ApplicationSet 2, unheardOf 1");
        assert_eq!(Survey::of(&objects[..1]).to_string(), "1 of 1 run");
    }
}
