//! What Git providers tell us about pushes. Pure: a request's headers and body in, what was pushed out.

use crate::GitUrl;
use aws_lc_rs::hmac;
use serde_json::Value;

/// Who sent a request, as its headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// GitHub, and what speaks like it: Gitea, Forgejo and Gogs.
    GitHub,
    /// GitLab.
    GitLab,
    /// Bitbucket Cloud and Server.
    Bitbucket,
    /// Azure DevOps service hooks.
    AzureDevOps,
    /// An OCI registry that notifies as the distribution project's does, with the secret as its bearer token.
    Registry,
    /// Anyone with an `X-Signature` header and a body in one of the known shapes (Flux's `generic-hmac`).
    Generic,
}

/// A push: which repository, which reference, from and to which commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Every address the provider names for the repository; compare with [`GitUrl::same_repository`].
    pub repositories: Vec<String>,
    /// The full reference name, `refs/heads/main`.
    pub reference: String,
    /// The commit before; `None` for a new reference, or where the provider does not tell.
    pub before: Option<String>,
    /// The commit after; `None` for a deleted reference, or where the provider does not tell.
    pub after: Option<String>,
    /// The repository's default branch, where the provider tells: a push to it concerns whoever follows `HEAD`.
    pub default_branch: Option<String>,
    /// Every path that was added, changed or removed, where the provider lists all of them; `None` where it does not,
    /// or where it cut the list off.
    pub changed: Option<Vec<String>>,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// References moved.
    Pushes(Vec<Push>),
    /// Images or artifacts were pushed to registries: `host/path`, without tag or digest.
    Images(Vec<String>),
    /// A test message, or an event that is no push.
    Other(String),
}

/// Why a request is not believed or not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The signature or token is missing or wrong.
    #[error("the signature or token is missing or does not fit the secret")]
    Unauthorized,
    /// No header tells who sent this.
    #[error("no header names an event of a known provider")]
    UnknownProvider,
    /// The body is too large.
    #[error("{0} bytes, more than the limit of {MAX_BODY_BYTES}")]
    TooLarge(usize),
    /// The body is no JSON, or lacks a field.
    #[error("the body is not what this provider sends: {0}")]
    Malformed(String),
}

/// The largest body that is read, in bytes; Argo CD's default is the same order (50 MiB), GitHub sends at most 25 MB.
pub const MAX_BODY_BYTES: usize = 25 << 20;

/// GitHub lists at most this many commits in a push; with so many, paths may be missing.
const GITHUB_COMMITS: usize = 2048;

/// GitLab lists at most this many.
const GITLAB_COMMITS: usize = 20;

/// A request as far as it matters; `header` looks a header up by its name in lower case.
pub struct Request<'a> {
    /// Looks up a header.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The body, byte for byte as it was signed.
    pub body: &'a [u8],
}

