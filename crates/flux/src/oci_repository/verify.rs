//! Signatures of the artifact.

use super::request::OciRequest;
use crate::source::secrets::SecretData;
use crate::source::{Asked, Draft, Failure, VERIFIED};
use holdfast_source::cosign::PublicKey;
use holdfast_types::flux::OciRepositorySpec;

/// Verifies what the spec wants verified; the verdict goes into the draft. Without `verify` no old verdict stands.
///
/// A verdict stands, as with Flux, while neither the revision nor the spec changes.
pub(super) async fn verify(
    asked: &Asked<'_, OciRepositorySpec>,
    request: &OciRequest,
    revision: &str,
    digest: &str,
    draft: &mut Draft,
) -> Result<(), Failure> {
    let Some(wanted) = &asked.spec.verify else {
        draft.conditions.remove(VERIFIED);
        return Ok(());
    };
    let is_verified = asked.stored.is_some_and(|stored| stored.revision == revision)
        && draft.conditions.status(VERIFIED) == Some("True")
        && draft.conditions.generation_of(VERIFIED) == Some(asked.object.generation());
    if is_verified {
        return Ok(());
    }
    let failed = |why: String| {
        let message = format!("failed to verify the signature using provider '{}': {why}", wanted.provider);
        Failure::verification("VerificationError", message)
    };
    let secret = wanted.secret_ref.as_ref().map_or("", |secret| &secret.name);
    let secret = SecretData::read(asked.shared.engine.cluster(), asked.object.namespace(), secret).await;
    let keys = public_keys(&secret.map_err(failed)?).map_err(failed)?;
    let registries = asked.shared.sources.registries();
    let OciRequest { url, access, .. } = request;
    let is_signed = registries.is_signed(url, access, digest, &keys).await;
    if !is_signed.map_err(|error| failed(format!("{error} ({})", error.hint())))? {
        return Err(failed(format!("no matching signatures were found for '{url}@{digest}'")));
    }
    draft.conditions.set(
        VERIFIED,
        "True",
        "Succeeded",
        &format!("verified signature of revision {revision}"),
    );
    Ok(())
}

/// The keys of a Secret: every value whose name ends with `.pub`.
fn public_keys(secret: &SecretData) -> Result<Vec<PublicKey>, String> {
    let named = secret.values().filter(|(name, _)| name.ends_with(".pub"));
    named
        .map(|(name, value)| {
            let unreadable = || format!("secret '{}': '{name}' is no public key in PEM", secret.name());
            PublicKey::from_pem(value).ok_or_else(unreadable)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_by_their_names() {
        let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        let count = |values: &[(&str, &str)]| public_keys(&SecretData::of(values)).map(|keys| keys.len());
        assert_eq!(count(&[("cosign.pub", key), ("other.pub", key), ("cosign.key", "secret")]), Ok(2));
        assert_eq!(count(&[]), Ok(0));
        let error = count(&[("cosign.pub", "secret")]).unwrap_err();
        assert_eq!(error, "secret 'team/secret': 'cosign.pub' is no public key in PEM");
    }
}
