use super::{Make, Transformer, set_string, visit};
use crate::config::Spec;
use crate::error::{BuildError, Result};
use crate::node::{Node, wrong_kind};
use crate::resource::{Gvk, ResSet, Resource};
use crate::schema::Schemas;

/// Which subjects of role bindings move along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SubjectMode {
    /// Those named `default`.
    #[default]
    DefaultOnly,
    /// Every service account.
    AllServiceAccounts,
    None,
}

impl SubjectMode {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "" | "defaultOnly" => Ok(Self::DefaultOnly),
            "allServiceAccounts" => Ok(Self::AllServiceAccounts),
            "none" => Ok(Self::None),
            other => Err(format!(
                "invalid value \"{other}\" for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\""
            )
            .into()),
        }
    }
}

/// Moves every resource that has a namespace into one.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) namespace: String,
    pub(crate) specs: Vec<Spec>,
    /// Leaves namespaces that are set already.
    pub(crate) unset_only: bool,
    pub(crate) subjects: SubjectMode,
}

impl Transformer for Namespace {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        for resource in &mut set.list {
            if resource.is_gone() || resource.from_helm {
                continue;
            }
            resource.remember();
            schemas.budget.spend(self.namespace.len())?;
            self.apply(resource).map_err(|e| BuildError {
                message: format!("namespace transformation failed: {}", e.message),
                ..e
            })?;
            resource.refresh(&schemas.scopes);
        }
        set.ids_changed();
        set.check_unique().map_err(|e| BuildError {
            message: format!("namespace transformation produces ID conflict: {}", e.message),
            ..e
        })
    }
}

impl Namespace {
    /// Sets the namespace of one resource and of what it says about others.
    pub(crate) fn apply(&self, resource: &mut Resource) -> Result<()> {
        if !resource.id.cluster_scoped {
            let own = Spec::new(Gvk::default(), "metadata/namespace", true);
            visit(resource, &own, Make::Scalar, &mut |node| self.set(node))?;
        }
        let binding = matches!(resource.id.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
        if binding {
            self.subjects(&mut resource.node)
                .map_err(|message| BuildError::new(message).of_object(&resource.id).of_field("subjects"))?;
        }
        let core = resource.id.gvk.group.is_empty() && resource.id.gvk.version == "v1";
        for spec in &self.specs {
            let skip = spec.path == "metadata/namespace"
                || (spec.path == "metadata/name" && !core)
                || (binding
                    && spec.path == "subjects/namespace"
                    && matches!(spec.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding"));
            if !skip {
                visit(resource, spec, Make::Scalar, &mut |node| self.set(node))?;
            }
        }
        Ok(())
    }

    fn set(&self, node: &mut Node) -> std::result::Result<(), String> {
        if self.unset_only && !node.is_nothing() && !node.raw_text().is_empty() {
            return Ok(());
        }
        set_string(node, &self.namespace)
    }

    fn subjects(&self, node: &mut Node) -> std::result::Result<(), String> {
        let Some(subjects) = node.as_map_mut().and_then(|m| m.get_mut("subjects")) else { return Ok(()) };
        if subjects.is_null() {
            return Ok(());
        }
        let Node::Seq(subjects) = subjects else { return Err(wrong_kind("a list", subjects)) };
        for subject in subjects {
            let is = |field: &str, text: &str| subject.get(field).is_some_and(|v| v.raw_text() == text);
            let moves = match self.subjects {
                SubjectMode::None => false,
                SubjectMode::DefaultOnly => is("name", "default"),
                SubjectMode::AllServiceAccounts => is("kind", "ServiceAccount"),
            };
            if moves && let Node::Map(map) = subject {
                self.set(map.entry("namespace", || Node::text("")))?;
            }
        }
        Ok(())
    }
}
