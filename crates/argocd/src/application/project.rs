//! What an Application may do: the rules of its AppProject.

use super::refuse::{IN_CLUSTER_NAME, IN_CLUSTER_SERVER};
use globset::GlobBuilder;
use holdfast_object::{GroupKind, Object, Value, json};
use holdfast_types::argocd::{ApplicationSpec, Source};
use serde::Deserialize;

/// The project of Applications that name none.
pub(crate) const DEFAULT_PROJECT: &str = "default";

/// The rules of an AppProject that are acted on.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Project {
    #[serde(skip)]
    name: String,
    source_repos: Vec<String>,
    destinations: Vec<AllowedDestination>,
    cluster_resource_whitelist: Vec<KindRule>,
    cluster_resource_blacklist: Vec<KindRule>,
    namespace_resource_whitelist: Option<Vec<KindRule>>,
    namespace_resource_blacklist: Vec<KindRule>,
    source_namespaces: Vec<String>,
    permit_only_project_scoped_clusters: bool,
    sync_windows: Vec<Value>,
    signature_keys: Vec<Value>,
    source_integrity: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default)]
struct AllowedDestination {
    server: String,
    name: String,
    namespace: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default)]
struct KindRule {
    group: String,
    kind: String,
    name: String,
}

impl Project {
    /// Reads a live project.
    ///
    /// # Errors
    /// What of its spec is not of the right type.
    pub(crate) fn read(object: &Object) -> Result<Self, String> {
        let spec = object.get(&["spec"]).cloned().unwrap_or_else(|| json!({}));
        let project: Self =
            serde_json::from_value(spec).map_err(|e| format!("project {}: {e}", object.name()))?;
        Ok(Self { name: object.name().to_owned(), ..project })
    }

    /// The project that Argo CD makes at its first start: everything is allowed.
    pub(crate) fn unrestricted() -> Self {
        let any = || KindRule { group: "*".into(), kind: "*".into(), name: String::new() };
        Self {
            name: DEFAULT_PROJECT.into(),
            source_repos: vec!["*".into()],
            destinations: vec![AllowedDestination {
                server: "*".into(),
                name: String::new(),
                namespace: "*".into(),
            }],
            cluster_resource_whitelist: vec![any()],
            ..Self::default()
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why an Application may not be as it is, each as the message of an `InvalidSpecError`.
    pub(crate) fn problems(
        &self,
        app: &Object,
        spec: &ApplicationSpec,
        control_namespace: &str,
    ) -> Vec<String> {
        let name = &self.name;
        let mut problems = Vec::new();
        if app.namespace() != control_namespace && !any_matches(&self.source_namespaces, app.namespace()) {
            problems.push(format!(
                "application '{}' in namespace '{}' is not permitted to use project '{name}'",
                app.name(),
                app.namespace()
            ));
        }
        for source in spec.sources.list().iter().filter(|source| !self.permits_source(source)) {
            problems
                .push(format!("application repo {} is not permitted in project '{name}'", source.repo_url));
        }
        let destination = &spec.destination;
        if !self.permits_destination(&destination.namespace) {
            let server = if destination.name.is_empty() { &destination.server } else { &destination.name };
            problems.push(format!(
                "application destination server '{server}' and namespace '{}' do not match any of the allowed \
                 destinations in project '{name}'",
                destination.namespace
            ));
        }
        let stops: [(&str, bool); 4] = [
            ("syncWindows", !self.sync_windows.is_empty()),
            ("sourceIntegrity", self.source_integrity.as_ref().is_some_and(|v| !v.is_null())),
            ("signatureKeys", !self.signature_keys.is_empty()),
            ("permitOnlyProjectScopedClusters", self.permit_only_project_scoped_clusters),
        ];
        let stops = stops.into_iter().filter(|(_, is_set)| *is_set);
        problems.extend(stops.map(|(field, _)| format!("{field} of project '{name}' is not supported yet")));
        problems
    }

    fn permits_source(&self, source: &Source) -> bool {
        let url = normal_url(&source.repo_url);
        let is = |pattern: &str| matches(&normal_url(pattern), &url);
        let denied = self.source_repos.iter().filter_map(|p| p.strip_prefix('!')).any(is);
        !denied && self.source_repos.iter().filter(|p| !p.starts_with('!')).any(|p| is(p))
    }

    /// Whether objects may go to a namespace of the own cluster.
    pub(crate) fn permits_destination(&self, namespace: &str) -> bool {
        let part = |pattern: &str, value: &str| matches(pattern, value);
        let mut permitted = false;
        for rule in &self.destinations {
            let (denies_namespace, wanted) = deny(&rule.namespace);
            let (denies_server, server) = deny(&rule.server);
            let (denies_name, name) = deny(&rule.name);
            let cluster = (!server.is_empty() && part(server, IN_CLUSTER_SERVER))
                || (!name.is_empty() && part(name, IN_CLUSTER_NAME));
            let denies_cluster = denies_server || denies_name;
            match (denies_namespace || denies_cluster, cluster, part(wanted, namespace)) {
                (false, true, true) => permitted = true,
                // A denied namespace of this cluster, or any namespace of a denied cluster.
                (true, true, is_namespace) if is_namespace || (denies_cluster && !denies_namespace) => {
                    return false;
                }
                _ => {}
            }
        }
        permitted
    }

    /// Whether objects of a kind may be part of Applications.
    pub(crate) fn permits_kind(&self, kind: &GroupKind, name: &str, namespaced: bool) -> bool {
        let is = |rule: &KindRule| {
            matches(&rule.group, &kind.group)
                && matches(&rule.kind, &kind.kind)
                && (rule.name.is_empty() || matches(&rule.name, name))
        };
        if namespaced {
            let listed = self.namespace_resource_whitelist.as_ref().is_none_or(|list| list.iter().any(is));
            listed && !self.namespace_resource_blacklist.iter().any(is)
        } else {
            let listed = self.cluster_resource_whitelist.iter().any(is);
            listed && !self.cluster_resource_blacklist.iter().any(is)
        }
    }
}

fn deny(pattern: &str) -> (bool, &str) {
    pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest))
}

