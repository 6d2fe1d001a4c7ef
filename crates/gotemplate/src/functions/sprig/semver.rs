//! Versions and version ranges.

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use holdfast_semver::{Constraint, Version};

use super::text;
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::value::{HostObject, Kind, Str, Value, View};

const TYPE_NAME: &str = "*semver.Version";

pub(super) fn register(functions: &mut Functions) {
    functions.insert("semver", Params::fixed(&[Type::String]), |_, args| {
        Ok(Value::Object(Rc::new(Semver(parse(&args[0])?))))
    });
    functions.insert("semverCompare", Params::fixed(&[Type::String, Type::String]), |_, args| {
        let range = String::from_utf8_lossy(text(&args[0]));
        let range = Constraint::parse(&range).map_err(|_| {
            FuncError::from(format!("improper constraint: {}", crate::fmt::quote(range.as_bytes())))
        })?;
        Ok(Value::Bool(range.matches(&parse(&args[1])?)))
    });
}

fn parse(value: &Value) -> Result<Version, FuncError> {
    Version::parse(&String::from_utf8_lossy(text(value))).map_err(|_| "invalid semantic version".into())
}

/// A version as a template value: its methods are those of Go's type.
struct Semver(Version);

impl Semver {
    fn part(&self, method: &[u8]) -> Option<Value> {
        let version = &self.0;
        Some(match method {
            b"Major" => Value::Uint64(version.major),
            b"Minor" => Value::Uint64(version.minor),
            b"Patch" => Value::Uint64(version.patch),
            b"Prerelease" => version.prerelease.as_str().into(),
            b"Metadata" => version.build.as_str().into(),
            b"Original" => version.original().into(),
            b"String" => version.to_string().into(),
            _ => return None,
        })
    }

    /// The next version: a prerelease becomes its release where only the patch rises.
    fn raised(&self, method: &[u8]) -> Result<Value, FuncError> {
        let Version { major, minor, patch, .. } = self.0;
        let next = match method {
            b"IncMajor" => format!("{}.0.0", major.saturating_add(1)),
            b"IncMinor" => format!("{major}.{}.0", minor.saturating_add(1)),
            _ if self.0.is_prerelease() => format!("{major}.{minor}.{patch}"),
            _ => format!("{major}.{minor}.{}", patch.saturating_add(1)),
        };
        let v = if self.0.original().starts_with('v') { "v" } else { "" };
        let next =
            Version::parse(&format!("{v}{next}")).map_err(|error| FuncError::from(error.to_string()))?;
        Ok(Value::Object(Rc::new(Self(next))))
    }
}

impl HostObject for Semver {
    fn type_name(&self) -> &str {
        TYPE_NAME
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn method(&self, name: &[u8]) -> Option<Params> {
        match name {
            b"Compare" | b"Equal" | b"LessThan" | b"GreaterThan" | b"LessThanEqual" | b"GreaterThanEqual" => {
                Some(Params::fixed(&[Type::Named(TYPE_NAME)]))
            }
            b"IncMajor" | b"IncMinor" | b"IncPatch" => Some(Params::fixed(&[])),
            name => self.part(name).map(|_| Params::fixed(&[])),
        }
    }

    fn call(&self, _: &mut Context<'_>, method: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        if let Some(part) = self.part(method) {
            return Ok(part);
        }
        let Some(other) = args.first().and_then(Value::downcast::<Self>) else { return self.raised(method) };
        let ordering = self.0.cmp(&other.0);
        Ok(match method {
            b"Compare" => Value::Int(ordering as i64),
            b"Equal" => Value::Bool(ordering == Ordering::Equal),
            b"LessThan" => Value::Bool(ordering == Ordering::Less),
            b"GreaterThan" => Value::Bool(ordering == Ordering::Greater),
            b"LessThanEqual" => Value::Bool(ordering != Ordering::Greater),
            _ => Value::Bool(ordering != Ordering::Less),
        })
    }

    /// Its fields are not exported: only printing shows them.
    fn field(&self, _: &[u8]) -> Option<Value> {
        None
    }

    fn view(&self) -> View {
        let version = &self.0;
        View::Struct(vec![
            ("major", Value::Uint64(version.major)),
            ("minor", Value::Uint64(version.minor)),
            ("patch", Value::Uint64(version.patch)),
            ("pre", version.prerelease.as_str().into()),
            ("metadata", version.build.as_str().into()),
            ("original", version.original().into()),
        ])
    }

    fn text(&self) -> Option<Str> {
        Some(self.0.to_string().into())
    }

    fn json(&self) -> Option<Value> {
        Some(self.0.to_string().into())
    }

    fn equals(&self, other: &dyn HostObject) -> bool {
        let other = (other as &dyn Any).downcast_ref::<Self>();
        other.is_some_and(|other| self.0 == other.0 && self.0.original() == other.0.original())
    }
}
