//! A door in front of a server: what comes and goes, as a flapping network has it.

use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A port that leads to another one while it is open. Whoever comes while it is shut is turned away, and who is inside
/// then is cut off.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    is_open: watch::Sender<bool>,
    listening: AbortHandle,
}

impl Door {
    /// An open door that leads to `target`, `HOST:PORT`.
    pub(crate) async fn before(target: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_open, state) = watch::channel(true);
        let listening = tokio::spawn(keep(listener, target.to_owned(), state)).abort_handle();
        Self { address, is_open, listening }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set_open(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn keep(listener: TcpListener, target: String, is_open: watch::Receiver<bool>) {
    while let Ok((stream, _)) = listener.accept().await {
        if *is_open.borrow() {
            tokio::spawn(lead(stream, target.clone(), is_open.clone()));
        }
    }
}

async fn lead(mut guest: TcpStream, target: String, mut is_open: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(&target).await else { return };
    let shut = is_open.wait_for(|is_open| !is_open);
    tokio::select! {
        // Either side may hang up; neither is this test's business.
        _ = tokio::io::copy_bidirectional(&mut guest, &mut server) => {}
        _ = shut => {}
    }
}
