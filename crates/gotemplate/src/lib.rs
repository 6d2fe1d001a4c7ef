//! Go's `text/template` language and the sprig functions, in pure Rust.
//!
//! Templates written for Helm, Argo CD or any Go program render here to the same bytes, or fail with the same message.
//! That takes Go's rules where they are peculiar: two kinds of nil, numbers that keep their Go type, maps as references
//! that functions change, strings that are bytes, `fmt`'s verbs with their errors in the text.
//!
//! ```
//! use holdfast_gotemplate::{Functions, MissingKey, Numbers, Options, ParseOptions, Session, TemplateSet, Value, parse};
//!
//! let functions = Functions::text_template();
//! let mut templates = TemplateSet::new();
//! templates.add(&parse("greet", b"Hello, {{ .name | printf \"%q\" }}!", &ParseOptions::new(&functions))?);
//! let data = Value::from_json(&serde_json::json!({ "name": "world" }), Numbers::Float64);
//! let mut session = Session::new(Options {
//!     missing_key: MissingKey::Invalid,
//!     limits: Default::default(),
//!     now: 0,
//!     seed: [0; 32],
//! });
//! assert_eq!(session.execute(&templates, b"greet", &data)?, b"Hello, \"world\"!");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`parse()`] turns text into immutable, shareable trees, bound to a registry of [`Functions`].
//! - A [`TemplateSet`] holds the trees that can call each other; cloning one is cheap.
//! - A [`Session`] executes templates over [`Value`]s, within [`Limits`], with a clock and a seed from the caller.
//! - A [`HostObject`] is a value with fields and methods of the caller's own.
//!
//! What this crate refuses to do: read files or the environment, open connections, ask for the time or for random
//! numbers, run without bounds, and escape output by context as `html/template` does.

mod crypto;
mod encoding;
mod exec;
mod fmt;
mod functions;
pub mod json;
mod parse;
mod random;
mod regexp;
mod stack;
mod templates;
mod time;
mod url;
mod value;

pub use exec::{Context, ExecError, FuncError, Limit, Limits, Location, MissingKey, Options, Session, Trace};
pub use fmt::quote;
pub use functions::{Function, Functions, Params, Type};
pub use parse::{ParseError, ParseOptions, Parsed, Tree, parse};
pub use templates::TemplateSet;
pub use time::{Clock, Duration, time};
pub use value::{
    Elem, Entries, Frozen, FrozenMap, HostObject, Kind, List, Map, MapMethod, MapType, NamedMap, Numbers,
    Str, Value, View,
};