impl Request<'_> {
    /// Who sent the request.
    ///
    /// # Errors
    /// [`WebhookError::UnknownProvider`].
    pub fn provider(&self) -> Result<Provider, WebhookError> {
        let has = |name: &str| (self.header)(name).is_some();
        if has("x-gitlab-event") {
            Ok(Provider::GitLab)
        } else if has("x-github-event") || has("x-gitea-event") || has("x-gogs-event") {
            Ok(Provider::GitHub)
        } else if has("x-event-key") {
            Ok(Provider::Bitbucket)
        } else if has("x-vss-activityid") {
            Ok(Provider::AzureDevOps)
        } else if (self.header)("content-type").is_some_and(|kind| kind.starts_with(REGISTRY_EVENTS)) {
            Ok(Provider::Registry)
        } else if has("x-signature") {
            Ok(Provider::Generic)
        } else {
            Err(WebhookError::UnknownProvider)
        }
    }

    /// Checks the signature or token against a secret, in time that does not depend on where they differ.
    ///
    /// # Errors
    /// [`WebhookError::Unauthorized`].
    pub fn authenticate(&self, provider: Provider, secret: &str) -> Result<(), WebhookError> {
        let header = |name: &str| (self.header)(name);
        let authentic = match provider {
            Provider::GitLab => {
                header("x-gitlab-token").is_some_and(|t| same(t.as_bytes(), secret.as_bytes()))
            }
            Provider::GitHub => {
                let signature = header("x-hub-signature-256")
                    .or_else(|| header("x-hub-signature"))
                    .or_else(|| header("x-gitea-signature"))
                    .or_else(|| header("x-gogs-signature"));
                signature.is_some_and(|s| self.is_signed(s, secret))
            }
            Provider::Bitbucket => header("x-hub-signature").is_some_and(|s| self.is_signed(s, secret)),
            Provider::Generic => header("x-signature").is_some_and(|s| self.is_signed(s, secret)),
            Provider::AzureDevOps => header("authorization").is_some_and(|a| is_basic(a, secret)),
            Provider::Registry => header("authorization")
                .and_then(|a| a.strip_prefix("Bearer "))
                .is_some_and(|token| same(token.as_bytes(), secret.as_bytes())),
        };
        if authentic { Ok(()) } else { Err(WebhookError::Unauthorized) }
    }

    /// What was pushed.
    ///
    /// # Errors
    /// [`WebhookError::TooLarge`], [`WebhookError::Malformed`].
    pub fn event(&self, provider: Provider) -> Result<Event, WebhookError> {
        if self.body.len() > MAX_BODY_BYTES {
            return Err(WebhookError::TooLarge(self.body.len()));
        }
        let name = ["x-github-event", "x-gitlab-event", "x-gitea-event", "x-gogs-event", "x-event-key"]
            .into_iter()
            .find_map(|h| (self.header)(h))
            .unwrap_or_default();
        let body: Value =
            serde_json::from_slice(self.body).map_err(|e| WebhookError::Malformed(e.to_string()))?;
        if provider == Provider::GitHub && matches!(name, "package" | "registry_package") {
            return Ok(github_package(&body, name));
        }
        let is_push = match provider {
            Provider::GitHub => name == "push",
            Provider::GitLab => matches!(name, "Push Hook" | "Tag Push Hook" | "System Hook"),
            Provider::Bitbucket => matches!(name, "repo:push" | "repo:refs_changed"),
            Provider::AzureDevOps => text(&body, "/eventType") == Some("git.push"),
            Provider::Registry => true,
            Provider::Generic => text(&body, "/ref").is_some(),
        };
        if !is_push {
            return Ok(Event::Other(name.to_owned()));
        }
        match provider {
            Provider::GitHub | Provider::Generic => Ok(Event::Pushes(vec![github(&body)?])),
            Provider::Registry => Ok(registry(&body)),
            Provider::GitLab => match text(&body, "/ref") {
                Some(_) => Ok(Event::Pushes(vec![gitlab(&body)?])),
                None => Ok(Event::Other(name.to_owned())),
            },
            Provider::Bitbucket => bitbucket(&body).map(Event::Pushes),
            Provider::AzureDevOps => azure(&body).map(Event::Pushes),
        }
    }

    /// `<algorithm>=<hex>`, or hexadecimal alone for SHA-256.
    fn is_signed(&self, signature: &str, secret: &str) -> bool {
        let (algorithm, digest) = signature.split_once('=').unwrap_or(("sha256", signature));
        let algorithm = match algorithm {
            "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "sha224" => hmac::HMAC_SHA224,
            "sha256" => hmac::HMAC_SHA256,
            "sha384" => hmac::HMAC_SHA384,
            "sha512" => hmac::HMAC_SHA512,
            _ => return false,
        };
        let Ok(digest) = hex::decode(digest.trim()) else { return false };
        hmac::verify(&hmac::Key::new(algorithm, secret.as_bytes()), self.body, &digest).is_ok()
    }
}

impl Push {
    /// Whether any of the changed paths lies at or below one of these (normalised) paths; `true` where it is not known
    /// what changed. What Argo CD does with its annotation `manifest-generate-paths`.
    pub fn may_touch(&self, paths: &[String]) -> bool {
        let Some(changed) = &self.changed else { return true };
        let touches = |changed: &str, path: &str| {
            path.is_empty()
                || changed == path
                || changed.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        };
        changed.iter().any(|c| paths.iter().any(|p| touches(c, p)))
    }

    /// Whether the push is one to this repository.
    pub fn is_to(&self, url: &GitUrl) -> bool {
        self.repositories.iter().filter_map(|r| GitUrl::parse(r).ok()).any(|r| r.same_repository(url))
    }

    /// The branch's name, or the tag's.
    pub fn short_name(&self) -> &str {
        let name = self.reference.as_str();
        name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
    }
}

