//! Seeded names and uids: the same seed and the same requests give the same cluster.

use std::sync::Mutex;
use std::sync::PoisonError;

/// Letters of generated names: no vowels, no look-alikes, as Kubernetes' own generator.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A stream of pseudo-random numbers (SplitMix64).
#[derive(Debug)]
pub(crate) struct Random(Mutex<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(*state)
    }

    /// A version-4 UUID.
    pub(crate) fn uid(&self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            8 + (b >> 62),
            (b >> 48) & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }

    /// Five letters that make a name unique.
    pub(crate) fn suffix(&self) -> String {
        letters(self.next(), 5)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `count` letters that depend on a number only.
pub(crate) fn letters(mut number: u64, count: usize) -> String {
    let base = ALPHABET.len() as u64;
    let mut out = String::with_capacity(count);
    for _ in 0..count {
        let index = usize::try_from(number % base).unwrap_or_default();
        out.push(char::from(ALPHABET[index]));
        number /= base;
    }
    out
}

/// A 64-bit hash that is the same in every run and on every machine (FNV-1a, then mixed).
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash ^= u64::from(*byte);
        hash = hash.wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything() {
        let (a, b, c) = (Random::new(1), Random::new(1), Random::new(2));
        let first = (a.uid(), a.suffix());
        assert_eq!(first, (b.uid(), b.suffix()));
        assert_ne!(first, (c.uid(), c.suffix()));
        assert_eq!(first.0.len(), 36);
        assert_eq!(first.0.as_bytes()[14], b'4');
    }
}
