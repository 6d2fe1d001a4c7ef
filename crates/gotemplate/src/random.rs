//! Random numbers from a seed: ChaCha20 as a stream.

/// A cryptographically strong stream, the same for the same seed.
pub(crate) struct Random {
    key: [u32; 8],
    counter: u64,
    block: [u8; 64],
    used: usize,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let mut key = [0; 8];
        for (word, bytes) in key.iter_mut().zip(seed.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Self { key, counter: 0, block: [0; 64], used: 64 }
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.used == self.block.len() {
                self.refill();
            }
            *byte = self.block[self.used];
            // What was given out must not stay in memory.
            self.block[self.used] = 0;
            self.used += 1;
        }
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `bound`, which must not be 0, each with the same probability.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let bound = bound.max(1);
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let value = self.next_u64();
            if value < fair {
                return value % bound;
            }
        }
    }
    fn refill(&mut self) {
        let constants = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
        let mut input = [0; 16];
        input[..4].copy_from_slice(&constants);
        input[4..12].copy_from_slice(&self.key);
        input[12] = self.counter as u32;
        input[13] = (self.counter >> 32) as u32;
        let mut state = input;
        for _ in 0..10 {
            for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
                quarter_round(&mut state, a, b, c, d);
            }
            for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
                quarter_round(&mut state, a, b, c, d);
            }
        }
        for (index, (word, input)) in state.iter().zip(input).enumerate() {
            self.block[index * 4..index * 4 + 4].copy_from_slice(&word.wrapping_add(input).to_le_bytes());
        }
        self.counter += 1;
        self.used = 0;
    }
}

fn quarter_round(state: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    for (x, y, z, shift) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
        state[x] = state[x].wrapping_add(state[y]);
        state[z] = (state[z] ^ state[x]).rotate_left(shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_is_chacha20() {
        // RFC 8439, A.1, test vector 1: key, nonce and counter zero.
        let mut bytes = [0; 16];
        Random::new([0; 32]).fill(&mut bytes);
        assert_eq!(hex(&bytes), "76b8e0ada0f13d90405d6ae55386bd28");
    }

    #[test]
    fn below_stays_below() {
        let mut random = Random::new([7; 32]);
        assert!((0..1_000).all(|_| random.below(3) < 3));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
