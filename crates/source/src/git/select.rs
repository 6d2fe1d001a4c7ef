//! From what a server lists to the commit that is wanted. Pure.

use crate::revision::{is_hash, is_hex};
use crate::{GitRef, Revision};
use gix::ObjectId;
use holdfast_semver::{Constraint, Version};

/// One reference of a remote repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The full name: `HEAD`, `refs/heads/main`, …
    pub name: String,
    /// What it points to, with annotated tags followed to the commit.
    pub commit: ObjectId,
    /// The annotated tag object on the way, which may carry a signature.
    pub tag: Option<ObjectId>,
    /// For `HEAD`, the reference it stands for.
    pub target: Option<String>,
}

/// The revision that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The commit with the name it was found under, in Flux's manner: a branch's or tag's short name, a full
    /// reference name, or nothing for a commit asked for by hash.
    pub revision: Revision,
    /// The full reference, where one was listed.
    pub reference: Option<String>,
    /// The branch the commit has to lie on.
    pub(crate) on_branch: Option<String>,
    /// The annotated tag object, where the reference is one.
    pub tag: Option<String>,
}

/// Which names the server is asked for; it answers with all names that start with one of these.
pub(crate) fn prefixes(wanted: &GitRef) -> Vec<String> {
    match wanted {
        GitRef::Head => vec!["HEAD".into()],
        GitRef::Branch(name) => vec![format!("refs/heads/{name}")],
        GitRef::Tag(name) => vec![format!("refs/tags/{name}")],
        GitRef::Semver(_) => vec!["refs/tags/".into()],
        GitRef::Name(name) => vec![name.clone()],
        GitRef::Commit(commit) if is_hash(commit) => Vec::new(),
        GitRef::Commit(_) => vec!["HEAD".into(), "refs/heads/".into(), "refs/tags/".into()],
        GitRef::BranchCommit { branch, .. } => vec![format!("refs/heads/{branch}")],
        GitRef::Revision(text) => match text.as_str() {
            "" | "HEAD" => vec!["HEAD".into()],
            name if is_hash(name) => Vec::new(),
            name => fetched_names(name).to_vec(),
        },
        GitRef::Any { text, .. } => match text.as_str() {
            "" | "HEAD" => vec!["HEAD".into()],
            name if name.starts_with("refs/") => vec![name.to_owned()],
            name if is_hash(name) => Vec::new(),
            name if range(name).is_some() => vec![format!("refs/heads/{name}"), "refs/tags/".into()],
            name if is_short_hash(name) => vec!["HEAD".into(), "refs/heads/".into(), "refs/tags/".into()],
            name => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        },
    }
}

/// Whether the commit is known without asking the server.
pub(crate) fn without_listing(wanted: &GitRef) -> Option<Resolved> {
    match wanted {
        GitRef::Commit(commit) | GitRef::Revision(commit) | GitRef::Any { text: commit, .. }
            if is_hash(commit) =>
        {
            Some(bare(commit, None))
        }
        GitRef::BranchCommit { branch, commit } if is_hash(commit) => {
            Some(bare(commit, Some(branch.clone())))
        }
        _ => None,
    }
}

/// Chooses among the listed references; `None` where nothing fits.
pub(crate) fn select(wanted: &GitRef, listed: &[Reference]) -> Option<Resolved> {
    if let Some(resolved) = without_listing(wanted) {
        return Some(resolved);
    }
    let find = |name: &str| listed.iter().find(|r| r.name == name);
    match wanted {
        GitRef::Head => find("HEAD").map(head),
        GitRef::Branch(name) => find(&format!("refs/heads/{name}")).map(|r| named(name, r)),
        GitRef::Tag(name) => find(&format!("refs/tags/{name}")).map(|r| named(name, r)),
        GitRef::Name(name) => find(name).map(|r| named(name, r)),
        GitRef::Semver(range) => highest_tag(range, "", Version::parse_full, listed),
        GitRef::Commit(short) => by_short_hash(short, listed),
        GitRef::BranchCommit { .. } => None,
        GitRef::Revision(text) if matches!(text.as_str(), "" | "HEAD") => find("HEAD").map(head),
        GitRef::Revision(text) => {
            fetched_names(text).iter().find_map(|name| find(name)).map(|r| named(text, r))
        }
        GitRef::Any { text, tag_prefix } => any(text, tag_prefix, listed),
    }
}