/// The media type of a registry's notifications.
const REGISTRY_EVENTS: &str = "application/vnd.docker.distribution.events.";

/// A package that was published to GitHub's registry of containers.
fn github_package(body: &Value, name: &str) -> Event {
    let address = text(body, &format!("/{name}/package_version/package_url"));
    match (text(body, "/action"), address) {
        (Some("published" | "updated"), Some(address)) => Event::Images(vec![untagged(address).to_owned()]),
        _ => Event::Other(name.to_owned()),
    }
}

/// Pushes among a registry's notifications. The address of what was pushed holds the registry's host.
fn registry(body: &Value) -> Event {
    let events = body["events"].as_array().into_iter().flatten();
    let pushed = events.filter(|event| event["action"] == "push").filter_map(|event| {
        let repository = text(event, "/target/repository")?;
        let host = text(event, "/request/host").filter(|host| !host.is_empty())?;
        Some(format!("{host}/{repository}"))
    });
    let mut images: Vec<String> = pushed.collect();
    images.sort_unstable();
    images.dedup();
    match images.is_empty() {
        true => Event::Other("a notification without a push".to_owned()),
        false => Event::Images(images),
    }
}

/// `host:port/path:tag@digest` without tag and digest.
fn untagged(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    match image.rsplit_once(':') {
        Some((before, after)) if !after.contains('/') => before,
        _ => image,
    }
}

fn github(body: &Value) -> Result<Push, WebhookError> {
    let repository = &body["repository"];
    let commits = body["commits"].as_array();
    let complete =
        commits.is_some_and(|c| !c.is_empty() && c.len() < GITHUB_COMMITS) && body["forced"] != true;
    push(body, addresses(repository, &["clone_url", "ssh_url", "html_url", "git_url", "url"]), complete)
        .map(|push| Push { default_branch: text(repository, "/default_branch").map(str::to_owned), ..push })
}

fn gitlab(body: &Value) -> Result<Push, WebhookError> {
    let project = &body["project"];
    let mut repositories =
        addresses(project, &["git_http_url", "git_ssh_url", "web_url", "http_url", "ssh_url"]);
    repositories.extend(addresses(&body["repository"], &["git_http_url", "git_ssh_url", "homepage", "url"]));
    repositories.dedup();
    let listed = body["commits"].as_array().map_or(0, Vec::len);
    let total = body["total_commits_count"].as_u64().unwrap_or(u64::MAX);
    let complete = listed > 0 && listed as u64 == total && listed <= GITLAB_COMMITS;
    push(body, repositories, complete)
        .map(|push| Push { default_branch: text(project, "/default_branch").map(str::to_owned), ..push })
}

fn push(body: &Value, repositories: Vec<String>, complete: bool) -> Result<Push, WebhookError> {
    let reference = text(body, "/ref").ok_or_else(|| missing("ref"))?;
    if repositories.is_empty() {
        return Err(missing("the repository's address"));
    }
    Ok(Push {
        repositories,
        reference: reference.to_owned(),
        before: text(body, "/before").and_then(commit),
        after: text(body, "/after").and_then(commit),
        default_branch: None,
        changed: complete.then(|| changed(&body["commits"])),
    })
}

/// Cloud lists changes with targets, Server references with hashes.
fn bitbucket(body: &Value) -> Result<Vec<Push>, WebhookError> {
    let repository = &body["repository"];
    let mut repositories = Vec::new();
    if let Some(page) = text(repository, "/links/html/href") {
        repositories.push(page.to_owned());
    }
    for link in repository.pointer("/links/clone").and_then(Value::as_array).into_iter().flatten() {
        repositories.extend(text(link, "/href").map(str::to_owned));
    }
    if repositories.is_empty() {
        return Err(missing("repository.links"));
    }
    let changes = body.pointer("/push/changes").or_else(|| body.get("changes")).and_then(Value::as_array);
    let one = |change: &Value| -> Option<Push> {
        let side = |side: &str| text(change, &format!("/{side}/target/hash")).and_then(commit);
        let reference = match text(change, "/ref/id") {
            Some(id) => id.to_owned(),
            None => {
                let named =
                    ["/new", "/old"].into_iter().find_map(|s| change.pointer(s).filter(|v| !v.is_null()))?;
                let kind = if text(named, "/type") == Some("tag") { "tags" } else { "heads" };
                format!("refs/{kind}/{}", text(named, "/name")?)
            }
        };
        Some(Push {
            repositories: repositories.clone(),
            reference,
            before: text(change, "/fromHash").and_then(commit).or_else(|| side("old")),
            after: text(change, "/toHash").and_then(commit).or_else(|| side("new")),
            default_branch: None,
            changed: None,
        })
    };
    Ok(changes.ok_or_else(|| missing("push.changes"))?.iter().filter_map(one).collect())
}

