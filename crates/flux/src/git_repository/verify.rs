//! Signatures of the commit, and of the tag that led to it.

use super::request::GitRequest;
use crate::source::secrets::SecretData;
use crate::source::{Asked, Draft, Failure, VERIFIED};
use holdfast_source::{Artifact, GitSignatures, PublicKeys, SignatureError, Signed};
use holdfast_types::flux::{GitRepositorySpec, GitVerification};

/// Verifies what the spec wants verified; the verdict goes into the draft. Without `verify` no old verdict stands.
pub(super) async fn verify(
    asked: &Asked<'_, GitRepositorySpec>,
    request: &GitRequest,
    artifact: &Artifact,
    draft: &mut Draft,
) -> Result<(), Failure> {
    let Some(wanted) = &asked.spec.verify else {
        draft.conditions.remove(VERIFIED);
        draft.set("sourceVerificationMode", None);
        return Ok(());
    };
    let mode = Mode::of(wanted);
    if is_verified(asked, artifact, mode, draft) {
        return Ok(());
    }
    let cluster = asked.shared.engine.cluster();
    let secret = SecretData::read(cluster, asked.object.namespace(), &wanted.secret_ref.name).await;
    let secret = secret.map_err(|why| {
        Failure::verification("VerificationError", format!("public keys secret error: {why}"))
    })?;
    let keys = PublicKeys::from_secret(secret.values());
    let signatures = asked.shared.sources.git_signatures(
        &asked.spec.url,
        &request.wanted,
        &request.access,
        &artifact.revision,
        mode.tag,
    );
    let signatures = signatures.await.map_err(|error| super::explain(&asked.spec.url, &error))?;
    let now = asked.shared.engine.now().as_second();
    let message = judge(mode, artifact.revision.commit(), &signatures, |signed| keys.verify(signed, now))?;
    draft.set("sourceVerificationMode", Some(mode.name().into()));
    draft.conditions.set(VERIFIED, "True", "Succeeded", &message);
    Ok(())
}

/// A verdict on the same revision stands, as with Flux, until the spec changes.
fn is_verified(asked: &Asked<'_, GitRepositorySpec>, artifact: &Artifact, mode: Mode, draft: &Draft) -> bool {
    let revision = artifact.revision.to_string();
    asked.stored.is_some_and(|stored| stored.revision == revision)
        && draft.before("/sourceVerificationMode") == Some(mode.name())
        && draft.conditions.status(VERIFIED) == Some("True")
        && draft.conditions.generation_of(VERIFIED) == Some(asked.object.generation())
}

/// What must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mode {
    head: bool,
    tag: bool,
}

impl Mode {
    fn of(spec: &GitVerification) -> Self {
        match spec.mode.as_str() {
            "Tag" => Self { head: false, tag: true },
            "TagAndHEAD" => Self { head: true, tag: true },
            _ => Self { head: true, tag: false },
        }
    }

    /// As the status names it; `head` is an older name of `HEAD`.
    fn name(self) -> &'static str {
        match (self.head, self.tag) {
            (true, true) => "TagAndHEAD",
            (false, true) => "Tag",
            (_, false) => "HEAD",
        }
    }
}

/// The message of the condition, or why it is not so.
fn judge(
    mode: Mode,
    commit: &str,
    signatures: &GitSignatures,
    verify: impl Fn(&Signed) -> Result<String, SignatureError>,
) -> Result<String, Failure> {
    let mut message = "verified signature of".to_owned();
    if mode.tag {
        let Some(tag) = &signatures.tag else {
            let why = "cannot verify tag object's signature if a tag reference is not specified";
            return Err(Failure::verification("InvalidVerificationMode", why).stalling());
        };
        let shown = format!("{}@{}", tag.name, tag.id);
        if tag.signed.signature.is_empty() {
            let why = format!("cannot verify signature of tag '{shown}' since it is not signed");
            return Err(Failure::verification("InvalidGitObject", why));
        }
        let key = verify(&tag.signed).map_err(|error| {
            let why =
                format!("signature verification of tag '{shown}' failed: unable to verify Git tag: {error}");
            Failure::verification("InvalidTagSignature", why)
        })?;
        message.push_str(&format!("\n\t- tag '{shown}' with key '{key}'"));
    }
    if mode.head {
        let key = verify(&signatures.commit).map_err(|error| {
            let why = format!(
                "signature verification of commit '{commit}' failed: unable to verify Git commit: {error}"
            );
            Failure::verification("InvalidCommitSignature", why)
        })?;
        message.push_str(&format!("\n\t- commit '{commit}' with key '{key}'"));
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Then;
    use holdfast_source::SignedTag;

    fn signed(signature: &str) -> Signed {
        Signed { payload: b"payload".to_vec(), signature: signature.into() }
    }

    /// A signature is good when it names its key.
    fn check(mode: &str, commit: &str, tag: Option<&str>, expected: Result<&str, (&str, Then)>) {
        let spec =
            GitVerification { mode: mode.into(), secret_ref: holdfast_types::flux::LocalName::default() };
        let tag =
            tag.map(|signature| SignedTag { name: "v1".into(), id: "t".into(), signed: signed(signature) });
        let signatures = GitSignatures { commit: signed(commit), tag };
        let verify = |signed: &Signed| match signed.signature.strip_prefix("key ") {
            Some(key) => Ok(key.to_owned()),
            None => Err(SignatureError::Unsupported("unknown")),
        };
        let found = judge(Mode::of(&spec), "c", &signatures, verify);
        let found = found.as_deref().map_err(|failure| (failure.reason, failure.then));
        assert_eq!(found, expected, "{mode}");
    }

    #[test]
    fn each_mode_wants_its_signatures() {
        check("HEAD", "key A", None, Ok("verified signature of\n\t- commit 'c' with key 'A'"));
        check("head", "key A", Some("bad"), Ok("verified signature of\n\t- commit 'c' with key 'A'"));
        check("HEAD", "bad", None, Err(("InvalidCommitSignature", Then::Retry)));
        check("Tag", "bad", Some("key B"), Ok("verified signature of\n\t- tag 'v1@t' with key 'B'"));
        check("Tag", "key A", None, Err(("InvalidVerificationMode", Then::Stall)));
        check("Tag", "key A", Some(""), Err(("InvalidGitObject", Then::Retry)));
        check("Tag", "key A", Some("bad"), Err(("InvalidTagSignature", Then::Retry)));
        check(
            "TagAndHEAD",
            "key A",
            Some("key B"),
            Ok("verified signature of\n\t- tag 'v1@t' with key 'B'\n\t- commit 'c' with key 'A'"),
        );
        check("TagAndHEAD", "bad", Some("key B"), Err(("InvalidCommitSignature", Then::Retry)));
    }
}
