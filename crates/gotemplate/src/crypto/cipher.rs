//! AES in CBC mode with a random start, as sprig's `encryptAES` writes it.

use aes::Aes256;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

use crate::encoding::{base64, decode_base64};

const BLOCK: usize = 16;

/// The password's first 32 bytes, filled up with zeros.
fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let len = password.len().min(key.len());
    key[..len].copy_from_slice(&password[..len]);
    key
}

/// The start and the encrypted text, in base64.
pub(crate) fn encrypt(password: &[u8], plain: &[u8], start: [u8; BLOCK]) -> String {
    if plain.is_empty() {
        return String::new();
    }
    let encryptor = cbc::Encryptor::<Aes256>::new(&key(password).into(), &start.into());
    let mut out = start.to_vec();
    out.extend_from_slice(&encryptor.encrypt_padded_vec::<Pkcs7>(plain));
    base64(&out)
}

/// The text that was encrypted; what a wrong password makes of it is not noticed unless its end makes no sense.
pub(crate) fn decrypt(password: &[u8], encrypted: &[u8]) -> Result<Vec<u8>, String> {
    if encrypted.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = decode_base64(encrypted)?;
    let Some((start, body)) = bytes.split_first_chunk::<BLOCK>() else {
        return Err(format!(
            "runtime error: slice bounds out of range [:{BLOCK}] with capacity {}",
            bytes.len()
        ));
    };
    let decryptor = cbc::Decryptor::<Aes256>::new(&key(password).into(), &(*start).into());
    let Ok(mut plain) = decryptor.decrypt_padded_vec::<NoPadding>(body) else {
        return Err("crypto/cipher: input not full blocks".into());
    };
    let Some(padding) = plain.last().map(|byte| usize::from(*byte)) else {
        return Err("runtime error: index out of range [-1]".into());
    };
    let Some(len) = plain.len().checked_sub(padding) else {
        let len = i64::try_from(plain.len()).unwrap_or(0) - i64::try_from(padding).unwrap_or(0);
        return Err(format!("runtime error: slice bounds out of range [:{len}]"));
    };
    plain.truncate(len);
    Ok(plain)
}
