//! DEFLATE as Go's `compress/flate` writes it at its default level, byte for byte.
//!
//! Flux's artifacts are named by the digest of the *packed* archive, so an archive that unpacks to the same files but
//! is packed by another library has another digest. What is reproduced is behaviour: a window of 64 KiB that moves by
//! half of itself, hash chains over four bytes with at most 128 tries, lazy matching, blocks of 16,384 tokens, and
//! when the window moves, which depends on how the input is cut into pieces.

use super::huffman::{BlockWriter, Token, match_token};

/// How far back a match may lie.
const WINDOW: usize = 1 << 15;
/// Matches shorter than this are not looked for.
const MIN_MATCH: usize = 4;
/// The longest match.
const MAX_MATCH: usize = 258;
/// Input that must be at hand before anything is decided, unless there is no more.
const LOOKAHEAD: usize = MIN_MATCH + MAX_MATCH;
/// Tokens of one block.
const BLOCK_TOKENS: usize = 1 << 14;

// Level 6: after a match of 16 bytes no better one is looked for, and one of 128 is taken at once.
const LAZY: usize = 16;
const NICE: usize = 128;
const TRIES: usize = 128;

const HASH_BITS: u32 = 17;
/// Where positions in the chains are counted anew.
const MAX_HASH_OFFSET: i64 = 1 << 24;

