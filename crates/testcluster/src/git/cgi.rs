//! git's http-backend, called as a CGI program.

use super::repository::isolated;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Where git keeps http-backend; `None` where it is not installed.
pub(super) fn backend() -> Option<PathBuf> {
    let output = std::process::Command::new("git").arg("--exec-path").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    let path = Path::new(folder.trim()).join("git-http-backend");
    path.is_file().then_some(path)
}

/// Serves one request, whose body has been read, from the repositories under `root`. `user` is who asked; http-backend
/// lets only somebody push.
pub(super) async fn serve(
    backend: &Path,
    root: &Path,
    user: Option<&str>,
    request: &Request<Bytes>,
) -> io::Result<Response<Full<Bytes>>> {
    let mut command = std::process::Command::new(backend);
    isolated(&mut command)
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", request.method().as_str())
        .env("PATH_INFO", request.uri().path())
        .env("QUERY_STRING", request.uri().query().unwrap_or_default())
        .env("CONTENT_LENGTH", request.body().len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .envs(user.map(|user| ("REMOTE_USER", user)));
    for (variable, name) in [
        ("CONTENT_TYPE", "content-type"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        if let Some(value) = request.headers().get(name).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    let mut process = Command::from(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let stdin = process.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // It may answer without having read everything.
            let _ = stdin.write_all(request.body()).await;
        }
    };
    let ((), output) = tokio::join!(feed, process.wait_with_output());
    parse(&output?.stdout)
}

/// A CGI program's output: header lines, an empty line, the body. The status is the header `Status`.
fn parse(output: &[u8]) -> io::Result<Response<Full<Bytes>>> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "http-backend wrote no headers");
    let (mut rest, mut response) = (output, Response::builder());
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(malformed)?;
        let line = std::str::from_utf8(&rest[..end]).map_err(|_| malformed())?.trim_end_matches('\r');
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        let value = value.trim();
        response = if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            response.status(StatusCode::from_bytes(code.as_bytes()).map_err(|_| malformed())?)
        } else {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
            response.header(name, HeaderValue::from_str(value).map_err(|_| malformed())?)
        };
    }
    response.body(Full::new(Bytes::copy_from_slice(rest))).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn reads_what_a_cgi_program_writes() {
        let response = parse(b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno\n").unwrap();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "no\n");
        assert_eq!(parse(b"\r\n").unwrap().status(), 200);
        assert!(parse(b"no headers").is_err());
    }
}
