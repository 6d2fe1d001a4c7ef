use crate::SourceError;
use secrecy::SecretString;
use std::fmt;
use std::path::{Path, PathBuf};

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `https://`
    Https,
    /// `http://`
    Http,
    /// `ssh://` and `user@host:path`
    Ssh,
    /// `git://`, the unauthenticated daemon.
    Git,
    /// A folder on this machine: `file://` or a path.
    File,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Git => "git",
            Self::File => "file",
        }
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Self::Https => Some(443),
            Self::Http => Some(80),
            Self::Ssh => Some(22),
            Self::Git => Some(9418),
            Self::File => None,
        }
    }
}

/// The address of a Git repository. `Display` and `Debug` never show a password.
#[derive(Clone)]
pub struct GitUrl {
    scheme: Scheme,
    user: Option<String>,
    password: Option<SecretString>,
    host: String,
    port: Option<u16>,
    path: String,
    /// `user@host:path`, which is printed back as it was written; its path is relative to the home folder.
    scp: bool,
}

impl GitUrl {
    /// Reads an address: `https://`, `http://`, `ssh://`, `git://`, `file://`, `user@host:path` or a path.
    ///
    /// # Errors
    /// [`SourceError::InvalidUrl`] with the reason; the text in it carries no password.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        let invalid =
            |reason: &str| SourceError::InvalidUrl { url: without_password(text), reason: reason.to_owned() };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.len() > MAX_URL_BYTES {
            return Err(SourceError::InvalidUrl {
                url: without_password(text).chars().take(64).collect(),
                reason: format!("it is longer than {MAX_URL_BYTES} bytes"),
            });
        }
        if text.chars().any(char::is_control) {
            return Err(invalid("it contains control characters"));
        }
        let parsed = match text.split_once("://") {
            Some((scheme, rest)) => Self::parse_full(&scheme.to_ascii_lowercase(), rest),
            None => match scp_parts(text) {
                Some((authority, path)) => Self::parse_scp(authority, path),
                None => Ok(Self::local(Path::new(text))),
            },
        };
        parsed.map_err(|reason| invalid(&reason))
    }

    /// The address of a folder on this machine.
    pub fn local(path: &Path) -> Self {
        Self {
            scheme: Scheme::File,
            user: None,
            password: None,
            host: String::new(),
            port: None,
            path: path.to_string_lossy().into_owned(),
            scp: false,
        }
    }

    /// How the repository is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user named in the address.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password written into the address, if someone did.
    pub fn password(&self) -> Option<&SecretString> {
        self.password.as_ref()
    }

    /// The host in lower case; empty for local folders.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where it is not the scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path as written, with its leading `/` (scp-like addresses have none: they start at the home folder).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The folder, for addresses on this machine.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| PathBuf::from(&self.path))
    }

    /// The identity of the repository as a string: what a cache is keyed by. Scheme, user and port count, the `.git`
    /// suffix, trailing slashes and the password do not.
    pub fn key(&self) -> String {
        let user = match (&self.user, self.scheme) {
            (Some(user), Scheme::Ssh) => format!("{user}@"),
            _ => String::new(),
        };
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}://{user}{}{port}/{}", self.scheme.name(), self.host, self.bare_path())
    }

    /// Whether two addresses most likely name the same repository: as Argo CD compares a webhook's addresses with
    /// those of applications, the scheme, user, port, `.git` suffix and upper or lower case do not count.
    pub fn same_repository(&self, other: &Self) -> bool {
        match (self.scheme == Scheme::File, other.scheme == Scheme::File) {
            (true, true) => self.bare_path() == other.bare_path(),
            (false, false) => {
                self.host == other.host && self.bare_path().eq_ignore_ascii_case(other.bare_path())
            }
            _ => false,
        }
    }

    /// The address without user and password, for requests whose credentials travel elsewhere.
    pub fn without_credentials(&self) -> Self {
        Self { user: None, password: None, ..self.clone() }
    }

    fn bare_path(&self) -> &str {
        let path = self.path.trim_matches('/');
        path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/')
    }

    fn parse_full(scheme: &str, rest: &str) -> Result<Self, String> {
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            "ssh" | "git+ssh" | "ssh+git" => Scheme::Ssh,
            "git" => Scheme::Git,
            "file" => Scheme::File,
            other => return Err(format!("the scheme {other:?} is not supported")),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if scheme == Scheme::File {
            if !matches!(authority, "" | "localhost") {
                return Err("file:// takes an absolute path and no host".into());
            }
            let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
            return Ok(Self::local(Path::new(decoded.as_ref())));
        }
        let (user, password, host, port) = split_authority(authority)?;
        if path.trim_matches('/').is_empty() {
            return Err("the path of the repository is missing".into());
        }
        let port = port.filter(|p| Some(*p) != scheme.default_port());
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        Ok(Self { scheme, user, password, host, port, path, scp: false })
    }

    fn parse_scp(authority: &str, path: &str) -> Result<Self, String> {
        let (user, password, host, port) = split_authority(authority)?;
        if password.is_some() || port.is_some() {
            return Err("user@host:path takes no password or port; use ssh://user@host:port/path".into());
        }
        if path.trim_matches('/').is_empty() {
            return Err("the path of the repository is missing".into());
        }
        Ok(Self { scheme: Scheme::Ssh, user, password, host, port: None, path: path.to_owned(), scp: true })
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::File {
            return f.write_str(&self.path);
        }
        if !self.scp {
            write!(f, "{}://", self.scheme.name())?;
        }
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}{}", if self.scp { ":" } else { "" }, self.path)
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitUrl({self})")
    }
}