/// A stream being written.
pub(super) struct Deflate {
    blocks: BlockWriter,
    window: Vec<u8>,
    /// The next byte to look at, and the end of the input in the window.
    index: usize,
    end: usize,
    /// Where the current block's input begins; `None` once the window has moved past it.
    block_start: Option<usize>,
    tokens: Vec<Token>,
    /// The match at the byte before, which is taken unless there is a longer one here.
    length: usize,
    distance: usize,
    /// The byte before is not written yet.
    pending: bool,
    /// Positions are stored with this added, so that zero is no position.
    hash_offset: i64,
    chain_head: i64,
    heads: Vec<u32>,
    chains: Vec<u32>,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self {
            blocks: BlockWriter::new(),
            window: vec![0; 2 * WINDOW],
            index: 0,
            end: 0,
            block_start: Some(0),
            tokens: Vec::with_capacity(BLOCK_TOKENS),
            length: MIN_MATCH - 1,
            distance: 0,
            pending: false,
            hash_offset: 1,
            chain_head: -1,
            heads: vec![0; 1 << HASH_BITS],
            chains: vec![0; WINDOW],
        }
    }

    /// Takes a piece of input. Where the pieces are cut matters for the result.
    pub(super) fn write(&mut self, mut input: &[u8]) {
        while !input.is_empty() {
            self.advance(false);
            let taken = self.fill(input);
            input = &input[taken..];
        }
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self) {
        self.advance(true);
        self.blocks.stored_header(0, true);
        self.blocks.out.align();
    }

    /// What was packed since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.blocks.out.take()
    }

    fn fill(&mut self, input: &[u8]) -> usize {
        if self.index >= 2 * WINDOW - LOOKAHEAD {
            self.move_window();
        }
        let taken = input.len().min(self.window.len() - self.end);
        self.window[self.end..self.end + taken].copy_from_slice(&input[..taken]);
        self.end += taken;
        taken
    }

    fn move_window(&mut self) {
        self.window.copy_within(WINDOW.., 0);
        self.index -= WINDOW;
        self.end -= WINDOW;
        self.block_start = self.block_start.and_then(|start| start.checked_sub(WINDOW));
        self.hash_offset += WINDOW as i64;
        if self.hash_offset > MAX_HASH_OFFSET {
            let delta = self.hash_offset - 1;
            self.hash_offset -= delta;
            self.chain_head -= delta;
            for place in self.chains.iter_mut().chain(&mut self.heads) {
                *place = place.saturating_sub(delta as u32);
            }
        }
    }

    /// Looks at the input as far as it can be judged; all of it at the end of the stream.
    fn advance(&mut self, at_end: bool) {
        if self.end - self.index < LOOKAHEAD && !at_end {
            return;
        }
        // The last bytes are too few for a hash.
        let hashable = (self.end + 1).saturating_sub(MIN_MATCH);
        loop {
            let ahead = self.end - self.index;
            if ahead < LOOKAHEAD && !at_end {
                return;
            }
            if ahead == 0 {
                self.flush();
                return;
            }
            if self.index < hashable {
                self.chain_head = self.insert(self.index);
            }
            let before = (self.length, self.distance);
            (self.length, self.distance) = (MIN_MATCH - 1, 0);
            let oldest = self.index.saturating_sub(WINDOW) as i64;
            let head = self.chain_head - self.hash_offset;
            if head >= oldest
                && ahead > before.0
                && before.0 < LAZY
                && let Some((length, distance)) = self.find(head as usize, ahead)
            {
                (self.length, self.distance) = (length, distance);
            }
            if before.0 >= MIN_MATCH && self.length <= before.0 {
                self.take_match(before, hashable);
            } else {
                if self.pending {
                    self.tokens.push(Token::from(self.window[self.index - 1]));
                    self.end_full_block(self.index);
                }
                self.index += 1;
                self.pending = true;
            }
        }
    }

    /// Writes the match that began at the byte before, and remembers the places in it.
    fn take_match(&mut self, (length, distance): (usize, usize), hashable: usize) {
        self.tokens.push(match_token(length, distance));
        let after = self.index + length - 1;
        for index in self.index + 1..after {
            if index < hashable {
                self.insert(index);
            }
        }
        self.index = after;
        self.pending = false;
        self.length = MIN_MATCH - 1;
        self.end_full_block(self.index);
    }

    /// Remembers a place; gives the one before with the same hash.
    fn insert(&mut self, index: usize) -> i64 {
        let bytes = &self.window[index..index + MIN_MATCH];
        let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let hash = (number.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS)) as usize;
        let before = std::mem::replace(&mut self.heads[hash], (index as i64 + self.hash_offset) as u32);
        self.chains[index % WINDOW] = before;
        i64::from(before)
    }

    /// The best match here along a chain, as length and distance.
    fn find(&self, head: usize, ahead: usize) -> Option<(usize, usize)> {
        let here = self.index;
        let longest = ahead.min(MAX_MATCH);
        let window = &self.window[..here + longest];
        let nice = longest.min(NICE);
        let mut best = MIN_MATCH - 1;
        let mut found = None;
        let oldest = here as i64 - WINDOW as i64;
        let mut at = head as i64;
        for _ in 0..TRIES {
            let place = at as usize;
            if window[place + best] == window[here + best] {
                let same = window[place..].iter().zip(&window[here..]).take_while(|(a, b)| a == b).count();
                // A short match far away costs more than its bytes.
                if same > best && (same > MIN_MATCH || here - place <= 4096) {
                    best = same;
                    found = Some((same, here - place));
                    if same >= nice {
                        break;
                    }
                }
            }
            if at == oldest {
                break;
            }
            at = i64::from(self.chains[place % WINDOW]) - self.hash_offset;
            if at < oldest || at < 0 {
                break;
            }
        }
        found
    }

    fn end_full_block(&mut self, index: usize) {
        if self.tokens.len() == BLOCK_TOKENS {
            self.end_block(index);
        }
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.tokens.push(Token::from(self.window[self.index - 1]));
        }
        if !self.tokens.is_empty() {
            self.end_block(self.index);
        }
    }

    fn end_block(&mut self, index: usize) {
        if index > 0 {
            let input =
                self.block_start.filter(|start| *start <= index).map(|start| &self.window[start..index]);
            self.blocks.block(&self.tokens, input);
            self.block_start = Some(index);
        }
        self.tokens.clear();
    }
}
