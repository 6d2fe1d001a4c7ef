//! From a source's files to the objects that are applied: decryption, build, decryption again, substitution.

use super::decryption::{Decryption, still_sealed};
use super::{request, substitution};
use crate::FluxOptions;
use crate::source::secrets::SecretData;
use holdfast_cluster::Cluster;
use holdfast_object::{Object, ObjectSet};
use holdfast_render::{Diagnostic, Provided, RenderCache, RenderError, Rendered, Transform};
use holdfast_secrets::Vault;
use holdfast_source::{FetchPolicy, ProvideError, Sources};
use holdfast_tree::FileTree;
use holdfast_types::flux::{DecryptionSpec, KustomizationSpec, PostBuild};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// What a Kustomization's source comes to.
#[derive(Default)]
pub(super) struct Build {
    pub(super) objects: ObjectSet,
    /// Flux' own digest of it, by which the history tells one build from another.
    pub(super) digest: String,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Why nothing was built, in the terms of Flux' conditions.
pub(super) struct BuildError {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl BuildError {
    fn failed(message: impl std::fmt::Display) -> Self {
        Self { reason: "BuildFailed", message: message.to_string() }
    }
}

/// What a build needs besides the source.
pub(super) struct Builder<'a> {
    /// The cluster of the Kustomization itself, for its Secrets and ConfigMaps.
    pub(super) cluster: &'a Cluster,
    /// Where remote bases come from.
    pub(super) sources: &'a Sources,
    /// How old they may be.
    pub(super) max_age: Duration,
    pub(super) renders: &'a Arc<RenderCache>,
    pub(super) options: &'a FluxOptions,
}

impl Builder<'_> {
    /// Builds what the spec says of a source's files.
    pub(super) async fn build(
        &self,
        object: &Object,
        spec: &KustomizationSpec,
        tree: &Arc<dyn FileTree>,
    ) -> Result<Build, BuildError> {
        let namespace = object.namespace();
        let mut decryption = match &spec.decryption {
            Some(wanted) => Some(self.decryption(namespace, wanted).await.map_err(BuildError::failed)?),
            None => None,
        };
        let clear = match &mut decryption {
            Some(with) => {
                with.sources(tree.clone(), &spec.path, &spec.components).await.map_err(BuildError::failed)?
            }
            None => tree.clone(),
        };
        let salt = decryption.as_ref().map(Decryption::fingerprint).unwrap_or_default();
        let rendered = self.render(spec, clear, &salt).await?;
        let Rendered { mut objects, diagnostics, .. } = Arc::unwrap_or_clone(rendered);
        if let Some(with) = &mut decryption {
            with.objects(&mut objects, tree).await.map_err(BuildError::failed)?;
        }
        if let Some(post_build) = &spec.post_build {
            objects = self.substitute(namespace, post_build, objects).await?;
        }
        if let Some(message) = still_sealed(&objects) {
            return Err(BuildError { reason: "ReconciliationFailed", message });
        }
        Ok(Build { digest: digest(&objects), objects, diagnostics })
    }

    /// Renders with everything it asks for fetched, with nobody's credentials, or answers from what was rendered before.
    async fn render(
        &self,
        spec: &KustomizationSpec,
        tree: Arc<dyn FileTree>,
        salt: &str,
    ) -> Result<Arc<Rendered>, BuildError> {
        let unusable = |message| BuildError { reason: "ArtifactFailed", message };
        let request = request::render_request(spec).map_err(unusable)?;
        let remote = !self.options.no_remote_bases;
        let policy = FetchPolicy { remote, ..FetchPolicy::anonymous(self.max_age) };
        let (renders, salt) = (self.renders.clone(), format!("flux{salt}"));
        let run = move |provided: &Provided| renders.render(&*tree, &request, provided, &salt);
        self.sources.provide(&policy, run).await.map_err(|error| match error {
            ProvideError::Render(error @ RenderError::PathNotFound(_)) => {
                unusable(format!("kustomization path not found: {error}"))
            }
            error => BuildError::failed(error),
        })
    }

    async fn substitute(
        &self,
        namespace: &str,
        post_build: &PostBuild,
        objects: ObjectSet,
    ) -> Result<ObjectSet, BuildError> {
        let strict = self.options.strict_substitutions;
        let substitution = substitution::read(self.cluster, namespace, post_build, strict).await;
        let substitution =
            substitution.map_err(|why| BuildError::failed(format!("post build failed: {why}")))?;
        let mut rendered = Rendered { objects, ..Rendered::default() };
        Transform::Substitute(substitution).apply(&mut rendered).map_err(BuildError::failed)?;
        Ok(rendered.objects)
    }

    async fn decryption(&self, namespace: &str, spec: &DecryptionSpec) -> Result<Decryption, String> {
        let secret = match (&spec.secret_ref, &self.options.sops_age_secret) {
            (Some(secret), _) => Some((namespace.to_owned(), secret.name.clone())),
            (None, Some((namespace, name))) => Some((namespace.clone(), name.clone())),
            (None, None) => None,
        };
        let mut keys: Option<SecretData> = None;
        if let Some((namespace, secret)) = secret {
            let read = SecretData::read(self.cluster, &namespace, &secret).await;
            keys = Some(read.map_err(|why| format!("cannot get sops decryption Secret: {why}"))?);
        }
        // A Secret for everyone opens files with age alone, as with Flux.
        let is_own = spec.secret_ref.is_some();
        let data = keys.iter().flat_map(SecretData::values);
        let data: Vec<_> = data.filter(|(name, _)| is_own || name.ends_with(".agekey")).collect();
        let token = data.iter().find(|(name, _)| *name == "sops.vault-token");
        let token = token.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned().into());
        let name = keys.as_ref().map(SecretData::name).unwrap_or_default();
        let client = holdfast_source::http_client().map_err(|e| e.to_string())?;
        Decryption::new(&data, name, Box::new(Vault::new(client, token)), self.options)
    }
}

/// Flux' digest of a build: over the YAML of its objects, before common metadata and labels of ownership.
fn digest(objects: &ObjectSet) -> String {
    let text = holdfast_render::kustomization::to_yaml(objects);
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}
