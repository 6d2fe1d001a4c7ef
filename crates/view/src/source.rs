use crate::condition::{conditions, created, find, text, text_at};
use crate::{Condition, prefix};
use holdfast_object::{Object, ObjectRef, Value};
use jiff::Timestamp;

/// Where an app's manifests come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppSource {
    /// A source of its own (`gitrepo/NAME`, Flux) or the address of a repository (Argo CD).
    pub name: String,
    /// The folder in it; empty for its root.
    pub path: String,
    /// What is followed, as far as the app says so: a branch, a range. Empty where the source says it.
    pub follows: String,
    /// The chart, of a Helm repository.
    pub chart: String,
}

/// A source: a custom resource of Flux, or a repository that Applications name.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The custom resource; `None` for what is only named by Applications.
    pub reference: Option<ObjectRef>,
    /// The name in commands: `gitrepo/NAME`; the address where there is no resource.
    pub name: String,
    /// Its address.
    pub url: String,
    /// What is followed: a branch, a tag, a range.
    pub follows: String,
    /// The revision of what was fetched last; empty before the first.
    pub revision: String,
    /// Whether the last look at it succeeded; `None` while no one has looked.
    pub ready: Option<bool>,
    /// Whether it is told to do nothing.
    pub suspended: bool,
    /// What its status says.
    pub message: String,
    /// Its conditions, as they are.
    pub conditions: Vec<Condition>,
    /// The apps that use it, as `ks/NAME` with the namespace in front where it is another.
    pub users: Vec<String>,
    /// When its state changed last.
    pub last_change: Option<Timestamp>,
    /// When the custom resource was made.
    pub created: Option<Timestamp>,
}

impl Source {
    /// The namespace of the custom resource; empty where there is none.
    pub fn namespace(&self) -> &str {
        self.reference.as_ref().map_or("", |reference| &reference.key.namespace)
    }
}

pub(crate) fn is_source(object: &Object) -> bool {
    object.gvk().group == "source.toolkit.fluxcd.io"
}

pub(crate) fn sources(objects: &[Object]) -> Vec<Source> {
    let mut found: Vec<Source> =
        objects.iter().filter(|o| is_source(o)).map(|object| of_flux(object, objects)).collect();
    for app in objects.iter().filter(|o| o.gvk().group == "argoproj.io" && o.kind() == "Application") {
        for (number, source) in crate::argocd::sources(app).into_iter().enumerate() {
            add_repository(app, number, source, &mut found);
        }
    }
    found.sort_by(|a, b| key(a).cmp(&key(b)));
    found
}

fn key(source: &Source) -> (&str, &str, &str) {
    (source.namespace(), &source.name, &source.follows)
}

fn of_flux(object: &Object, objects: &[Object]) -> Source {
    let conditions = conditions(object);
    let ready = find(&conditions, "Ready");
    let reference = object.reference();
    let name = format!("{}/{}", prefix(&reference.key.group_kind()), reference.key.name);
    Source {
        name,
        url: match object.kind() {
            "ExternalArtifact" => text_at(object, &["status", "artifact", "url"]).to_owned(),
            _ => text_at(object, &["spec", "url"]).to_owned(),
        },
        follows: follows(object),
        revision: text_at(object, &["status", "artifact", "revision"]).to_owned(),
        ready: ready.and_then(|ready| match ready.status.as_str() {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        }),
        suspended: object.get(&["spec", "suspend"]).and_then(Value::as_bool).unwrap_or_default(),
        message: ready.map(|ready| ready.message.clone()).unwrap_or_default(),
        users: users(object, objects),
        last_change: ready.and_then(|ready| ready.since),
        created: created(object),
        conditions,
        reference: Some(reference),
    }
}

/// What `spec.ref` follows, by Flux's precedence: commit, name, semver, tag, branch.
fn follows(object: &Object) -> String {
    let Some(reference) = object.get(&["spec", "ref"]) else {
        return match object.kind() {
            "GitRepository" => "branch master".to_owned(),
            "OCIRepository" => "tag latest".to_owned(),
            "HelmChart" => text_at(object, &["spec", "version"]).to_owned(),
            _ => String::new(),
        };
    };
    for field in ["commit", "name", "digest", "semver", "tag", "branch"] {
        let value = text(reference, field);
        if !value.is_empty() {
            return if field == "name" { value.to_owned() } else { format!("{field} {value}") };
        }
    }
    String::new()
}

fn users(source: &Object, objects: &[Object]) -> Vec<String> {
    let key = source.key();
    let mut users: Vec<String> = objects
        .iter()
        .filter(|object| {
            crate::flux::source_reference(object).is_some_and(|(kind, namespace, name)| {
                (kind.as_str(), namespace.as_str(), name.as_str())
                    == (key.kind.as_str(), key.namespace.as_str(), key.name.as_str())
            })
        })
        .map(|user| crate::flux::name_from(&user.reference(), &key.namespace))
        .collect();
    users.sort();
    users
}

/// A repository of an Application; several Applications that follow the same in it share one line.
fn add_repository(app: &Object, number: usize, source: AppSource, found: &mut Vec<Source>) {
    let user = format!("{}/app/{}", app.namespace(), app.name());
    let same = |s: &Source| s.reference.is_none() && s.url == source.name && s.follows == source.follows;
    if let Some(known) = found.iter_mut().find(|s| same(s)) {
        if !known.users.contains(&user) {
            known.users.push(user);
        }
        return;
    }
    let conditions = conditions(app);
    // Argo CD has no state of a repository: what the comparison said about it is all there is.
    let failed = find(&conditions, "ComparisonError");
    let revisions = app.get(&["status", "sync", "revisions"]).and_then(Value::as_array);
    let revision = match revisions.and_then(|list| list.get(number)).and_then(Value::as_str) {
        Some(revision) => revision,
        None => text_at(app, &["status", "sync", "revision"]),
    };
    let looked = app.get(&["status", "reconciledAt"]).is_some();
    found.push(Source {
        reference: None,
        name: source.name.clone(),
        url: source.name,
        follows: source.follows,
        revision: revision.to_owned(),
        ready: match failed {
            Some(_) => Some(false),
            None => looked.then_some(true),
        },
        suspended: false,
        message: failed.map(|c| c.message.clone()).unwrap_or_default(),
        last_change: failed.and_then(|c| c.since),
        conditions: Vec::new(),
        users: vec![user],
        created: None,
    });
}
