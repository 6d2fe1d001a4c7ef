//! Base64 and base32 with padding, as Go reads and writes them.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Standard base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    encode(bytes, BASE64, 6, 4)
}

/// Standard base32.
pub(crate) fn base32(bytes: &[u8]) -> String {
    encode(bytes, BASE32, 5, 8)
}

/// Groups of `digits` characters of `bits` bits each.
fn encode(bytes: &[u8], alphabet: &[u8], bits: usize, digits: usize) -> String {
    let group = bits * digits / 8;
    let mut out = String::with_capacity(bytes.len().div_ceil(group) * digits);
    for chunk in bytes.chunks(group) {
        let mut number = 0_u64;
        for index in 0..group {
            number = number << 8 | u64::from(chunk.get(index).copied().unwrap_or(0));
        }
        let used = (chunk.len() * 8).div_ceil(bits);
        for digit in 0..digits {
            if digit < used {
                let shift = bits * (digits - 1 - digit);
                let index = usize::try_from(number >> shift).unwrap_or(0) & (alphabet.len() - 1);
                out.push(char::from(alphabet[index]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// The bytes of a base64 text, in which line breaks do not count; fails with Go's message.
pub(crate) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| format!("illegal base64 data at input byte {at}");
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut digits = text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let (mut number, mut count) = (0_u32, 0_usize);
    while let Some((at, byte)) = digits.next() {
        if let Some(value) = value(byte, BASE64) {
            number = number << 6 | value;
            count += 1;
            if count == 4 {
                out.extend_from_slice(&number.to_be_bytes()[1..]);
                (number, count) = (0, 0);
            }
            continue;
        }
        if byte != b'=' || count < 2 {
            return Err(corrupt(at));
        }
        if count == 2 {
            match digits.next() {
                None => return Err(corrupt(text.len())),
                Some((_, b'=')) => {}
                Some((next, _)) => return Err(corrupt(next - 1)),
            }
        }
        if let Some((garbage, _)) = digits.next() {
            return Err(corrupt(garbage));
        }
        let bytes = (number << (6 * (4 - count))).to_be_bytes();
        out.extend_from_slice(&bytes[1..count]);
        return Ok(out);
    }
    if count > 0 { Err(corrupt(text.len() - count)) } else { Ok(out) }
}

/// The bytes of a base32 text, in which line breaks do not count; fails with Go's message.
pub(crate) fn decode_base32(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| format!("illegal base32 data at input byte {at}");
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    for (index, group) in text.chunks(8).enumerate() {
        let start = index * 8;
        let mut number = 0_u64;
        let mut count = 0;
        for byte in group {
            match value(*byte, BASE32) {
                Some(value) => number = number << 5 | u64::from(value),
                None if *byte == b'=' && count >= 2 && text.len() - start - count <= 8 => break,
                None => return Err(corrupt(start + count)),
            }
            count += 1;
        }
        if count < group.len() {
            if group.len() < 8 {
                return Err(corrupt(text.len()));
            }
            // Padding ends the text: Go does not look at what may follow.
            if let Some(other) = group[count..].iter().position(|byte| *byte != b'=') {
                return Err(corrupt(start + count + other - 1));
            }
            if matches!(count, 1 | 3 | 6) {
                return Err(corrupt(start + count));
            }
        } else if count < 8 {
            return Err(corrupt(text.len() - count));
        }
        let bytes = (number << (5 * (8 - count)) << 24).to_be_bytes();
        out.extend_from_slice(&bytes[..count * 5 / 8]);
        if count < 8 {
            break;
        }
    }
    Ok(out)
}

fn value(byte: u8, alphabet: &[u8]) -> Option<u32> {
    // The alphabets are short, and no chart decodes megabytes.
    alphabet.iter().position(|digit| *digit == byte).and_then(|index| u32::try_from(index).ok())
}
