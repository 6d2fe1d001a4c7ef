use aes_gcm::aead::array::ArraySize;
use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value as it was before it was encrypted.
#[derive(Clone, PartialEq)]
pub(super) enum Plain {
    /// Text, or any bytes.
    Text(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A time, in RFC 3339.
    Time(String),
    /// A comment: no value, and in no MAC.
    Comment(Vec<u8>),
}

/// Whether a text is an encrypted value.
pub(super) fn is_sealed(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,data:")
}

/// Decrypts a value with its place as additional data. The error says what is wrong without the value.
pub(super) fn open(text: &str, key: &[u8], place: &str) -> Result<Plain, &'static str> {
    if text.is_empty() {
        return Ok(Plain::Text(Vec::new()));
    }
    let parts = parse(text).ok_or("it is not encrypted, though the metadata says so")?;
    let mut sealed = decode(parts.data)?;
    sealed.extend(decode(parts.tag)?);
    let nonce = decode(parts.nonce)?;
    let payload = Payload { msg: &sealed, aad: place.as_bytes() };
    let plain = match nonce.len() {
        32 => decrypt::<U32>(key, &nonce, payload),
        16 => decrypt::<U16>(key, &nonce, payload),
        12 => decrypt::<U12>(key, &nonce, payload),
        _ => return Err("its nonce has no known length"),
    };
    let plain = plain.ok_or("it was changed, or belongs to another place or another key")?;
    typed(parts.kind, plain).ok_or("it is not of the type it says")
}

struct Parts<'t> {
    data: &'t str,
    nonce: &'t str,
    tag: &'t str,
    kind: &'t str,
}

fn parse(text: &str) -> Option<Parts<'_>> {
    let rest = text.strip_prefix("ENC[AES256_GCM,data:")?;
    let (data, rest) = rest.split_once(",iv:")?;
    let (nonce, rest) = rest.split_once(",tag:")?;
    let (tag, rest) = rest.split_once(",type:")?;
    let (kind, _) = rest.split_once(']')?;
    Some(Parts { data, nonce, tag, kind })
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    STANDARD.decode(text).map_err(|_| "it is not encrypted as sops writes it")
}

fn decrypt<N: ArraySize>(key: &[u8], nonce: &[u8], payload: Payload<'_, '_>) -> Option<Vec<u8>> {
    let cipher = AesGcm::<aes::Aes256, N>::new_from_slice(key).ok()?;
    let nonce: &Nonce<N> = nonce.try_into().ok()?;
    cipher.decrypt(nonce, payload).ok()
}

fn typed(kind: &str, plain: Vec<u8>) -> Option<Plain> {
    let text = || std::str::from_utf8(&plain).ok();
    Some(match kind {
        "str" | "bytes" => Plain::Text(plain),
        "comment" => Plain::Comment(plain),
        "int" => Plain::Integer(text()?.parse().ok()?),
        "float" => Plain::Float(text()?.parse().ok()?),
        "bool" => match text()? {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Plain::Bool(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Plain::Bool(false),
            _ => return None,
        },
        "time" => Plain::Time(text()?.to_owned()),
        _ => return None,
    })
}
