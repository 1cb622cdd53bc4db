//! A TCP proxy that stands where clients believe the server to be, and does to connections what networks do.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes forwarded at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Between two attempts to listen again on a port that was given up.
const BIND_INTERVAL: Duration = Duration::from_millis(50);

/// What the proxy does with connections now. Each is known by how many faults came before it.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    target_port: u16,
    /// Faults so far: connections made before one have a lower number.
    age: u64,
    /// Connections below this number are reset.
    cut_below: u64,
    /// Connections below this number have lost their server, and their client is not told.
    half_open_below: u64,
    /// Nothing is forwarded; everything stays connected.
    is_halted: bool,
    /// Nobody is let in.
    is_refusing: bool,
    /// What is forwarded arrives so much later, in either direction.
    delay: Duration,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    way: watch::Sender<Way>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Proxy {
    /// Listens on `port` of loopback, and leads to `target_port` there.
    ///
    /// # Errors
    /// When the port is taken.
    pub(crate) async fn start(port: u16, target_port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let (way, ways) = watch::channel(Way {
            target_port,
            ..Way::default()
        });
        let accepting = tokio::spawn(accept(listener, address, ways));
        let port = address.port();
        Ok(Self {
            port,
            way,
            accepting,
        })
    }

    /// From now on, all that is forwarded arrives so much later, in either direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.way.send_modify(|way| way.delay = delay);
    }

    /// New connections lead to another server; those that exist stay where they are.
    pub(crate) fn lead_to(&self, target_port: u16) {
        self.way.send_modify(|way| way.target_port = target_port);
    }

    /// Resets all connections.
    pub(crate) fn cut(&self) {
        self.way.send_modify(|way| {
            way.age += 1;
            way.cut_below = way.age;
        });
    }

    /// Ends all connections to the server and leaves the clients' ends open and silent, as when a machine vanishes.
    pub(crate) fn leave_half_open(&self) {
        self.way.send_modify(|way| {
            way.age += 1;
            way.half_open_below = way.age;
        });
    }

    /// Forwards nothing until [`Proxy::go_on`]; what is sent meanwhile arrives then.
    pub(crate) fn halt(&self) {
        self.way.send_modify(|way| way.is_halted = true);
    }

    /// Resets all connections and lets nobody in until [`Proxy::go_on`].
    pub(crate) fn refuse(&self) {
        self.way.send_modify(|way| way.is_refusing = true);
        self.cut();
    }

    pub(crate) fn go_on(&self) {
        self.way.send_modify(|way| {
            way.is_halted = false;
            way.is_refusing = false;
        });
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, mut ways: watch::Receiver<Way>) {
    let mut open = Some(listener);
    loop {
        if ways.borrow_and_update().is_refusing {
            // Only a port that nobody listens on refuses.
            open = None;
            if ways.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(listener) = &open else {
            match TcpListener::bind(address).await {
                Ok(listener) => open = Some(listener),
                Err(_) => tokio::time::sleep(BIND_INTERVAL).await,
            }
            continue;
        };
        tokio::select! {
            changed = ways.changed() => if changed.is_err() { return },
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                tokio::spawn(serve(client, ways.clone()));
            },
        }
    }
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    ByPeer,
    Cut,
    HalfOpen,
}

/// One connection, from both ends.
async fn serve(mut client: TcpStream, mut ways: watch::Receiver<Way>) {
    let age = ways.borrow_and_update().age;
    // Where nothing is forwarded, nothing is opened either.
    if gate(&mut ways, age).await.is_err() {
        return;
    }
    let target_port = ways.borrow().target_port;
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target_port)).await else {
        return;
    };
    let ended = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            ended = forward(&mut from_client, &mut to_server, ways.clone(), age) => ended,
            ended = forward(&mut from_server, &mut to_client, ways.clone(), age) => ended,
        }
    };
    match ended {
        Ended::ByPeer => {}
        Ended::Cut => {
            // A reset rather than a goodbye. Who has gone already needs neither.
            let _ = client.set_zero_linger();
            let _ = server.set_zero_linger();
        }
        Ended::HalfOpen => {
            drop(server);
            let _ = ways.wait_for(|way| age < way.cut_below).await;
        }
    }
}

