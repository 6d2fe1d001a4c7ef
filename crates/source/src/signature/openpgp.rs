//! OpenPGP signatures.

use super::SignatureError;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, Tag};

/// Keys of one ring beyond this many are not looked at.
const MAX_KEYS: usize = 1000;

/// The identity of the primary key behind the key that made a signature, sixteen digits.
pub(super) fn verify(
    signature: &str,
    payload: &[u8],
    rings: &[String],
    now: i64,
) -> Result<String, SignatureError> {
    let (signature, _) = DetachedSignature::from_string(signature)
        .map_err(|error| SignatureError::Unreadable(error.to_string()))?;
    let (mut is_read, mut first_error, mut hint) = (false, None, None);
    for ring in rings {
        let keys = match read(ring) {
            Ok(keys) => keys,
            Err(reason) => {
                first_error = first_error.or(Some(reason));
                continue;
            }
        };
        is_read = true;
        for key in &keys {
            match judge(key, &signature, payload, now) {
                Verdict::Good => return Ok(hex::encode_upper(key.primary_key.legacy_key_id())),
                Verdict::NotGood(why) => hint = hint.or(Some(why.to_owned())),
                Verdict::Other => {}
            }
        }
    }
    match first_error.filter(|_| !is_read) {
        Some(reason) => Err(SignatureError::UnreadableKeys { kind: "armored key ring", reason }),
        None => Err(SignatureError::NoMatch { kind: "key rings", hint }),
    }
}

fn read(ring: &str) -> Result<Vec<SignedPublicKey>, String> {
    let (keys, _) = SignedPublicKey::from_string_many(ring.trim()).map_err(|e| e.to_string())?;
    let keys: Vec<_> = keys.take(MAX_KEYS).filter_map(Result::ok).collect();
    if keys.is_empty() { Err("it holds no public key".to_owned()) } else { Ok(keys) }
}

enum Verdict {
    /// The key made the signature.
    Good,
    /// It did, and is not to be trusted with it.
    NotGood(&'static str),
    /// It did not.
    Other,
}

fn judge(key: &SignedPublicKey, signature: &DetachedSignature, payload: &[u8], now: i64) -> Verdict {
    let made_by_primary = signature.verify(&key.primary_key, payload).is_ok();
    let subkey = key.public_subkeys.iter().find(|subkey| signature.verify(&subkey.key, payload).is_ok());
    if !made_by_primary && subkey.is_none() {
        return Verdict::Other;
    }
    if is_expired(
        &signature.signature,
        signature.signature.created().map(seconds),
        now,
        Signature::signature_expiration_time,
    ) {
        return Verdict::NotGood("the signature has expired");
    }
    if key.details.revocation_signatures.iter().any(|r| r.verify_key(&key.primary_key).is_ok()) {
        return Verdict::NotGood("the key is revoked");
    }
    let Some(own) = newest_own_signature(key) else {
        return Verdict::NotGood("the key has no valid identity");
    };
    let created = Some(seconds(key.primary_key.created_at()));
    if is_expired(own, created, now, Signature::key_expiration_time) {
        return Verdict::NotGood("the key has expired");
    }
    match subkey.filter(|_| !made_by_primary) {
        None if is_signer(own) => Verdict::Good,
        None => Verdict::NotGood("the key is not one for signing"),
        Some(subkey) => judge_subkey(key, subkey, now),
    }
}

/// A subkey counts when the primary key says that it is its own and for signing, and it says so of the primary key.
fn judge_subkey(key: &SignedPublicKey, subkey: &SignedPublicSubKey, now: i64) -> Verdict {
    let primary = &key.primary_key;
    let valid = |s: &&Signature| s.verify_subkey_binding(primary, &subkey.key).is_ok();
    let is_kind = |kind| move |s: &&Signature| s.typ() == Some(kind);
    if subkey.signatures.iter().filter(is_kind(SignatureType::SubkeyRevocation)).any(|s| valid(&s)) {
        return Verdict::NotGood("the subkey is revoked");
    }
    let bindings = subkey.signatures.iter().filter(is_kind(SignatureType::SubkeyBinding)).filter(valid);
    let Some(binding) = bindings.max_by_key(|s| s.created().map(seconds)) else {
        return Verdict::NotGood("the subkey is not bound to the key");
    };
    let is_agreed = binding
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if !is_signer(binding) || !is_agreed {
        return Verdict::NotGood("the subkey is not one for signing");
    }
    let created = Some(seconds(subkey.key.created_at()));
    match is_expired(binding, created, now, Signature::key_expiration_time) {
        true => Verdict::NotGood("the subkey has expired"),
        false => Verdict::Good,
    }
}

/// The newest signature by which a key speaks of itself: on a name, or on the key.
fn newest_own_signature(key: &SignedPublicKey) -> Option<&Signature> {
    let primary = &key.primary_key;
    let direct = key.details.direct_signatures.iter().filter(|s| s.verify_key(primary).is_ok());
    let named = key.details.users.iter().flat_map(|user| {
        let valid = move |s: &&Signature| {
            s.typ() != Some(SignatureType::CertRevocation)
                && s.verify_certification(primary, Tag::UserId, &user.id).is_ok()
        };
        user.signatures.iter().filter(valid)
    });
    direct.chain(named).max_by_key(|s| s.created().map(seconds))
}

/// A key that says nothing about its purposes may sign.
fn is_signer(signature: &Signature) -> bool {
    let flags = signature.key_flags();
    let says_nothing = !(flags.sign()
        || flags.certify()
        || flags.encrypt_comms()
        || flags.encrypt_storage()
        || flags.authentication());
    flags.sign() || says_nothing
}

fn is_expired(
    signature: &Signature,
    from: Option<i64>,
    now: i64,
    after: impl Fn(&Signature) -> Option<pgp::types::Duration>,
) -> bool {
    let after = after(signature).map(|d| i64::from(d.as_secs())).filter(|seconds| *seconds > 0);
    match (from, after) {
        (Some(from), Some(after)) => now > from.saturating_add(after),
        _ => false,
    }
}

fn seconds(at: pgp::types::Timestamp) -> i64 {
    i64::from(at.as_secs())
}
