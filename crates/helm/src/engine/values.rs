//! The methods of `.Values`, whose type is a named one in Helm's Go. As in Go they win over values of the same name.

use super::functions::to_yaml;
use crate::values::new_map;
use holdfast_gotemplate::{FuncError, Map, MapMethod, MapType, NamedMap, Params, Type, Value};

/// The type of values in Helm 3.
pub(crate) static V3: NamedMap = NamedMap { name: "chartutil.Values", methods: METHODS };
/// The type of values in Helm 4.
pub(crate) static V4: NamedMap = NamedMap { name: "common.Values", methods: METHODS };

const METHODS: &[MapMethod] = &[
    MapMethod { name: "AsMap", params: Params::fixed(&[]), body: as_map },
    MapMethod { name: "YAML", params: Params::fixed(&[]), body: yaml },
    MapMethod { name: "Table", params: Params::fixed(&[Type::String]), body: table },
    MapMethod { name: "PathValue", params: Params::fixed(&[Type::String]), body: path_value },
    // It writes to what no template has.
    MapMethod { name: "Encode", params: Params::fixed(&[Type::Named("io.Writer")]), body: encode },
];

fn as_map(values: &Map, _: &[Value]) -> Result<Value, FuncError> {
    Ok(values.converted(MapType::Any).into())
}

fn yaml(values: &Map, _: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::from(to_yaml(&values.clone().into()) + "\n"))
}

/// The mapping at a path with dots.
fn table(values: &Map, args: &[Value]) -> Result<Value, FuncError> {
    table_at(values, &text(args)).map(Value::from)
}

fn table_at(values: &Map, path: &str) -> Result<Map, FuncError> {
    path.split('.').try_fold(values.clone(), |at, key| match at.get(key.as_bytes()) {
        Some(Value::Map(found)) => Ok(found.converted(values.map_type())),
        _ => Err(format!("{key:?} is not a table").into()),
    })
}

/// The value at a path with dots, which must be no mapping.
fn path_value(values: &Map, args: &[Value]) -> Result<Value, FuncError> {
    let path = text(args);
    if path.is_empty() {
        return Err("YAML path cannot be empty".into());
    }
    let (above, key) = path.rsplit_once('.').map_or((None, &*path), |(above, key)| (Some(above), key));
    let table = above.map_or_else(|| Ok(values.clone()), |above| table_at(values, above));
    let found = table.ok().and_then(|table| table.get(key.as_bytes()));
    found
        .filter(|value| !matches!(value, Value::Map(_)))
        .ok_or_else(|| format!("{key:?} is not a value").into())
}

fn encode(_: &Map, _: &[Value]) -> Result<Value, FuncError> {
    Ok(new_map().into())
}

fn text(args: &[Value]) -> String {
    match args.first() {
        Some(Value::Str(text)) => text.to_string_lossy().into_owned(),
        _ => String::new(),
    }
}
