//! An address whose connections can be led elsewhere, halted in the middle, or dropped, as by a network or a virtual
//! address that moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of the connections that there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Forwarded,
    /// They stay open, and nothing comes through any more.
    Halted,
}

pub(crate) struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    fate: Arc<std::sync::Mutex<watch::Sender<Fate>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Arc::new(AtomicU16::new(target));
        let fate = Arc::new(std::sync::Mutex::new(watch::Sender::new(Fate::Forwarded)));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&target), Arc::clone(&fate)));
        Self {
            port,
            target,
            fate,
            accepting,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// New connections lead there; those that there are stay as they are.
    pub(crate) fn lead_to(&self, target: u16) {
        self.target.store(target, Ordering::SeqCst);
    }

    /// Nothing comes through the present connections any more, and nobody is told.
    pub(crate) fn halt(&self) {
        let mut fate = self.fate.lock().unwrap();
        fate.send_replace(Fate::Halted);
        *fate = watch::Sender::new(Fate::Forwarded);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<AtomicU16>,
    fate: Arc<std::sync::Mutex<watch::Sender<Fate>>>,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let port = target.load(Ordering::SeqCst);
        // A target that refuses shows as a connection that is closed at once.
        if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let fate = fate.lock().unwrap().subscribe();
            tokio::spawn(forward(from_client, to_server, fate.clone()));
            tokio::spawn(forward(from_server, to_client, fate));
        }
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut fate: watch::Receiver<Fate>) {
    let mut buffer = [0; 8_192];
    loop {
        tokio::select! {
            biased;
            is_halted = async { fate.wait_for(|fate| *fate == Fate::Halted).await.is_ok() } => {
                if is_halted {
                    std::future::pending::<()>().await;
                }
                return;
            }
            read = from.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                },
            }
        }
    }
}
