use crate::{RenderError, Rendered, Substitution};
use holdfast_object::{GroupKind, Object, ObjectSet};

/// Something that is done to all objects of a render, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Transform {
    /// Sets labels on every object, over what is there.
    Labels(Vec<(String, String)>),
    /// Sets annotations on every object, over what is there.
    Annotations(Vec<(String, String)>),
    /// Replaces `${…}` in every object.
    Substitute(Substitution),
}

impl Transform {
    /// Carries the transform out.
    ///
    /// # Errors
    /// [`RenderError::Broken`] with every object that it cannot be applied to; nothing is changed then.
    pub fn apply(&self, rendered: &mut Rendered) -> Result<(), RenderError> {
        match self {
            Self::Labels(labels) => {
                for entry in rendered.objects.iter_mut() {
                    labels.iter().for_each(|(k, v)| entry.object.set_label(k, v));
                }
            }
            Self::Annotations(list) => {
                for entry in rendered.objects.iter_mut() {
                    list.iter().for_each(|(k, v)| entry.object.set_annotation(k, v));
                }
            }
            Self::Substitute(substitution) => return substitution.apply(rendered),
        }
        Ok(())
    }
}

/// Where the objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In namespaces.
    Namespaced,
    /// In the cluster itself.
    Cluster,
    /// The cluster serves no such kind, and no definition of it comes with the render.
    Unknown,
}

/// Which namespace objects get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceRule {
    /// This one where an object names none (Argo CD's destination, a plain apply).
    Default(String),
    /// This one always (Flux' `targetNamespace`).
    Always(String),
}

/// Sets the namespace of namespaced objects and takes it from the others. `served` tells where the cluster keeps a
/// kind; definitions in the set itself count too.
pub fn set_namespaces(objects: &mut ObjectSet, rule: &NamespaceRule, served: &dyn Fn(&GroupKind) -> Scope) {
    let defined: Vec<(GroupKind, Scope)> =
        objects.iter().filter_map(|entry| defines(&entry.object)).collect();
    let scope = |kind: &GroupKind| match served(kind) {
        Scope::Unknown => {
            defined.iter().find(|(defined, _)| defined == kind).map_or(Scope::Unknown, |(_, scope)| *scope)
        }
        known => known,
    };
    for entry in objects.iter_mut() {
        let object = &mut entry.object;
        match scope(&object.gvk().group_kind()) {
            Scope::Cluster => object.set_namespace(""),
            Scope::Namespaced | Scope::Unknown => match rule {
                NamespaceRule::Always(namespace) => object.set_namespace(namespace),
                NamespaceRule::Default(namespace) if object.namespace().is_empty() => {
                    object.set_namespace(namespace);
                }
                NamespaceRule::Default(_) => {}
            },
        }
    }
}

/// The kind that a CustomResourceDefinition defines, and where its objects live.
fn defines(object: &Object) -> Option<(GroupKind, Scope)> {
    let kind = object.defined_kind()?;
    let scope = match object.get(&["spec", "scope"])?.as_str()? {
        "Namespaced" => Scope::Namespaced,
        _ => Scope::Cluster,
    };
    Some((kind, scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{Value, json};

    fn set(values: Vec<Value>) -> ObjectSet {
        let mut set = ObjectSet::new();
        values.into_iter().for_each(|value| set.push(Object::new(value).unwrap(), None));
        set
    }

    #[test]
    fn namespaces_follow_the_scope_of_each_kind() {
        let objects = || {
            set(vec![
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "namespace": "own"}}),
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c", "namespace": "wrong"}}),
                json!({"apiVersion": "x.io/v1", "kind": "Wide", "metadata": {"name": "d"}}),
                json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                    "metadata": {"name": "wides.x.io"},
                    "spec": {"group": "x.io", "scope": "Cluster", "names": {"kind": "Wide"}}}),
            ])
        };
        let served = |kind: &GroupKind| match kind.kind.as_str() {
            "ConfigMap" => Scope::Namespaced,
            "Wide" => Scope::Unknown,
            _ => Scope::Cluster,
        };
        let after = |rule: NamespaceRule| {
            let mut set = objects();
            set_namespaces(&mut set, &rule, &served);
            set.iter().map(|e| e.object.namespace().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(after(NamespaceRule::Default("to".into())), ["to", "own", "", "", ""]);
        assert_eq!(after(NamespaceRule::Always("to".into())), ["to", "to", "", "", ""]);
    }
}