/// Where Git looks for a name that it is to fetch, in its order.
fn fetched_names(name: &str) -> [String; 4] {
    [name.to_owned(), format!("refs/{name}"), format!("refs/tags/{name}"), format!("refs/heads/{name}")]
}

fn any(text: &str, tag_prefix: &str, listed: &[Reference]) -> Option<Resolved> {
    let find = |name: String| listed.iter().find(|r| r.name == name);
    if matches!(text, "" | "HEAD") {
        return find("HEAD".into()).map(head);
    }
    if text.starts_with("refs/") {
        return find(text.to_owned()).map(|r| named(text, r));
    }
    range(text)
        .and_then(|range| highest_tag(&range, tag_prefix, Version::parse, listed))
        .or_else(|| find(format!("refs/heads/{text}")).map(|r| named(text, r)))
        .or_else(|| find(format!("refs/tags/{text}")).map(|r| named(text, r)))
        .or_else(|| by_short_hash(text, listed))
}

/// A text that is a version range and not one version: a tag's own name needs no choosing.
fn range(text: &str) -> Option<Constraint> {
    Constraint::parse(text).ok().filter(|c| c.exact().is_none())
}

fn highest_tag<E>(
    range: &Constraint,
    prefix: &str,
    parse: impl Fn(&str) -> Result<Version, E>,
    listed: &[Reference],
) -> Option<Resolved> {
    let versions = listed.iter().filter_map(|reference| {
        let tag = reference.name.strip_prefix("refs/tags/")?;
        let version = parse(tag.strip_prefix(prefix)?).ok()?;
        range.matches(&version).then_some((version, tag, reference))
    });
    versions.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, tag, reference)| named(tag, reference))
}

/// A shortened hash can be told only of commits that a listed reference points to, and only if it is unambiguous.
fn by_short_hash(short: &str, listed: &[Reference]) -> Option<Resolved> {
    if !is_short_hash(short) {
        return None;
    }
    let mut found = listed.iter().map(|r| r.commit.to_string()).filter(|c| c.starts_with(short));
    let first = found.next()?;
    found.all(|other| other == first).then(|| bare(&first, None))
}

/// Argo CD takes seven or more digits.
fn is_short_hash(text: &str) -> bool {
    (7..40).contains(&text.len()) && is_hex(text)
}

fn named(name: &str, reference: &Reference) -> Resolved {
    Resolved {
        revision: Revision::git(name, &reference.commit.to_string()),
        reference: Some(reference.name.clone()),
        on_branch: None,
        tag: reference.tag.map(|t| t.to_string()),
    }
}

fn head(reference: &Reference) -> Resolved {
    let branch = reference.target.as_deref().and_then(|t| t.strip_prefix("refs/heads/"));
    named(branch.unwrap_or("HEAD"), reference)
}

