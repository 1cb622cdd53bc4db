//! A primary and its replica behind one address, as managed Redis has it: who is promoted is behind that address from then
//! on, and clients are told nothing.

use crate::durable::Durable;
use crate::proxy::Proxy;
use harness::eventually;
use redis::cmd;
use std::path::Path;
use std::time::Duration;

const LINK_DEADLINE: Duration = Duration::from_secs(60);
/// So long a replica hears nothing before its primary is killed.
const BEHIND: Duration = Duration::from_millis(600);

#[derive(Debug)]
pub(crate) struct Pair {
    /// The primary first.
    servers: [Durable; 2],
    proxy: Proxy,
}

impl Pair {
    /// # Errors
    /// When a folder cannot be made or the servers refuse each other.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut servers = Vec::new();
        for name in ["a", "b"] {
            let folder = folder.join(name);
            std::fs::create_dir_all(&folder)?;
            servers.push(Durable::start(&folder, &["--repl-diskless-sync-delay", "0"]).await);
        }
        let [primary, replica] = <[Durable; 2]>::try_from(servers).expect("two were started");
        let pair = Self {
            proxy: Proxy::start(0, primary.port).await?,
            servers: [primary, replica],
        };
        pair.follow().await?;
        Ok(pair)
    }

    pub(crate) fn url(&self) -> String {
        harness::redis::url(self.proxy.port)
    }

    /// Lets the second follow the first, and waits until it has all that the first has.
    async fn follow(&self) -> anyhow::Result<()> {
        let [primary, replica] = &self.servers;
        let mut command = cmd("REPLICAOF");
        command.arg("127.0.0.1").arg(primary.port);
        replica.run::<()>(&command)?;
        eventually("the replica follows", LINK_DEADLINE, async || {
            let info: String = replica.run(cmd("INFO").arg("replication"))?;
            let is_up = info.contains("master_link_status:up");
            anyhow::ensure!(is_up, "{info}");
            anyhow::Ok(())
        })
        .await;
        Ok(())
    }

    /// The replica becomes the primary. Connections that exist lead to the old one, which is a replica now and takes no
    /// writes.
    ///
    /// # Errors
    /// When the servers refuse.
    pub(crate) async fn promote_and_keep(&mut self) -> anyhow::Result<()> {
        self.promote()?;
        self.follow().await
    }

    /// The primary dies when its replica has not heard of the last writes, and that takes over.
    ///
    /// # Errors
    /// When the servers refuse.
    pub(crate) async fn fail_over(&mut self) -> anyhow::Result<()> {
        self.servers[1].freeze();
        tokio::time::sleep(BEHIND).await;
        self.servers[0].kill();
        self.servers[1].thaw();
        self.promote()?;
        self.proxy.cut();
        self.servers[1].restart().await;
        self.follow().await
    }

    fn promote(&mut self) -> anyhow::Result<()> {
        self.servers.swap(0, 1);
        let primary = &self.servers[0];
        primary.run::<()>(cmd("REPLICAOF").arg("NO").arg("ONE"))?;
        self.proxy.lead_to(primary.port);
        Ok(())
    }
}
