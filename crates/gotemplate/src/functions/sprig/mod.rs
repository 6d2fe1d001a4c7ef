//! The functions of sprig 3.3, group by group.

mod convert;
mod crypto;
mod date;
mod decimal;
mod defaults;
mod dict;
mod encoding;
mod json;
mod list;
mod numeric;
mod random;
mod regex;
mod semver;
mod strings;
mod words;

use super::Functions;
use crate::value::{Map, Value};

impl Functions {
    /// Go's own functions and those of sprig 3.3's `TxtFuncMap`.
    ///
    /// Without `env` and `expandenv`: a template cannot read the environment. `getHostByName` returns an empty string.
    pub fn sprig() -> Self {
        let mut functions = Self::text_template();
        crypto::register(&mut functions);
        date::register(&mut functions);
        decimal::register(&mut functions);
        defaults::register(&mut functions);
        dict::register(&mut functions);
        encoding::register(&mut functions);
        json::register(&mut functions);
        list::register(&mut functions);
        numeric::register(&mut functions);
        random::register(&mut functions);
        regex::register(&mut functions);
        semver::register(&mut functions);
        strings::register(&mut functions);
        words::register(&mut functions);
        functions
    }
}

// The executor has checked each argument against its parameter; these read them.

/// The bytes of a `string` argument.
fn text(value: &Value) -> &[u8] {
    match value {
        Value::Str(text) => text,
        _ => b"",
    }
}

/// The number of an `int` argument.
fn int(value: &Value) -> i64 {
    match value {
        Value::Int(int) | Value::Int64(int) => *int,
        _ => 0,
    }
}

/// The map of a `map[string]interface{}` argument; a nil map is empty, and writes to it are lost.
fn map(value: &Value) -> Map {
    value.as_map().unwrap_or_else(|| Map::new(Default::default()))
}
