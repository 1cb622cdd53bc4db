//! Real Redis servers: one per test, a cluster of three, or others by hand.

use crate::eventually;
use crate::process::Process;
use ::redis::{Client, Cmd, Commands, FromRedisValue, RedisResult, cmd};
use std::path::Path;
use std::time::Duration;
use store::testing::free_port;
use tempfile::TempDir;

const START_DEADLINE: Duration = Duration::from_secs(30);
/// A server that was frozen on purpose answers nobody.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// The least that Redis Cluster accepts.
const CLUSTER_NODES: usize = 3;
const CLUSTER_SLOTS: usize = 16_384;

/// One server that keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    pub port: u16,
    process: Process,
    directory: TempDir,
}

impl Redis {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let process = start_server(directory.path(), port, &[]).await;
        Self {
            port,
            process,
            directory,
        }
    }

    pub fn url(&self) -> String {
        url(self.port)
    }

    /// `kill -9`, then a new server with no data on the same port.
    pub async fn replace_by_an_empty_one(&mut self) {
        self.process.kill();
        self.process = start_server(self.directory.path(), self.port, &[]).await;
    }

    pub fn run<T: FromRedisValue>(&self, command: &Cmd) -> T {
        run(self.port, command)
    }

    /// What all keys take in memory, as Redis counts it: values, names and bookkeeping.
    pub fn key_bytes(&self) -> u64 {
        key_bytes(self.port, "*")
    }

    /// The same for keys whose name matches a pattern.
    pub fn key_bytes_of(&self, pattern: &str) -> u64 {
        key_bytes(self.port, pattern)
    }
}

/// Three masters that share the slots, without replicas.
#[derive(Debug)]
pub struct RedisCluster {
    pub ports: Vec<u16>,
    _processes: Vec<Process>,
    _directory: TempDir,
}

impl RedisCluster {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let mut ports = Vec::new();
        let mut processes = Vec::new();
        for node in 0..CLUSTER_NODES {
            let (port, bus_port) = (free_port(), free_port());
            let folder = directory.path().join(format!("node-{node}"));
            std::fs::create_dir(&folder).expect("a folder for the node");
            let settings = [
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "5000",
                "--cluster-port",
            ];
            let settings: Vec<String> = settings
                .iter()
                .map(ToString::to_string)
                .chain([bus_port.to_string()])
                .collect();
            processes.push(start_server(&folder, port, &settings).await);
            let (first, last) = (
                node * CLUSTER_SLOTS / CLUSTER_NODES,
                (node + 1) * CLUSTER_SLOTS / CLUSTER_NODES - 1,
            );
            run::<()>(
                port,
                cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last),
            );
            if let Some(known) = ports.first() {
                let (known_port, known_bus_port): &(u16, u16) = known;
                run::<()>(
                    port,
                    cmd("CLUSTER")
                        .arg("MEET")
                        .arg("127.0.0.1")
                        .arg(*known_port)
                        .arg(*known_bus_port),
                );
            }
            ports.push((port, bus_port));
        }
        let ports: Vec<u16> = ports.into_iter().map(|(port, _)| port).collect();
        for port in &ports {
            eventually("the cluster is complete", START_DEADLINE, async || {
                cluster_is_complete(*port)
            })
            .await;
        }
        Self {
            ports,
            _processes: processes,
            _directory: directory,
        }
    }

    pub fn urls(&self) -> Vec<String> {
        self.ports.iter().map(|port| url(*port)).collect()
    }

    /// How many keys each node holds.
    pub fn keys_by_node(&self) -> Vec<u64> {
        self.ports
            .iter()
            .map(|port| run(*port, &cmd("DBSIZE")))
            .collect()
    }
}

fn cluster_is_complete(port: u16) -> Result<(), String> {
    let info: String = run(port, cmd("CLUSTER").arg("INFO"));
    let nodes = format!("cluster_known_nodes:{CLUSTER_NODES}");
    if info.contains("cluster_state:ok") && info.contains(&nodes) {
        Ok(())
    } else {
        Err(info)
    }
}

/// A server with its data in `directory`, and settings as on its command line. Returns when it answers, which it does when
/// it has loaded what is there.
///
/// # Panics
/// When it ends, or does not answer in time.
pub async fn start_server(directory: &Path, port: u16, settings: &[String]) -> Process {
    let common = [
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
    ];
    let mut arguments: Vec<String> = common.iter().map(ToString::to_string).collect();
    arguments.extend([
        directory.display().to_string(),
        "--port".to_owned(),
        port.to_string(),
    ]);
    arguments.extend_from_slice(settings);
    let mut process = Process::start(
        "redis",
        directory,
        Path::new("redis-server"),
        &arguments,
        &[],
    );
    eventually("Redis answers", START_DEADLINE, async || {
        assert!(process.is_running(), "Redis ended:\n{}", process.log_end());
        try_run::<String>(port, &cmd("PING"))
    })
    .await;
    process
}

pub fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// What the server on this port answers.
///
/// # Errors
/// When it does not answer within [`COMMAND_TIMEOUT`], or refuses.
pub fn try_run<T: FromRedisValue>(port: u16, command: &Cmd) -> RedisResult<T> {
    let client = Client::open(url(port))?;
    let mut connection = client.get_connection_with_timeout(COMMAND_TIMEOUT)?;
    connection.set_read_timeout(Some(COMMAND_TIMEOUT))?;
    command.query(&mut connection)
}

fn run<T: FromRedisValue>(port: u16, command: &Cmd) -> T {
    try_run(port, command).expect("Redis does as it is told")
}

fn key_bytes(port: u16, pattern: &str) -> u64 {
    let client = Client::open(url(port)).expect("a valid address");
    let mut scan = client.get_connection().expect("Redis answers");
    let mut usage = client.get_connection().expect("Redis answers");
    let keys = scan
        .scan_match::<_, Vec<u8>>(pattern)
        .expect("keys can be listed");
    keys.map(|key| {
        let key = key.expect("a key");
        // SAMPLES 0 counts every element instead of an estimate.
        let bytes: Option<u64> = cmd("MEMORY")
            .arg("USAGE")
            .arg(key)
            .arg("SAMPLES")
            .arg(0)
            .query(&mut usage)
            .expect("a size");
        bytes.unwrap_or(0)
    })
    .sum()
}