fn azure(body: &Value) -> Result<Vec<Push>, WebhookError> {
    let resource = &body["resource"];
    let repositories = addresses(&resource["repository"], &["remoteUrl", "webUrl", "sshUrl"]);
    if repositories.is_empty() {
        return Err(missing("resource.repository.remoteUrl"));
    }
    let default_branch = text(resource, "/repository/defaultBranch");
    let default_branch = default_branch.map(|b| b.trim_start_matches("refs/heads/").to_owned());
    let updates = resource["refUpdates"].as_array().ok_or_else(|| missing("resource.refUpdates"))?;
    let one = |update: &Value| {
        Some(Push {
            repositories: repositories.clone(),
            reference: text(update, "/name")?.to_owned(),
            before: text(update, "/oldObjectId").and_then(commit),
            after: text(update, "/newObjectId").and_then(commit),
            default_branch: default_branch.clone(),
            changed: None,
        })
    };
    Ok(updates.iter().filter_map(one).collect())
}

fn addresses(repository: &Value, fields: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = fields
        .iter()
        .filter_map(|f| repository[f].as_str())
        .filter(|a| !a.is_empty())
        .map(str::to_owned)
        .collect();
    found.dedup();
    found
}

fn changed(commits: &Value) -> Vec<String> {
    let lists = commits.as_array().into_iter().flatten().flat_map(|commit| {
        ["added", "modified", "removed"].into_iter().filter_map(|kind| commit[kind].as_array())
    });
    let mut paths: Vec<String> = lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// A hash; all zeros stand for no commit.
fn commit(hash: &str) -> Option<String> {
    (crate::revision::is_hash(hash) && hash.bytes().any(|b| b != b'0')).then(|| hash.to_owned())
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn missing(field: &str) -> WebhookError {
    WebhookError::Malformed(format!("{field} is missing"))
}

/// The secret is the password; the user name does not matter.
fn is_basic(header: &str, secret: &str) -> bool {
    use base64::Engine as _;
    let encoded = header.strip_prefix("Basic ").unwrap_or_default();
    let Ok(pair) = base64::engine::general_purpose::STANDARD.decode(encoded.trim()) else { return false };
    let password = pair.iter().position(|b| *b == b':').map(|at| &pair[at + 1..]);
    password.is_some_and(|p| same(p, secret.as_bytes()))
}

fn same(left: &[u8], right: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn with<T>(
        headers: &[(&'static str, &'static str)],
        body: &[u8],
        work: impl FnOnce(&Request<'_>) -> T,
    ) -> T {
        let header = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        work(&Request { header: &header, body })
    }

    fn event(headers: &[(&'static str, &'static str)], body: &Value) -> Result<Event, WebhookError> {
        with(headers, body.to_string().as_bytes(), |request| request.event(request.provider()?))
    }

    fn one_push(headers: &[(&'static str, &'static str)], body: &Value) -> Push {
        match event(headers, body) {
            Ok(Event::Pushes(mut pushes)) if pushes.len() == 1 => pushes.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn github_pushes() {
        let body = json!({
            "ref": "refs/heads/main", "before": OLD, "after": NEW, "forced": false,
            "repository": {"clone_url": "https://github.com/org/app.git", "ssh_url": "git@github.com:org/app.git",
                "html_url": "https://github.com/org/app", "default_branch": "main"},
            "commits": [{"added": ["apps/a.yaml"], "modified": ["b.yaml"], "removed": []},
                {"added": [], "modified": ["b.yaml"], "removed": ["c/d.yaml"]}]
        });
        let push = one_push(&[("x-github-event", "push")], &body);
        assert_eq!((push.short_name(), push.default_branch.as_deref()), ("main", Some("main")));
        assert_eq!((push.before.as_deref(), push.after.as_deref()), (Some(OLD), Some(NEW)));
        assert_eq!(push.changed.as_deref().unwrap(), ["apps/a.yaml", "b.yaml", "c/d.yaml"]);
        let touches =
            |paths: &[&str]| push.may_touch(&paths.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
        assert!(touches(&["apps"]) && touches(&["x", "c/d.yaml"]) && touches(&[""]));
        assert!(!touches(&["app"]) && !touches(&["c/d"]) && !touches(&[]));
        let is_to = |url: &str| push.is_to(&GitUrl::parse(url).unwrap());
        assert!(is_to("https://github.com/Org/app") && is_to("ssh://git@github.com/org/app.git"));
        assert!(!is_to("https://github.com/org/application"));

        // What a forced push changed is not in its commits.
        let mut forced = body.clone();
        forced["forced"] = true.into();
        assert_eq!(one_push(&[("x-gitea-event", "push")], &forced).changed, None);
        let mut deleted = body;
        deleted["after"] = ZERO.into();
        deleted["commits"] = json!([]);
        let deleted = one_push(&[("x-github-event", "push")], &deleted);
        assert_eq!((deleted.after, deleted.changed), (None, None));
        assert_eq!(
            event(&[("x-github-event", "ping")], &json!({"zen": "…"})),
            Ok(Event::Other("ping".into()))
        );
    }

    #[test]
    fn images() {
        let images = |headers: &[(&'static str, &'static str)], body: &Value| match event(headers, body) {
            Ok(Event::Images(images)) => images,
            other => panic!("{other:?}"),
        };
        for name in ["package", "registry_package"] {
            let version = json!({"package_url": "ghcr.io/org/app:1.2.3"});
            let mut body = json!({"action": "published"});
            body[name] = json!({ "package_version": version });
            assert_eq!(images(&[("x-github-event", name)], &body), ["ghcr.io/org/app"]);
            body["action"] = "deleted".into();
            assert_eq!(event(&[("x-github-event", name)], &body), Ok(Event::Other(name.into())));
        }
        let registry = [("content-type", "application/vnd.docker.distribution.events.v2+json")];
        let notice = |action: &str, repository: &str| {
            json!({"action": action, "target": {"repository": repository, "tag": "1"},
                "request": {"host": "registry.corp:5000"}})
        };
        let events = [notice("push", "team/app"), notice("pull", "team/other"), notice("push", "team/app")];
        assert_eq!(images(&registry, &json!({ "events": events })), ["registry.corp:5000/team/app"]);
        let pulled = json!({"events": [notice("pull", "team/app")]});
        assert!(matches!(event(&registry, &pulled), Ok(Event::Other(_))));
        for (image, bare) in [("a.io/b", "a.io/b"), ("a:1/b", "a:1/b"), ("a:1/b:2@sha256:3", "a:1/b")] {
            assert_eq!(untagged(image), bare);
        }
    }

    #[test]
    fn gitlab_pushes() {
        let mut body = json!({
            "object_kind": "push", "ref": "refs/heads/main", "before": OLD, "after": NEW, "total_commits_count": 1,
            "project": {"git_http_url": "https://gitlab.com/g/a.git", "git_ssh_url": "git@gitlab.com:g/a.git",
                "web_url": "https://gitlab.com/g/a", "default_branch": "trunk"},
            "commits": [{"added": ["x"], "modified": [], "removed": []}]
        });
        let push = one_push(&[("x-gitlab-event", "Push Hook")], &body);
        assert!(push.is_to(&GitUrl::parse("git@gitlab.com:g/a").unwrap()));
        assert_eq!(
            (push.changed.as_deref().unwrap().len(), push.default_branch.as_deref()),
            (1, Some("trunk"))
        );
        // More commits than are listed.
        body["total_commits_count"] = 30.into();
        assert_eq!(one_push(&[("x-gitlab-event", "Push Hook")], &body).changed, None);
    }

    #[test]
    fn bitbucket_pushes() {
        let cloud = json!({
            "repository": {"links": {"html": {"href": "https://bitbucket.org/w/a"}}},
            "push": {"changes": [
                {"old": {"name": "main", "type": "branch", "target": {"hash": OLD}},
                 "new": {"name": "main", "type": "branch", "target": {"hash": NEW}}},
                {"old": {"name": "gone", "type": "branch", "target": {"hash": OLD}}, "new": null},
                {"old": null, "new": {"name": "v1", "type": "tag", "target": {"hash": NEW}}}]}
        });
        let Ok(Event::Pushes(pushes)) = event(&[("x-event-key", "repo:push")], &cloud) else { panic!() };
        let shown: Vec<_> =
            pushes.iter().map(|p| (p.reference.as_str(), p.before.is_some(), p.after.is_some())).collect();
        assert_eq!(
            shown,
            [
                ("refs/heads/main", true, true),
                ("refs/heads/gone", true, false),
                ("refs/tags/v1", false, true)
            ]
        );
        let server = json!({
            "repository": {"links": {"clone": [{"href": "ssh://git@bb.corp:7999/p/a.git"}, {"href": "https://bb.corp/scm/p/a.git"}]}},
            "changes": [{"ref": {"id": "refs/heads/main"}, "fromHash": OLD, "toHash": NEW}]
        });
        let push = one_push(&[("x-event-key", "repo:refs_changed")], &server);
        assert!(push.is_to(&GitUrl::parse("https://bb.corp/scm/p/a").unwrap()));
        assert_eq!(push.after.as_deref(), Some(NEW));
    }

    #[test]
    fn azure_pushes() {
        let body = json!({
            "eventType": "git.push",
            "resource": {
                "refUpdates": [{"name": "refs/heads/main", "oldObjectId": OLD, "newObjectId": NEW}],
                "repository": {"remoteUrl": "https://dev.azure.com/o/p/_git/a", "defaultBranch": "refs/heads/main"}}
        });
        let push = one_push(&[("x-vss-activityid", "1")], &body);
        assert!(push.is_to(&GitUrl::parse("https://o@dev.azure.com/o/p/_git/a").unwrap()));
        assert_eq!(push.default_branch.as_deref(), Some("main"));
    }

    #[test]
    fn signatures() {
        let check = |headers: &[(&'static str, &'static str)], expected: bool| {
            let body = b"Hello, World!";
            let result =
                with(headers, body, |r| r.authenticate(r.provider().unwrap(), "It's a Secret to Everybody"));
            assert_eq!(result.is_ok(), expected, "{headers:?}");
        };
        // The example of GitHub's documentation.
        const GOOD: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        check(&[("x-github-event", "push"), ("x-hub-signature-256", GOOD)], true);
        check(&[("x-github-event", "push"), ("x-hub-signature-256", "sha256=757107ea")], false);
        check(&[("x-github-event", "push"), ("x-hub-signature-256", "sha256=zz")], false);
        check(&[("x-github-event", "push"), ("x-hub-signature-256", "md5=00")], false);
        check(&[("x-github-event", "push")], false);
        check(&[("x-gitea-event", "push"), ("x-gitea-signature", &GOOD[7..])], true);
        check(&[("x-signature", GOOD)], true);
        check(&[("x-gitlab-event", "Push Hook"), ("x-gitlab-token", "It's a Secret to Everybody")], true);
        check(&[("x-gitlab-event", "Push Hook"), ("x-gitlab-token", "It's a Secret")], false);
        check(&[("x-gitlab-event", "Push Hook"), ("x-gitlab-token", "")], false);
        check(
            &[("x-vss-activityid", "1"), ("authorization", "Basic bWU6SXQncyBhIFNlY3JldCB0byBFdmVyeWJvZHk=")],
            true,
        );
        check(&[("x-vss-activityid", "1"), ("authorization", "Basic bWU6d3Jvbmc=")], false);
    }

    #[test]
    fn what_is_no_webhook() {
        let broken = |headers: &[(&'static str, &'static str)], body: &[u8]| {
            with(headers, body, |r| r.provider().and_then(|p| r.event(p)).unwrap_err().to_string())
        };
        assert_eq!(broken(&[], b"{}"), "no header names an event of a known provider");
        assert!(broken(&[("x-github-event", "push")], b"no json").starts_with("the body is not what"));
        let no_ref = "the body is not what this provider sends: ref is missing";
        assert_eq!(broken(&[("x-github-event", "push")], b"{}"), no_ref);
        assert_eq!(
            broken(&[("x-github-event", "push")], br#"{"ref": "refs/heads/main"}"#),
            "the body is not what this provider sends: the repository's address is missing"
        );
    }
}
