//! The objects that templates see: `.Chart`, `.Files`, `.Capabilities`.

use super::functions::to_yaml;
use crate::HelmVersion;
use crate::capabilities::{Capabilities, KubeVersion};
use crate::chart::{Chart, Dependency, Maintainer};
use crate::glob::Pattern;
use crate::tree::Node;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use holdfast_gotemplate::{
    Context, Elem, FuncError, HostObject, Kind, List, Map, MapType, NamedMap, Numbers, Params, Str, Type,
    Value, View,
};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// `.Chart`: Chart.yaml's fields by their Go names, with the alias as the name, and `IsRoot`.
pub(super) fn chart(node: &Node) -> Value {
    if node.chart.helm.chart_is_a_mapping() { chart_mapping(node) } else { chart_structure(node) }
}

/// `.Chart` of Helm 4: mappings and lists all the way down.
fn chart_mapping(node: &Node) -> Value {
    let root = Field::new("IsRoot", "", Value::Bool(node.is_root()));
    let fields = chart_fields(node);
    let entries = fields.iter().chain([&root]).map(|field| (Str::from(field.name), plain(&field.value)));
    Value::Map(entries.collect())
}

/// Structures as mappings by the names of their fields, lists as lists of anything.
fn plain(value: &Value) -> Value {
    match value {
        Value::List(list) => Value::List(List::new(list.items().iter().map(plain).collect())),
        Value::Object(object) => match object.view() {
            View::Struct(fields) => {
                Value::Map(fields.iter().map(|(name, value)| (Str::from(*name), plain(value))).collect())
            }
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// `.Chart` of Helm 3.
fn chart_structure(node: &Node) -> Value {
    let inner = Structure::new("chart.Metadata", chart_fields(node));
    let outer = vec![Field::always("IsRoot", "IsRoot", Value::Bool(node.is_root()))];
    let mut outer = Structure::new("struct { chart.Metadata; IsRoot bool }", outer);
    outer.embedded = Some(("Metadata", Rc::new(inner)));
    Value::Object(Rc::new(outer))
}

/// Chart.yaml's fields by their Go names.
fn chart_fields(node: &Node) -> Vec<Field> {
    let metadata = &node.chart.metadata;
    let text = |text: &str| Value::str(text);
    let texts = |texts: &[String]| -> Value {
        if texts.is_empty() {
            return Value::List(List::nil(Elem::String));
        }
        Value::List(List::strings(texts.iter().map(String::as_str)))
    };
    let dependencies = match &node.declared {
        // An empty list that nobody went through stays one.
        Some(declared) if declared.is_empty() => Value::List(List::of(DEPENDENCY, Vec::new())),
        declared => {
            structures(DEPENDENCY, declared.iter().flatten().map(|d| dependency(&d.borrow().dependency)))
        }
    };
    let annotations = metadata.annotations.iter().map(|(k, v)| (Str::from(k.as_str()), text(v))).collect();
    vec![
        Field::new("Name", "name", text(&node.name)),
        Field::new("Home", "home", text(&metadata.home)),
        Field::new("Sources", "sources", texts(&metadata.sources)),
        Field::new("Version", "version", text(&metadata.version)),
        Field::new("Description", "description", text(&metadata.description)),
        Field::new("Keywords", "keywords", texts(&metadata.keywords)),
        Field::new("Maintainers", "maintainers", {
            structures(Elem::Named("*chart.Maintainer"), metadata.maintainers.iter().map(maintainer))
        }),
        Field::new("Icon", "icon", text(&metadata.icon)),
        Field::new("APIVersion", "apiVersion", text(&metadata.api_version)),
        Field::new("Condition", "condition", text(&metadata.condition)),
        Field::new("Tags", "tags", text(&metadata.tags)),
        Field::new("AppVersion", "appVersion", text(&metadata.app_version)),
        Field::new("Deprecated", "deprecated", Value::Bool(metadata.deprecated)),
        Field::new("Annotations", "annotations", Value::Map(Map::of(MapType::String, annotations))),
        Field::new("KubeVersion", "kubeVersion", text(&metadata.kube_version)),
        Field::new("Dependencies", "dependencies", dependencies),
        Field::new("Type", "type", text(&metadata.kind)),
    ]
}

const DEPENDENCY: Elem = Elem::Named("*chart.Dependency");

fn structures(elem: Elem, items: impl Iterator<Item = Structure>) -> Value {
    let items: Vec<Value> = items.map(|item| Value::Object(Rc::new(item))).collect();
    if items.is_empty() {
        return Value::List(List::nil(elem));
    }
    Value::List(List::of(elem, items))
}

fn maintainer(maintainer: &Maintainer) -> Structure {
    let fields = vec![
        Field::new("Name", "name", Value::str(maintainer.name.as_str())),
        Field::new("Email", "email", Value::str(maintainer.email.as_str())),
        Field::new("URL", "url", Value::str(maintainer.url.as_str())),
    ];
    Structure::pointer("*chart.Maintainer", fields)
}

fn dependency(dependency: &Dependency) -> Structure {
    let imports = Value::from_json(&Json::Array(dependency.import_values.clone()), Numbers::Float64);
    let fields = vec![
        Field::always("Name", "name", Value::str(dependency.name.as_str())),
        Field::new("Version", "version", Value::str(dependency.version.as_str())),
        Field::always("Repository", "repository", Value::str(dependency.repository.as_str())),
        Field::new("Condition", "condition", Value::str(dependency.condition.as_str())),
        Field::new("Tags", "tags", Value::List(List::strings(dependency.tags.iter().map(String::as_str)))),
        Field::new("Enabled", "enabled", Value::Bool(dependency.enabled)),
        Field::new("ImportValues", "import-values", imports),
        Field::new("Alias", "alias", Value::str(dependency.alias.as_str())),
    ];
    Structure::pointer("*chart.Dependency", fields)
}

/// An exported field of a Go structure.
#[derive(Clone)]
struct Field {
    name: &'static str,
    /// The name in JSON.
    json: &'static str,
    /// JSON leaves the field out when it is empty.
    omit_empty: bool,
    value: Value,
}

impl Field {
    fn new(name: &'static str, json: &'static str, value: Value) -> Self {
        Self { name, json, omit_empty: true, value }
    }

    fn always(name: &'static str, json: &'static str, value: Value) -> Self {
        Self { omit_empty: false, ..Self::new(name, json, value) }
    }
}

/// A Go structure with exported fields.
struct Structure {
    type_name: &'static str,
    kind: Kind,
    fields: Vec<Field>,
    /// An embedded structure, before the fields: its fields count as the structure's own.
    embedded: Option<(&'static str, Rc<Self>)>,
}

impl Structure {
    fn new(type_name: &'static str, fields: Vec<Field>) -> Self {
        Self { type_name, kind: Kind::Struct, fields, embedded: None }
    }

    fn pointer(type_name: &'static str, fields: Vec<Field>) -> Self {
        Self { kind: Kind::Ptr, ..Self::new(type_name, fields) }
    }

    fn all_fields(&self) -> impl Iterator<Item = &Field> {
        self.embedded.iter().flat_map(|(_, inner)| &inner.fields).chain(&self.fields)
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
        match &self.embedded {
            Some((embedded, inner)) if embedded.as_bytes() == name => Some(Value::Object(inner.clone())),
            _ => {
                self.all_fields().find(|field| field.name.as_bytes() == name).map(|field| field.value.clone())
            }
        }
    }

    fn view(&self) -> View {
        let embedded = self.embedded.iter().map(|(name, inner)| (*name, Value::Object(inner.clone())));
        View::Struct(embedded.chain(self.fields.iter().map(|f| (f.name, f.value.clone()))).collect())
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let shown = self.all_fields().filter(|field| !field.omit_empty || field.value.truth());
        Some(shown.map(|field| (field.json, field.value.clone())).collect())
    }
}

/// `.Capabilities`.
pub(super) fn capabilities(capabilities: &Capabilities, helm: HelmVersion) -> Value {
    let types = helm.types();
    let version = Kube { version: capabilities.kube_version.clone(), helm };
    let apis = Apis { names: capabilities.api_versions.clone(), type_name: types.version_set };
    let mut build = vec![
        Field::new("Version", "version", Value::str(capabilities.helm_version.as_str())),
        Field::new("GitCommit", "git_commit", Value::str("")),
        Field::new("GitTreeState", "git_tree_state", Value::str("clean")),
        Field::new("GoVersion", "go_version", Value::str(GO_VERSION)),
    ];
    if let Some(client) = helm.kube_client() {
        build.push(Field::always("KubeClientVersion", "kube_client_version", Value::str(client)));
    }
    let build = Structure::new("version.BuildInfo", build);
    let fields = vec![
        Field::always("KubeVersion", "KubeVersion", Value::Object(Rc::new(version))),
        Field::always("APIVersions", "APIVersions", Value::Object(Rc::new(apis))),
        Field::always("HelmVersion", "HelmVersion", Value::Object(Rc::new(build))),
    ];
    Value::Object(Rc::new(Structure::pointer(types.capabilities, fields)))
}

/// What Helm 3.22 and 4.3 are built with.
const GO_VERSION: &str = "go1.26";

/// `.Capabilities.KubeVersion`: prints as the version's numbers.
struct Kube {
    version: KubeVersion,
    helm: HelmVersion,
}

impl HostObject for Kube {
    fn type_name(&self) -> &'static str {
        self.helm.types().kube_version
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        matches!(name, b"String" | b"GitVersion").then_some(Params::fixed(&[]))
    }

    fn call(&self, _: &mut Context<'_>, name: &[u8], _: &[Value]) -> Result<Value, FuncError> {
        let shown = if name == b"GitVersion" { self.version.shown(self.helm) } else { &self.version.version };
        Ok(Value::str(shown))
    }

    fn shown(&self) -> Option<Str> {
        Some(self.version.version.as_str().into())
    }

    fn view(&self) -> View {
        View::Struct(vec![
            ("Version", Value::str(self.version.shown(self.helm))),
            ("Major", Value::str(self.version.major.as_str())),
            ("Minor", Value::str(self.version.minor.as_str())),
        ])
    }
}

/// `.Capabilities.APIVersions`.
struct Apis {
    names: Arc<Vec<String>>,
    type_name: &'static str,
}

impl HostObject for Apis {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        (name == b"Has").then_some(Params::fixed(&[Type::String]))
    }

    fn call(&self, _: &mut Context<'_>, _: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        let wanted = name(args);
        Ok(Value::Bool(self.names.iter().any(|api| api.as_bytes() == wanted)))
    }

    fn view(&self) -> View {
        View::List(List::strings(self.names.iter().map(String::as_str)))
    }

    fn len(&self) -> Option<usize> {
        Some(self.names.len())
    }
}

/// `.Files`.
pub(super) fn files(chart: &Chart) -> Value {
    let by_path = || chart.files.iter().map(|file| (Str::from(&*file.name), file.data.clone())).collect();
    let files = chart.kept.files.get_or_init(|| Arc::new(by_path()));
    Value::Object(Rc::new(Files(files.clone())))
}

/// The type that printing shows; its methods are those of [`Files`].
static FILES: NamedMap = NamedMap { name: "engine.files", methods: &[] };

/// Files by their path in the chart.
struct Files(Arc<FilesByPath>);

pub(crate) type FilesByPath = BTreeMap<Str, Bytes>;

impl Files {
    fn glob(&self, pattern: &[u8]) -> Self {
        let pattern = String::from_utf8_lossy(pattern);
        let compiled = Pattern::files(&pattern).ok();
        let fits = |name: &Str| compiled.as_ref().is_none_or(|p| p.matches(&name.to_string_lossy()));
        let fitting = self.0.iter().filter(|(name, _)| fits(name));
        Self(Arc::new(fitting.map(|(name, data)| (name.clone(), data.clone())).collect()))
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
        // The zero value of an absent key is an empty list of bytes.
        Some(byte_list(self.0.get(name).map(|data| &data[..]).unwrap_or_default()))
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
        View::Map(Map::of(MapType::Named(&FILES), entries))
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
