//! A real Apache Kafka broker, one for the whole test binary: starting one takes seconds, topics are cheap.

use crate::eventually;
use crate::process::{Process, free_port, workspace};
use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::time::Duration;
use tokio::sync::OnceCell;

/// From a cold machine: fetching the jars, formatting, starting.
const START_DEADLINE: Duration = Duration::from_secs(180);

#[derive(Debug)]
pub struct Kafka {
    pub port: u16,
    _process: Process,
}

static SHARED: OnceCell<Kafka> = OnceCell::const_new();

impl Kafka {
    /// The broker that all tests of this binary share.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// A broker of its own, for tests that stop it.
    pub async fn start() -> Self {
        // The shared broker is never dropped, so its folder is left to the tether to remove.
        let data = tempfile::tempdir().expect("a temporary folder").keep();
        let (port, controller_port) = (free_port(), free_port());
        let mut process = Process::start(
            "kafka",
            &data,
            &workspace().join("scripts/kafka/server.sh"),
            &[
                data.join("data").display().to_string(),
                port.to_string(),
                controller_port.to_string(),
            ],
            &[("TETHER_REMOVES".to_owned(), data.display().to_string())],
        );
        eventually("Kafka answers", START_DEADLINE, async || {
            assert!(process.is_running(), "Kafka ended:\n{}", process.log_end());
            tokio::task::spawn_blocking(move || answers(port)).await?
        })
        .await;
        Self {
            port,
            _process: process,
        }
    }

    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn client(&self) -> ClientConfig {
        client(&self.brokers())
    }
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
