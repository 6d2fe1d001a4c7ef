//! Private keys.

use dsa::{Components, KeySize};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::der::Encode;
use p256::pkcs8::der::asn1::{ObjectIdentifier, Uint};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use sec1::{EcParameters, EcPrivateKey};

use super::pem;
use crate::random::Random;

/// A key that can sign certificates, or a DSA key, which cannot.
pub(crate) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(Box<p256::SecretKey>),
    P384(Box<p384::SecretKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Dsa,
}

/// Steps that making an RSA key of 2,048 bits counts for; it takes about 50 ms.
pub(crate) const RSA_2048_STEPS: usize = 500_000;
/// Steps for the slowest keys: RSA of 4,096 bits and DSA, which take about a second.
pub(crate) const SLOW_KEY_STEPS: usize = 10_000_000;

impl PrivateKey {
    pub(crate) fn generate_rsa(random: &mut Random, bits: usize) -> Result<Self, String> {
        RsaPrivateKey::new(random, bits)
            .map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| error.to_string())
    }

    fn generate_p256(random: &mut Random) -> Self {
        loop {
            let mut bytes = [0; 32];
            random.fill(&mut bytes);
            // All but a vanishing part of these numbers are keys.
            if let Ok(key) = p256::SecretKey::from_slice(&bytes) {
                return Self::P256(Box::new(key));
            }
        }
    }

    fn generate_ed25519(random: &mut Random) -> Self {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// The key as PEM, in the format that Go uses for its kind.
    pub(crate) fn to_pem(&self) -> Result<String, String> {
        let (label, der) = match self {
            Self::Rsa(key) => ("RSA PRIVATE KEY", key.to_pkcs1_der().map_err(text)?.as_bytes().to_vec()),
            Self::P256(key) => {
                let point = key.public_key().to_sec1_point(false);
                ("EC PRIVATE KEY", ec_key(&key.to_bytes(), point.as_bytes(), P256_CURVE)?)
            }
            Self::P384(key) => {
                let point = key.public_key().to_sec1_point(false);
                ("EC PRIVATE KEY", ec_key(&key.to_bytes(), point.as_bytes(), P384_CURVE)?)
            }
            Self::Ed25519(key) => {
                let pair =
                    ed25519_dalek::pkcs8::KeypairBytes { secret_key: key.to_bytes(), public_key: None };
                ("PRIVATE KEY", pair.to_pkcs8_der().map_err(text)?.as_bytes().to_vec())
            }
            Self::Dsa => return Err("DSA keys are not written".into()),
        };
        Ok(pem::encode(label, &der))
    }

    /// Reads a key; fails with sprig's messages.
    pub(crate) fn from_pem(text: &str) -> Result<Self, String> {
        let Some((label, der)) = pem::decode(text) else { return Err("no PEM data in input".into()) };
        match label {
            "PRIVATE KEY" => {
                pkcs8(&der).ok_or_else(|| "decoding PEM as PKCS#8: no RSA, EC or Ed25519 key".into())
            }
            "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(&der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|error| format!("parsing RSA private key from PEM: {error}")),
            "EC PRIVATE KEY" => ec(&der),
            "DSA PRIVATE KEY" => Ok(Self::Dsa),
            label => Err(match label.strip_suffix(" PRIVATE KEY") {
                Some(kind) => format!("invalid private key type {kind}"),
                None => format!("no private key data in PEM block of type {label}"),
            }),
        }
    }
}

/// sprig's `genPrivateKey`: `rsa` (4,096 bits) by default, `dsa`, `ecdsa` (P-256) or `ed25519`.
pub(crate) fn generate(kind: &str, random: &mut Random) -> Result<String, String> {
    match kind {
        "" | "rsa" => PrivateKey::generate_rsa(random, 4096)?.to_pem(),
        "ecdsa" => PrivateKey::generate_p256(random).to_pem(),
        "ed25519" => PrivateKey::generate_ed25519(random).to_pem(),
        "dsa" => dsa_pem(random),
        kind => Ok(format!("Unknown type {kind}")),
    }
}

const P256_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn ec_key(secret: &[u8], public: &[u8], curve: ObjectIdentifier) -> Result<Vec<u8>, String> {
    let parameters = Some(EcParameters::NamedCurve(curve));
    EcPrivateKey { private_key: secret, parameters, public_key: Some(public) }.to_der().map_err(text)
}

fn ec(der: &[u8]) -> Result<PrivateKey, String> {
    if let Ok(key) = p256::SecretKey::from_sec1_der(der) {
        return Ok(PrivateKey::P256(Box::new(key)));
    }
    p384::SecretKey::from_sec1_der(der)
        .map(|key| PrivateKey::P384(Box::new(key)))
        .map_err(|_| "parsing EC private key from PEM: not a key of the curves P-256 and P-384".into())
}

fn pkcs8(der: &[u8]) -> Option<PrivateKey> {
    if let Ok(key) = RsaPrivateKey::from_pkcs8_der(der) {
        return Some(PrivateKey::Rsa(Box::new(key)));
    }
    if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
        return Some(PrivateKey::P256(Box::new(key)));
    }
    if let Ok(key) = p384::SecretKey::from_pkcs8_der(der) {
        return Some(PrivateKey::P384(Box::new(key)));
    }
    ed25519_dalek::SigningKey::from_pkcs8_der(der).ok().map(|key| PrivateKey::Ed25519(Box::new(key)))
}

/// A DSA key of 2,048 bits in OpenSSL's format: version, p, q, g, y, x.
fn dsa_pem(random: &mut Random) -> Result<String, String> {
    let Ok(components) = Components::try_generate_from_rng_with_key_size(random, KeySize::DSA_2048_256);
    let Ok(key) = dsa::SigningKey::try_generate_from_rng_with_components(random, components);
    let public = key.verifying_key();
    let components = public.components();
    let numbers: [Box<[u8]>; 6] = [
        Box::from([0_u8]),
        components.p().to_be_bytes(),
        components.q().to_be_bytes(),
        components.g().to_be_bytes(),
        public.y().to_be_bytes(),
        key.x().to_be_bytes(),
    ];
    let numbers = numbers.iter().map(|number| Uint::new(number).map_err(text));
    let der = numbers.collect::<Result<Vec<_>, _>>()?.to_der().map_err(text)?;
    Ok(pem::encode("DSA PRIVATE KEY", &der))
}
