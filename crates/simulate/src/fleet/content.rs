use super::{NAMESPACE, VERSION};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use holdfast_object::Value;
use std::fmt;

/// The kinds of objects that the apps hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Data only.
    ConfigMap,
    /// Data that the server writes otherwise than it is given.
    Secret,
    /// Fields that the server fills in, and one that cannot change.
    Service,
    /// Has health.
    Deployment,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ConfigMap, Self::Secret, Self::Service, Self::Deployment];

    /// The bucket of the sandbox's store.
    pub fn bucket(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
            Self::Service => "services",
            Self::Deployment => "deployments.apps",
        }
    }

    fn root(self) -> &'static str {
        match self {
            Self::ConfigMap => "/api/v1/namespaces/fleet/configmaps",
            Self::Secret => "/api/v1/namespaces/fleet/secrets",
            Self::Service => "/api/v1/namespaces/fleet/services",
            Self::Deployment => "/apis/apps/v1/namespaces/fleet/deployments",
        }
    }
}

/// An object of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Item {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

impl Item {
    /// The path of the object.
    pub fn path(&self) -> String {
        format!("{}/{}", self.kind.root(), self.name)
    }

    /// The object of a bucket of the sandbox's store, when it is one that the fleet may hold.
    pub fn of(bucket: &str, name: &str) -> Option<Self> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.bucket() == bucket)?;
        // What the cluster itself puts into a namespace, and what it makes of a Deployment, is nobody's here.
        name.starts_with("item-").then(|| Self { kind, name: name.to_owned() })
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.kind, self.name)
    }
}

/// What a commit wants of an object: everything follows from one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Content(pub u64);

impl Content {
    /// The manifest.
    pub fn yaml(self, item: &Item) -> String {
        let (name, number) = (&item.name, self.0);
        let head = |version: &str, kind: Kind| {
            format!(
                "apiVersion: {version}\nkind: {kind:?}\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\n  \
                 annotations:\n    {VERSION}: \"{number}\"\n"
            )
        };
        match item.kind {
            Kind::ConfigMap => {
                let also = if number % 3 == 0 { "  also: there\n" } else { "" };
                format!("{}data:\n  value: \"{number}\"\n{also}", head("v1", item.kind))
            }
            Kind::Secret => format!("{}stringData:\n  value: \"{number}\"\n", head("v1", item.kind)),
            Kind::Service => format!(
                "{}spec:\n  selector:\n    app: {name}\n  ports:\n  - name: http\n    port: {}\n",
                head("v1", item.kind),
                8000 + number % 1000
            ),
            Kind::Deployment => format!(
                "{}spec:\n  replicas: {}\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    \
                 metadata:\n      labels:\n        app: {name}\n    spec:\n      containers:\n      - name: app\n        \
                 image: example.com/app:{number}\n",
                head("apps/v1", item.kind),
                1 + number % 2
            ),
        }
    }

    /// What of a live object is not as wanted, if anything. Others may have added to it.
    pub fn differs(self, item: &Item, live: &Value) -> Option<String> {
        let number = self.0.to_string();
        let mut wanted: Vec<(String, Value)> =
            vec![(format!("/metadata/annotations/{}", VERSION.replace('/', "~1")), number.as_str().into())];
        match item.kind {
            Kind::ConfigMap => wanted.push(("/data/value".into(), number.as_str().into())),
            Kind::Secret => wanted.push(("/data/value".into(), BASE64.encode(&number).into())),
            Kind::Service => {
                wanted.push(("/spec/ports/0/port".into(), (8000 + self.0 % 1000).into()));
                wanted.push(("/spec/selector/app".into(), item.name.as_str().into()));
            }
            Kind::Deployment => {
                wanted.push((
                    "/spec/template/spec/containers/0/image".into(),
                    format!("example.com/app:{number}").into(),
                ));
                wanted.push(("/spec/replicas".into(), (1 + self.0 % 2).into()));
            }
        }
        let found = |path: &str| live.pointer(path).cloned().unwrap_or_default();
        wanted
            .into_iter()
            .find(|(path, value)| found(path) != *value)
            .map(|(path, value)| format!("{path} is {} instead of {value}", found(&path)))
    }

    /// The content that a live object has, as its annotation says.
    pub fn of(live: &Value) -> Option<Self> {
        live.pointer("/metadata/annotations")?.get(VERSION)?.as_str()?.parse().ok().map(Self)
    }
}
