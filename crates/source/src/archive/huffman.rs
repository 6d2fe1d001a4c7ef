//! Huffman codes and the three ways of writing a DEFLATE block, with the choices of Go's `compress/flate`.

use super::bits::BitWriter;

/// A literal byte, the end of a block, or a match, as one number: a match has [`MATCH`] set, its length less 3 above
/// [`LENGTH_SHIFT`] and its distance less 1 below.
pub(super) type Token = u32;

pub(super) const MATCH: Token = 1 << 30;
const LENGTH_SHIFT: u32 = 22;
const OFFSET_MASK: Token = (1 << LENGTH_SHIFT) - 1;

/// A match as a token.
pub(super) fn match_token(length: usize, distance: usize) -> Token {
    MATCH | ((length - 3) as Token) << LENGTH_SHIFT | (distance - 1) as Token
}

const END_OF_BLOCK: usize = 256;
const FIRST_LENGTH_CODE: usize = 257;
const LITERALS: usize = 286;
const OFFSETS: usize = 30;
const LENGTH_CODES: usize = 19;
const MAX_STORED: usize = 65_535;

/// The order in which DEFLATE lists the lengths of the code that describes the other two.
const LENGTH_CODE_ORDER: [usize; LENGTH_CODES] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The code of a match's length (less 3), the bits that follow it and how many they are.
fn length_code(length: u32) -> (usize, u32, u32) {
    if length == 255 {
        return (28, 0, 0);
    }
    if length < 8 {
        return (length as usize, 0, 0);
    }
    let top = length.ilog2();
    let extra = top - 2;
    let code = 4 * (top - 1) + ((length >> extra) & 3);
    (code as usize, length & ((1 << extra) - 1), extra)
}

/// The same for a distance (less 1).
fn offset_code(offset: u32) -> (usize, u32, u32) {
    if offset < 4 {
        return (offset as usize, 0, 0);
    }
    let top = offset.ilog2();
    let extra = top - 1;
    let code = 2 * top + ((offset >> extra) & 1);
    (code as usize, offset & ((1 << extra) - 1), extra)
}

/// One symbol's code, its bits in the order in which they are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Code {
    bits: u16,
    length: u8,
}

fn reversed(bits: u16, length: u8) -> u16 {
    (bits << (16 - u32::from(length))).reverse_bits()
}

/// A prefix code over symbols.
#[derive(Debug, Clone)]
struct Codes(Vec<Code>);

impl Codes {
    /// The optimal code of at most `max_bits` for these frequencies; symbols that do not occur have none.
    fn optimal(frequencies: &[u32], max_bits: usize) -> Self {
        let mut codes = vec![Code::default(); frequencies.len()];
        let mut used: Vec<(u32, usize)> =
            frequencies.iter().enumerate().filter(|(_, f)| **f != 0).map(|(s, f)| (*f, s)).collect();
        if used.len() <= 2 {
            for (bits, (_, symbol)) in used.iter().enumerate() {
                codes[*symbol] = Code { bits: bits as u16, length: 1 };
            }
            return Self(codes);
        }
        used.sort_unstable();
        let counts = lengths(&used, max_bits);
        let (mut bits, mut rest) = (0u16, used.len());
        for (length, count) in counts.iter().enumerate().skip(1) {
            bits <<= 1;
            let chunk = &mut used[rest - count..rest];
            // Codes of one length are given out by symbol.
            chunk.sort_unstable_by_key(|(_, symbol)| *symbol);
            for (_, symbol) in chunk {
                codes[*symbol] = Code { bits: reversed(bits, length as u8), length: length as u8 };
                bits = bits.wrapping_add(1);
            }
            rest -= count;
        }
        Self(codes)
    }

    /// DEFLATE's fixed code for literals and lengths.
    fn fixed_literals() -> Self {
        let code = |symbol: u16| {
            let (bits, length) = match symbol {
                0..144 => (symbol + 48, 8),
                144..256 => (symbol - 144 + 400, 9),
                256..280 => (symbol - 256, 7),
                _ => (symbol - 280 + 192, 8),
            };
            Code { bits: reversed(bits, length), length }
        };
        Self((0..LITERALS as u16).map(code).collect())
    }

    /// DEFLATE's fixed code for distances.
    fn fixed_offsets() -> Self {
        Self((0..OFFSETS as u16).map(|s| Code { bits: reversed(s, 5), length: 5 }).collect())
    }

    fn bits_for(&self, frequencies: &[u32]) -> usize {
        frequencies.iter().zip(&self.0).map(|(f, c)| *f as usize * usize::from(c.length)).sum()
    }

    fn write(&self, symbol: usize, out: &mut BitWriter) {
        let code = self.0[symbol];
        out.write(u64::from(code.bits), u32::from(code.length));
    }
}

