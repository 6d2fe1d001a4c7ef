use super::{Body, Life, Role, WatchMishap};
use crate::world::World;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use tower::BoxError;

const EXPIRED: &[u8] =
    b"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\
    \"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\",\"code\":410}}\n";

/// A watch whose events meet with mishaps. An event is never left out of a stream that goes on, which no server does
/// and no client could notice: what is lost takes the stream with it.
struct Watched {
    inner: Pin<Box<dyn Stream<Item = Bytes> + Send>>,
    partial: BytesMut,
    ready: VecDeque<Bytes>,
    world: World,
    role: Role,
    life: Arc<Life>,
    over: bool,
}

/// Wraps the body of a watch.
pub(super) fn watched(
    body: holdfast_sandbox::ResponseBody,
    world: World,
    role: Role,
    life: Arc<Life>,
) -> Body {
    let inner = body.into_data_stream().filter_map(|chunk| async { chunk.ok() });
    let watched = Watched {
        inner: Box::pin(inner),
        partial: BytesMut::new(),
        ready: VecDeque::new(),
        world,
        role,
        life,
        over: false,
    };
    let lines = futures::stream::unfold(watched, |mut watched| async move {
        let line = watched.next().await?;
        Some((Ok::<_, BoxError>(Frame::data(line)), watched))
    });
    BodyExt::boxed_unsync(StreamBody::new(lines))
}

impl Watched {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over || self.life.is_over() {
                return None;
            }
            let Some(line) = self.ready.pop_front() else {
                self.read().await?;
                continue;
            };
            match self.world.watch_mishap(self.role, &line) {
                WatchMishap::None => return Some(line),
                WatchMishap::Late(time) => {
                    tokio::select! {
                        biased;
                        () = self.life.ended() => return None,
                        () = tokio::time::sleep(time) => return Some(line),
                    }
                }
                WatchMishap::Twice => {
                    let mut both = BytesMut::from(&line[..]);
                    both.extend_from_slice(&line);
                    return Some(both.freeze());
                }
                WatchMishap::Cut => {
                    self.over = true;
                    return Some(line.slice(..line.len() / 2));
                }
                WatchMishap::Expired => {
                    self.over = true;
                    return Some(Bytes::from_static(EXPIRED));
                }
            }
        }
    }

    /// Reads whole lines; `None` when there are no more.
    async fn read(&mut self) -> Option<()> {
        let chunk = tokio::select! {
            biased;
            () = self.life.ended() => return None,
            () = self.world.cut() => return None,
            chunk = self.inner.next() => chunk?,
        };
        self.partial.extend_from_slice(&chunk);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            self.ready.push_back(self.partial.split_to(end + 1).freeze());
        }
        Some(())
    }
}
