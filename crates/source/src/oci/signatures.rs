//! Signatures of an artifact, as `cosign` leaves them in the registry beside it.

use super::registry::{Descriptor, Manifest};
use super::{OciRegistries, OciUrl};
use crate::signature::cosign::{
    BUNDLE, PublicKey, SIGNATURE_ANNOTATION, SIMPLE_SIGNING, verify_bundle, verify_simple,
};
use crate::{Access, SourceError};

/// Signatures of one artifact beyond this many are not looked at.
const MAX_SIGNATURES: usize = 64;
/// The largest signed document or bundle.
const MAX_BYTES: u64 = 1 << 20;

impl OciRegistries {
    /// Whether an artifact, `sha256:<hex>`, is signed by one of the keys. Signatures are looked for among what refers to
    /// the artifact, and at the tag that older clients use.
    ///
    /// # Errors
    /// Whatever kept us from asking; an artifact without signatures is no error.
    pub async fn is_signed(
        &self,
        url: &OciUrl,
        access: &Access,
        digest: &str,
        keys: &[PublicKey],
    ) -> Result<bool, SourceError> {
        let hex = digest.trim_start_matches("sha256:");
        for referrer in self.inner.registry.referrers(url, access, digest).await?.iter().take(MAX_SIGNATURES)
        {
            let manifest = self.inner.registry.manifest(url, access, &referrer.digest).await?;
            if self.signs(url, access, &manifest, digest, keys).await? {
                return Ok(true);
            }
        }
        match self.inner.registry.manifest(url, access, &format!("sha256-{hex}.sig")).await {
            Ok(manifest) => self.signs(url, access, &manifest, digest, keys).await,
            Err(SourceError::RefNotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn signs(
        &self,
        url: &OciUrl,
        access: &Access,
        manifest: &Manifest,
        digest: &str,
        keys: &[PublicKey],
    ) -> Result<bool, SourceError> {
        for layer in manifest.layers.iter().take(MAX_SIGNATURES).filter(|layer| layer.size <= MAX_BYTES) {
            if layer.media_type == SIMPLE_SIGNING {
                let Some(signature) = annotation(layer, SIGNATURE_ANNOTATION) else { continue };
                let document = self.layer(url, access, layer).await?;
                if verify_simple(&document, signature, digest, keys) {
                    return Ok(true);
                }
            } else if layer.media_type.starts_with(BUNDLE) {
                let bundle = self.layer(url, access, layer).await?;
                if verify_bundle(&bundle, digest, keys) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn annotation<'l>(layer: &'l Descriptor, name: &str) -> Option<&'l str> {
    layer.annotations.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
