use crate::Revision;
use holdfast_tree::FileTree;
use std::fmt;
use std::sync::Arc;

/// A source at a revision: its files, and what is known about them.
#[derive(Clone)]
pub struct Artifact {
    /// Which revision this is.
    pub revision: Revision,
    /// A digest of the files alone, `<algorithm>:<hex>`: equal digests mean equal files. For Git the hash of the
    /// commit's tree.
    pub digest: String,
    /// The commit, for artifacts from Git.
    pub commit: Option<Commit>,
    /// What the publisher attached: the annotations of an OCI manifest.
    pub metadata: Vec<(String, String)>,
    /// The files.
    pub tree: Arc<dyn FileTree>,
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hash.
    pub id: String,
    /// The first line of the message.
    pub subject: String,
    /// The whole message.
    pub message: String,
    /// `Name <mail>` of the author.
    pub author: String,
    /// When it was committed, in seconds since 1970.
    pub time: i64,
    /// The hashes of its parents, which need not be on this machine.
    pub parents: Vec<String>,
    /// Whether it carries a signature (of any kind; nothing is verified here).
    pub signed: bool,
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact")
            .field("revision", &self.revision.to_string())
            .field("digest", &self.digest)
            .field("commit", &self.commit)
            .finish_non_exhaustive()
    }
}
