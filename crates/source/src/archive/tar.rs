//! The heads of a tar archive's entries as Go's `archive/tar` writes them for Flux' artifacts: no owner, no times.

/// The size of a head, and what contents are filled up to.
pub(super) const BLOCK: usize = 512;

/// What kind of entry a head is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File { size: u64, executable: bool },
    Folder,
}

impl Kind {
    /// Flux' own modes, whatever the files had.
    fn mode(self) -> u64 {
        match self {
            Self::File { executable: true, .. } => 0o700,
            Self::File { executable: false, .. } => 0o600,
            Self::Folder => 0o750,
        }
    }

    fn flag(self) -> u8 {
        match self {
            Self::File { .. } => b'0',
            Self::Folder => b'5',
        }
    }

    fn size(self) -> u64 {
        match self {
            Self::File { size, .. } => size,
            Self::Folder => 0,
        }
    }
}

const NAME: usize = 100;
const PREFIX: usize = 155;

/// The blocks before an entry's content: one head, and before it the whole name where a head cannot hold it. The
/// pieces are those in which Go writes them.
pub(super) fn head(name: &str, kind: Kind) -> Vec<Vec<u8>> {
    let block = |name: &str, prefix: &str| {
        Block::new(name, kind.mode(), kind.size(), kind.flag()).prefix(prefix).finish()
    };
    if name.is_ascii() && name.len() <= NAME {
        return vec![block(name, "")];
    }
    if let Some((prefix, rest)) = split(name) {
        return vec![block(rest, prefix)];
    }
    let record = pax_record("path", name);
    let mut extended = ascii(&extended_name(name));
    extended.truncate(NAME);
    let extended = Block::new(extended.trim_end_matches('/'), 0, record.len() as u64, b'x').finish();
    let padding = vec![0; padding(record.len() as u64)];
    vec![extended, record.into_bytes(), padding, block(&ascii(name), "")]
}

/// The zeros after a content of this size.
pub(super) fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// A long name's two parts, if there are any that fit.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() || name.len() <= NAME {
        return None;
    }
    let reach = name.len().min(PREFIX + 1);
    let at = name[..reach].rfind('/').filter(|at| *at > 0 && *at <= PREFIX)?;
    let rest = &name[at + 1..];
    (!rest.is_empty() && rest.len() <= NAME).then(|| (&name[..at], rest))
}

fn extended_name(name: &str) -> String {
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
    let parts = [folder, "PaxHeaders.0", file];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii).collect()
}

/// `<length> <key>=<value>\n`, where the length counts itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() + rest != length {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

struct Block([u8; BLOCK]);

impl Block {
    fn new(name: &str, mode: u64, size: u64, flag: u8) -> Self {
        let mut block = Self([0; BLOCK]);
        block.name(name);
        block.octal(100, 8, mode);
        block.octal(108, 8, 0);
        block.octal(116, 8, 0);
        block.octal(124, 12, size);
        block.octal(136, 12, 0);
        block.0[156] = flag;
        block.0[257..263].copy_from_slice(b"ustar\0");
        block.0[263..265].copy_from_slice(b"00");
        if flag != b'x' {
            block.octal(329, 8, 0);
            block.octal(337, 8, 0);
        }
        block
    }

    fn name(&mut self, name: &str) {
        let bytes = name.as_bytes();
        let kept = bytes.len().min(NAME);
        self.0[..kept].copy_from_slice(&bytes[..kept]);
        if bytes.len() > NAME && bytes[NAME - 1] == b'/' {
            // A cut name must not look like a folder's.
            let end = name[..NAME - 1].trim_end_matches('/').len();
            self.0[end] = 0;
        }
    }

    fn prefix(mut self, prefix: &str) -> Self {
        self.0[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
        self
    }

    /// An octal number with leading zeros and a zero byte at its end.
    fn octal(&mut self, at: usize, width: usize, number: u64) {
        let digits = format!("{number:0>width$o}", width = width - 1);
        self.0[at..at + width - 1].copy_from_slice(digits.as_bytes());
    }

    fn finish(mut self) -> Vec<u8> {
        self.0[148..156].fill(b' ');
        let sum: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        self.octal(148, 7, sum);
        self.0[154] = 0;
        self.0[155] = b' ';
        self.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_themselves() {
        assert_eq!(pax_record("path", "a"), "9 path=a\n");
        assert_eq!(pax_record("path", "aa"), "11 path=aa\n");
        let long = pax_record("path", &"a".repeat(91));
        assert!(long.starts_with("101 "), "{long}");
        assert_eq!(long.len(), 101);
        assert_eq!(pax_record("path", &"a".repeat(88)).len(), 97);
    }

    #[test]
    fn long_names_are_split_or_extended() {
        let folder = "f".repeat(60);
        assert_eq!(split(&format!("{folder}/{folder}")), Some((folder.as_str(), folder.as_str())));
        assert_eq!(split(&"n".repeat(120)), None);
        assert_eq!(head("a/ü", Kind::Folder).len(), 4);
        assert_eq!(extended_name("a/b"), "a/PaxHeaders.0/b");
        assert_eq!(extended_name("b"), "PaxHeaders.0/b");
    }
}
