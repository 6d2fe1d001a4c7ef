//! Opens what is kept encrypted in sources.
//!
//! [`sops`] reads files that `sops` encrypted: YAML, JSON, dotenv, INI and binary. It is pure: it is given a
//! [`KeyRing`] with the age identities and OpenPGP keys at hand. A data key that only a remote service can open comes
//! back as a [`WrappedKey`]; whoever can reach the service unwraps it ([`KeyService`]), puts it on the ring, and asks
//! again. [`Vault`] is such a service: the transit engine of HashiCorp Vault and OpenBao.
//!
//! ```
//! use holdfast_secrets::{KeyRing, sops::{Format, Mac, Sealed}};
//!
//! # fn open(identity: &str, file: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//! let mut ring = KeyRing::new();
//! ring.add_age(identity)?;
//! let sealed = Sealed::parse(file, Format::Yaml)?;
//! let key = ring.data_key(sealed.metadata())?;
//! Ok(sealed.open(&key, Mac::Verify, Format::Yaml)?)
//! # }
//! ```
//!
//! Plain text never appears in an error. The crate encrypts nothing, reads no files and knows no cluster.

mod keyring;
pub mod sops;
mod vault;

pub use keyring::{DataKey, KeyError, KeyRing, KeyRingError, WrappedKey};
pub use vault::{KeyService, UnwrapError, Vault};
