//! HTTP on a public port: as many connections as are allowed, none that keeps one busy by saying nothing.
//!
//! `axum::serve` has neither bound, so connections are accepted here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// After an error such as too many open files, accepting again at once would only fail again.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// Of one HTTP/1 connection; so also the head of a request.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Calls at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// Headers of one HTTP/2 request, as the standard counts them.
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
/// What a HTTP/2 client may send before it was taken: of one call, and of all calls of a connection together.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// The protocol of a port. Nothing is negotiated: there is no TLS here that could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// With prior knowledge, as gRPC speaks it.
    Http2,
}

/// What the clients of one port may take up.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub protocol: Protocol,
    /// Connections at once. Further ones wait in the kernel's queue, which is bounded itself.
    pub connections_max: usize,
    /// How long a client may take to send the head of a request; also how long an idle connection is kept. A HTTP/2
    /// client is pinged after this time, and has as long again to answer.
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
        let (routes, stopping) = (routes.clone(), stopping.clone());
        connections.spawn(async move {
            let served = match bounds.protocol {
                Protocol::Http1 => serve_http1(stream, routes, bounds, stopping).await,
                Protocol::Http2 => serve_http2(stream, routes, bounds, stopping).await,
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

async fn serve_http1(
    stream: TcpStream,
    routes: Router,
    bounds: Bounds,
    stopping: CancellationToken,
) -> hyper::Result<()> {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => served,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

async fn serve_http2(
    stream: TcpStream,
    routes: Router,
    bounds: Bounds,
    stopping: CancellationToken,
) -> hyper::Result<()> {
    let greeting = tokio::time::timeout(bounds.header_timeout, greeted(&stream));
    if !matches!(greeting.await, Ok(Ok(()))) {
        return Ok(());
    }
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(bounds.header_timeout)
        .keep_alive_timeout(bounds.header_timeout)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => served,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// Waits until the client has said as much as every HTTP/2 client says first: pings begin only after that.
async fn greeted(stream: &TcpStream) -> io::Result<()> {
    const GREETING_BYTES: usize = 24;
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let mut greeting = [0; GREETING_BYTES];
    loop {
        match stream.peek(&mut greeting).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            GREETING_BYTES => return Ok(()),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
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
            protocol: Protocol::Http1,
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
            protocol: Protocol::Http1,
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
            protocol: Protocol::Http1,
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
