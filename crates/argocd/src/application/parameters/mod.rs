//! The parameters of a source, as `spec.source` and the files that override it have them.

mod build_options;
mod helm;
mod kustomize;
mod overrides;

pub(super) use helm::{helm, helm_problems, mount_point, passes_credentials};
pub(super) use kustomize::{kustomize, kustomize_problems};
pub(super) use overrides::overridden;

/// The variables that paths and parameters may name.
const VARIABLES: &[&str] = &["ARGOCD_APP_", "KUBE_VERSION", "KUBE_API_VERSIONS"];

/// Puts variables into a text as Go's `os.Expand` does: `$NAME` and `${NAME}`; unknown ones are empty, `$$` is a dollar.
fn expand(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, next) = if let Some(braced) = after.strip_prefix('{') {
            match braced.split_once('}') {
                Some((name, next)) => (name, next),
                // Go eats what cannot be read.
                None => ("", braced),
            }
        } else if let Some(next) = after.strip_prefix('$') {
            ("$", next)
        } else if after.starts_with(|c: char| c.is_ascii_digit()) {
            after.split_at(1)
        } else {
            after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()))
        };
        match name {
            "$" => out.push('$'),
            // A dollar that nothing follows which could be a name stays.
            "" if !after.starts_with('{') => out.push('$'),
            name => out.push_str(&value(name).unwrap_or_default()),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}
