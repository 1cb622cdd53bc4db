//! Real Redis servers on free ports, for tests of this crate and of those that use it. Needs `redis-server` 7 or newer.

use crate::StoreConfig;
use redis::{Cmd, FromRedisValue, Value};
use std::io;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const READY_WITHIN: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs the server, and ends it and removes its directory when our end of the pipe closes, however we end.
const KEEPER: &str =
    r#"dir=$1; shift; "$@" >"$dir/log" 2>&1 & read -r _; kill -9 $!; wait; rm -rf "$dir""#;

/// One server without persistence; it ends with this value, at the latest with the process.
#[derive(Debug)]
pub struct RedisServer {
    keeper: Child,
    port: u16,
    bus_port: u16,
}

impl RedisServer {
    pub async fn start() -> io::Result<Self> {
        Self::start_with(&[]).await
    }

    /// With further arguments, such as `["--maxmemory", "10mb"]`.
    pub async fn start_with(arguments: &[&str]) -> io::Result<Self> {
        Self::start_on(free_port()?, arguments).await
    }

    /// On a given port, such as that of a server that has been stopped.
    pub async fn start_on(port: u16, arguments: &[&str]) -> io::Result<Self> {
        let bus_port = free_port()?;
        let dir = tempfile::tempdir()?.keep();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&dir)
            .arg("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(&dir)
            .args(["--cluster-port", &bus_port.to_string()])
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()?;
        let server = Self {
            keeper,
            port,
            bus_port,
        };
        let deadline = Instant::now() + READY_WITHIN;
        while server.command::<Value>(&redis::cmd("PING")).await.is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!(
                    "redis-server does not answer on port {port}"
                )));
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// With a key prefix that no other configuration has.
    pub fn config(&self) -> StoreConfig {
        StoreConfig {
            urls: vec![self.url()],
            key_prefix: unique_prefix(),
            ..StoreConfig::default()
        }
    }

    /// Sends one command on a connection of its own.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        command
            .query_async(&mut client.get_multiplexed_async_connection().await?)
            .await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}

/// A cluster of three primaries.
#[derive(Debug)]
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub async fn start() -> io::Result<Self> {
        let arguments = [
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            "nodes.conf",
            "--cluster-node-timeout",
            "2000",
        ];
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(RedisServer::start_with(&arguments).await?);
        }
        let cluster = Self { nodes };
        cluster.join().await.map_err(io::Error::other)?;
        Ok(cluster)
    }

    async fn join(&self) -> redis::RedisResult<()> {
        const SLOTS: usize = 16_384;
        let count = self.nodes.len();
        for (position, node) in self.nodes.iter().enumerate() {
            let mut slots = redis::cmd("CLUSTER");
            slots
                .arg("ADDSLOTSRANGE")
                .arg(SLOTS * position / count)
                .arg(SLOTS * (position + 1) / count - 1);
            node.command::<Value>(&slots).await?;
            let mut epoch = redis::cmd("CLUSTER");
            epoch.arg("SET-CONFIG-EPOCH").arg(position + 1);
            node.command::<Value>(&epoch).await?;
        }
        for node in &self.nodes[1..] {
            let mut meet = redis::cmd("CLUSTER");
            meet.arg("MEET")
                .arg("127.0.0.1")
                .arg(node.port)
                .arg(node.bus_port);
            self.nodes[0].command::<Value>(&meet).await?;
        }
        let deadline = Instant::now() + READY_WITHIN;
        for node in &self.nodes {
            loop {
                let info: String = node.command(redis::cmd("CLUSTER").arg("INFO")).await?;
                if info.contains("cluster_state:ok")
                    && info.contains(&format!("cluster_known_nodes:{count}"))
                {
                    break;
                }
                if Instant::now() > deadline {
                    return Err((
                        redis::ErrorKind::Client,
                        "the cluster does not come together",
                    )
                        .into());
                }
                sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }

    /// With a key prefix that no other configuration has.
    pub fn config(&self) -> StoreConfig {
        StoreConfig {
            urls: self.nodes.iter().map(RedisServer::url).collect(),
            cluster: true,
            key_prefix: unique_prefix(),
            ..StoreConfig::default()
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn unique_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "test-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
