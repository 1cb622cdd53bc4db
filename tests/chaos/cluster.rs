//! A Redis Cluster of three primaries, each with a replica.

use anyhow::{Context, ensure};
use harness::eventually;
use harness::process::Process;
use harness::redis::{start_server, try_run, url};
use redis::{Cmd, FromRedisValue, cmd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::testing::free_port;

const PRIMARIES: usize = 3;
const SLOTS: usize = 16_384;
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a node is silent before the others give it up.
const NODE_TIMEOUT_MS: u32 = 2_000;
/// Keys of one slot that are moved at once.
const MOVED_KEYS_MAX: usize = 100;

#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    port: u16,
    bus_port: u16,
    id: String,
    folder: PathBuf,
    process: Process,
}

impl Cluster {
    /// # Errors
    /// When a folder cannot be made or nodes refuse each other.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut cluster = Self { nodes: Vec::new() };
        for number in 0..2 * PRIMARIES {
            let folder = folder.join(format!("node-{number}"));
            std::fs::create_dir_all(&folder)?;
            let (port, bus_port) = (free_port(), free_port());
            let process = start_server(&folder, port, &settings(bus_port)).await;
            let id = try_run(port, cmd("CLUSTER").arg("MYID"))?;
            cluster.nodes.push(Node {
                port,
                bus_port,
                id,
                folder,
                process,
            });
        }
        cluster.join().await?;
        Ok(cluster)
    }

    async fn join(&self) -> anyhow::Result<()> {
        let first = &self.nodes[0];
        for (number, node) in self.nodes[..PRIMARIES].iter().enumerate() {
            let [begin, end] = [number, number + 1].map(|part| part * SLOTS / PRIMARIES);
            let mut add = cmd("CLUSTER");
            add.arg("ADDSLOTSRANGE").arg(begin).arg(end - 1);
            node.run::<()>(&add)?;
        }
        for node in &self.nodes[1..] {
            let mut meet = cmd("CLUSTER");
            meet.arg("MEET")
                .arg("127.0.0.1")
                .arg(first.port)
                .arg(first.bus_port);
            node.run::<()>(&meet)?;
        }
        for (number, replica) in self.nodes[PRIMARIES..].iter().enumerate() {
            let primary = &self.nodes[number];
            eventually("the replica knows its primary", DEADLINE, async || {
                replica.run::<()>(cmd("CLUSTER").arg("REPLICATE").arg(&primary.id))
            })
            .await;
        }
        self.complete().await;
        Ok(())
    }

    /// Waits until every node agrees that all is well, and each replica has what its primary has.
    pub(crate) async fn complete(&self) {
        eventually("the cluster is complete", DEADLINE, async || {
            for node in &self.nodes {
                let info: String = node.run(cmd("CLUSTER").arg("INFO"))?;
                ensure!(info.contains("cluster_state:ok"), "{info}");
                let known = format!("cluster_known_nodes:{}", 2 * PRIMARIES);
                ensure!(info.contains(&known), "{info}");
                let info: String = node.run(cmd("INFO").arg("replication"))?;
                let is_well = match info.contains("role:master") {
                    true => info.contains("connected_slaves:1"),
                    false => info.contains("master_link_status:up"),
                };
                ensure!(is_well, "{info}");
            }
            Ok(())
        })
        .await;
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| url(node.port)).collect()
    }

    /// Gives slots of one primary to another, with the keys in them, while they are used. Returns how many.
    ///
    /// # Errors
    /// When nodes refuse.
    pub(crate) fn move_slots(
        &self,
        random: &mut fastrand::Rng,
        count: usize,
    ) -> anyhow::Result<usize> {
        let primaries = self.primaries()?;
        let from = random.usize(..primaries.len());
        let to = (from + 1) % primaries.len();
        let [from, to] = [from, to].map(|number| &self.nodes[primaries[number]]);
        let mut slots = from.slots()?;
        random.shuffle(&mut slots);
        slots.truncate(count);
        for slot in &slots {
            self.move_slot(*slot, from, to)
                .with_context(|| format!("slot {slot}"))?;
        }
        Ok(slots.len())
    }

    fn move_slot(&self, slot: u16, from: &Node, to: &Node) -> anyhow::Result<()> {
        let setslot = |node: &Node, state: &str, id: &str| {
            let mut command = cmd("CLUSTER");
            command.arg("SETSLOT").arg(slot).arg(state).arg(id);
            node.run::<()>(&command)
        };
        setslot(to, "IMPORTING", &from.id)?;
        setslot(from, "MIGRATING", &to.id)?;
        loop {
            let mut get = cmd("CLUSTER");
            get.arg("GETKEYSINSLOT").arg(slot).arg(MOVED_KEYS_MAX);
            let keys: Vec<Vec<u8>> = from.run(&get)?;
            if keys.is_empty() {
                break;
            }
            let mut migrate = cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(to.port).arg("").arg(0);
            migrate.arg(DEADLINE.as_millis() as u64);
            migrate.arg("KEYS").arg(keys);
            from.run::<String>(&migrate)?;
        }
        setslot(to, "NODE", &to.id)?;
        for number in self.primaries()? {
            setslot(&self.nodes[number], "NODE", &to.id)?;
        }
        Ok(())
    }

    fn primaries(&self) -> anyhow::Result<Vec<usize>> {
        let mut primaries = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let info: String = node.run(cmd("INFO").arg("replication"))?;
            if info.contains("role:master") {
                primaries.push(number);
            }
        }
        Ok(primaries)
    }

    /// Kills a primary, after its replica has been frozen for `frozen`, and waits until that has taken over. Then the killed
    /// one comes back, as a replica.
    ///
    /// # Errors
    /// When nodes refuse.
    pub(crate) async fn fail_over(
        &mut self,
        random: &mut fastrand::Rng,
        frozen: Duration,
    ) -> anyhow::Result<()> {
        let primaries = self.primaries()?;
        let killed = primaries[random.usize(..primaries.len())];
        let heir = self.replica_of(killed)?;
        if !frozen.is_zero() {
            self.nodes[heir].process.signal("STOP");
            tokio::time::sleep(frozen).await;
        }
        self.nodes[killed].process.kill();
        if !frozen.is_zero() {
            self.nodes[heir].process.signal("CONT");
        }
        eventually("the replica takes over", DEADLINE, async || {
            let info: String = self.nodes[heir].run(cmd("INFO").arg("replication"))?;
            ensure!(info.contains("role:master"), "{info}");
            anyhow::Ok(())
        })
        .await;
        let node = &mut self.nodes[killed];
        node.process = start_server(&node.folder, node.port, &settings(node.bus_port)).await;
        self.complete().await;
        Ok(())
    }

    fn replica_of(&self, primary: usize) -> anyhow::Result<usize> {
        let port = format!("master_port:{}\r", self.nodes[primary].port);
        for (number, node) in self.nodes.iter().enumerate() {
            let info: String = node.run(cmd("INFO").arg("replication"))?;
            if info.contains(&port) {
                return Ok(number);
            }
        }
        anyhow::bail!("node {primary} has no replica")
    }
}