impl std::str::FromStr for GitUrl {
    type Err = SourceError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The longest address that is read.
const MAX_URL_BYTES: usize = 4096;

type Authority = (Option<String>, Option<SecretString>, String, Option<u16>);

/// `[user[:password]@]host[:port]`.
fn split_authority(authority: &str) -> Result<Authority, String> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (userinfo, address) = match authority.rsplit_once('@') {
        Some((userinfo, address)) => (Some(userinfo), address),
        None => (None, authority),
    };
    let (user, password) = match userinfo.map(|u| u.split_once(':').map_or((u, None), |(u, p)| (u, Some(p))))
    {
        Some((user, password)) => (Some(decode(user)), password.map(|p| SecretString::from(decode(p)))),
        None => (None, None),
    };
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let number = port.parse::<u16>().map_err(|_| format!("{port:?} is not a port"))?;
            (host, Some(number))
        }
        _ => (address, None),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain =
        |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || (!c.is_ascii() && !c.is_whitespace());
    if host.is_empty() || host.starts_with('-') || (!bracketed && !host.chars().all(plain)) {
        return Err(format!("{host:?} is not a host name"));
    }
    // A user such as `-oProxyCommand=…` would be taken for an option by `ssh`.
    if user.as_deref().is_some_and(|u| u.starts_with('-')) {
        return Err("the user name starts with a dash".into());
    }
    Ok((user.filter(|u| !u.is_empty()), password, host.to_lowercase(), port))
}

/// Git's own rule: a colon before the first slash makes an address on another machine.
fn scp_parts(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once(':')?;
    let windows_drive = before.len() == 1 && (after.starts_with('\\') || after.starts_with('/'));
    (!before.contains('/') && !before.is_empty() && !windows_drive).then_some((before, after))
}

/// The text as it may be shown: whatever stands between `://` (or the start) and `@` loses its password.
fn without_password(text: &str) -> String {
    let (scheme, rest) =
        text.split_once("://").map_or(("", text), |(_, rest)| (&text[..text.len() - rest.len()], rest));
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => {
            let user = rest[..at].split(':').next().unwrap_or_default();
            format!("{scheme}{user}@{}", &rest[at + 1..])
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        let check = |text: &str, shown: &str, key: &str| {
            let url = GitUrl::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((url.to_string().as_str(), url.key().as_str()), (shown, key), "{text}");
        };
        check(
            "https://GitHub.com/Org/App.git",
            "https://github.com/Org/App.git",
            "https://github.com/Org/App",
        );
        check("https://me:p%40ss@h.io:443/a/b/", "https://me@h.io/a/b/", "https://h.io/a/b");
        check("https://h.io:8443/a", "https://h.io:8443/a", "https://h.io:8443/a");
        check("ssh://git@h.io:2222/a/b.git", "ssh://git@h.io:2222/a/b.git", "ssh://git@h.io:2222/a/b");
        check("ssh://git@h.io:22/a", "ssh://git@h.io/a", "ssh://git@h.io/a");
        check("git@github.com:org/app.git", "git@github.com:org/app.git", "ssh://git@github.com/org/app");
        check("host:path", "host:path", "ssh://host/path");
        check("git://h.io/a", "git://h.io/a", "git://h.io/a");
        check("http://[::1]:8080/a", "http://[::1]:8080/a", "http://[::1]:8080/a");
        check("file:///srv/a%20b.git", "/srv/a b.git", "file:///srv/a b");
        check("/srv/a/", "/srv/a/", "file:///srv/a");
        check("./here", "./here", "file:///./here");
        check("C:/repo", "C:/repo", "file:///C:/repo");
        check("HTTPS://h.io/a?x=1#frag", "https://h.io/a", "https://h.io/a");
    }

    #[test]
    fn what_is_no_address() {
        for bad in [
            "",
            "https://",
            "https://host",
            "https://host/",
            "ftp://host/a",
            "https://host:port/a",
            "ssh://-oProxyCommand=evil/a",
            "-oProxyCommand=evil:a",
            "ssh://-oevil@host/a",
            "https://ho st/a",
            "https://h.io/a\nb",
            "file://host/a",
            "git@host:",
        ] {
            assert!(GitUrl::parse(bad).is_err(), "{bad:?}");
        }
        let error = GitUrl::parse("ftp://me:geheim@host/a").unwrap_err().to_string();
        assert_eq!(error, "ftp://me@host/a: not a repository address: the scheme \"ftp\" is not supported");
    }

    #[test]
    fn the_same_repository_under_many_names() {
        let same = |a: &str, b: &str| GitUrl::parse(a).unwrap().same_repository(&GitUrl::parse(b).unwrap());
        assert!(same("https://github.com/org/app", "git@GitHub.com:org/app.git"));
        assert!(same("https://github.com/Org/App.git/", "ssh://git@github.com:22/org/app"));
        assert!(same("https://me@h.io/a", "http://h.io:8080/a"));
        assert!(same("/srv/a", "file:///srv/a.git"));
        assert!(!same("https://github.com/org/app", "https://github.com/org/app2"));
        assert!(!same("https://github.com/org/app", "https://gitlab.com/org/app"));
        assert!(!same("/github.com/org/app", "https://github.com/org/app"));
    }

    #[test]
    fn passwords_are_never_shown() {
        let url = GitUrl::parse("https://me:geheim@h.io/a").unwrap();
        assert!(!format!("{url} {url:?} {}", url.key()).contains("geheim"));
        use secrecy::ExposeSecret as _;
        assert_eq!(url.password().unwrap().expose_secret(), "geheim");
    }
}
