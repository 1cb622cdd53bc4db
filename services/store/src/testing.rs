//! Real Redis servers on free ports, for tests of this crate and of those that use it. Needs `redis-server` 7 or newer.

use crate::StoreConfig;
use redis::{Cmd, FromRedisValue, Value};
use std::io::{self, BufRead as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

mod ports;

pub use ports::free_port;

const READY_WITHIN: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

const PRIMARIES: usize = 3;
const CLUSTER_ARGUMENTS: [&str; 6] = [
    "--cluster-enabled",
    "yes",
    "--cluster-config-file",
    "nodes.conf",
    "--cluster-node-timeout",
    "2000",
];

/// Runs the server, takes orders, and ends it and removes its directory when our end of the pipe closes, however we end.
/// An order is `start`, or the name of a signal, and is answered by a line when it was carried out;
/// that nobody reads the line any more must not end the keeper before the server.
const KEEPER: &str = r#"dir=$1; shift; trap '' PIPE; "$@" >>"$dir/log" 2>&1 & pid=$!
while read -r order; do
  case $order in
    start) "$@" >>"$dir/log" 2>&1 & pid=$! ;;
    KILL) kill -9 $pid; wait $pid; pid= ;;
    *) kill -s "$order" $pid ;;
  esac
  echo done
done 2>/dev/null
test -z "$pid" || kill -9 $pid; wait; rm -rf "$dir""#;

/// Of every server.
const ARGUMENTS: [&str; 8] = [
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--repl-diskless-sync-delay",
    "0",
];

/// Starts a server in a directory of its own, with a file of settings there if it needs one.
fn keep(arguments: &[&str], settings: Option<&str>) -> io::Result<Child> {
    let dir = tempfile::tempdir()?.keep();
    let mut command = Command::new("sh");
    command.args(["-c", KEEPER, "keeper"]).arg(&dir);
    command.arg("redis-server");
    if let Some(settings) = settings {
        let file = dir.join("settings");
        std::fs::write(&file, settings)?;
        command.arg(file);
    }
    command.arg("--dir").arg(&dir).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

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
        Self::start_on(free_port(), arguments).await
    }

    /// On a given port, such as that of a server that has been stopped.
    pub async fn start_on(port: u16, arguments: &[&str]) -> io::Result<Self> {
        let bus_port = free_port();
        let (port_text, bus_port_text) = (port.to_string(), bus_port.to_string());
        let own = ["--port", &port_text, "--cluster-port", &bus_port_text];
        let keeper = keep(&[&own[..], &ARGUMENTS, arguments].concat(), None)?;
        let server = Self {
            keeper,
            port,
            bus_port,
        };
        server.answers().await?;
        Ok(server)
    }

    async fn answers(&self) -> io::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while self.command::<Value>(&redis::cmd("PING")).await.is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!(
                    "redis-server does not answer on port {}",
                    self.port
                )));
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Kills the server as a power cut would, until [`RedisServer::start_again`].
    pub fn kill(&mut self) -> io::Result<()> {
        self.order("KILL")
    }

    /// Starts it after a kill, on the same port and with what it has on disk.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.order("start")?;
        self.answers().await
    }

    /// Stops it in the middle of whatever it does; connections stay, and nothing is answered.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.order("STOP")
    }

    pub fn thaw(&mut self) -> io::Result<()> {
        self.order("CONT")
    }

    fn order(&mut self, order: &str) -> io::Result<()> {
        let (Some(orders), Some(answers)) = (&mut self.keeper.stdin, &mut self.keeper.stdout)
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        writeln!(orders, "{order}")?;
        let mut answer = String::new();
        io::BufReader::new(answers).read_line(&mut answer)?;
        Ok(())
    }

    /// Writes what it holds to its disk, from where it comes back after a kill.
    pub async fn save(&self) -> redis::RedisResult<()> {
        self.command(&redis::cmd("SAVE")).await
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

    /// Lets every command of every client wait, as when the server hangs.
    pub async fn pause(&self, pause: Duration) -> redis::RedisResult<()> {
        let mut command = redis::cmd("CLIENT");
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        command.arg("PAUSE").arg(pause_ms);
        self.command(&command).await
    }

    /// Sends one command on a connection of its own.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        command
            .query_async(&mut client.get_multiplexed_async_connection().await?)
            .await
    }

    async fn cluster(&self, arguments: &[&str]) -> redis::RedisResult<String> {
        self.command(redis::cmd("CLUSTER").arg(arguments)).await
    }

    /// Becomes a replica that has everything its primary has.
    async fn follow(&self, primary: &Self) -> redis::RedisResult<()> {
        self.cluster(&["REPLICATE", &primary.cluster(&["MYID"]).await?])
            .await?;
        self.wait_for(&["INFO", "replication"], &["master_link_status:up"])
            .await
    }

    /// A command as words, for those who know nothing else of Redis; the texts of its answer in a row.
    pub async fn ask(&self, words: &[&[u8]]) -> redis::RedisResult<Vec<Vec<u8>>> {
        let mut command = Cmd::new();
        command.arg(words);
        let mut texts = Vec::new();
        let mut answers = vec![self.command::<Value>(&command).await?];
        while let Some(answer) = answers.pop() {
            match answer {
                Value::BulkString(text) => texts.push(text),
                Value::SimpleString(text) => texts.push(text.into_bytes()),
                Value::Int(number) => texts.push(number.to_string().into_bytes()),
                Value::Array(parts) => answers.extend(parts.into_iter().rev()),
                _ => {}
            }
        }
        Ok(texts)
    }

    /// Follows another single server until it has everything that this one has.
    pub async fn replicate(&self, primary: &Self) -> redis::RedisResult<()> {
        let mut command = redis::cmd("REPLICAOF");
        command.arg("127.0.0.1").arg(primary.port);
        self.command::<Value>(&command).await?;
        self.wait_for(&["INFO", "replication"], &["master_link_status:up"])
            .await
    }

    /// Ends being a replica.
    pub async fn promote(&self) -> redis::RedisResult<()> {
        self.command(redis::cmd("REPLICAOF").arg("NO").arg("ONE"))
            .await
    }

    /// Waits until the answer to a command holds all of the texts.
    pub async fn wait_for(&self, command: &[&str], texts: &[&str]) -> redis::RedisResult<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let answer: String = self
                .command(redis::cmd(command[0]).arg(&command[1..]))
                .await?;
            if texts.iter().all(|text| answer.contains(text)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err((
                    redis::ErrorKind::Client,
                    "a server never came to the state that was awaited",
                )
                    .into());
            }
            sleep(POLL_INTERVAL).await;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}