fn any_matches(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}

/// Argo CD's globs: `*` crosses every separator; `/…/` is a regular expression there and matches nothing here.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" || pattern == text {
        return true;
    }
    let glob = GlobBuilder::new(pattern).literal_separator(false).build();
    glob.is_ok_and(|glob| glob.compile_matcher().is_match(text))
}

/// An address without what does not tell repositories apart.
fn normal_url(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(spec: Value) -> Project {
        Project::read(
            &Object::new(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
                "metadata": {"name": "team"}, "spec": spec}))
            .unwrap(),
        )
        .unwrap()
    }

    fn app(namespace: &str) -> Object {
        Object::new(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": namespace}}))
        .unwrap()
    }

    fn spec(repo: &str, namespace: &str) -> ApplicationSpec {
        serde_json::from_value(json!({"source": {"repoURL": repo, "path": "."},
            "destination": {"server": IN_CLUSTER_SERVER, "namespace": namespace}}))
        .unwrap()
    }

    #[test]
    fn destinations_are_globs_with_denials() {
        let check = |destinations: Value, namespace: &str, expected: bool| {
            let project = project(json!({"destinations": destinations}));
            assert_eq!(project.permits_destination(namespace), expected, "{destinations} {namespace}");
        };
        let any = json!([{"server": "*", "namespace": "*"}]);
        check(json!([]), "a", false);
        check(any, "a", true);
        check(json!([{"name": "in-cluster", "namespace": "team-*"}]), "team-a", true);
        check(json!([{"name": "in-cluster", "namespace": "team-*"}]), "other", false);
        check(json!([{"server": "https://other", "namespace": "*"}]), "a", false);
        let denied = json!([{"server": "*", "namespace": "!kube-*"}, {"server": "*", "namespace": "*"}]);
        check(denied.clone(), "kube-system", false);
        check(denied, "a", true);
        check(
            json!([{"server": format!("!{IN_CLUSTER_SERVER}"), "namespace": "*"}, {"server": "*", "namespace": "*"}]),
            "a",
            false,
        );
    }

    #[test]
    fn what_is_not_permitted_is_said_in_argo_cds_words() {
        let project = project(json!({
            "sourceRepos": ["https://git/team/*", "!https://git/team/secret"],
            "destinations": [{"server": "*", "namespace": "team"}],
        }));
        let problems =
            |repo: &str, namespace: &str| project.problems(&app("argocd"), &spec(repo, namespace), "argocd");
        assert_eq!(problems("https://git/team/shop.git", "team"), Vec::<String>::new());
        assert_eq!(
            problems("https://git/team/secret", "team"),
            ["application repo https://git/team/secret is not permitted in project 'team'"]
        );
        assert_eq!(
            problems("https://git/team/shop", "prod"),
            [
                "application destination server 'https://kubernetes.default.svc' and namespace 'prod' do not match any of \
              the allowed destinations in project 'team'"
            ]
        );
        assert_eq!(
            project.problems(&app("elsewhere"), &spec("https://git/team/shop", "team"), "argocd"),
            ["application 'shop' in namespace 'elsewhere' is not permitted to use project 'team'"]
        );
    }

    #[test]
    fn rules_that_are_not_enforced_stop_the_application() {
        let project =
            project(json!({"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
            "syncWindows": [{"kind": "deny"}]}));
        assert_eq!(
            project.problems(&app("argocd"), &spec("https://x", "a"), "argocd"),
            ["syncWindows of project 'team' is not supported yet"]
        );
    }

    #[test]
    fn cluster_kinds_are_closed_and_namespaced_ones_open_by_default() {
        let permits = |spec: Value, group: &str, kind: &str, namespaced: bool| {
            project(spec).permits_kind(&GroupKind::new(group, kind), "x", namespaced)
        };
        assert!(!permits(json!({}), "", "Namespace", false));
        assert!(permits(
            json!({"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}),
            "",
            "Namespace",
            false
        ));
        assert!(!permits(
            json!({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}]}),
            "",
            "Namespace",
            false
        ));
        assert!(permits(json!({}), "apps", "Deployment", true));
        assert!(!permits(json!({"namespaceResourceWhitelist": []}), "apps", "Deployment", true));
        assert!(!permits(
            json!({"namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]}),
            "",
            "Secret",
            true
        ));
        assert!(Project::unrestricted().permits_kind(&GroupKind::new("", "Namespace"), "a", false));
    }
}