/// How many symbols get a code of each length, by package-merge. `sorted` is by frequency, then symbol; where a
/// package and a leaf weigh the same, the package comes first, as with Go, which decides among equally good codes.
fn lengths(sorted: &[(u32, usize)], max_bits: usize) -> Vec<usize> {
    let count = sorted.len();
    let max_bits = max_bits.min(count - 1);
    let wanted = 2 * count - 2;
    // For each level, from the lowest: the weights of its items in order, and which are leaves.
    let mut levels: Vec<Vec<(u64, bool)>> = Vec::with_capacity(max_bits);
    let leaf = |(weight, _): &(u32, usize)| (u64::from(*weight), true);
    levels.push(sorted.iter().map(leaf).collect());
    for level in 1..max_bits {
        let below = &levels[level - 1];
        let mut packages = below.chunks_exact(2).map(|pair| pair[0].0 + pair[1].0).peekable();
        let mut leaves = sorted.iter().map(leaf).peekable();
        let mut items = Vec::with_capacity(wanted);
        while items.len() < wanted {
            let item = match (packages.peek(), leaves.peek()) {
                (Some(package), Some(leaf)) if leaf.0 < *package => leaves.next(),
                (Some(_), _) => packages.next().map(|weight| (weight, false)),
                (None, _) => leaves.next(),
            };
            let Some(item) = item else { break };
            items.push(item);
        }
        levels.push(items);
    }
    // A leaf's code is as long as the number of levels that use it.
    let mut counts = vec![0; max_bits + 1];
    let (mut wanted, mut above) = (wanted, 0);
    for (depth, items) in levels.iter().rev().enumerate() {
        let leaves = items[..wanted].iter().filter(|(_, is_leaf)| *is_leaf).count();
        if depth > 0 {
            counts[depth] = above - leaves;
        }
        (above, wanted) = (leaves, 2 * (wanted - leaves));
    }
    counts[max_bits] = above;
    counts
}

/// Writes blocks.
pub(super) struct BlockWriter {
    pub(super) out: BitWriter,
    fixed_literals: Codes,
    fixed_offsets: Codes,
}

impl BlockWriter {
    pub(super) fn new() -> Self {
        Self {
            out: BitWriter::default(),
            fixed_literals: Codes::fixed_literals(),
            fixed_offsets: Codes::fixed_offsets(),
        }
    }

    /// Writes a block in whichever way is shortest. `input` are the bytes that the tokens stand for, where they are
    /// still at hand: only then the block may be stored as it is.
    pub(super) fn block(&mut self, tokens: &[Token], input: Option<&[u8]>) {
        let counted = Counted::of(tokens);
        let literals = Codes::optimal(&counted.literals, 15);
        let offsets = Codes::optimal(&counted.offsets, 15);
        let description =
            Description::of(&literals.0[..counted.used_literals], &offsets.0[..counted.used_offsets]);
        let extra = counted.extra_bits;
        let fixed = 3
            + self.fixed_literals.bits_for(&counted.literals)
            + self.fixed_offsets.bits_for(&counted.offsets)
            + extra;
        let dynamic = description.bits
            + literals.bits_for(&counted.literals)
            + offsets.bits_for(&counted.offsets)
            + extra;
        let stored = input.filter(|input| input.len() <= MAX_STORED);
        if let Some(input) = stored.filter(|input| (input.len() + 5) * 8 < fixed.min(dynamic)) {
            self.stored_header(input.len(), false);
            self.out.write_bytes(input);
            return;
        }
        if dynamic < fixed {
            self.out.write(0b100, 3);
            description.write(counted.used_literals, counted.used_offsets, &mut self.out);
            write_tokens(tokens, &literals, &offsets, &mut self.out);
        } else {
            self.out.write(0b010, 3);
            write_tokens(tokens, &self.fixed_literals, &self.fixed_offsets, &mut self.out);
        }
    }

    /// The head of a stored block; an empty one that is the last ends the stream.
    pub(super) fn stored_header(&mut self, length: usize, is_last: bool) {
        self.out.write(u64::from(is_last), 3);
        self.out.align();
        let length = length as u16;
        self.out.write(u64::from(length), 16);
        self.out.write(u64::from(!length), 16);
    }
}

/// How often each symbol occurs in a block.
struct Counted {
    literals: Vec<u32>,
    offsets: Vec<u32>,
    used_literals: usize,
    used_offsets: usize,
    extra_bits: usize,
}

impl Counted {
    fn of(tokens: &[Token]) -> Self {
        let (mut literals, mut offsets) = (vec![0; LITERALS], vec![0; OFFSETS]);
        let mut extra_bits = 0;
        literals[END_OF_BLOCK] = 1;
        for token in tokens {
            if token & MATCH == 0 {
                literals[*token as usize] += 1;
                continue;
            }
            let (length, _, more) = length_code((token & !MATCH) >> LENGTH_SHIFT);
            let (offset, _, much_more) = offset_code(token & OFFSET_MASK);
            literals[FIRST_LENGTH_CODE + length] += 1;
            offsets[offset] += 1;
            extra_bits += (more + much_more) as usize;
        }
        let used = |counts: &[u32]| counts.iter().rposition(|c| *c != 0).map_or(0, |at| at + 1);
        let used_literals = used(&literals);
        let mut used_offsets = used(&offsets);
        if used_offsets == 0 {
            // A block must describe one distance, even when it uses none.
            (offsets[0], used_offsets) = (1, 1);
        }
        Self { literals, offsets, used_literals, used_offsets, extra_bits }
    }
}

