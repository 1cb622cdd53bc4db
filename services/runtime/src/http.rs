//! HTTP/1 on a public port: as many connections as are allowed, none that keeps one busy by saying nothing.
//!
//! `axum::serve` has neither bound, so connections are accepted here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// After an error such as too many open files, accepting again at once would only fail again.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// What the clients of one port may take up.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once. Further ones wait in the kernel's queue, which is bounded itself.
    pub connections_max: usize,
    /// How long a client may take to send the head of a request; also how long an idle connection is kept.
    pub header_timeout: Duration,
}

/// Serves the routes until the token is cancelled, then finishes the requests that have begun. Connections that were
/// upgraded are not waited for: whoever upgraded them keeps track of them.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    bounds: Bounds,
    stopping: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(
        bounds.connections_max.min(Semaphore::MAX_PERMITS),
    ));
    let connections = TaskTracker::new();
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout);
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                warn!(error = %cause, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(routes.clone());
        let connection = protocol
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let stopping = stopping.clone();
        connections.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(cause) = served {
                debug!(error = %cause, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let place = places
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are written whole; waiting to fill a packet would only delay them.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;

    const LONG: Duration = Duration::from_secs(20);

    struct Server {
        address: SocketAddr,
        stopping: CancellationToken,
        serving: tokio::task::JoinHandle<()>,
        /// Notified when a request for `/held` has begun.
        begun: Arc<Notify>,
        /// Lets that request end.
        release: Arc<Notify>,
    }

    async fn start(bounds: Bounds) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let held = {
            let (begun, release) = (begun.clone(), release.clone());
            async move || {
                begun.notify_one();
                release.notified().await;
                "done"
            }
        };
        let routes = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/held", get(held));
        let stopping = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, routes, bounds, stopping.clone()));
        Server {
            address,
            stopping,
            serving,
            begun,
            release,
        }
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_closed() {
        let bounds = Bounds {
            connections_max: 8,
            header_timeout: Duration::from_millis(100),
        };
        let address = start(bounds).await.address;
        for said in ["", "GET / HTTP/1.1\r\nHost:"] {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            stream.write_all(said.as_bytes()).await.expect("is sent");
            let mut answer = Vec::new();
            tokio::time::timeout(LONG, stream.read_to_end(&mut answer))
                .await
                .expect("is closed in time")
                .expect("is closed in order");
        }
    }

    #[tokio::test]
    async fn beyond_the_bound_connections_wait_their_turn() {
        let bounds = Bounds {
            connections_max: 1,
            header_timeout: LONG,
        };
        let address = start(bounds).await.address;
        let first = TcpStream::connect(address).await.expect("connects");
        let wait = Duration::from_millis(200);
        let second = crate::healthcheck::get(address, "/", wait).await;
        assert!(second.is_err(), "{second:?}");
        drop(first);
        let third = crate::healthcheck::get(address, "/", LONG).await;
        assert_eq!(third.expect("answers").0, 200);
    }

    #[tokio::test]
    async fn a_stop_finishes_what_has_begun_and_takes_on_nothing_new() {
        let bounds = Bounds {
            connections_max: 8,
            header_timeout: LONG,
        };
        let server = start(bounds).await;
        let begun = tokio::spawn(crate::healthcheck::get(server.address, "/held", LONG));
        server.begun.notified().await;
        server.stopping.cancel();
        server.release.notify_one();
        let (status, body) = begun.await.expect("no panic").expect("answers");
        assert_eq!((status, body.as_str()), (200, "done"));
        server.serving.await.expect("ends");
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
