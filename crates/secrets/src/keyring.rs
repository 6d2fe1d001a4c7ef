use crate::sops::{Metadata, Recipient};
use pgp::composed::{Message, PublicOrSecret, SignedSecretKey};
use pgp::types::KeyDetails as _;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

/// Bytes that an unwrapped key may have: data keys have 32, and a part of a divided one a byte more.
const LONGEST_KEY: u64 = 1024;

/// The key that a file's values are encrypted with.
#[derive(Clone)]
pub struct DataKey(SecretSlice<u8>);

impl DataKey {
    /// A key from its bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// A data key, or a part of one, as a remote service wrapped it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WrappedKey {
    /// By the transit engine of Vault or OpenBao.
    Vault {
        /// The server's address.
        address: String,
        /// Where the engine is mounted.
        engine: String,
        /// The key's name.
        key: String,
        /// The wrapped key, as the engine wrote it (`vault:v1:…`).
        ciphertext: String,
    },
}

impl fmt::Display for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Vault { address, engine, key, .. } = self;
        write!(f, "{address}/v1/{engine}/keys/{key}")
    }
}

/// Why something is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// No age identities.
    #[error("no age identity: a line is no AGE-SECRET-KEY")]
    Age,
    /// No OpenPGP secret key.
    #[error("no OpenPGP secret key: {0}")]
    OpenPgp(String),
}

/// Why no data key was had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError {
    /// What remote services have to unwrap first. Empty when nothing is left to try.
    pub needs: Vec<WrappedKey>,
    /// What was tried, a line for each of the file's recipients.
    pub tried: Vec<String>,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot get sops data key: {}", self.tried.join("; "))
    }
}

impl std::error::Error for KeyError {}

/// The keys at hand: private ones, and data keys that remote services unwrapped.
#[derive(Default)]
pub struct KeyRing {
    age: Vec<Box<dyn age::Identity + Send + Sync>>,
    pgp: Vec<SignedSecretKey>,
    unwrapped: BTreeMap<WrappedKey, Result<DataKey, String>>,
    digest: Sha256,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KeyRing({} age, {} OpenPGP, {} unwrapped)",
            self.age.len(),
            self.pgp.len(),
            self.unwrapped.len()
        )
    }
}

