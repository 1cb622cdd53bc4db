//! Real Apache Kafka brokers: one for the whole test binary (starting one takes seconds, topics are cheap), or others that
//! may be stopped.

use crate::eventually;
use crate::process::{Process, workspace};
use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::testing::free_port;
use tokio::sync::OnceCell;

/// From a cold machine: fetching the jars, formatting, starting.
const START_DEADLINE: Duration = Duration::from_secs(180);

#[derive(Debug)]
pub struct Kafka {
    pub port: u16,
    controller_port: u16,
    /// Of a second listener, and the port that it tells clients.
    behind: Option<(u16, u16)>,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    process: Process,
}

static SHARED: OnceCell<Kafka> = OnceCell::const_new();

impl Kafka {
    /// The broker that all tests of this binary share.
    pub async fn shared() -> &'static Self {
        let start = async || {
            // The shared broker is never dropped, so its folder is left to the tether to remove.
            let folder = tempfile::tempdir().expect("a temporary folder").keep();
            let removes = ("TETHER_REMOVES".to_owned(), folder.display().to_string());
            Self::launch(&folder, None, vec![removes]).await
        };
        SHARED.get_or_init(start).await
    }

    /// A broker of its own that keeps its data in `folder`, for tests that stop it. With `advertised_port`, it has a second
    /// listener that tells clients this port, where a proxy must stand: they cannot go round it.
    pub async fn start(folder: &Path, advertised_port: Option<u16>) -> Self {
        let behind = advertised_port.map(|advertised_port| (free_port(), advertised_port));
        Self::launch(folder, behind, Vec::new()).await
    }

    /// Three brokers that are replicas of each other.
    pub async fn start_three(folder: &Path) -> [Self; 3] {
        let controllers = [free_port(), free_port(), free_port()];
        let voters: Vec<String> = (1..)
            .zip(controllers)
            .map(|(id, port)| format!("{id}@127.0.0.1:{port}"))
            .collect();
        let started = (1..).zip(controllers).map(|(id, controller_port)| {
            let folder = folder.join(format!("broker-{id}"));
            std::fs::create_dir_all(&folder).expect("a folder for the broker");
            let environment = vec![
                ("KAFKA_NODE_ID".to_owned(), id.to_string()),
                ("KAFKA_VOTERS".to_owned(), voters.join(",")),
                ("KAFKA_REPLICATION".to_owned(), "3".to_owned()),
            ];
            Self::spawn(&folder, controller_port, None, environment)
        });
        let mut brokers: Vec<Self> = started.collect();
        for broker in &mut brokers {
            broker.answers().await;
        }
        brokers.try_into().expect("three were started")
    }

    async fn launch(
        folder: &Path,
        behind: Option<(u16, u16)>,
        environment: Vec<(String, String)>,
    ) -> Self {
        let mut broker = Self::spawn(folder, free_port(), behind, environment);
        broker.answers().await;
        broker
    }

    fn spawn(
        folder: &Path,
        controller_port: u16,
        behind: Option<(u16, u16)>,
        mut environment: Vec<(String, String)>,
    ) -> Self {
        let port = free_port();
        if let Some((listening, advertised)) = behind {
            let ports = format!("{listening}:{advertised}");
            environment.push(("KAFKA_BEHIND_PROXY".to_owned(), ports));
        }
        let process = run(folder, port, controller_port, &environment);
        Self {
            port,
            controller_port,
            behind,
            folder: folder.to_owned(),
            environment,
            process,
        }
    }

    /// Waits until it does.
    pub async fn answers(&mut self) {
        let port = self.port;
        eventually("Kafka answers", START_DEADLINE, async || {
            let process = &mut self.process;
            assert!(process.is_running(), "Kafka ended:\n{}", process.log_end());
            tokio::task::spawn_blocking(move || answers(port)).await?
        })
        .await;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with the data that it has, without waiting for it.
    pub fn restart(&mut self) {
        self.process = run(
            &self.folder,
            self.port,
            self.controller_port,
            &self.environment,
        );
    }

    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port of the second listener, for the proxy before it.
    ///
    /// # Panics
    /// When it was started without one.
    pub fn port_behind_proxy(&self) -> u16 {
        self.behind.expect("it has a second listener").0
    }

    /// What clients are told who shall come by the proxy.
    ///
    /// # Panics
    /// When it was started without one.
    pub fn brokers_by_proxy(&self) -> String {
        let (_, advertised_port) = self.behind.expect("it has a second listener");
        format!("127.0.0.1:{advertised_port}")
    }

    pub fn client(&self) -> ClientConfig {
        client(&self.brokers())
    }
}

fn run(
    folder: &Path,
    port: u16,
    controller_port: u16,
    environment: &[(String, String)],
) -> Process {
    Process::start(
        "kafka",
        folder,
        &workspace().join("scripts/kafka/server.sh"),
        &[
            folder.join("data").display().to_string(),
            port.to_string(),
            controller_port.to_string(),
        ],
        environment,
    )
}

/// What every client here has in common.
pub fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("message.max.bytes", "16777216");
    config
}

fn answers(port: u16) -> anyhow::Result<()> {
    // librdkafka logs every refused connection; a plain one says whether asking is worth while.
    std::net::TcpStream::connect(("127.0.0.1", port)).context("no listener")?;
    let probe: BaseConsumer = client(&format!("127.0.0.1:{port}")).create()?;
    probe.fetch_metadata(None, Duration::from_secs(5))?;
    Ok(())
}
