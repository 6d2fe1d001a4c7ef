//! Signatures of OCI artifacts by `cosign` with a key: what is signed names the artifact's digest.
//!
//! Two forms are known: the older one, a small JSON document ("simple signing") with the signature beside it, and
//! bundles, an envelope with a statement. Certificates without keys and transparency logs are not looked at.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P521_SHA256_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use serde_json::Value;

/// The media type of a layer that is signed in the older form.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with such a layer's signature.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// How the media types of bundles begin.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// A public key in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The key as `SubjectPublicKeyInfo`, in DER.
    info: Vec<u8>,
}

impl PublicKey {
    /// Reads a key; `None` when it is no public key in PEM.
    pub fn from_pem(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let body = text.strip_prefix("-----BEGIN PUBLIC KEY-----")?;
        let (body, _) = body.split_once("-----END PUBLIC KEY-----")?;
        let body: String = body.split_whitespace().collect();
        Some(Self { info: decode(&body)? })
    }

    /// Whether this key made a signature. A key says itself of which kind it is: others cannot read it.
    fn made(&self, data: &[u8], signature: &[u8]) -> bool {
        const ALGORITHMS: [&dyn VerificationAlgorithm; 5] = [
            &ECDSA_P256_SHA256_ASN1,
            &ECDSA_P384_SHA256_ASN1,
            &ECDSA_P521_SHA256_ASN1,
            &RSA_PKCS1_2048_8192_SHA256,
            &ED25519,
        ];
        ALGORITHMS.iter().any(|a| UnparsedPublicKey::new(*a, &self.info).verify(data, signature).is_ok())
    }
}

/// Whether a document in the older form is signed by one of the keys and speaks of an artifact, `sha256:<hex>`.
pub fn verify_simple(document: &[u8], signature: &str, digest: &str, keys: &[PublicKey]) -> bool {
    let Some(signature) = decode(signature.trim()) else { return false };
    let says = || {
        let value: Value = serde_json::from_slice(document).ok()?;
        let kind = value.pointer("/critical/type")?.as_str()?;
        let named = value.pointer("/critical/image/docker-manifest-digest")?.as_str()?;
        Some(
            (kind == "cosign container image signature" || kind == "atomic container signature")
                && named == digest,
        )
    };
    keys.iter().any(|key| key.made(document, &signature)) && says() == Some(true)
}

/// Whether a bundle is signed by one of the keys and speaks of an artifact, `sha256:<hex>`.
pub fn verify_bundle(bundle: &[u8], digest: &str, keys: &[PublicKey]) -> bool {
    verified_statement(bundle, keys).is_some_and(|statement| {
        let hash = digest.strip_prefix("sha256:").unwrap_or_default();
        let subjects = statement.get("subject").and_then(Value::as_array).into_iter().flatten();
        let mut hashes = subjects.filter_map(|s| s.pointer("/digest/sha256")?.as_str());
        !hash.is_empty() && hashes.any(|named| named == hash)
    })
}

/// The statement in a bundle's envelope, if one of the keys signed it.
fn verified_statement(bundle: &[u8], keys: &[PublicKey]) -> Option<Value> {
    let bundle: Value = serde_json::from_slice(bundle).ok()?;
    let envelope = bundle.get("dsseEnvelope")?;
    let kind = envelope.get("payloadType")?.as_str()?;
    let payload = decode(envelope.get("payload")?.as_str()?)?;
    // The type and the lengths are signed with the payload, so that neither can be taken for something else.
    let mut data = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    data.extend_from_slice(&payload);
    let signatures = envelope.get("signatures")?.as_array()?;
    let is_signed = signatures.iter().take(MAX_SIGNATURES).any(|signature| {
        let bytes = signature.get("sig").and_then(Value::as_str).and_then(decode);
        bytes.is_some_and(|bytes| keys.iter().any(|key| key.made(&data, &bytes)))
    });
    if !is_signed || kind != "application/vnd.in-toto+json" {
        return None;
    }
    serde_json::from_slice(&payload).ok()
}

/// Signatures of one envelope beyond this many are not looked at.
const MAX_SIGNATURES: usize = 16;

fn decode(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

    const DIGEST: &str = "sha256:0123";

    fn encode(bytes: &[u8]) -> String {
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    fn pem(info: &[u8]) -> PublicKey {
        let text = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", encode(info));
        PublicKey::from_pem(text.as_bytes()).unwrap()
    }

    /// A key pair on P-256: what signs, and the key in PEM.
    fn pair() -> (EcdsaKeyPair, PublicKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        // The head of a SubjectPublicKeyInfo for a point on P-256.
        let mut info = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        info.extend_from_slice(pair.public_key().as_ref());
        (pair, pem(&info))
    }

    fn sign(pair: &EcdsaKeyPair, data: &[u8]) -> Vec<u8> {
        pair.sign(&SystemRandom::new(), data).unwrap().as_ref().to_vec()
    }

    fn document(digest: &str) -> Vec<u8> {
        serde_json::json!({"critical": {"identity": {"docker-reference": "x"}, "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature"}, "optional": null})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_document_counts_for_the_artifact_that_it_names() {
        let (pair, key) = pair();
        let (_, other) = self::pair();
        let check = |document: &[u8], signed: &[u8], keys: &[PublicKey], expected: bool| {
            let signature = encode(&sign(&pair, signed));
            assert_eq!(verify_simple(document, &signature, DIGEST, keys), expected);
        };
        let (good, about_another) = (document(DIGEST), document("sha256:4567"));
        check(&good, &good, &[other.clone(), key.clone()], true);
        check(&good, &good, &[other], false);
        check(&good, &good, &[], false);
        check(&good, &about_another, std::slice::from_ref(&key), false);
        check(&about_another, &about_another, std::slice::from_ref(&key), false);
        check(b"{}", b"{}", std::slice::from_ref(&key), false);
        assert!(!verify_simple(&good, "no base64!", DIGEST, &[key]));
    }

    #[test]
    fn a_bundle_counts_for_the_artifact_that_it_names() {
        let (pair, key) = pair();
        let bundle = |digest: &str, kind: &str, tamper: bool| {
            let statement = serde_json::json!({"_type": "https://in-toto.io/Statement/v1",
                "subject": [{"digest": {"sha256": digest}}], "predicateType": "https://sigstore.dev/cosign/sign/v1"});
            let payload = statement.to_string();
            let signed = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
            let payload = if tamper { payload.replace("cosign", "design") } else { payload };
            serde_json::json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {
                "payload": encode(payload.as_bytes()), "payloadType": kind,
                "signatures": [{"sig": encode(&sign(&pair, signed.as_bytes()))}]}})
            .to_string()
            .into_bytes()
        };
        let kind = "application/vnd.in-toto+json";
        let check = |bundle: &[u8], expected: bool| {
            assert_eq!(verify_bundle(bundle, DIGEST, std::slice::from_ref(&key)), expected);
        };
        check(&bundle("0123", kind, false), true);
        check(&bundle("4567", kind, false), false);
        check(&bundle("0123", kind, true), false);
        check(&bundle("0123", "text/plain", false), false);
        check(b"{}", false);
    }

    #[test]
    fn keys_of_other_kinds() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let mut info = hex::decode("302a300506032b6570032100").unwrap();
        info.extend_from_slice(pair.public_key().as_ref());
        let good = document(DIGEST);
        let signature = encode(pair.sign(&good).as_ref());
        assert!(verify_simple(&good, &signature, DIGEST, &[pem(&info)]));
        assert_eq!(
            PublicKey::from_pem(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"),
            None
        );
        assert_eq!(PublicKey::from_pem(b""), None);
    }
}
