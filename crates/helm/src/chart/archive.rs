//! Chart archives (`.tgz`), bounded.

use super::{File, Limits};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};
use tar::EntryType;

/// Why an archive is refused. The texts are Helm's where Helm has one.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Not a gzip stream.
    #[error("does not appear to be a gzipped archive")]
    NotGzip,
    /// The stream is damaged or is no tar archive.
    #[error("{0}")]
    Damaged(#[from] io::Error),
    /// An entry's path is absolute.
    #[error("chart illegally contains absolute paths")]
    Absolute,
    /// An entry lies beside the chart's folder.
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    Outside(String),
    /// An entry's path leads upwards.
    #[error("chart illegally references parent directory")]
    Parent,
    /// An entry is named as a Windows drive.
    #[error("chart contains illegally named files")]
    Drive,
    /// The archive holds the chart's files without a folder around them.
    #[error("chart yaml not in base directory")]
    NoBase,
    /// All files together are too large.
    #[error("decompressed chart is larger than the maximum file size {0}")]
    TooLarge(u64),
    /// One file is too large.
    #[error("decompressed chart file {path:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// The file's path in the archive.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Too many entries; Helm has no such limit.
    #[error("chart archive has more than {0} entries")]
    TooManyEntries(usize),
    /// Nothing in it.
    #[error("no files in chart archive")]
    Empty,
}

/// The files of an archive, without the folder around them and without byte order marks. What is taken is subtracted
/// from `limits`, so that archives inside of archives share one budget.
pub(super) fn read(archive: &[u8], limits: &mut Limits) -> Result<Vec<File>, ArchiveError> {
    if !archive.starts_with(&[0x1f, 0x8b]) {
        return Err(ArchiveError::NotGzip);
    }
    let mut files = Vec::new();
    let too_many = ArchiveError::TooManyEntries(limits.entries);
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive));
    for entry in tar.entries()? {
        let mut entry = entry?;
        limits.entries = match limits.entries.checked_sub(1) {
            Some(rest) => rest,
            None => return Err(too_many),
        };
        let kind = entry.header().entry_type();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let is_folder = kind.is_dir() || (kind.is_file() && name.ends_with('/'));
        if is_folder || matches!(kind, EntryType::XGlobalHeader | EntryType::XHeader) {
            continue;
        }
        let path = inner_path(&name)?;
        let data = read_entry(&mut entry, &name, limits)?;
        files.push(File::new(&path, data));
    }
    if files.is_empty() {
        return Err(ArchiveError::Empty);
    }
    Ok(files)
}

fn read_entry(entry: &mut impl SizedRead, name: &str, limits: &mut Limits) -> Result<Bytes, ArchiveError> {
    let size = entry.size();
    if size > limits.bytes {
        return Err(ArchiveError::TooLarge(limits.max_bytes));
    }
    if size > limits.file_bytes {
        return Err(ArchiveError::FileTooLarge { path: name.to_owned(), limit: limits.file_bytes });
    }
    let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or_default().min(64 * 1024));
    entry.take(limits.bytes.min(limits.file_bytes) + 1).read_to_end(&mut data)?;
    limits.bytes = match limits.bytes.checked_sub(data.len() as u64) {
        Some(rest) if rest > 0 => rest,
        _ => return Err(ArchiveError::TooLarge(limits.max_bytes)),
    };
    Ok(data.into())
}

/// A reader that says beforehand how much it will give.
trait SizedRead: Read {
    fn size(&self) -> u64;
}

impl<R: Read> SizedRead for tar::Entry<'_, R> {
    fn size(&self) -> u64 {
        self.size()
    }
}

/// The path below the archive's base folder.
fn inner_path(name: &str) -> Result<String, ArchiveError> {
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (base, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let rest = if delimiter == '\\' { rest.replace('\\', "/") } else { rest.to_owned() };
    if rest.starts_with('/') {
        return Err(ArchiveError::Absolute);
    }
    let path = match holdfast_tree::normalize(&rest) {
        None => return Err(ArchiveError::Parent),
        Some(path) if path.is_empty() => return Err(ArchiveError::Outside(name.to_owned())),
        Some(path) if path.starts_with("..") => return Err(ArchiveError::Parent),
        Some(path) => path,
    };
    let bytes = path.as_bytes();
    if bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && &bytes[1..3] == b":/" {
        return Err(ArchiveError::Drive);
    }
    if base == "Chart.yaml" {
        return Err(ArchiveError::NoBase);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let check = |name: &str, expected: &str| {
            let got = inner_path(name).unwrap_or_else(|e| e.to_string());
            assert_eq!(got, expected, "{name}");
        };
        check("chart/templates/a.yaml", "templates/a.yaml");
        check("chart\\templates\\a.yaml", "templates/a.yaml");
        check("./chart/a", "chart/a");
        check("chart//a", "chart illegally contains absolute paths");
        check("chart", "chart illegally contains content outside the base directory: \"chart\"");
        check("chart/../../a", "chart illegally references parent directory");
        check("chart/..a", "chart illegally references parent directory");
        check("chart/c:/a", "chart contains illegally named files");
        check("Chart.yaml/a", "chart yaml not in base directory");
    }
}