/// The lengths of a dynamic block's two codes, run-length encoded.
struct Description {
    /// Symbols of the third code, each with the bits that follow it and how many they are.
    symbols: Vec<(usize, u64, u32)>,
    code: Codes,
    listed: usize,
    /// The size of the block's head in bits.
    bits: usize,
}

impl Description {
    fn of(literals: &[Code], offsets: &[Code]) -> Self {
        let lengths: Vec<u8> = literals.iter().chain(offsets).map(|c| c.length).collect();
        let mut symbols = Vec::new();
        for run in lengths.chunk_by(|a, b| a == b) {
            let (length, mut left) = (usize::from(run[0]), run.len());
            if length != 0 {
                symbols.push((length, 0, 0));
                left -= 1;
                while left >= 3 {
                    let repeated = left.min(6);
                    symbols.push((16, (repeated - 3) as u64, 2));
                    left -= repeated;
                }
            } else {
                while left >= 11 {
                    let repeated = left.min(138);
                    symbols.push((18, (repeated - 11) as u64, 7));
                    left -= repeated;
                }
                if left >= 3 {
                    symbols.push((17, (left - 3) as u64, 3));
                    left = 0;
                }
            }
            symbols.extend(std::iter::repeat_n((length, 0, 0), left));
        }
        let mut frequencies = vec![0; LENGTH_CODES];
        symbols.iter().for_each(|(symbol, ..)| frequencies[*symbol] += 1);
        let code = Codes::optimal(&frequencies, 7);
        let listed =
            LENGTH_CODE_ORDER.iter().rposition(|s| frequencies[*s] != 0).map_or(0, |at| at + 1).max(4);
        let extra: usize = symbols.iter().map(|(_, _, more)| *more as usize).sum();
        let bits = 3 + 5 + 5 + 4 + 3 * listed + code.bits_for(&frequencies) + extra;
        Self { symbols, code, listed, bits }
    }

    fn write(&self, literals: usize, offsets: usize, out: &mut BitWriter) {
        out.write((literals - 257) as u64, 5);
        out.write((offsets - 1) as u64, 5);
        out.write((self.listed - 4) as u64, 4);
        for symbol in &LENGTH_CODE_ORDER[..self.listed] {
            out.write(u64::from(self.code.0[*symbol].length), 3);
        }
        for (symbol, more, count) in &self.symbols {
            self.code.write(*symbol, out);
            out.write(*more, *count);
        }
    }
}

fn write_tokens(tokens: &[Token], literals: &Codes, offsets: &Codes, out: &mut BitWriter) {
    for token in tokens {
        if token & MATCH == 0 {
            literals.write(*token as usize, out);
            continue;
        }
        let (length, more, count) = length_code((token & !MATCH) >> LENGTH_SHIFT);
        literals.write(FIRST_LENGTH_CODE + length, out);
        out.write(u64::from(more), count);
        let (offset, more, count) = offset_code(token & OFFSET_MASK);
        offsets.write(offset, out);
        out.write(u64::from(more), count);
    }
    literals.write(END_OF_BLOCK, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_distances_have_deflates_codes() {
        assert_eq!([0, 7, 8, 9, 10, 254, 255].map(|l| length_code(l).0), [0, 7, 8, 8, 9, 27, 28]);
        assert_eq!([0, 3, 4, 5, 6, 32_767].map(|o| offset_code(o).0), [0, 3, 4, 4, 5, 29]);
        assert_eq!(length_code(254), (27, 30, 5));
        assert_eq!(offset_code(32_767), (29, 8191, 13));
    }

    #[test]
    fn a_code_is_complete_and_no_longer_than_allowed() {
        // Frequencies like Fibonacci's make the deepest tree.
        let mut frequencies = vec![1u32, 1];
        while frequencies.len() < 19 {
            frequencies.push(frequencies[frequencies.len() - 1] + frequencies[frequencies.len() - 2]);
        }
        for max_bits in [7, 15] {
            let codes = Codes::optimal(&frequencies, max_bits);
            let longest = codes.0.iter().map(|c| usize::from(c.length)).max().unwrap();
            assert!(longest <= max_bits, "{longest}");
            let kraft: u32 = codes.0.iter().map(|c| 1 << (16 - u32::from(c.length))).sum();
            assert_eq!(kraft, 1 << 16);
        }
    }
}