/// A cluster of three primaries, which come first in `nodes`.
#[derive(Debug)]
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub async fn start() -> io::Result<Self> {
        let mut nodes = Vec::new();
        for _ in 0..PRIMARIES {
            nodes.push(RedisServer::start_with(&CLUSTER_ARGUMENTS).await?);
        }
        let cluster = Self { nodes };
        cluster.share_slots().await.map_err(io::Error::other)?;
        cluster
            .meet(&cluster.nodes[1..])
            .await
            .map_err(io::Error::other)?;
        Ok(cluster)
    }

    /// Gives each primary a replica; they come after the primaries in `nodes`, in the same order.
    pub async fn add_replicas(&mut self) -> io::Result<()> {
        for _ in 0..PRIMARIES {
            self.nodes
                .push(RedisServer::start_with(&CLUSTER_ARGUMENTS).await?);
        }
        let (primaries, replicas) = self.nodes.split_at(PRIMARIES);
        self.meet(replicas).await.map_err(io::Error::other)?;
        for (primary, replica) in primaries.iter().zip(replicas) {
            replica.follow(primary).await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn share_slots(&self) -> redis::RedisResult<()> {
        const SLOTS: usize = 16_384;
        for (position, node) in self.nodes.iter().enumerate() {
            let (first, next) = (
                SLOTS * position / PRIMARIES,
                SLOTS * (position + 1) / PRIMARIES,
            );
            node.cluster(&["ADDSLOTSRANGE", &first.to_string(), &(next - 1).to_string()])
                .await?;
            node.cluster(&["SET-CONFIG-EPOCH", &(position + 1).to_string()])
                .await?;
        }
        Ok(())
    }

    /// Introduces nodes to the first one, and waits until all know all.
    async fn meet(&self, new: &[RedisServer]) -> redis::RedisResult<()> {
        for node in new {
            let (port, bus_port) = (node.port.to_string(), node.bus_port.to_string());
            self.nodes[0]
                .cluster(&["MEET", "127.0.0.1", &port, &bus_port])
                .await?;
        }
        let all_known = format!("cluster_known_nodes:{}", self.nodes.len());
        for node in &self.nodes {
            node.wait_for(&["CLUSTER", "INFO"], &["cluster_state:ok", &all_known])
                .await?;
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

/// Watches one server and its replicas, under the name [`RedisSentinel::MASTER`]. Alone it decides at once.
#[derive(Debug)]
pub struct RedisSentinel {
    server: RedisServer,
}

impl RedisSentinel {
    pub const MASTER: &str = "main";

    /// Returns when it knows the replicas.
    pub async fn watch(primary: &RedisServer, replicas: usize) -> io::Result<Self> {
        let (port, bus_port) = (free_port(), free_port());
        let (name, watched) = (Self::MASTER, primary.port);
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor {name} 127.0.0.1 {watched} 1\n\
             sentinel down-after-milliseconds {name} 1000\nsentinel failover-timeout {name} 5000\n"
        );
        let keeper = keep(&["--sentinel"], Some(&settings))?;
        let server = RedisServer {
            keeper,
            port,
            bus_port,
        };
        server.answers().await?;
        let known = format!("slaves={replicas},");
        server
            .wait_for(&["INFO", "sentinel"], &[&known, "status=ok"])
            .await
            .map_err(io::Error::other)?;
        Ok(Self { server })
    }

    /// With a key prefix that no other configuration has.
    pub fn config(&self) -> StoreConfig {
        StoreConfig {
            sentinel_master: Some(Self::MASTER.to_owned()),
            ..self.server.config()
        }
    }
}

fn unique_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "test-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
