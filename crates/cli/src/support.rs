//! What the front-ends say about a custom resource.

use holdfast_object::Object;

/// Why a custom resource is not run: a reason each. Empty when it is.
pub(crate) fn unsupported(object: &Object) -> Vec<String> {
    match object.gvk().group.as_str() {
        "argoproj.io" => holdfast_argocd::unsupported(object),
        _ => holdfast_flux::unsupported(object),
    }
}
