use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LAST_MODIFIED};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use holdfast_source::{ArtifactPath, Storage};
use std::io;
use tokio_util::io::ReaderStream;

/// Serves artifacts at the paths that the statuses of sources name, and nothing else: no listings, no other files.
pub(crate) fn router(storage: Storage) -> Router {
    Router::new().route("/{*path}", get(answer)).with_state(storage)
}

async fn answer(State(storage): State<Storage>, Path(path): Path<String>) -> Response<Body> {
    let Some(path) = ArtifactPath::parse(&path) else { return nothing(StatusCode::NOT_FOUND) };
    let opened = tokio::task::spawn_blocking(move || {
        let file = storage.open(&path)?;
        let metadata = file.metadata()?;
        io::Result::Ok((file, metadata))
    });
    let (file, metadata) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => return nothing(StatusCode::NOT_FOUND),
        Ok(Err(error)) => {
            tracing::warn!(%error, "an artifact cannot be served");
            return nothing(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Err(_) => return nothing(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let mut response =
        Response::builder().header(CONTENT_TYPE, "application/gzip").header(CONTENT_LENGTH, metadata.len());
    if let Ok(Ok(modified)) = metadata.modified().map(jiff::Timestamp::try_from) {
        let http_date = modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        response = response.header(LAST_MODIFIED, http_date);
    }
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)));
    response.body(body).unwrap_or_else(|_| nothing(StatusCode::INTERNAL_SERVER_ERROR))
}

fn nothing(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use holdfast_source::{ArtifactFolder, Limits, StorageOptions};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    #[tokio::test]
    async fn artifacts_are_served_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::new(StorageOptions::new(folder.path()), Limits::default());
        let path = ArtifactFolder::new("GitRepository", "team", "app").unwrap().file("a.tar.gz").unwrap();
        storage.copy(&path, b"packed").unwrap();
        storage.link_latest(&path).unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        let router = router(storage);
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            (parts.status.as_u16(), parts.headers.get(CONTENT_LENGTH).cloned(), body)
        };
        let (status, length, body) = ask("/gitrepository/team/app/a.tar.gz").await;
        assert_eq!((status, &body[..]), (200, &b"packed"[..]));
        assert_eq!(length.unwrap(), "6");
        assert_eq!(ask("/gitrepository/team/app/latest.tar.gz").await.2, "packed");
        for nothing in [
            "/",
            "/secret",
            "/gitrepository",
            "/gitrepository/team/app",
            "/gitrepository/team/app/",
            "/gitrepository/team/app/b.tar.gz",
            "/gitrepository/team/app/../../../secret",
            "/gitrepository/team/app/%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret",
            "/gitrepository//app/a.tar.gz",
        ] {
            assert_eq!(ask(nothing).await.0, 404, "{nothing}");
        }
    }
}
