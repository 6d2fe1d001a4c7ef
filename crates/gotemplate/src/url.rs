//! Go's `net/url`: taking URLs apart and putting them together.

/// The parts of a URL, decoded except for the query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Vec<u8>,
    pub(crate) user: Option<User>,
    pub(crate) host: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) query: Vec<u8>,
    pub(crate) opaque: Vec<u8>,
    pub(crate) fragment: Vec<u8>,
}

/// A user name with an optional password, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Which part of a URL is encoded: each allows other characters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

impl Part {
    /// Whether the byte may stand for itself.
    fn allows(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || b"-_.~".contains(&byte)
            || match self {
                Self::Path => b"$&+,/:;=@".contains(&byte),
                Self::User => b"$&+,;=".contains(&byte),
                Self::Host | Self::Zone => b"!$&'()*+,;=:[]<>\"".contains(&byte),
                Self::Fragment => b"$&+,/:;=?@!()*".contains(&byte),
            }
    }
}

fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if part.allows(*byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

fn quoted(text: &[u8]) -> String {
    crate::fmt::quote(text)
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let hex = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        if byte != b'%' {
            if matches!(part, Part::Host | Part::Zone) && byte < 0x80 && !part.allows(byte) {
                return Err(format!("invalid character {} in host name", quoted(&[byte])));
            }
            out.push(byte);
            at += 1;
            continue;
        }
        let spelled = &text[at..text.len().min(at + 3)];
        let bad = || format!("invalid URL escape {}", quoted(spelled));
        let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2)) else { return Err(bad()) };
        let code = u8::try_from(high * 16 + low).unwrap_or(0);
        let percent = spelled == b"%25";
        match part {
            // A host name may hide only bytes that it cannot show.
            Part::Host if high < 8 && !percent => return Err(bad()),
            Part::Zone if !percent && code != b' ' && !Part::Host.allows(code) => return Err(bad()),
            _ => {}
        }
        out.push(code);
        at += 3;
    }
    Ok(out)
}

fn cut(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(separator, text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl Url {
    /// Reads a URL; fails with Go's message.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let (body, fragment) = cut(text, b'#');
        let mut url =
            Self::parse_body(body).map_err(|problem| format!("parse {}: {problem}", quoted(body)))?;
        if let Some(fragment) = fragment {
            url.fragment = unescape(fragment, Part::Fragment)
                .map_err(|problem| format!("parse {}: {problem}", quoted(text)))?;
        }
        Ok(url)
    }

    fn parse_body(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let mut url = Self::default();
        if text == b"*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        url.query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        let has_authority = rest.starts_with(b"//") && (!url.scheme.is_empty() || !rest.starts_with(b"///"));
        if has_authority {
            let end = memchr::memchr(b'/', &rest[2..]).map_or(rest.len(), |at| at + 2);
            let authority = &rest[2..end];
            rest = &rest[end..];
            let at = memchr::memrchr(b'@', authority);
            let strict = matches!(url.scheme.as_slice(), b"http" | b"https");
            url.host = parse_host(&authority[at.map_or(0, |at| at + 1)..], strict)?;
            url.user = at.map(|at| User::parse(&authority[..at])).transpose()?;
        }
        url.path = unescape(rest, Part::Path)?;
        Ok(url)
    }

    /// The host without its port, and without the brackets of an IPv6 address.
    pub(crate) fn hostname(&self) -> &[u8] {
        let mut host = self.host.as_slice();
        if let Some(colon) = memchr::memrchr(b':', host)
            && is_port(&host[colon..])
        {
            host = &host[..colon];
        }
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    /// The URL as text.
    pub(crate) fn format(&self) -> Vec<u8> {
        let mut out = self.scheme.clone();
        if !out.is_empty() {
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.push_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend_from_slice(&escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn push_hierarchy(&self, out: &mut Vec<u8>) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            out.extend_from_slice(b"//");
            if let Some(user) = &self.user {
                out.extend_from_slice(&user.format());
                out.push(b'@');
            }
            out.extend_from_slice(&escape(&self.host, Part::Host));
        }
        let path = if self.path == b"*" { self.path.clone() } else { escape(&self.path, Part::Path) };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            // It would read as a scheme.
            out.extend_from_slice(b"./");
        }
        out.extend_from_slice(&path);
    }
}

impl User {
    /// Reads `name:password`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !text.iter().all(allowed) {
            return Err("net/url: invalid userinfo".into());
        }
        let (name, password) = cut(text, b':');
        let password = password.map(|password| unescape(password, Part::User)).transpose()?;
        Ok(Self { name: unescape(name, Part::User)?, password })
    }

    /// The encoded text.
    pub(crate) fn format(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend_from_slice(&escape(password, Part::User));
        }
        out
    }
}

/// The scheme, empty where there is none, and what follows its colon.
fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn is_port(text: &[u8]) -> bool {
    text.is_empty() || (text[0] == b':' && text[1..].iter().all(u8::is_ascii_digit))
}

fn parse_host(host: &[u8], strict: bool) -> Result<Vec<u8>, String> {
    let check_port = |port: &[u8]| {
        if is_port(port) { Ok(()) } else { Err(format!("invalid port {} after host", quoted(port))) }
    };
    match memchr::memrchr(b'[', host) {
        Some(0) => {
            let close = memchr::memrchr(b']', host).ok_or("missing ']' in host")?;
            check_port(&host[close + 1..])?;
            let name = &host[1..close];
            let zone = memchr::memmem::find(name, b"%25").unwrap_or(name.len());
            let mut address = unescape(&name[..zone], Part::Host)?;
            address.extend_from_slice(&unescape(&name[zone..], Part::Zone)?);
            let bare = String::from_utf8_lossy(cut(&address, b'%').0).into_owned();
            if bare.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(if bare.parse::<std::net::Ipv4Addr>().is_ok() {
                    "invalid IP-literal".into()
                } else {
                    format!("invalid host: ParseAddr({}): unable to parse IP", quoted(&address))
                });
            }
            return Ok([b"[", address.as_slice(), b"]", &host[close + 1..]].concat());
        }
        Some(_) => return Err("invalid IP-literal".into()),
        None => {}
    }
    // Lists of hosts with ports are in use with some databases.
    let colon = if strict { memchr::memchr(b':', host) } else { memchr::memrchr(b':', host) };
    if let Some(colon) = colon {
        check_port(&host[colon..])?;
    }
    unescape(host, Part::Host)
}