fn bare(commit: &str, on_branch: Option<String>) -> Resolved {
    // With a branch to lie on, Flux names the branch.
    let name = on_branch.as_deref().unwrap_or_default();
    Resolved { revision: Revision::git(name, commit), reference: None, tag: None, on_branch }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Vec<Reference> {
        let reference = |name: &str, digit: char| Reference {
            name: name.to_owned(),
            commit: ObjectId::from_hex(digit.to_string().repeat(40).as_bytes()).unwrap(),
            tag: None,
            target: None,
        };
        let mut head = reference("HEAD", '1');
        head.target = Some("refs/heads/main".into());
        vec![
            head,
            reference("refs/heads/1.x", '6'),
            reference("refs/heads/main", '1'),
            reference("refs/heads/v1.0.0", '7'),
            reference("refs/pull/1/head", '5'),
            reference("refs/tags/2024", '8'),
            reference("refs/tags/app-1.5.0", '9'),
            reference("refs/tags/v1.0.0", '2'),
            reference("refs/tags/v1.2.0", '3'),
            reference("refs/tags/v1.3.0-rc.1", '4'),
        ]
    }

    fn check(wanted: GitRef, expected: Option<&str>) {
        let shown = select(&wanted, &listed()).map(|r| {
            let (name, digit) = (r.revision.name(), &r.revision.commit()[..1]);
            if name.is_empty() { digit.to_owned() } else { format!("{name}@{digit}") }
        });
        assert_eq!(shown.as_deref(), expected, "{wanted:?}");
    }

    fn any(text: &str) -> GitRef {
        GitRef::Any { text: text.into(), tag_prefix: String::new() }
    }

    #[test]
    fn each_kind_of_reference() {
        check(GitRef::Head, Some("main@1"));
        check(GitRef::Branch("main".into()), Some("main@1"));
        check(GitRef::Branch("nope".into()), None);
        check(GitRef::Tag("v1.0.0".into()), Some("v1.0.0@2"));
        check(GitRef::Name("refs/pull/1/head".into()), Some("refs/pull/1/head@5"));
        check(GitRef::Semver(Constraint::parse(">=1.0.0").unwrap()), Some("v1.2.0@3"));
        check(GitRef::Semver(Constraint::parse(">=1.0.0-0").unwrap()), Some("v1.3.0-rc.1@4"));
        check(GitRef::Semver(Constraint::parse(">2").unwrap()), None);
        check(GitRef::Commit("a".repeat(40)), Some("a"));
        check(GitRef::BranchCommit { branch: "main".into(), commit: "a".repeat(40) }, Some("main@a"));
    }

    #[test]
    fn what_git_fetch_takes() {
        let check = |text: &str, expected| check(GitRef::Revision(text.into()), expected);
        check("", Some("main@1"));
        check("HEAD", Some("main@1"));
        check("main", Some("main@1"));
        check("heads/main", Some("heads/main@1"));
        check("refs/pull/1/head", Some("refs/pull/1/head@5"));
        // A tag comes before a branch of the same name, and a name is never a range.
        check("v1.0.0", Some("v1.0.0@2"));
        check("1.x", Some("1.x@6"));
        check("v1", None);
        check(&"c".repeat(40), Some("c"));
    }

    #[test]
    fn argo_cds_target_revisions() {
        check(any(""), Some("main@1"));
        check(any("HEAD"), Some("main@1"));
        check(any("main"), Some("main@1"));
        check(any("refs/pull/1/head"), Some("refs/pull/1/head@5"));
        // A range is looked for among the tags before a branch of that name.
        check(any("1.x"), Some("v1.2.0@3"));
        check(any("6.x"), None);
        // A branch comes before a tag of the same name.
        check(any("v1.0.0"), Some("v1.0.0@7"));
        // A year is a version to it.
        check(any(">2000"), Some("2024@8"));
        check(any(&"c".repeat(40)), Some("c"));
        check(any("3333333"), Some("3"));
        check(any("333333"), None);
        check(any("fffffff"), None);
        check(GitRef::Any { text: "1.*".into(), tag_prefix: "app-".into() }, Some("app-1.5.0@9"));
    }

    #[test]
    fn a_full_hash_needs_no_listing() {
        assert!(without_listing(&any(&"c".repeat(40))).is_some());
        assert!(without_listing(&any("main")).is_none());
        assert_eq!(prefixes(&GitRef::Commit("c".repeat(40))), [""; 0]);
    }
}
