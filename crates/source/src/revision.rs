use holdfast_semver::Constraint;
use std::fmt;

/// Which revision of a Git repository is wanted.
#[derive(Debug, Clone)]
pub enum GitRef {
    /// What the remote's `HEAD` points to.
    Head,
    /// The tip of a branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The tag with the highest version in a range. As for Flux, a tag needs all three numbers to be a version.
    Semver(Constraint),
    /// A full reference name: `refs/heads/x`, `refs/pull/1/head`.
    Name(String),
    /// A commit, whoever points to it.
    Commit(String),
    /// A commit that must lie on a branch.
    BranchCommit {
        /// The branch.
        branch: String,
        /// The commit's full hash.
        commit: String,
    },
    /// What `git fetch` and then `git checkout` take: a commit's full hash, a full reference, a tag or a branch, in
    /// this order; empty is `HEAD`. As Kustomize's `?ref=`.
    Revision(String),
    /// A text that may be any of these, as Argo CD's `targetRevision`: a version range over tags, then a branch or
    /// tag of this name, a full reference, a commit's full hash or its first seven or more digits; empty is `HEAD`.
    Any {
        /// The text.
        text: String,
        /// For ranges, only tags that start with this count, and the version is what follows it (`tagPrefix`).
        tag_prefix: String,
    },
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Branch(name) => write!(f, "branch {name:?}"),
            Self::Tag(name) => write!(f, "tag {name:?}"),
            Self::Semver(range) => write!(f, "a tag in the version range \"{range}\""),
            Self::Name(name) => write!(f, "reference {name:?}"),
            Self::Commit(commit) => write!(f, "commit {commit}"),
            Self::BranchCommit { branch, commit } => write!(f, "commit {commit} on branch {branch:?}"),
            Self::Revision(text) => write!(f, "revision {text:?}"),
            Self::Any { text, tag_prefix } if tag_prefix.is_empty() => write!(f, "revision {text:?}"),
            Self::Any { text, tag_prefix } => {
                write!(f, "revision {text:?} (tags with prefix {tag_prefix:?})")
            }
        }
    }
}

/// A revision: a commit, and the name it was found under.
///
/// `Display` is Flux's form: `main@sha1:<hash>`, `v1.2.3@sha1:<hash>`, `refs/pull/1/head@sha1:<hash>`, or
/// `sha1:<hash>` for a commit that was asked for by hash. Argo CD shows the bare [`Revision::commit`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision {
    name: String,
    algorithm: &'static str,
    hash: String,
}

impl Revision {
    /// A Git revision; `name` is a branch, a tag, a full reference or empty.
    pub fn git(name: &str, commit: &str) -> Self {
        let algorithm = if commit.len() == 64 { "sha256" } else { "sha1" };
        Self { name: name.to_owned(), algorithm, hash: commit.to_owned() }
    }

    /// A revision of an OCI artifact, index or archive: its tag (or nothing) and SHA-256.
    pub fn sha256(name: &str, hash: &str) -> Self {
        Self { name: name.to_owned(), algorithm: "sha256", hash: hash.to_owned() }
    }

    /// Reads Flux's form back, also the forms Flux v1 wrote (`main/<hash>`).
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.rsplit_once('@') {
            Some((name, digest)) => (name, digest),
            None if text.starts_with("sha1:") || text.starts_with("sha256:") => ("", text),
            None => {
                let (name, hash) = text.rsplit_once('/').unwrap_or(("", text));
                return is_hash(hash).then(|| Self::git(name, hash));
            }
        };
        let (algorithm, hash) = digest.split_once(':')?;
        let algorithm = match algorithm {
            "sha1" if hash.len() == 40 => "sha1",
            "sha256" if hash.len() == 64 => "sha256",
            _ => return None,
        };
        is_hash(hash).then(|| Self { name: name.to_owned(), algorithm, hash: hash.to_owned() })
    }

    /// The name the revision was found under: a branch, tag or full reference; empty for a bare commit or digest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The full hash of the commit (or the digest), without algorithm and name.
    pub fn commit(&self) -> &str {
        &self.hash
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "{}@", self.name)?;
        }
        write!(f, "{}:{}", self.algorithm, self.hash)
    }
}

/// Whether a text is a full hash (SHA-1 or SHA-256) in lower-case hexadecimal.
pub(crate) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hex(text)
}

pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn revisions_have_fluxs_form() {
        let check = |name: &str, expected: &str| {
            let revision = Revision::git(name, HASH);
            assert_eq!(revision.to_string(), expected);
            assert_eq!(Revision::parse(expected), Some(revision));
        };
        check("main", &format!("main@sha1:{HASH}"));
        check("v1.2.3", &format!("v1.2.3@sha1:{HASH}"));
        check("refs/pull/1/head", &format!("refs/pull/1/head@sha1:{HASH}"));
        check("feature/a@b", &format!("feature/a@b@sha1:{HASH}"));
        check("", &format!("sha1:{HASH}"));
    }

    #[test]
    fn other_forms() {
        assert_eq!(Revision::parse(HASH), Some(Revision::git("", HASH)));
        assert_eq!(Revision::parse(&format!("main/{HASH}")), Some(Revision::git("main", HASH)));
        let digest = "a".repeat(64);
        assert_eq!(Revision::sha256("1.0.0", &digest).to_string(), format!("1.0.0@sha256:{digest}"));
        for bad in
            ["", "main", "main@sha1:abc", "main@md5:0123", &format!("sha256:{HASH}"), &HASH.to_uppercase()]
        {
            assert_eq!(Revision::parse(bad), None, "{bad}");
        }
    }
}
