//! Where files come from: a repository at a revision becomes an [`Artifact`], whose files are a
//! [`holdfast_tree::FileTree`].
//!
//! # Git
//!
//! [`GitCache`] keeps each repository once on disk, for all who use it. [`GitCache::resolve`] asks the server which
//! commit a [`GitRef`] stands for, without downloading anything; [`GitCache::fetch`] downloads that one commit, or what
//! it adds to those already here. Files are read straight from the object database: there is no checkout.
//!
//! ```no_run
//! # use holdfast_source::{Access, GitCache, GitRef, GitUrl, Limits, SourceError};
//! # async fn example() -> Result<(), SourceError> {
//! let cache = GitCache::new("/var/cache/holdfast/git", Limits::default());
//! let url = GitUrl::parse("https://github.com/org/app")?;
//! let wanted = GitRef::Branch("main".into());
//! let artifact = cache.artifact(&url, &Access::default(), &wanted, std::time::Duration::ZERO).await?;
//! println!("{} {:?}", artifact.revision, artifact.tree.list(""));
//! # Ok(())
//! # }
//! ```
//!
//! A server that is unreachable, or whose history was rewritten, takes nothing away: [`GitCache::cached`] still has the
//! revision that was fetched before. [`SourceError`] says what went wrong in types, and what to do about it.
//!
//! # Everything else
//!
//! [`LocalFolder`] reads a folder on this machine, at the last commit of its checkout or as it lies, and [`Watch`]
//! tells when it changes. [`oci`] pulls artifacts from registries, [`HelmRepositories`] charts from there and from
//! repositories with an index. [`Sources`] is the one door to all of them; [`Sources::provide`] runs a render and
//! fetches the bases, files and charts that it asks for. [`SourceIgnore`] leaves out of a tree what Flux would leave
//! out, [`archive`] packs what is left as Flux would, and [`Storage`] keeps it to be served; [`webhook`] reads what Git
//! providers tell about pushes.
//!
//! Where to look: `git/select` decides which commit a reference stands for, `git/session` speaks with a server over
//! `git/transport`, `git/store` keeps objects on disk, `git/tree` reads files from them, and `git/cache` joins these.
//! `flights` lets many who ask at once share one piece of work; `tls`, `http` and `download` are shared by all.
//!
//! # What this crate refuses to do
//!
//! It runs no hooks, filters, credential helpers or configuration of anything it fetches; it reads no configuration of
//! the user's or the machine's, for `ssh` neither; it trusts no host key on first use; it sends no credentials over
//! unencrypted connections unless told to, and none to where a server redirects. It writes nothing but its cache. Every
//! size is limited ([`Limits`]).

mod archive;
mod artifact;
mod cancel;
mod credentials;
mod download;
mod error;
mod flights;
mod folder;
mod git;
mod helm_repository;
mod http;
mod ignore;
mod limits;
mod needs;
pub mod oci;
mod offload;
mod revision;
mod signature;
mod sources;
mod storage;
mod tls;
mod url;
pub mod webhook;

pub use archive::{ArchiveError, Packed, archive};
pub use artifact::{Artifact, Commit};
pub use credentials::{Access, ClientCertificate, Credentials, TlsOptions};
pub use error::SourceError;
pub use folder::{DiskTree, Follow, LocalFolder, Watch};
pub use git::{GitCache, GitSignatures, GitStatistics, GitTree, Reference, Resolved};
pub use helm_repository::{Chart, ChartVersion, HelmAccess, HelmIndex, HelmRepositories, Index, IndexError};
pub use http::{http_client, proxy_address};
pub use ignore::{IgnoringTree, SourceIgnore};
pub use limits::{LimitError, Limits};
pub use needs::{FetchPolicy, Grants, NeedLimits, ProvideError, Step};
pub use revision::{GitRef, Revision};
pub use secrecy::SecretString as Secret;
pub use signature::{PublicKeys, SignatureError, Signed, SignedTag, cosign};
pub use sources::{Sources, StandIn};
pub use storage::{ArtifactFolder, ArtifactPath, Kept, Storage, StorageOptions};
pub use url::{GitUrl, Scheme};
