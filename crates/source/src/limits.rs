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
