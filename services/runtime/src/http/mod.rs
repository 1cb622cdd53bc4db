//! HTTP on a public port: as many connections as are allowed, none that keeps one busy by saying or taking nothing.
//!
//! `axum::serve` has no such bounds, so connections are accepted here.

mod patience;
mod places;

pub use places::{Connection, Place, Places, Seats};

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use patience::Patient;

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
    pub seats: Seats,
    /// How long a client may take to send the head of a request; also how long an idle connection is kept. A HTTP/2
    /// client is pinged after this time, and has as long again to answer.
    pub header_timeout: Duration,
    /// How long a client may take until it takes anything of an answer.
    pub write_timeout: Duration,
}

/// Serves the routes until the token is cancelled, then finishes the requests that have begun. Connections that were
/// upgraded are not waited for: whoever upgraded them keeps track of them.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    bounds: Bounds,
    stopping: CancellationToken,
) {
    let places = Places::new(bounds.seats);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                warn!(error = %cause, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let Some((place, leave)) = places.enter(address.ip().to_canonical()) else {
            // Closed at once: a client tries again, and a balancer goes elsewhere.
            continue;
        };
        let (routes, stopping) = (routes.clone(), stopping.clone());
        connections.spawn(async move {
            let routes = Announced {
                routes: TowerToHyperService::new(routes),
                connection: place.connection().clone(),
            };
            let serving = async {
                match bounds.protocol {
                    Protocol::Http1 => serve_http1(stream, routes, bounds, stopping).await,
                    Protocol::Http2 => serve_http2(stream, routes, bounds, stopping).await,
                }
            };
            tokio::select! {
                served = serving => if let Err(cause) = served {
                    debug!(error = %cause, "a connection ended early");
                },
                () = leave.cancelled() => debug!(%address, "a stranger made room for others"),
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Routes whose requests know the connection that they came by, and keep it busy.
#[derive(Clone)]
struct Announced {
    routes: TowerToHyperService<Router>,
    connection: Connection,
}

impl Service<Request<Incoming>> for Announced {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let busy = self.connection.begin_request();
        request.extensions_mut().insert(self.connection.clone());
        let answering = self.routes.call(request);
        Box::pin(async move {
            let answer = answering.await;
            drop(busy);
            answer
        })
    }
}

async fn serve_http1(
    stream: TcpStream,
    routes: Announced,
    bounds: Bounds,
    stopping: CancellationToken,
) -> hyper::Result<()> {
    let stream = Patient::new(stream, bounds.write_timeout);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), routes)
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
    routes: Announced,
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
        .serve_connection(
            TokioIo::new(Patient::new(stream, bounds.write_timeout)),
            routes,
        );
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

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = listener.accept().await?;
    // Answers are written whole; waiting to fill a packet would only delay them.
    stream.set_nodelay(true)?;
    Ok((stream, address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;

    const LONG: Duration = Duration::from_secs(20);
    const LONG_ANSWER_BYTES: usize = 4 * 1024 * 1024;

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
            .route("/held", get(held))
            .route("/long", get(|| async { "x".repeat(LONG_ANSWER_BYTES) }));
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

    fn bounds(connections_max: usize, header_timeout: Duration) -> Bounds {
        Bounds {
            protocol: Protocol::Http1,
            seats: Seats {
                connections_max,
                strangers_max: connections_max,
                strangers_per_address_max: connections_max,
            },
            header_timeout,
            write_timeout: LONG,
        }
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_closed() {
        let address = start(bounds(8, Duration::from_millis(100))).await.address;
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
    async fn connections_that_say_nothing_keep_nobody_out() {
        let address = start(bounds(4, LONG)).await.address;
        let mut silent = Vec::new();
        for _ in 0..40 {
            silent.push(TcpStream::connect(address).await.expect("connects"));
        }
        let answer = crate::healthcheck::get(address, "/", LONG).await;
        assert_eq!(answer.expect("answers").0, 200);
        let mut first = silent.swap_remove(0);
        let mut byte = [0];
        let read = tokio::time::timeout(LONG, first.read(&mut byte));
        let read = read.await.expect("in time");
        assert!(matches!(read, Ok(0) | Err(_)), "it had to leave");
    }

    #[tokio::test]
    async fn an_answer_that_nobody_reads_is_given_up() {
        let impatient = Bounds {
            write_timeout: Duration::from_millis(100),
            ..bounds(4, LONG)
        };
        let address = start(impatient).await.address;
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let asked = "GET /long HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
        stream.write_all(asked.as_bytes()).await.expect("is sent");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(LONG, read)
            .await
            .expect("it has ended");
        assert!(answer.len() < 20 * LONG_ANSWER_BYTES, "{}", answer.len());
    }

    #[tokio::test]
    async fn a_stop_finishes_what_has_begun_and_takes_on_nothing_new() {
        let server = start(bounds(8, LONG)).await;
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
