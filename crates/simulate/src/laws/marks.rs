use crate::fleet::{App, Item, Kind, NAMESPACE};
use holdfast_object::Value;

/// The apps whose mark of ownership a live object carries.
pub(crate) fn marks(item: &Item, live: &Value) -> Vec<App> {
    let text = |section: &str, key: &str| {
        live.pointer(&format!("/metadata/{section}"))?.get(key)?.as_str().map(str::to_owned)
    };
    let mut apps = Vec::new();
    let label = |key: &str| text("labels", &format!("kustomize.toolkit.fluxcd.io/{key}"));
    if let (Some(name), Some(namespace)) = (label("name"), label("namespace")) {
        apps.extend(App::named(&name).filter(|app| app.namespace() == namespace));
    }
    if let Some(id) = text("annotations", "argocd.argoproj.io/tracking-id") {
        let group = if item.kind == Kind::Deployment { "apps" } else { "" };
        let (instance, rest) = id.split_once(':').unwrap_or_default();
        // A copy that kept another object's id is nobody's.
        if rest == format!("{group}/{:?}:{NAMESPACE}/{}", item.kind, item.name) {
            apps.extend(App::named(instance));
        }
    }
    apps
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn a_mark_is_whole_and_of_the_object_itself() {
        let item = Item { kind: Kind::Deployment, name: "item-1".into() };
        let check = |metadata: Value, expected: &[App]| {
            assert_eq!(marks(&item, &json!({ "metadata": metadata })), expected);
        };
        let name = "kustomize.toolkit.fluxcd.io/name";
        let namespace = "kustomize.toolkit.fluxcd.io/namespace";
        check(json!({"labels": {name: "shop", namespace: "flux-system"}}), &[App::Shop]);
        check(json!({"labels": {name: "shop"}}), &[]);
        let id = |text: &str| json!({"annotations": {"argocd.argoproj.io/tracking-id": text}});
        check(id("web:apps/Deployment:fleet/item-1"), &[App::Web]);
        check(id("web:apps/Deployment:fleet/item-2"), &[]);
    }
}
