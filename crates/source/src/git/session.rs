//! One conversation with a Git server: list references, fetch commits. Blocking.

use super::objects::one_line;
use super::select::Reference;
use super::transport::{Connected, Dial, Failure, Meter, connect};
use crate::{Limits, SourceError};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::progress::Discard;
use gix::protocol::fetch::{Arguments, Negotiate, Shallow, Tags, negotiate};
use gix::protocol::handshake::Ref;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::{Handshake, LsRefsCommand};
use gix_transport::client::Capabilities;
use gix_transport::{Protocol, Service};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// An open conversation.
pub(crate) struct Session {
    connected: Connected,
    handshake: Handshake,
    failure: Failure,
    meter: Meter,
    url: String,
}

/// What a fetch is about.
pub(crate) struct Fetch<'a> {
    /// The bare repository that receives the objects.
    pub(crate) repository: &'a gix::Repository,
    /// The commits to get.
    pub(crate) wanted: &'a [ObjectId],
    /// Commits whose files are all here: the server sends only what they lack.
    pub(crate) have: &'a [ObjectId],
    /// How much history to get.
    pub(crate) depth: Depth,
    /// Get commits without their files, where the server can.
    pub(crate) commits_only: bool,
    /// Set to stop indexing.
    pub(crate) interrupt: &'a AtomicBool,
}

/// How much history a fetch brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The commit alone.
    One,
    /// All commits, with their files.
    Full,
}

/// Names we go by; some servers answer only clients that call themselves Git.
const AGENT: &str = concat!("git/holdfast-", env!("CARGO_PKG_VERSION"));

/// A line of a listing is a hash and a name; servers allow names of 255 bytes, most are far shorter.
const BYTES_PER_REFERENCE: u64 = 200;

impl Session {
    /// Connects and greets.
    pub(crate) fn open(dial: &Dial<'_>, limits: &Limits) -> Result<Self, SourceError> {
        let url = dial.url.to_string();
        let listing = limits.references as u64 * BYTES_PER_REFERENCE;
        dial.meter.allow("the server's list of references", "references", listing);
        let mut connected = connect(dial)?;
        let nobody = |_| Ok(None);
        let greeted = gix::protocol::handshake(
            &mut connected.transport,
            Service::UploadPack,
            nobody,
            Vec::new(),
            &mut Discard,
        );
        match greeted {
            Ok(mut handshake) => {
                handshake.capabilities = usable_capabilities(&handshake);
                let (failure, meter) = (dial.failure.clone(), dial.meter.clone());
                Ok(Self { connected, handshake, failure, meter, url })
            }
            Err(error) => Err(reason(&dial.failure, connected, &error, &url, limits)),
        }
    }

    /// The references whose names start with one of the prefixes.
    pub(crate) fn references(
        mut self,
        prefixes: &[String],
        limits: &Limits,
    ) -> Result<(Vec<Reference>, Self), SourceError> {
        let listed = match self.handshake.refs.take() {
            Some(listed) => listed,
            None => {
                let mut wanted = RefPrefixes::new();
                wanted.extend(prefixes.iter().map(|p| BString::from(p.as_str())));
                let agent = ("agent", Some(AGENT.to_owned()));
                let command = LsRefsCommand::new(Some(wanted), &self.handshake.capabilities, agent);
                match command.invoke_blocking(&mut self.connected.transport, &mut Discard, false) {
                    Ok(listed) => listed,
                    Err(error) => return Err(self.fail(&error, limits)),
                }
            }
        };
        if listed.len() > limits.references {
            return Err(SourceError::TooMany {
                what: "references on the server".into(),
                limit_name: "references",
                limit: limits.references as u64,
            });
        }
        let mut found: Vec<Reference> = listed.into_iter().filter_map(reference).collect();
        found.retain(|r| prefixes.iter().any(|p| r.name.starts_with(p.as_str())));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((found, self))
    }

