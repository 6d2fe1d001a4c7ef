//! SSH signatures, as `ssh-keygen -Y sign` and Git make them.

use super::SignatureError;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use sha2::{Digest, Sha256};
use ssh_key::authorized_keys::Entry;
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

/// What signatures of Git's objects are for: one made for something else is not good for a commit.
const NAMESPACE: &str = "git";

/// The fingerprint of the key that made a signature.
pub(super) fn verify(signature: &str, payload: &[u8], lists: &[String]) -> Result<String, SignatureError> {
    let unreadable = |e: ssh_key::Error| SignatureError::Unreadable(e.to_string());
    let signature = SshSig::from_pem(signature).map_err(unreadable)?;
    let data =
        SshSig::signed_data(signature.namespace(), signature.hash_alg(), payload).map_err(unreadable)?;
    let (mut is_read, mut first_error) = (false, None);
    for list in lists {
        match keys(list) {
            Ok(keys) => {
                is_read = true;
                let made_it = |key: &&PublicKey| is_made_by(&signature, &data, key.key_data());
                if let Some(key) = keys.iter().find(made_it) {
                    return Ok(key.fingerprint(HashAlg::Sha256).to_string());
                }
            }
            Err(reason) => first_error = first_error.or(Some(reason)),
        }
    }
    match first_error.filter(|_| !is_read) {
        Some(reason) => Err(SignatureError::UnreadableKeys { kind: "authorized keys", reason }),
        None => Err(SignatureError::NoMatch { kind: "authorized keys", hint: None }),
    }
}

/// The keys of a list; a line that cannot be read spoils the list, since it is a mistake that someone should see.
fn keys(list: &str) -> Result<Vec<PublicKey>, String> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line: &str| line.parse::<Entry>().map(|entry| entry.public_key().clone());
    lines.map(|line| read(line).map_err(|e| e.to_string())).collect()
}

fn is_made_by(signature: &SshSig, data: &[u8], key: &KeyData) -> bool {
    if signature.namespace() != NAMESPACE || signature.public_key() != key {
        return false;
    }
    let (algorithm, bytes) = (signature.algorithm(), signature.signature_bytes());
    match (key, algorithm) {
        (KeyData::Ed25519(key), Algorithm::Ed25519) => check(&ED25519, &key.0, data, bytes),
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { .. }) => check_ecdsa(key, data, bytes),
        (KeyData::Rsa(key), Algorithm::Rsa { hash }) => {
            let (Some(n), Some(e)) = (key.n.as_positive_bytes(), key.e.as_positive_bytes()) else {
                return false;
            };
            let parameters = match hash {
                Some(HashAlg::Sha256) => &RSA_PKCS1_2048_8192_SHA256,
                Some(HashAlg::Sha512) => &RSA_PKCS1_2048_8192_SHA512,
                // SHA-1 proves nothing any more.
                _ => return false,
            };
            RsaPublicKeyComponents { n, e }.verify(parameters, data, bytes).is_ok()
        }
        (KeyData::SkEd25519(key), Algorithm::SkEd25519) => {
            let Some((data, bytes)) = from_device(key.application(), data, bytes) else { return false };
            check(&ED25519, &key.public_key().0, &data, bytes)
        }
        (KeyData::SkEcdsaSha2NistP256(key), Algorithm::SkEcdsaSha2NistP256) => {
            let Some((data, bytes)) = from_device(key.application(), data, bytes) else { return false };
            check_ecdsa(&EcdsaPublicKey::NistP256(*key.ec_point()), &data, bytes)
        }
        _ => false,
    }
}

fn check(algorithm: &'static dyn VerificationAlgorithm, key: &[u8], data: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(algorithm, key).verify(data, signature).is_ok()
}

/// SSH writes the two numbers of a signature with their lengths, others at the width of the curve.
fn check_ecdsa(key: &EcdsaPublicKey, data: &[u8], signature: &[u8]) -> bool {
    let (algorithm, width): (&'static dyn VerificationAlgorithm, _) = match key {
        EcdsaPublicKey::NistP256(_) => (&ECDSA_P256_SHA256_FIXED, 32),
        EcdsaPublicKey::NistP384(_) => (&ECDSA_P384_SHA384_FIXED, 48),
        EcdsaPublicKey::NistP521(_) => (&ECDSA_P521_SHA512_FIXED, 66),
    };
    let Some(numbers) = fixed_width(signature, width) else { return false };
    check(algorithm, key.as_sec1_bytes(), data, &numbers)
}

fn fixed_width(mut bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut numbers = Vec::with_capacity(2 * width);
    for _ in 0..2 {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
        numbers.extend(std::iter::repeat_n(0, width.checked_sub(number.len())?));
        numbers.extend_from_slice(number);
        bytes = rest;
    }
    bytes.is_empty().then_some(numbers)
}

/// A security key signs a hash with what it knows beside it: the application, whether a person touched it, a counter.
fn from_device<'b>(application: &str, data: &[u8], signature: &'b [u8]) -> Option<(Vec<u8>, &'b [u8])> {
    const FLAGS_AND_COUNTER: usize = 5;
    const IS_TOUCHED: u8 = 1;
    let (signature, beside) = signature.split_at_checked(signature.len().checked_sub(FLAGS_AND_COUNTER)?)?;
    if beside[0] & IS_TOUCHED == 0 {
        return None;
    }
    let mut signed = Sha256::digest(application).to_vec();
    signed.extend_from_slice(beside);
    signed.extend_from_slice(&Sha256::digest(data));
    Some((signed, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_the_width_of_the_curve() {
        let check = |bytes: &[u8], expected: Option<&[u8]>| {
            assert_eq!(fixed_width(bytes, 2).as_deref(), expected);
        };
        check(&[0, 0, 0, 1, 7, 0, 0, 0, 3, 0, 8, 9], Some(&[0, 7, 8, 9]));
        check(&[0, 0, 0, 1, 7, 0, 0, 0, 3, 1, 8, 9], None);
        check(&[0, 0, 0, 1, 7], None);
        check(&[0, 0, 0, 9, 7, 0, 0, 0, 0], None);
        check(&[0, 0, 0, 1, 7, 0, 0, 0, 1, 1, 1], None);
    }
}
