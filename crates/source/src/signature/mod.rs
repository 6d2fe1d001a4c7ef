//! Signatures of commits, tags and artifacts, checked against public keys that the user names.
//!
//! Pure: what is signed, the signature, the keys and the time come in, the key that fits comes out. No key is ever
//! looked for elsewhere.

pub mod cosign;
mod git;
mod openpgp;
mod ssh;

pub use git::{Signed, SignedTag};

/// Why a signature is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("unable to verify payload: signature is empty")]
    Missing,
    /// It is of a kind that is not verified here.
    #[error("unsupported signature type: {0}")]
    Unsupported(&'static str),
    /// There are no keys for its kind.
    #[error(
        "{kind} signature detected but no {kind} public keys found in secret (keys with {suffix} suffix)"
    )]
    NoKeys {
        /// `PGP` or `SSH`.
        kind: &'static str,
        /// How the names of such keys end.
        suffix: &'static str,
    },
    /// No key could be read.
    #[error("unable to read {kind}: {reason}")]
    UnreadableKeys {
        /// `armored key ring` or `authorized keys`.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be read.
    #[error("unable to read the signature: {0}")]
    Unreadable(String),
    /// None of the keys made it.
    #[error("unable to verify payload with any of the given {kind}: no matching key found{}", .hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    NoMatch {
        /// `key rings` or `authorized keys`.
        kind: &'static str,
        /// A key fits, and is not good any more.
        hint: Option<String>,
    },
}

/// The public keys of one Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys {
    rings: Vec<String>,
    authorized: Vec<String>,
}

impl PublicKeys {
    /// Sorts a Secret's values by the ends of their names: `.sshpub` are SSH keys, everything else are OpenPGP keys,
    /// as for Flux.
    pub fn from_secret<'a>(values: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut keys = Self::default();
        for (name, value) in values {
            let text = String::from_utf8_lossy(value).into_owned();
            match name.ends_with(".sshpub") {
                true => keys.authorized.push(text),
                false => keys.rings.push(text),
            }
        }
        keys
    }

    /// The name of the key that made a signature: an OpenPGP key's identity, or an SSH key's fingerprint. `now` is in
    /// seconds since 1970: a key that has expired by then makes no good signature.
    ///
    /// # Errors
    /// [`SignatureError`] when no key did.
    pub fn verify(&self, signed: &Signed, now: i64) -> Result<String, SignatureError> {
        let signature = signed.signature.trim();
        match () {
            () if signature.starts_with("-----BEGIN PGP SIGNATURE-----") => match self.rings.is_empty() {
                true => Err(SignatureError::NoKeys { kind: "PGP", suffix: ".asc" }),
                false => openpgp::verify(signature, &signed.payload, &self.rings, now),
            },
            () if signature.starts_with("-----BEGIN SSH SIGNATURE-----") => {
                match self.authorized.is_empty() {
                    true => Err(SignatureError::NoKeys { kind: "SSH", suffix: ".sshpub" }),
                    false => ssh::verify(signature, &signed.payload, &self.authorized),
                }
            }
            () if signature.is_empty() => Err(SignatureError::Unsupported("empty")),
            () if signature.starts_with("-----BEGIN SIGNED MESSAGE-----") => {
                Err(SignatureError::Unsupported("x509"))
            }
            () => Err(SignatureError::Unsupported("unknown")),
        }
    }
}