    /// Fetches commits into the repository; returns the number of bytes received.
    pub(crate) fn fetch(mut self, fetch: &Fetch<'_>, limits: &Limits) -> Result<u64, SourceError> {
        let before = self.meter.total();
        self.meter.allow("the pack sent by the server", "pack_bytes", limits.pack_bytes);
        let shallow = match fetch.depth {
            Depth::One if self.can_be_shallow() => Shallow::DepthAtRemote(std::num::NonZeroU32::MIN),
            Depth::One | Depth::Full if has_shallow_commits(fetch.repository) => Shallow::undo(),
            Depth::One | Depth::Full => Shallow::NoChange,
        };
        let options = gix::protocol::fetch::Options {
            shallow_file: fetch.repository.git_dir().join("shallow"),
            shallow: &shallow,
            tags: Tags::None,
            reject_shallow_remote: false,
        };
        let context = gix::protocol::fetch::Context {
            handshake: &mut self.handshake,
            transport: &mut self.connected.transport,
            user_agent: ("agent", Some(AGENT.to_owned())),
            trace_packetlines: false,
        };
        let mut asked = Asked { wanted: fetch.wanted, have: fetch.have, commits_only: fetch.commits_only };
        let received = gix::protocol::fetch(
            &mut asked,
            |pack, progress, interrupt| store_pack(pack, progress, interrupt, fetch.repository, limits),
            Discard,
            fetch.interrupt,
            context,
            options,
        );
        match received {
            Ok(_) => Ok(self.meter.total() - before),
            Err(error) => Err(self.fail(&error, limits)),
        }
    }

    fn can_be_shallow(&self) -> bool {
        let capabilities = &self.handshake.capabilities;
        match self.handshake.server_protocol_version {
            Protocol::V2 => {
                capabilities.capability("fetch").and_then(|c| c.supports("shallow")).unwrap_or_default()
            }
            Protocol::V0 | Protocol::V1 => capabilities.contains("shallow"),
        }
    }

    fn fail(self, error: &gix::Error, limits: &Limits) -> SourceError {
        reason(&self.failure, self.connected, error, &self.url, limits)
    }
}

/// The real reason of a failure: what the transport noted, what `ssh` said, or else the library's own words.
fn reason(
    failure: &Failure,
    connected: Connected,
    error: &gix::Error,
    url: &str,
    limits: &Limits,
) -> SourceError {
    let Connected { transport, process } = connected;
    drop(transport);
    let noted = failure.take();
    let said = process.and_then(super::transport::Process::why);
    if let Some(found) = noted.or(said) {
        return found;
    }
    if error.is_resource_exhausted() {
        return SourceError::TooMany {
            what: "bytes in one object of the pack".into(),
            limit_name: "total_bytes",
            limit: limits.total_bytes,
        };
    }
    if let Some(ours) = error.downcast_any_ref::<std::io::Error>().filter(|e| is_ours(e.kind())) {
        return in_the_cache(ours);
    }
    let text = one_line(&error.to_string());
    let lower = text.to_lowercase();
    let url = url.to_owned();
    if lower.contains("not our ref")
        || lower.contains("unadvertised object")
        || lower.contains("not a valid object")
    {
        SourceError::RefNotFound { url, reference: "the commit".into() }
    } else if lower.contains("repository not exported") || lower.contains("repository not found") {
        SourceError::RepositoryNotFound { url }
    } else if lower.contains("connection")
        || lower.contains("unexpected eof")
        || lower.contains("broken pipe")
    {
        SourceError::Unreachable { url, message: text }
    } else {
        SourceError::Protocol { url, message: text }
    }
}

/// An error of our disk. Its own words may name a file that has another name at each try, and what says the same each
/// time is told once.
fn in_the_cache(error: &std::io::Error) -> SourceError {
    SourceError::Storage { path: "the Git cache".into(), message: error.kind().to_string() }
}

/// Whether an error is about our disk rather than the connection.
fn is_ours(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    // What a process may write to a file can be limited, too.
    matches!(kind, StorageFull | QuotaExceeded | ReadOnlyFilesystem | FileTooLarge)
}

