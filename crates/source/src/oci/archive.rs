use crate::{Limits, SourceError};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use holdfast_tree::{MemoryTree, normalize};
use std::io::{self, Read};
use tar::EntryType;

/// Unpacks a tar archive, packed with gzip or not, into memory. `shown` names the source in errors.
///
/// Symbolic links are kept as data and never followed; hard links, devices and pipes are left out; a path that leads
/// out of the archive is an error.
///
/// # Errors
/// [`SourceError::TooLarge`] and [`SourceError::TooMany`] beyond `file_bytes`, `total_bytes` and `files`, whatever the
/// archive claims; [`SourceError::Protocol`] when it is no archive.
pub fn untar(archive: &[u8], shown: &str, limits: &Limits) -> Result<MemoryTree, SourceError> {
    let broken = |e: &dyn std::fmt::Display| SourceError::Protocol {
        url: shown.to_owned(),
        message: format!("the archive cannot be unpacked: {e}"),
    };
    let packed = archive.starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn Read + '_> =
        if packed { Box::new(MultiGzDecoder::new(archive)) } else { Box::new(archive) };
    let mut unpacked = 0;
    // Room for headers and padding beside the files themselves.
    let room = limits.total_bytes.saturating_add(limits.files.saturating_mul(1024)).saturating_add(10 << 10);
    let mut entries = tar::Archive::new(reader.take(room));
    let mut tree = MemoryTree::new();
    let mut count = 0;
    for entry in entries.entries().map_err(|e| broken(&e))? {
        let mut entry = entry.map_err(|e| broken(&e))?;
        count += 1;
        if count > limits.files {
            return Err(SourceError::TooMany {
                what: "files in the archive".into(),
                limit_name: "files",
                limit: limits.files,
            });
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = normalize(name.trim_start_matches('/'))
            .ok_or_else(|| broken(&format!("{name:?} leads out of it")))?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let size = entry.size();
                too_large(&format!("{path} in {shown}"), size, "file_bytes", limits.file_bytes)?;
                unpacked += size;
                too_large(&format!("the files of {shown}"), unpacked, "total_bytes", limits.total_bytes)?;
                let executable = entry.header().mode().is_ok_and(|m| m & 0o100 != 0);
                let content = read(&mut entry, size).map_err(|e| broken(&e))?;
                if executable {
                    tree.insert_executable(&path, content);
                } else {
                    tree.insert(&path, content);
                }
            }
            EntryType::Directory => tree.insert_folder(&path),
            EntryType::Symlink => {
                if let Some(target) = entry.link_name_bytes() {
                    tree.insert_link(&path, &String::from_utf8_lossy(&target));
                }
            }
            _ => {}
        }
    }
    Ok(tree)
}

fn read(entry: &mut impl Read, size: u64) -> io::Result<Bytes> {
    let mut content = Vec::new();
    entry.take(size).read_to_end(&mut content)?;
    if content.len() as u64 == size { Ok(content.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn too_large(what: &str, size: u64, limit_name: &'static str, limit: u64) -> Result<(), SourceError> {
    if size <= limit {
        return Ok(());
    }
    Err(SourceError::TooLarge { what: what.to_owned(), size, limit_name, limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_tree::{Entry, FileTree as _};
    use std::io::Write as _;

    fn archive(build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        build(&mut builder);
        builder.into_inner().unwrap()
    }

    fn add(builder: &mut tar::Builder<Vec<u8>>, path: &str, kind: EntryType, content: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_entry_type(kind);
        // Written straight into the header: the library refuses bad paths when it writes.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        if kind == EntryType::Symlink {
            header.set_link_name("../target").unwrap();
        }
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn files_folders_and_links() {
        let content = archive(|b| {
            add(b, "./a/run.sh", EntryType::Regular, b"x");
            add(b, "/b", EntryType::Symlink, b"");
            add(b, "empty/", EntryType::Directory, b"");
            add(b, "pipe", EntryType::Fifo, b"");
        });
        for content in [gzip(&content), content] {
            let tree = untar(&content, "test", &Limits::default()).unwrap();
            assert_eq!(tree.entry("a/run.sh").unwrap(), Some(Entry::File { size: 1, executable: true }));
            assert_eq!(tree.entry("b").unwrap(), Some(Entry::Symlink { target: "../target".into() }));
            assert_eq!(tree.entry("empty").unwrap(), Some(Entry::Folder));
            assert_eq!(tree.entry("pipe").unwrap(), None);
        }
    }

    #[test]
    fn what_is_refused() {
        let small = Limits { file_bytes: 100, total_bytes: 250, files: 5, ..Limits::default() };
        let check = |content: &[u8], expected: &str| {
            let error = untar(content, "test", &small).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&archive(|b| add(b, "../x", EntryType::Regular, b"")), "\"../x\" leads out of it");
        check(
            &archive(|b| add(b, "x", EntryType::Regular, &[0; 101])),
            "x in test: 101 bytes, more than the limit file_bytes of 100",
        );
        let many = archive(|b| (0..6).for_each(|n| add(b, &n.to_string(), EntryType::Regular, b"")));
        check(&many, "more than 5 files in the archive");
        let heavy = archive(|b| (0..3).for_each(|n| add(b, &n.to_string(), EntryType::Regular, &[0; 100])));
        check(&heavy, "300 bytes, more than the limit total_bytes of 250");
        check(b"no archive at all, but long enough to be taken for one.", "cannot be unpacked");
        check(&gzip(&heavy)[..60], "cannot be unpacked");
    }

    #[test]
    fn a_bomb_does_not_explode() {
        let bomb = gzip(&archive(|b| add(b, "zeros", EntryType::Regular, &vec![0; 50 << 20])));
        assert!(bomb.len() < 1 << 20);
        let limits = Limits { file_bytes: 1 << 20, ..Limits::default() };
        assert!(matches!(
            untar(&bomb, "test", &limits),
            Err(SourceError::TooLarge { limit_name: "file_bytes", .. })
        ));
    }
}