impl Node {
    fn run<T: FromRedisValue>(&self, command: &Cmd) -> anyhow::Result<T> {
        Ok(try_run(self.port, command)?)
    }

    /// The slots that it serves.
    fn slots(&self) -> anyhow::Result<Vec<u16>> {
        let nodes: String = self.run(cmd("CLUSTER").arg("NODES"))?;
        let own = nodes.lines().find(|line| line.starts_with(&self.id));
        // id, address, flags, primary, ping, pong, epoch, link, then its slots
        let ranges = own.context("a node knows itself")?.split(' ').skip(8);
        let mut slots = Vec::new();
        for range in ranges.filter(|range| !range.starts_with('[')) {
            let (begin, end) = range.split_once('-').unwrap_or((range, range));
            slots.extend(begin.parse::<u16>()?..=end.parse()?);
        }
        Ok(slots)
    }
}

fn settings(bus_port: u16) -> Vec<String> {
    [
        "--cluster-enabled".to_owned(),
        "yes".to_owned(),
        "--cluster-node-timeout".to_owned(),
        NODE_TIMEOUT_MS.to_string(),
        "--cluster-port".to_owned(),
        bus_port.to_string(),
        "--repl-diskless-sync-delay".to_owned(),
        "0".to_owned(),
    ]
    .into()
}
