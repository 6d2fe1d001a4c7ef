use std::time::Duration;

/// How much a source may cost. Every error about a limit names its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest file that is read from a tree, in bytes.
    pub file_bytes: u64,
    /// All files of one revision together, in bytes.
    pub total_bytes: u64,
    /// The number of files of one revision.
    pub files: u64,
    /// What one Git fetch may download, in bytes.
    pub pack_bytes: u64,
    /// The number of references a server may list.
    pub references: usize,
    /// What a Helm repository's `index.yaml` may be, in bytes; Flux's own limit is the default.
    pub index_bytes: u64,
    /// What a chart archive may be, packed, in bytes; Flux's own limit is the default.
    pub chart_bytes: u64,
    /// What one layer of an OCI artifact may be, packed, in bytes.
    pub layer_bytes: u64,
    /// How many downloads run at once, over all repositories. Asking for references costs less and is limited to eight
    /// times as many.
    pub concurrent: usize,
    /// How many fetches one repository's cache collects before it is started afresh (each adds one pack).
    pub packs: usize,
    /// How long one operation may take where the caller names no time.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            file_bytes: 50 * MIB,
            total_bytes: 2048 * MIB,
            files: 500_000,
            pack_bytes: 1024 * MIB,
            references: 500_000,
            index_bytes: 50 * MIB,
            chart_bytes: 10 * MIB,
            layer_bytes: 200 * MIB,
            concurrent: 8,
            packs: 64,
            timeout: Duration::from_secs(60),
        }
    }
}

/// A limit was named that is none, or its value cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No limit has this name.
    #[error(
        "there is no limit '{0}'; there are file_bytes, total_bytes, files, pack_bytes, references, index_bytes, chart_bytes and layer_bytes"
    )]
    Unknown(String),
    /// The value is no number.
    #[error("'{0}' is no number; write digits, and Ki, Mi or Gi after them where wanted")]
    NoNumber(String),
}

impl Limits {
    /// Sets a limit by the name that errors call it by: a number, with `Ki`, `Mi` or `Gi` after it where wanted.
    ///
    /// # Errors
    /// [`LimitError`] when there is no such limit, or the value is no number.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let number = number(value).ok_or_else(|| LimitError::NoNumber(value.to_owned()))?;
        let limit = match name {
            "file_bytes" => &mut self.file_bytes,
            "total_bytes" => &mut self.total_bytes,
            "files" => &mut self.files,
            "pack_bytes" => &mut self.pack_bytes,
            "index_bytes" => &mut self.index_bytes,
            "chart_bytes" => &mut self.chart_bytes,
            "layer_bytes" => &mut self.layer_bytes,
            "references" => {
                self.references = usize::try_from(number).unwrap_or(usize::MAX);
                return Ok(());
            }
            other => return Err(LimitError::Unknown(other.to_owned())),
        };
        *limit = number;
        Ok(())
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_set_by_their_names() {
        let mut limits = Limits::default();
        for (name, value) in [("file_bytes", "100Mi"), ("files", "7"), ("references", "8")] {
            limits.set(name, value).unwrap();
        }
        assert_eq!((limits.file_bytes, limits.files, limits.references), (100 << 20, 7, 8));
        assert_eq!(limits.set("size", "1"), Err(LimitError::Unknown("size".into())));
        for bad in ["", "Mi", "-1", "1MB", "1.5Gi", "99999999999Gi", "1é"] {
            assert_eq!(limits.set("files", bad), Err(LimitError::NoNumber(bad.into())), "{bad}");
        }
    }
}
