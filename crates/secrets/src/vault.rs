use crate::{DataKey, WrappedKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a service may take to unwrap a key.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The most bytes of an answer.
const LARGEST_ANSWER: usize = 64 << 10;

/// Why a service did not unwrap a key. Holds neither keys nor tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// It was not reached, or did not answer in time.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It refused.
    #[error("refused with status {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// Its answer makes no sense.
    #[error("the answer cannot be understood")]
    Unreadable,
    /// There are no credentials for it.
    #[error("the decryption Secret has no {0}")]
    NoCredentials(&'static str),
}

/// A remote service that unwraps data keys.
pub trait KeyService: Send + Sync {
    /// Unwraps a key.
    ///
    /// # Errors
    /// [`UnwrapError`]; the same request may succeed later when the service was not reached.
    fn unwrap<'a>(&'a self, key: &'a WrappedKey) -> BoxFuture<'a, Result<DataKey, UnwrapError>>;
}

/// The transit engines of Vault and OpenBao servers, asked with a token.
///
/// A file names the server to ask. The token goes there, as with sops itself: whoever may write the files decides
/// where the token of their decryption Secret is used.
pub struct Vault {
    client: reqwest::Client,
    token: Option<SecretString>,
}

impl Vault {
    /// Asks through `client`, which must not follow redirects: they would carry the token elsewhere.
    pub fn new(client: reqwest::Client, token: Option<SecretString>) -> Self {
        Self { client, token }
    }

    async fn decrypt(&self, key: &WrappedKey) -> Result<DataKey, UnwrapError> {
        let WrappedKey::Vault { address, engine, key, ciphertext } = key;
        let token = self.token.as_ref().ok_or(UnwrapError::NoCredentials("sops.vault-token"))?;
        let url = format!("{address}/v1/{}/decrypt/{key}", engine.trim_matches('/'));
        let request = self
            .client
            .post(url)
            .timeout(TIMEOUT)
            .header("X-Vault-Token", token.expose_secret())
            .header("X-Vault-Request", "true")
            .header("Content-Type", "application/json")
            .body(json!({ "ciphertext": ciphertext }).to_string());
        let unreachable = |error: reqwest::Error| UnwrapError::Unreachable(error.without_url().to_string());
        let mut answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_ANSWER {
                return Err(UnwrapError::Unreadable);
            }
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() {
            let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
            let message: Vec<&str> = errors.filter_map(Value::as_str).collect();
            return Err(UnwrapError::Refused { status: status.as_u16(), message: message.join(", ") });
        }
        let plain = body.pointer("/data/plaintext").and_then(Value::as_str).ok_or(UnwrapError::Unreadable)?;
        STANDARD.decode(plain).map(DataKey::new).map_err(|_| UnwrapError::Unreadable)
    }
}

impl KeyService for Vault {
    fn unwrap<'a>(&'a self, key: &'a WrappedKey) -> BoxFuture<'a, Result<DataKey, UnwrapError>> {
        self.decrypt(key).boxed()
    }
}
