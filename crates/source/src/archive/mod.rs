//! Archives of artifacts, byte-equal to those of Flux' source-controller.
//!
//! An artifact's digest is that of its packed archive. On the day a cluster is taken over, and on the day it is given
//! back, the same revision has to have the same digest, or everything that follows it would see a change. So the
//! archive is written as Go's libraries write it: [`tar`] the heads, [`deflate`] the packing.

mod bits;
mod deflate;
mod huffman;
mod tar;

use crate::{Limits, SourceError, SourceIgnore};
use deflate::Deflate;
use flate2::Crc;
use holdfast_tree::{Entry, FileTree, TreeError};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// An archive that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The digest of the packed bytes, `sha256:<hex>`.
    pub digest: String,
    /// Their number.
    pub size: u64,
}

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The files could not be read.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// There is more than there may be.
    #[error("{0}")]
    Limit(#[from] SourceError),
    /// The archive could not be written.
    #[error("{0}")]
    Write(#[from] io::Error),
}

/// Packs a tree without what is ignored and without symbolic links.
///
/// An ignored folder has no entry of its own, and what is not ignored in it is there all the same; folders that are
/// empty by the rules stay.
///
/// # Errors
/// [`ArchiveError`] when the tree cannot be read, is larger than the limits allow, or the writer fails.
pub fn archive(
    tree: &dyn FileTree,
    ignore: &SourceIgnore,
    limits: &Limits,
    out: &mut dyn Write,
) -> Result<Packed, ArchiveError> {
    let mut writer = GzipWriter::new(out)?;
    let (mut files, mut bytes) = (0u64, 0u64);
    writer.piece(&tar::head(".", tar::Kind::Folder))?;
    // Depth first, each folder's entries by name: the order of Go's `filepath.Walk`.
    let mut todo = vec![(String::new(), Entry::Folder)];
    while let Some((path, entry)) = todo.pop() {
        files += 1;
        if files > limits.files {
            return Err(SourceError::TooMany {
                what: "files in the artifact".into(),
                limit_name: "files",
                limit: limits.files,
            }
            .into());
        }
        match entry {
            Entry::Folder => {
                if !path.is_empty() && !ignore.excludes(&path, true) {
                    writer.piece(&tar::head(&path, tar::Kind::Folder))?;
                }
                let below = tree.list(&path)?.into_iter().rev();
                let within =
                    |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
                todo.extend(below.map(|named| (within(&named.name), named.entry)));
            }
            Entry::File { executable, .. } if !ignore.excludes(&path, false) => {
                let content = tree.read(&path)?;
                let size = content.len() as u64;
                bytes = bytes.saturating_add(size);
                if bytes > limits.total_bytes {
                    let (limit_name, limit) = ("total_bytes", limits.total_bytes);
                    let what = "the files of the artifact".to_owned();
                    return Err(SourceError::TooLarge { what, size: bytes, limit_name, limit }.into());
                }
                writer.piece(&tar::head(&path, tar::Kind::File { size, executable }))?;
                writer.content(&content)?;
            }
            Entry::File { .. } | Entry::Symlink { .. } => {}
        }
    }
    writer.finish()
}

/// What Go's `io.Copy` reads of a file at once; where pieces are cut matters for the packing.
const PIECE: usize = 32 << 10;

struct GzipWriter<'w> {
    deflate: Deflate,
    crc: Crc,
    out: Counting<'w>,
}

impl<'w> GzipWriter<'w> {
    fn new(out: &'w mut dyn Write) -> io::Result<Self> {
        let mut out = Counting { out, digest: Sha256::new(), size: 0 };
        // No name, no time, no flags, an unknown system.
        out.write(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])?;
        Ok(Self { deflate: Deflate::new(), crc: Crc::new(), out })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.deflate.write(bytes);
        let packed = self.deflate.take();
        self.out.write(&packed)
    }

    fn piece(&mut self, blocks: &[Vec<u8>]) -> io::Result<()> {
        blocks.iter().try_for_each(|block| self.write(block))
    }

    fn content(&mut self, content: &[u8]) -> io::Result<()> {
        content.chunks(PIECE).try_for_each(|piece| self.write(piece))?;
        self.write(&vec![0; tar::padding(content.len() as u64)])
    }

    fn finish(mut self) -> Result<Packed, ArchiveError> {
        for _ in 0..2 {
            self.write(&[0; tar::BLOCK])?;
        }
        self.deflate.finish();
        let packed = self.deflate.take();
        self.out.write(&packed)?;
        self.out.write(&self.crc.sum().to_le_bytes())?;
        self.out.write(&self.crc.amount().to_le_bytes())?;
        self.out.out.flush()?;
        Ok(Packed {
            digest: format!("sha256:{}", hex::encode(self.out.digest.finalize())),
            size: self.out.size,
        })
    }
}

struct Counting<'w> {
    out: &'w mut dyn Write,
    digest: Sha256,
    size: u64,
}

impl Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}
