//! Passwords: bcrypt hashes, and derivation from a master password.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Steps that a bcrypt hash of cost 10 counts for; it takes about 50 ms.
pub(crate) const BCRYPT_STEPS: usize = 500_000;
/// Steps that a derivation counts for; it takes about 150 ms.
pub(crate) const DERIVE_STEPS: usize = 1_500_000;

/// The longest password that bcrypt reads, in bytes.
const BCRYPT_MAX: usize = 72;

/// A bcrypt hash of cost 10, or the text of Go's error.
pub(crate) fn bcrypt(password: &[u8], salt: [u8; 16]) -> String {
    let hash = if password.len() > BCRYPT_MAX {
        Err("bcrypt: password length exceeds 72 bytes".into())
    } else {
        bcrypt::hash_with_salt(password, 10, salt).map_err(|error| error.to_string())
    };
    match hash {
        Ok(hash) => hash.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

/// What begins each message that the Master Password algorithm hashes.
const SCOPE: &[u8] = b"com.lyndir.masterpassword";

/// The shapes of passwords of a type, one character class for each character.
fn shapes(kind: &str) -> &'static [&'static str] {
    match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => &[],
    }
}

/// The characters of a class.
fn class(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// A length, then the bytes.
fn counted(text: &[u8]) -> Vec<u8> {
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [SCOPE, &len.to_be_bytes(), text].concat()
}

/// A site's password by the Master Password algorithm; the text of an error for an unknown type.
pub(crate) fn derive(counter: u32, kind: &str, password: &[u8], user: &[u8], site: &[u8]) -> String {
    let shapes = shapes(kind);
    if shapes.is_empty() {
        return format!("cannot find password template {kind}");
    }
    let mut key = [0; 64];
    let derived = scrypt::Params::new(15, 8, 2).map_err(|error| error.to_string()).and_then(|params| {
        scrypt::scrypt(password, &counted(user), &params, &mut key).map_err(|e| e.to_string())
    });
    if let Err(error) = derived {
        return format!("failed to derive password: {error}");
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(&counted(site));
    mac.update(&counter.to_be_bytes());
    let seed = mac.finalize().into_bytes();
    let shape = shapes[usize::from(seed[0]) % shapes.len()];
    let pick = |(letter, byte): (u8, &u8)| {
        let class = class(letter);
        char::from(class[usize::from(*byte) % class.len()])
    };
    shape.bytes().zip(&seed[1..]).map(pick).collect()
}
