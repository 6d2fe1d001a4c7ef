//! Whose credentials go where.

use crate::{Access, GitUrl, HelmAccess};

/// What is known about servers that a render may be sent to: each entry is an address and how it, and what lies below
/// it, is reached. What no entry covers is asked without credentials, so that those of one repository never travel to
/// another server.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    entries: Vec<Grant>,
}

#[derive(Debug, Clone)]
struct Grant {
    place: Place,
    access: HelmAccess,
}

impl Grants {
    /// Reaches an address and everything below it like this. An address that cannot be read grants nothing.
    #[must_use]
    pub fn with(mut self, url: &str, access: HelmAccess) -> Self {
        if let Some(place) = Place::of(url) {
            self.entries.push(Grant { place, access });
        }
        self
    }

    /// Reaches everything on the server of an address like this: a source's own credentials, for the bases that it
    /// names beside itself.
    #[must_use]
    pub fn with_server_of(mut self, url: &str, access: Access) -> Self {
        if let Some(place) = Place::of(url) {
            let place = Place { path: Vec::new(), ..place };
            self.entries.push(Grant { place, access: HelmAccess { access, ..HelmAccess::default() } });
        }
        self
    }

    /// How an address is reached: as the longest granted address that covers it says.
    pub fn access(&self, url: &str) -> HelmAccess {
        let Some(asked) = Place::of(url) else { return HelmAccess::default() };
        let covering = self.entries.iter().filter(|grant| grant.place.covers(&asked));
        covering.max_by_key(|grant| grant.place.path.len()).map(|g| g.access.clone()).unwrap_or_default()
    }
}

/// Where an address leads: a server, and a path on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Scheme, user (of SSH), host and port: all that decides who gets to see credentials.
    server: String,
    path: Vec<String>,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        // A registry's address differs only by its scheme.
        let url = match url.strip_prefix("oci://") {
            Some(rest) => format!("https://{rest}"),
            None => url.to_owned(),
        };
        // A server's own address has no path, which no repository's lacks.
        let parsed = GitUrl::parse(&url).or_else(|_| GitUrl::parse(&format!("{url}/-"))).ok()?;
        let key = parsed.key();
        let (scheme, rest) = key.split_once("://")?;
        let (server, path) = rest.split_once('/')?;
        let path = path.split('/').filter(|part| !part.is_empty() && *part != "-");
        // Dots would let an address below a granted one lead out of it.
        let path: Vec<String> = path.map(str::to_owned).collect();
        let is_plain = !path.iter().any(|part| part == ".." || part == "." || part.contains('%'));
        is_plain.then(|| Self { server: format!("{scheme}://{server}"), path })
    }

    fn covers(&self, other: &Self) -> bool {
        self.server == other.server && other.path.starts_with(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credentials;

    fn access(user: &str) -> Access {
        let credentials = Credentials::Basic { username: user.into(), password: "x".into() };
        Access { credentials, ..Access::default() }
    }

    fn user(grants: &Grants, url: &str) -> String {
        match grants.access(url).access.credentials {
            Credentials::Basic { username, .. } => username,
            _ => "nobody".into(),
        }
    }

    #[test]
    fn credentials_stay_with_their_server() {
        let grants = Grants::default().with_server_of("https://git.io/team/app.git", access("app"));
        let check = |url: &str, expected: &str| assert_eq!(user(&grants, url), expected, "{url}");
        check("https://git.io/team/base", "app");
        check("https://GIT.io:443/other/base.git", "app");
        check("https://git.io.evil.com/team/base", "nobody");
        check("https://evil.com/git.io/team/base", "nobody");
        check("https://git.io@evil.com/team/base", "nobody");
        check("https://git.io:8443/team/base", "nobody");
        check("http://git.io/team/base", "nobody");
        check("ssh://git@git.io/team/base", "nobody");
        check("git@git.io:team/base", "nobody");
    }

    #[test]
    fn the_longest_address_counts() {
        let helm = |user: &str| HelmAccess { access: access(user), ..HelmAccess::default() };
        let grants = Grants::default()
            .with("https://charts.io", helm("all"))
            .with("https://charts.io/team", helm("team"))
            .with("oci://registry.io/team/charts", helm("oci"));
        let check = |url: &str, expected: &str| assert_eq!(user(&grants, url), expected, "{url}");
        check("https://charts.io/other", "all");
        check("https://charts.io/team", "team");
        check("https://charts.io/team/stable/", "team");
        check("https://charts.io/teams", "all");
        check("oci://registry.io/team/charts/app", "oci");
        check("oci://registry.io/team/other", "nobody");
        check("oci://registry.io/team/charts/../other", "nobody");
        check("https://charts.io/team/%2e%2e/other", "nobody");
    }

    #[test]
    fn ssh_users_are_told_apart() {
        let grants = Grants::default().with_server_of("git@git.io:team/app.git", access("ssh"));
        assert_eq!(user(&grants, "git@git.io:other/base.git"), "ssh");
        assert_eq!(user(&grants, "ssh://git@git.io/other/base.git"), "ssh");
        assert_eq!(user(&grants, "ssh://root@git.io/other/base.git"), "nobody");
    }
}
