//! Values with fields and methods of the host.

use std::rc::Rc;

use holdfast_gotemplate::{
    Context, FuncError, HostObject, Kind, Limits, List, Map, MapMethod, MapType, NamedMap, Params, Str, Type,
    Value, View,
};

use crate::support::{session, templates};

/// A struct with a method, a stringer, and a collection.
struct Release {
    files: Vec<&'static str>,
}

impl HostObject for Release {
    fn type_name(&self) -> &str {
        "host.Release"
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        match name {
            b"Get" => Some(Params::fixed(&[Type::String])),
            b"Has" => Some(Params::variadic(&[Type::String], Type::Any)),
            _ => None,
        }
    }

    fn call(&self, _: &mut Context<'_>, method: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        let Value::Str(name) = &args[0] else { return Err("no name".into()) };
        let found = self.files.iter().find(|file| file.as_bytes() == name.as_bytes());
        match (method, found) {
            (b"Has", found) => Ok(Value::Bool(found.is_some())),
            (_, Some(file)) => Ok(format!("<{file}>").into()),
            (_, None) => Err(format!("no file {name}").into()),
        }
    }

    fn view(&self) -> View {
        View::Struct(vec![("Name", "web".into()), ("Revision", Value::Int(3))])
    }
}

struct Hosts;

impl HostObject for Hosts {
    fn type_name(&self) -> &str {
        "host.Hosts"
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn view(&self) -> View {
        View::List(List::strings(["a", "b"]))
    }

    fn text(&self) -> Option<Str> {
        Some("hosts!".into())
    }
}

static VALUES: NamedMap = NamedMap {
    name: "chartutil.Values",
    methods: &[
        MapMethod {
            name: "AsMap",
            params: Params::fixed(&[]),
            body: |map, _| Ok(map.converted(MapType::Any).into()),
        },
        MapMethod {
            name: "Get",
            params: Params::fixed(&[Type::String]),
            body: |map, args| {
                let Value::Str(key) = &args[0] else { return Err("no key".into()) };
                map.get(key.as_bytes()).ok_or_else(|| "nothing there".into())
            },
        },
    ],
};

fn check(template: &str, expected: Result<&str, &str>) {
    let values = Map::of(MapType::Named(&VALUES), [(Str::from("x"), Value::Int(1))].into());
    let data: Map = [
        (Str::from("Release"), Value::Object(Rc::new(Release { files: vec!["a.txt"] }))),
        (Str::from("Hosts"), Value::Object(Rc::new(Hosts))),
        (Str::from("Values"), values.into()),
    ]
    .into_iter()
    .collect();
    let found = session(Limits::default())
        .execute(&templates(template).expect("parses"), b"t", &data.into())
        .map(|output| String::from_utf8_lossy(&output).into_owned())
        .map_err(|error| error.to_string());
    assert_eq!(found.as_ref().map(String::as_str).map_err(String::as_str), expected, "{template}");
}

#[test]
fn methods_and_fields() {
    check("{{ .Release.Name }} {{ .Release.Revision }}", Ok("web 3"));
    check("{{ .Release.Get \"a.txt\" }} {{ \"a.txt\" | .Release.Get }}", Ok("<a.txt> <a.txt>"));
    check("{{ if .Release.Has \"b\" 1 2 }}yes{{ else }}no{{ end }}", Ok("no"));
    check("{{ with .Release }}{{ .Get \"a.txt\" }}{{ end }}", Ok("<a.txt>"));
    check("{{ $r := .Release }}{{ $r.Get \"a.txt\" | upper }}", Ok("<A.TXT>"));
    check(
        "{{ .Release.Get \"b\" }}",
        Err("template: t:1:11: executing \"t\" at <.Release.Get>: error calling Get: no file b"),
    );
    check(
        "{{ .Release.Get }}",
        Err(
            "template: t:1:11: executing \"t\" at <.Release.Get>: wrong number of args for Get: want 1 got 0",
        ),
    );
    check("{{ .Release.Get 1 }}", Err("template: t:1:16: executing \"t\" at <1>: expected string; found 1"));
    check(
        "{{ .Release.Name 1 }}",
        Err(
            "template: t:1:11: executing \"t\" at <.Release.Name>: Name has arguments but cannot be invoked as function",
        ),
    );
    check(
        "{{ .Release.Nope }}",
        Err(
            "template: t:1:11: executing \"t\" at <.Release.Nope>: can't evaluate field Nope in type interface {}",
        ),
    );
}

#[test]
fn methods_of_named_maps_win_over_keys() {
    check("{{ .Values.x }} {{ .Values.Get \"x\" }} {{ \"x\" | .Values.Get }}", Ok("1 1 1"));
    check("{{ typeOf .Values }} {{ typeOf .Values.AsMap }}", Ok("chartutil.Values map[string]interface {}"));
    check("{{ $v := set .Values \"AsMap\" 2 }}{{ $v.AsMap }} {{ len .Values.AsMap }}", Ok("2 2"));
    check(
        "{{ .Values.Get \"y\" }}",
        Err("template: t:1:10: executing \"t\" at <.Values.Get>: error calling Get: nothing there"),
    );
    check(
        "{{ .Values.AsMap 1 }}",
        Err(
            "template: t:1:10: executing \"t\" at <.Values.AsMap>: wrong number of args for AsMap: want 0 got 1",
        ),
    );
    check(
        "{{ .Values.x 1 }}",
        Err("template: t:1:10: executing \"t\" at <.Values.x>: x is not a method but has arguments"),
    );
}

#[test]
fn printing_and_json() {
    check(
        "{{ .Release }} {{ printf \"%+v %#v %T\" .Release .Release .Release }}",
        Ok("{web 3} {Name:web Revision:3} host.Release{Name:\"web\", Revision:3} host.Release"),
    );
    check(
        "{{ toJson .Release }} {{ kindOf .Release }} {{ typeOf .Release }}",
        Ok("{\"Name\":\"web\",\"Revision\":3} struct host.Release"),
    );
}

#[test]
fn collections_of_the_host() {
    check(
        "{{ range $i, $h := .Hosts }}{{ $i }}{{ $h }}{{ end }} {{ len .Hosts }} {{ index .Hosts 1 }}",
        Ok("0a1b 2 b"),
    );
    check(
        "{{ .Hosts }} {{ join \",\" .Hosts }} {{ first .Hosts }} {{ kindOf .Hosts }}",
        Ok("hosts! a,b a slice"),
    );
}

#[test]
fn a_named_map_is_a_map_of_another_type() {
    check(
        "{{ typeOf .Values }} {{ hasKey .Values \"x\" }} {{ typeOf .Values.AsMap }}",
        Ok("chartutil.Values true map[string]interface {}"),
    );
    check("{{ $_ := set .Values.AsMap \"y\" 2 }}{{ .Values.y }}{{ dig \"y\" 0 .Values.AsMap }}", Ok("22"));
    check(
        "{{ dig \"x\" 0 .Values }}",
        Err(
            "template: t:1:3: executing \"t\" at <dig \"x\" 0 .Values>: error calling dig: interface conversion: \
             interface {} is chartutil.Values, not map[string]interface {}",
        ),
    );
}
