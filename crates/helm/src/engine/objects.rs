//! The objects that templates see: `.Chart`, `.Files`, `.Capabilities`.

use super::functions::to_yaml;
use crate::capabilities::{Capabilities, KubeVersion};
use crate::chart::{Dependency, File, Maintainer, Metadata, dependency_to_json};
use crate::glob::Pattern;
use crate::tree::Node;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use holdfast_gotemplate::{
    Context, Elem, FuncError, HostObject, Kind, List, Map, MapType, Numbers, Params, Str, Type, Value, View,
};
use serde_json::{Map as JsonMap, Value as Json, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// `.Chart`: Chart.yaml's fields by their Go names, with the alias as the name, and `IsRoot`.
pub(super) fn chart(node: &Node) -> Value {
    let metadata = &node.chart.metadata;
    let text = |text: &str| Value::str(text);
    let texts = |texts: &[String]| -> Value {
        if texts.is_empty() {
            return Value::List(List::nil(Elem::String));
        }
        Value::List(List::strings(texts.iter().map(String::as_str)))
    };
    let dependencies: Vec<Dependency> =
        node.declared.iter().flatten().map(|dependency| dependency.borrow().clone()).collect();
    let annotations = metadata.annotations.iter().map(|(k, v)| (Str::from(k.as_str()), text(v))).collect();
    let fields = vec![
        ("Name", text(&node.name)),
        ("Home", text(&metadata.home)),
        ("Sources", texts(&metadata.sources)),
        ("Version", text(&metadata.version)),
        ("Description", text(&metadata.description)),
        ("Keywords", texts(&metadata.keywords)),
        ("Maintainers", structures("*chart.Maintainer", metadata.maintainers.iter().map(maintainer))),
        ("Icon", text(&metadata.icon)),
        ("APIVersion", text(&metadata.api_version)),
        ("Condition", text(&metadata.condition)),
        ("Tags", text(&metadata.tags)),
        ("AppVersion", text(&metadata.app_version)),
        ("Deprecated", Value::Bool(metadata.deprecated)),
        ("Annotations", Value::Map(Map::of(MapType::String, annotations))),
        ("KubeVersion", text(&metadata.kube_version)),
        ("Dependencies", structures("*chart.Dependency", dependencies.iter().map(dependency))),
        ("Type", text(&metadata.kind)),
    ];
    let json = {
        let (chart, name, is_root) = (node.chart.clone(), node.name.clone(), node.is_root());
        move |with_root: bool| {
            let mut json = chart_json(&chart.metadata, &name, &dependencies);
            if with_root {
                json.insert("IsRoot".to_owned(), Json::Bool(is_root));
            }
            Json::Object(json)
        }
    };
    let outer_json = json.clone();
    let inner = Structure::new("chart.Metadata", fields.clone(), move || json(false));
    let mut outer =
        Structure::new("struct { chart.Metadata; IsRoot bool }", fields, move || outer_json(true));
    outer.fields.push(("IsRoot", Value::Bool(node.is_root())));
    outer.embedded = Some(("Metadata", Value::Object(Rc::new(inner))));
    Value::Object(Rc::new(outer))
}

/// The fields by their names in Chart.yaml, without empty ones, as `toJson` and `toYaml` show them.
fn chart_json(metadata: &Metadata, name: &str, dependencies: &[Dependency]) -> JsonMap<String, Json> {
    let fields = [
        ("name", json!(name)),
        ("home", json!(metadata.home)),
        ("sources", json!(metadata.sources)),
        ("version", json!(metadata.version)),
        ("description", json!(metadata.description)),
        ("keywords", json!(metadata.keywords)),
        ("maintainers", metadata.maintainers.iter().map(maintainer_json).collect()),
        ("icon", json!(metadata.icon)),
        ("apiVersion", json!(metadata.api_version)),
        ("condition", json!(metadata.condition)),
        ("tags", json!(metadata.tags)),
        ("appVersion", json!(metadata.app_version)),
        ("deprecated", json!(metadata.deprecated)),
        ("annotations", json!(metadata.annotations)),
        ("kubeVersion", json!(metadata.kube_version)),
        ("dependencies", dependencies.iter().map(dependency_to_json).collect()),
        ("type", json!(metadata.kind)),
    ];
    without_empty(fields)
}

fn without_empty<const N: usize>(fields: [(&str, Json); N]) -> JsonMap<String, Json> {
    let is_empty = |value: &Json| match value {
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::Bool(b) => !b,
        _ => false,
    };
    fields.into_iter().filter(|(_, value)| !is_empty(value)).map(|(k, v)| (k.to_owned(), v)).collect()
}

fn structures(elem: &'static str, items: impl Iterator<Item = Structure>) -> Value {
    let items: Vec<Value> = items.map(|item| Value::Object(Rc::new(item))).collect();
    if items.is_empty() {
        return Value::List(List::nil(Elem::Named(elem)));
    }
    Value::List(List::of(Elem::Named(elem), items))
}

fn maintainer(maintainer: &Maintainer) -> Structure {
    let fields = vec![
        ("Name", Value::str(maintainer.name.as_str())),
        ("Email", Value::str(maintainer.email.as_str())),
        ("URL", Value::str(maintainer.url.as_str())),
    ];
    let maintainer = maintainer.clone();
    Structure::pointer("*chart.Maintainer", fields, move || maintainer_json(&maintainer))
}

fn maintainer_json(maintainer: &Maintainer) -> Json {
    let fields = [
        ("name", json!(maintainer.name)),
        ("email", json!(maintainer.email)),
        ("url", json!(maintainer.url)),
    ];
    Json::Object(without_empty(fields))
}

fn dependency(dependency: &Dependency) -> Structure {
    let fields = vec![
        ("Name", Value::str(dependency.name.as_str())),
        ("Version", Value::str(dependency.version.as_str())),
        ("Repository", Value::str(dependency.repository.as_str())),
        ("Condition", Value::str(dependency.condition.as_str())),
        ("Tags", Value::List(List::strings(dependency.tags.iter().map(String::as_str)))),
        ("Enabled", Value::Bool(dependency.enabled)),
        ("ImportValues", Value::from_json(&Json::Array(dependency.import_values.clone()), Numbers::Float64)),
        ("Alias", Value::str(dependency.alias.as_str())),
    ];
    let dependency = dependency.clone();
    Structure::pointer("*chart.Dependency", fields, move || dependency_to_json(&dependency))
}

/// A Go structure with exported fields.
struct Structure {
    type_name: &'static str,
    kind: Kind,
    fields: Fields,
    /// An embedded structure: its fields are in `fields` too.
    embedded: Option<(&'static str, Value)>,
    /// What JSON shows, made when it is asked for.
    json: Box<dyn Fn() -> Json>,
}

type Fields = Vec<(&'static str, Value)>;

impl Structure {
    fn new(type_name: &'static str, fields: Fields, json: impl Fn() -> Json + 'static) -> Self {
        Self { type_name, kind: Kind::Struct, fields, embedded: None, json: Box::new(json) }
    }

    fn pointer(type_name: &'static str, fields: Fields, json: impl Fn() -> Json + 'static) -> Self {
        Self { kind: Kind::Ptr, ..Self::new(type_name, fields, json) }
    }
}

impl HostObject for Structure {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        let all = self.fields.iter().chain(&self.embedded);
        all.into_iter().find(|(field, _)| field.as_bytes() == name).map(|(_, value)| value.clone())
    }

    fn view(&self) -> View {
        View::Struct(self.fields.clone())
    }

    fn json(&self) -> Option<Value> {
        Some(Value::from_json(&(self.json)(), Numbers::Int64))
    }
}

/// `.Capabilities`.
pub(super) fn capabilities(capabilities: &Capabilities) -> Value {
    let version = Value::Object(Rc::new(Kube(capabilities.kube_version.clone())));
    let apis = Value::Object(Rc::new(Apis(capabilities.api_versions.clone())));
    let helm_fields = vec![
        ("Version", Value::str(capabilities.helm_version.as_str())),
        ("GitCommit", Value::str("")),
        ("GitTreeState", Value::str("clean")),
        ("GoVersion", Value::str(GO_VERSION)),
    ];
    let capabilities = capabilities.clone();
    let helm_version = capabilities.helm_version.clone();
    let helm = Structure::new("version.BuildInfo", helm_fields, move || helm_json(&helm_version));
    let fields =
        vec![("KubeVersion", version), ("APIVersions", apis), ("HelmVersion", Value::Object(Rc::new(helm)))];
    let json = move || {
        let kube = &capabilities.kube_version;
        json!({
            "KubeVersion": {"Version": kube.version, "Major": kube.major, "Minor": kube.minor},
            "APIVersions": capabilities.api_versions,
            "HelmVersion": helm_json(&capabilities.helm_version),
        })
    };
    Value::Object(Rc::new(Structure::pointer("*chartutil.Capabilities", fields, json)))
}

/// What Helm 3.22 is built with.
const GO_VERSION: &str = "go1.26";

fn helm_json(version: &str) -> Json {
    json!({"version": version, "git_tree_state": "clean", "go_version": GO_VERSION})
}

/// `.Capabilities.KubeVersion`: prints as the version.
struct Kube(KubeVersion);

impl HostObject for Kube {
    fn type_name(&self) -> &'static str {
        "chartutil.KubeVersion"
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        matches!(name, b"String" | b"GitVersion").then_some(Params::fixed(&[]))
    }

    fn call(&self, _: &mut Context<'_>, _: &[u8], _: &[Value]) -> Result<Value, FuncError> {
        Ok(Value::str(self.0.version.as_str()))
    }

    fn text(&self) -> Option<Str> {
        Some(self.0.version.as_str().into())
    }

    fn view(&self) -> View {
        View::Struct(vec![
            ("Version", Value::str(self.0.version.as_str())),
            ("Major", Value::str(self.0.major.as_str())),
            ("Minor", Value::str(self.0.minor.as_str())),
        ])
    }
}

/// `.Capabilities.APIVersions`.
struct Apis(Vec<String>);

impl HostObject for Apis {
    fn type_name(&self) -> &'static str {
        "chartutil.VersionSet"
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        (name == b"Has").then_some(Params::fixed(&[Type::String]))
    }

    fn call(&self, _: &mut Context<'_>, _: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        let wanted = name(args);
        Ok(Value::Bool(self.0.iter().any(|api| api.as_bytes() == wanted)))
    }

    fn view(&self) -> View {
        View::List(List::strings(self.0.iter().map(String::as_str)))
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// `.Files`.
pub(super) fn files(files: &[File]) -> Value {
    let all = files.iter().map(|file| (Str::from(&*file.name), file.data.clone())).collect();
    Value::Object(Rc::new(Files(all)))
}

/// Files by their path in the chart.
struct Files(BTreeMap<Str, Bytes>);

impl Files {
    fn glob(&self, pattern: &[u8]) -> Self {
        let pattern = String::from_utf8_lossy(pattern);
        let compiled = Pattern::files(&pattern).ok();
        let fits = |name: &Str| compiled.as_ref().is_none_or(|p| p.matches(&name.to_string_lossy()));
        Self(self.0.iter().filter(|(name, _)| fits(name)).map(|(n, d)| (n.clone(), d.clone())).collect())
    }

    /// The files by their last name as YAML; of two with the same, the later path counts.
    fn as_yaml(&self, encode: impl Fn(&[u8]) -> Value) -> Value {
        let base = |path: &Str| Str::from(path.rsplit(|b| *b == b'/').next().unwrap_or_default());
        let map: Map = self.0.iter().map(|(path, data)| (base(path), encode(data))).collect();
        Value::from(to_yaml(&Value::Map(map)))
    }

    fn lines(&self, name: &[u8]) -> Value {
        let data = self.0.get(name).map(|data| &data[..]).unwrap_or_default();
        if data.is_empty() {
            return Value::List(List::of(Elem::String, Vec::new()));
        }
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        Value::List(List::strings(data.split(|b| *b == b'\n')))
    }
}

impl HostObject for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        self.0.get(name).map(|data| byte_list(data))
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        match name {
            b"Get" | b"GetBytes" | b"Glob" | b"Lines" => Some(Params::fixed(&[Type::String])),
            b"AsConfig" | b"AsSecrets" => Some(Params::fixed(&[])),
            _ => None,
        }
    }

    fn call(&self, context: &mut Context<'_>, method: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        let data = || self.0.get(name(args)).map(|data| &data[..]).unwrap_or_default();
        Ok(match method {
            b"Get" => {
                let data = data();
                context.take_memory(data.len())?;
                Value::from(data.to_vec())
            }
            b"GetBytes" => {
                let data = data();
                context.take_memory(data.len().saturating_mul(size_of::<Value>()))?;
                byte_list(data)
            }
            b"Glob" => Value::Object(Rc::new(self.glob(name(args)))),
            b"Lines" => {
                context.take_memory(data().len())?;
                self.lines(name(args))
            }
            b"AsSecrets" => self.as_yaml(|data| Value::from(STANDARD.encode(data))),
            _ => self.as_yaml(|data| Value::from(data.to_vec())),
        })
    }

    fn view(&self) -> View {
        let entries = self.0.iter().map(|(name, data)| (name.clone(), byte_list(data))).collect();
        View::Map(Map::of(MapType::Named("engine.files"), entries))
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

fn byte_list(data: &[u8]) -> Value {
    Value::List(List::of(Elem::Byte, data.iter().map(|byte| Value::Uint8(*byte)).collect()))
}

fn name(args: &[Value]) -> &[u8] {
    match args.first() {
        Some(Value::Str(text)) => text.as_bytes(),
        _ => &[],
    }
}
