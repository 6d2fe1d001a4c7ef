use crate::{Credentials, SourceError};
use base64::Engine as _;
use serde_json::Value;

/// The credentials for a registry in a `.dockerconfigjson` (a Secret of type `kubernetes.io/dockerconfigjson`), or
/// [`Credentials::None`] where it names none.
///
/// # Errors
/// [`SourceError::InvalidCredentials`] when the text is no such file; it is not repeated.
pub fn docker_config_credentials(text: &str, host: &str) -> Result<Credentials, SourceError> {
    let invalid = |reason: &str| SourceError::InvalidCredentials {
        url: host.to_owned(),
        reason: format!(".dockerconfigjson: {reason}"),
    };
    let config: Value = serde_json::from_str(text).map_err(|_| invalid("it is no JSON"))?;
    let auths =
        config.get("auths").and_then(Value::as_object).ok_or_else(|| invalid("it has no \"auths\""))?;
    let fitting = auths.iter().filter_map(|(name, entry)| Some((match_length(name, host)?, entry)));
    let Some((_, entry)) = fitting.max_by_key(|(length, _)| *length) else { return Ok(Credentials::None) };
    let text = |field: &str| entry.get(field).and_then(Value::as_str).filter(|t| !t.is_empty());
    if let Some(token) = text("registrytoken") {
        return Ok(Credentials::Bearer(token.into()));
    }
    if let (Some(username), Some(password)) = (text("username"), text("password")) {
        return Ok(Credentials::Basic { username: username.to_owned(), password: password.into() });
    }
    let Some(auth) = text("auth") else { return Ok(Credentials::None) };
    let pair = base64::engine::general_purpose::STANDARD.decode(auth.trim());
    let pair =
        pair.ok().and_then(|p| String::from_utf8(p).ok()).ok_or_else(|| invalid("\"auth\" is no base64"))?;
    let (username, password) = pair.split_once(':').ok_or_else(|| invalid("\"auth\" is no user:password"))?;
    Ok(Credentials::Basic { username: username.to_owned(), password: password.trim_end_matches('\0').into() })
}

/// How much of an entry's name fits a host: names may carry a scheme, a path and a `*.` in front.
fn match_length(name: &str, host: &str) -> Option<usize> {
    let bare = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
    let bare = bare.split('/').next().unwrap_or_default();
    let both_hub = super::reference::is_docker_hub(bare) && super::reference::is_docker_hub(host);
    let wild = bare.strip_prefix("*.").is_some_and(|domain| {
        host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain))
    });
    (both_hub || wild || bare.eq_ignore_ascii_case(host)).then(|| bare.len() * 2 - usize::from(wild))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn the_entry_of_the_host_counts() {
        let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOmdlaGVpbQ=="},
            "ghcr.io": {"username": "me", "password": "token"},
            "*.azurecr.io": {"username": "any", "password": "p"},
            "mine.azurecr.io": {"username": "mine", "password": "p"},
            "empty.io": {}
        }}"#;
        let check = |host: &str, expected: Option<(&str, &str)>| {
            let found = docker_config_credentials(config, host).unwrap();
            let shown = match &found {
                Credentials::Basic { username, password } => {
                    Some((username.as_str(), password.expose_secret()))
                }
                _ => None,
            };
            assert_eq!(shown, expected, "{host}");
        };
        check("docker.io", Some(("hub", "geheim")));
        check("ghcr.io", Some(("me", "token")));
        check("other.azurecr.io", Some(("any", "p")));
        check("mine.azurecr.io", Some(("mine", "p")));
        check("empty.io", None);
        check("quay.io", None);
    }

    #[test]
    fn what_is_no_docker_config() {
        for bad in [
            "",
            "{}",
            r#"{"auths": {"h.io": {"auth": "!"}}}"#,
            r#"{"auths": {"h.io": {"auth": "bm9jb2xvbg=="}}}"#,
        ] {
            assert!(docker_config_credentials(bad, "h.io").is_err(), "{bad}");
        }
    }
}