/// Without `deepen-relative`: the library repeats every capability of an old server, and with that one a server takes
/// "depth 1" for "one more than you have" and sends the whole history.
fn usable_capabilities(handshake: &Handshake) -> Capabilities {
    if handshake.server_protocol_version == Protocol::V2 {
        return handshake.capabilities.clone();
    }
    let mut kept = vec![0];
    for capability in handshake.capabilities.iter().filter(|c| c.name() != "deepen-relative") {
        if kept.len() > 1 {
            kept.push(b' ');
        }
        kept.extend_from_slice(capability.name());
        if let Some(value) = capability.value() {
            kept.push(b'=');
            kept.extend_from_slice(value);
        }
    }
    Capabilities::from_bytes(&kept).map_or_else(|_| handshake.capabilities.clone(), |(found, _)| found)
}

fn reference(found: Ref) -> Option<Reference> {
    let (name, commit, tag, target) = match found {
        Ref::Direct { full_ref_name, object } => (full_ref_name, object, None, None),
        Ref::Peeled { full_ref_name, tag, object } => (full_ref_name, object, Some(tag), None),
        Ref::Symbolic { full_ref_name, target, tag, object } => (full_ref_name, object, tag, Some(target)),
        Ref::Unborn { .. } => return None,
    };
    Some(Reference {
        name: name.to_str().ok()?.to_owned(),
        commit,
        tag,
        target: target.and_then(|t| t.to_str().ok().map(str::to_owned)),
    })
}

fn has_shallow_commits(repository: &gix::Repository) -> bool {
    Path::new(repository.git_dir()).join("shallow").exists()
}

fn store_pack(
    pack: &mut dyn std::io::BufRead,
    progress: &mut dyn gix::progress::DynNestedProgress,
    interrupt: &AtomicBool,
    repository: &gix::Repository,
    limits: &Limits,
) -> gix::error::Result<bool> {
    let options = gix::odb::pack::bundle::write::Options {
        // The machine is shared with renderers: one fetch takes one processor.
        thread_limit: Some(1),
        alloc_limit_bytes: usize::try_from(limits.total_bytes).ok(),
        ..Default::default()
    };
    let bases = repository.objects.clone();
    let folder = repository.objects.store_ref().path().join("pack");
    let kind = repository.object_hash();
    let written = gix::odb::pack::Bundle::write_to_directory(
        pack,
        Some(&folder),
        progress,
        interrupt,
        Some(bases),
        kind,
        options,
    )?;
    if let Some(keep) = written.keep_path {
        // The marker keeps `git gc` away, which does not run here; a failure to remove it is harmless.
        let _ = std::fs::remove_file(keep);
    }
    Ok(true)
}

/// A negotiation without a conversation: we know what we want and which commits are complete, and say so at once.
struct Asked<'a> {
    wanted: &'a [ObjectId],
    have: &'a [ObjectId],
    commits_only: bool,
}

impl Negotiate for Asked<'_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::error::Result<negotiate::Action> {
        Ok(negotiate::Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        for id in self.wanted {
            arguments.want(id);
        }
        if self.commits_only && arguments.can_use_filter() {
            arguments.filter("tree:0");
        }
        !self.wanted.is_empty()
    }

    fn one_round(
        &mut self,
        _state: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        _previous: Option<&gix::protocol::fetch::Response>,
    ) -> gix::error::Result<(negotiate::Round, bool)> {
        for id in self.have {
            arguments.have(id);
        }
        let round = negotiate::Round {
            haves_sent: self.have.len(),
            in_vain: 0,
            haves_to_send: self.have.len(),
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_full_disk_is_told_in_the_same_words_at_each_try() {
        let at = |file: &str| {
            let message = format!("No space left on device (os error 28) at path \"/cache/pack/{file}\"");
            Error::new(ErrorKind::StorageFull, message)
        };
        let told = |file: &str| in_the_cache(&at(file)).to_string();
        assert_eq!(told(".tmp6QjJ5v"), "the Git cache: no storage space");
        assert_eq!(told(".tmp6QjJ5v"), told(".tmpUuAqPW"));
        assert!(is_ours(ErrorKind::FileTooLarge) && !is_ours(ErrorKind::ConnectionReset));
    }
}