impl KeyRing {
    /// A ring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds age identities: a line each, with empty lines and comments between them (an `age-keygen` file).
    ///
    /// # Errors
    /// [`KeyRingError::Age`] when a line is none.
    pub fn add_age(&mut self, text: &str) -> Result<(), KeyRingError> {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let identity: age::x25519::Identity = line.parse().map_err(|_| KeyRingError::Age)?;
            self.digest.update(identity.to_string().expose_secret());
            self.age.push(Box::new(identity));
        }
        Ok(())
    }

    /// Adds OpenPGP secret keys, armored or not; public keys beside them are passed over. Keys that a passphrase
    /// protects cannot be used.
    ///
    /// # Errors
    /// [`KeyRingError::OpenPgp`] when there is none, or it cannot be read.
    pub fn add_pgp(&mut self, key: &[u8]) -> Result<(), KeyRingError> {
        let unreadable = |error: pgp::errors::Error| KeyRingError::OpenPgp(error.to_string());
        let (keys, _) = PublicOrSecret::from_reader_many(key).map_err(unreadable)?;
        let before = self.pgp.len();
        for found in keys {
            if let PublicOrSecret::Secret(secret) = found.map_err(unreadable)? {
                self.pgp.push(secret);
            }
        }
        self.digest.update(key);
        if self.pgp.len() == before {
            return Err(KeyRingError::OpenPgp("the data holds none".into()));
        }
        Ok(())
    }

    /// Puts what a remote service answered on the ring: the key, or why it gave none.
    pub fn add_unwrapped(&mut self, wrapped: WrappedKey, answer: Result<DataKey, String>) {
        self.unwrapped.insert(wrapped, answer);
    }

    /// Identifies the private keys on the ring without telling them. Equal rings open the same files.
    pub fn fingerprint(&self) -> String {
        hex::encode(self.digest.clone().finalize())
    }

    /// The data key of a file.
    ///
    /// # Errors
    /// [`KeyError`] when no key on the ring opens it; its `needs` say what a remote service could open.
    pub fn data_key(&self, metadata: &Metadata) -> Result<DataKey, KeyError> {
        let mut error = KeyError { needs: Vec::new(), tried: Vec::new() };
        let mut parts: Vec<DataKey> = Vec::new();
        for group in metadata.groups() {
            // A key at hand is tried before a service is asked.
            let (remote, local): (Vec<_>, Vec<_>) =
                group.iter().partition(|recipient| matches!(recipient, Recipient::Remote(_)));
            match local.into_iter().chain(remote).find_map(|recipient| self.open(recipient, &mut error)) {
                Some(part) => parts.push(part),
                None => continue,
            }
            if parts.len() >= metadata.parts_needed() {
                break;
            }
        }
        if parts.len() < metadata.parts_needed() {
            if error.tried.is_empty() {
                error.tried.push("the file names no recipient".into());
            }
            return Err(error);
        }
        error.needs.clear();
        match (metadata.groups().len(), parts.pop()) {
            (1, Some(whole)) => Ok(whole),
            (_, last) => {
                parts.extend(last);
                crate::sops::combine(&parts).ok_or_else(|| KeyError {
                    needs: Vec::new(),
                    tried: vec!["the parts of the divided key do not fit together".into()],
                })
            }
        }
    }

    fn open(&self, recipient: &Recipient, error: &mut KeyError) -> Option<DataKey> {
        match recipient {
            Recipient::Age { recipient, wrapped } => {
                let key = self.open_age(wrapped);
                if key.is_none() {
                    error.tried.push(format!("no identity at hand for age recipient {recipient}"));
                }
                key
            }
            Recipient::Pgp { fingerprint, wrapped } => {
                let key = self.open_pgp(wrapped);
                if key.is_none() {
                    error.tried.push(format!("no secret key at hand for OpenPGP key {fingerprint}"));
                }
                key
            }
            Recipient::Remote(wrapped) => match self.unwrapped.get(wrapped) {
                Some(Ok(key)) => Some(key.clone()),
                Some(Err(why)) => {
                    error.tried.push(format!("{wrapped}: {why}"));
                    None
                }
                None => {
                    error.tried.push(format!("{wrapped} was not asked"));
                    error.needs.push(wrapped.clone());
                    None
                }
            },
            Recipient::Unsupported(what) => {
                error.tried.push(format!("{what} is not supported"));
                None
            }
        }
    }

    fn open_age(&self, wrapped: &str) -> Option<DataKey> {
        let armored = age::armor::ArmoredReader::new(wrapped.as_bytes());
        let decryptor = age::Decryptor::new(armored).ok()?;
        let identities = self.age.iter().map(|identity| &**identity as &dyn age::Identity);
        let reader = decryptor.decrypt(identities).ok()?;
        let mut key = Vec::new();
        reader.take(LONGEST_KEY).read_to_end(&mut key).ok()?;
        Some(DataKey::new(key))
    }

    fn open_pgp(&self, wrapped: &str) -> Option<DataKey> {
        self.pgp.iter().find_map(|key| {
            let (message, _) = Message::from_armor(wrapped.as_bytes()).ok()?;
            let mut message = message.decrypt(&"".into(), key).ok()?;
            if message.is_compressed() {
                message = message.decompress().ok()?;
            }
            let mut plain = Vec::new();
            message.take(LONGEST_KEY).read_to_end(&mut plain).ok()?;
            Some(DataKey::new(plain))
        })
    }

    /// The fingerprints of the OpenPGP keys, for messages.
    pub fn pgp_fingerprints(&self) -> Vec<String> {
        self.pgp.iter().map(|key| key.fingerprint().to_string().to_uppercase()).collect()
    }
}