async fn forward(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut ways: watch::Receiver<Way>,
    age: u64,
) -> Ended {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = tokio::select! {
            ended = ending(ways.clone(), age) => return ended,
            read = from.read(&mut chunk) => read,
        };
        let bytes = match read {
            Ok(0) | Err(_) => return Ended::ByPeer,
            Ok(bytes) => bytes,
        };
        let delay = ways.borrow().delay;
        tokio::time::sleep(delay).await;
        if let Err(ended) = gate(&mut ways, age).await {
            return ended;
        }
        // A peer that is frozen takes nothing, and must not keep its connection from being cut.
        let written = tokio::select! {
            ended = ending(ways.clone(), age) => return ended,
            written = to.write_all(&chunk[..bytes]) => written,
        };
        if written.is_err() {
            return Ended::ByPeer;
        }
    }
}

/// Waits while everything is halted; an error when the connection has to end.
async fn gate(ways: &mut watch::Receiver<Way>, age: u64) -> Result<(), Ended> {
    loop {
        let way = *ways.borrow_and_update();
        if let Some(ended) = way.ends(age) {
            return Err(ended);
        }
        if !way.is_halted {
            return Ok(());
        }
        if ways.changed().await.is_err() {
            return Err(Ended::Cut);
        }
    }
}

/// Returns when a connection has to end.
async fn ending(mut ways: watch::Receiver<Way>, age: u64) -> Ended {
    let way = ways.wait_for(|way| way.ends(age).is_some()).await;
    way.ok().and_then(|way| way.ends(age)).unwrap_or(Ended::Cut)
}

impl Way {
    fn ends(&self, age: u64) -> Option<Ended> {
        match age {
            _ if age < self.cut_below => Some(Ended::Cut),
            _ if age < self.half_open_below => Some(Ended::HalfOpen),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    /// What does not come within this does not come.
    const SILENCE: Duration = Duration::from_millis(200);

    /// A server that says back what it hears, and a proxy before it.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        Proxy::start(0, port).await.expect("a port")
    }

    async fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(("127.0.0.1", proxy.port))
            .await
            .expect("someone listens")
    }

    /// What comes back for one byte: it, an end, or nothing in time.
    async fn ask(client: &mut TcpStream, patience: Duration) -> Option<std::io::Result<u8>> {
        let asking = async {
            client.write_u8(7).await?;
            client.read_u8().await
        };
        tokio::time::timeout(patience, asking).await.ok()
    }

    #[tokio::test]
    async fn what_is_sent_arrives_and_a_cut_connection_is_reset() {
        let proxy = echo().await;
        let mut client = connect(&proxy).await;
        assert!(matches!(ask(&mut client, PATIENCE).await, Some(Ok(7))));
        proxy.cut();
        assert!(matches!(ask(&mut client, PATIENCE).await, Some(Err(_))));
        let mut client = connect(&proxy).await;
        assert!(matches!(ask(&mut client, PATIENCE).await, Some(Ok(7))));
    }

    #[tokio::test]
    async fn what_is_halted_arrives_later() {
        let proxy = echo().await;
        let mut client = connect(&proxy).await;
        assert!(matches!(ask(&mut client, PATIENCE).await, Some(Ok(7))));
        proxy.halt();
        assert!(ask(&mut client, SILENCE).await.is_none());
        proxy.go_on();
        let late = tokio::time::timeout(PATIENCE, client.read_u8()).await;
        assert!(matches!(late, Ok(Ok(7))));
    }

    #[tokio::test]
    async fn a_half_open_connection_is_silent_and_a_new_one_works() {
        let proxy = echo().await;
        let mut client = connect(&proxy).await;
        assert!(matches!(ask(&mut client, PATIENCE).await, Some(Ok(7))));
        proxy.leave_half_open();
        assert!(ask(&mut client, SILENCE).await.is_none());
        let mut new = connect(&proxy).await;
        assert!(matches!(ask(&mut new, PATIENCE).await, Some(Ok(7))));
    }

    #[tokio::test]
    async fn nobody_is_let_in_while_it_refuses() {
        let proxy = echo().await;
        proxy.refuse();
        let port = proxy.port;
        harness::eventually("it refuses", PATIENCE, async || {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(_) => Err("connected"),
                Err(_) => Ok(()),
            }
        })
        .await;
        proxy.go_on();
        let mut client = harness::eventually("it lets in", PATIENCE, async || {
            TcpStream::connect(("127.0.0.1", port)).await
        })
        .await;
        assert!(matches!(ask(&mut client, PATIENCE).await, Some(Ok(7))));
    }
}
