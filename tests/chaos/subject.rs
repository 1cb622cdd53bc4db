//! A system under test: processors of one group and a gateway, each a process with a folder and a log of its own, over
//! some Redis. Also the oracle, which nobody disturbs.

use crate::census::Census;
use crate::group::Group;
use crate::strays::{HOLD_MS, SETTLE_MS, TRACED_PROJECT, WAIT_MS};
use crate::watch::{Looking, Watch};
use anyhow::{Context, ensure};
use futures::future::join_all;
use harness::clock::now_ms;
use harness::graphql::Client;
use harness::services::{Service, Settings};
use harness::topics::Topics;
use serde_json::json;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::testing::free_port;
use tokio::time::Instant;

/// A silence of so long ends a window.
pub(crate) const GAP_MS: i64 = 20_000;
/// A process that is silent for so long loses its partitions.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
const STOP_GRACE_MS: u64 = 4_000;
const SIGTERM: i32 = 15;
/// How a process ends that could not finish in time.
const EXIT_GRACE_PASSED: i32 = 2;
/// So little in flight that reading the load takes long, and there is lag while faults happen.
const IN_FLIGHT_RECORDS_MAX: usize = 40;

/// Partitions are paused and resumed all the time then: nothing comes though there is something.
const PAUSE_AFTER_MS: u64 = 100;
/// A stretch of a partition of which nothing can be read pauses it soon, and it is tried again soon.
const JUDGED_RECORDS: usize = 50;
const PARTITION_PAUSE_MS: u64 = 1_000;
/// So often that what the client remembers is looked at soon after each rebalance.
const STATISTICS_INTERVAL_MS: u64 = 100;

/// Nothing was read or closed for so long: that is rest, if nothing is left to do.
const QUIET: Duration = Duration::from_secs(4);
/// Nothing was read or closed for so long, and there is something left to do: that will not change any more.
const STUCK: Duration = Duration::from_secs(45);
/// For everything to come to rest, on a small and busy machine.
const REST_DEADLINE: Duration = Duration::from_secs(300);
/// Beyond a gap after the last record: the watermark's steps, and what is sent and stored after them.
const CLOSING_MS: i64 = 5_000;
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// What a system is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) processors: usize,
    pub(crate) redis_urls: Vec<String>,
    pub(crate) is_cluster: bool,
    pub(crate) brokers: String,
    pub(crate) is_throttled: bool,
}

#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) client: Client,
    pub(crate) watch: Watch,
    pub(crate) group: Group,
    pub(crate) folder: PathBuf,
    processors: Vec<Service>,
    gateways: Vec<Service>,
    /// Of the broker itself, past any proxy.
    brokers: String,
    topics: Topics,
    settings: Settings,
    _looking: Looking,
}

/// How a system came to rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// From the given moment until the last record was read and committed and all were ready.
    pub(crate) took: Duration,
    /// Why it did not.
    pub(crate) trouble: Option<String>,
}

impl Subject {
    /// Starts it on the input topics of `inputs`, with group, outputs and folder of its own. `brokers` are Kafka itself, for
    /// looking from outside, where the plan's may be a proxy.
    ///
    /// # Errors
    /// When topics cannot be made.
    pub(crate) async fn start(
        name: &str,
        plan: &Plan,
        inputs: &Topics,
        brokers: &str,
        folder: &Path,
        partitions: i32,
    ) -> anyhow::Result<Self> {
        let outputs = Topics::with_prefix(&format!("{name}-"));
        let topics = Topics {
            conversations: outputs.conversations,
            dead_letters: outputs.dead_letters,
            ..inputs.clone()
        };
        topics.create(brokers, partitions).await?;
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let settings = settings(name, plan, &topics);
        let (group, watch) = (Group::new(brokers, name, &topics)?, Watch::default());
        let mut subject = Self {
            client: Client::new(0),
            _looking: watch.begin(group.clone()),
            watch,
            group,
            folder,
            processors: Vec::new(),
            gateways: Vec::new(),
            brokers: brokers.to_owned(),
            topics,
            settings,
        };
        subject.add_processors(plan.processors).await?;
        let port = subject.add_gateway().await?;
        subject.client = Client::new(port);
        Ok(subject)
    }

    /// Starts more processors, all at once, and waits until they are ready.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub(crate) async fn add_processors(&mut self, count: usize) -> anyhow::Result<()> {
        let mut starting = Vec::new();
        for number in self.processors.len()..self.processors.len() + count {
            let folder = self.folder.join(format!("processor-{number}"));
            std::fs::create_dir_all(&folder)?;
            let settings = self.settings.clone();
            starting.push(async move { Service::start("processor", &folder, settings).await });
        }
        for service in join_all(starting).await {
            self.watch.up(service.probes_port());
            self.processors.push(service);
        }
        Ok(())
    }

    /// Starts one more gateway and returns its port.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub(crate) async fn add_gateway(&mut self) -> anyhow::Result<u16> {
        let folder = self.folder.join(format!("gateway-{}", self.gateways.len()));
        std::fs::create_dir_all(&folder)?;
        let port = free_port();
        let settings = self.settings.clone();
        let settings = settings.set("gateway.bind", format!("127.0.0.1:{port}"));
        self.gateways
            .push(Service::start("gateway", &folder, settings).await);
        Ok(port)
    }

    pub(crate) fn gateway(&mut self, number: usize) -> &mut Service {
        &mut self.gateways[number]
    }

    pub(crate) fn processors(&self) -> usize {
        self.processors.len()
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When it ends by a failure.
    pub(crate) async fn stop(&mut self, number: usize) -> anyhow::Result<()> {
        let http = reqwest::Client::new();
        let has_seen_all = self.watch.look(&http).await;
        let service = &mut self.processors[number];
        self.watch.down(service.probes_port(), has_seen_all);
        let status = tokio::task::block_in_place(|| service.stop());
        // On a busy machine the grace may pass: what is left then is for others to do, and must not be lost. Who has just
        // been started may not listen to signals yet.
        let is_in_order = status.success()
            || status.code() == Some(EXIT_GRACE_PASSED)
            || status.signal() == Some(SIGTERM);
        ensure!(is_in_order, "processor {number} stopped with {status}");
        Ok(())
    }

    pub(crate) fn kill(&mut self, number: usize) {
        let service = &mut self.processors[number];
        self.watch.down(service.probes_port(), false);
        service.kill();
    }

    /// Starts it again, without waiting for it to be ready.
    pub(crate) fn restart(&mut self, number: usize) {
        let service = &mut self.processors[number];
        service.restart();
        self.watch.up(service.probes_port());
    }

    /// Stops the last one for good.
    ///
    /// # Errors
    /// As for [`Subject::stop`].
    pub(crate) async fn remove_processor(&mut self) -> anyhow::Result<()> {
        let last = self.processors.len() - 1;
        self.stop(last).await?;
        self.processors.truncate(last);
        Ok(())
    }

    pub(crate) fn freeze(&self, number: usize) {
        self.processors[number].freeze();
    }

    pub(crate) fn thaw(&self, number: usize) {
        self.processors[number].thaw();
    }

    /// # Panics
    /// When it is not ready in time.
    pub(crate) async fn ready(&mut self, number: usize) {
        self.processors[number].ready().await;
    }

    /// Processors that have ended though nobody told them to.
    fn ended(&mut self) -> Vec<String> {
        let watch = &self.watch;
        let services = self.processors.iter_mut().enumerate();
        let ended = services.filter_map(|(number, service)| {
            let has_ended = watch.is_up(service.probes_port()) && !service.is_running();
            has_ended.then(|| format!("processor {number} ended by itself"))
        });
        ended.collect()
    }

    /// Waits until nothing is read and closed any more and nothing is left to do, or until that is hopeless.
    /// `last_ms` is the time of the last record, `since` the end of the last fault.
    pub(crate) async fn rest(&mut self, last_ms: i64, since: Instant) -> Rest {
        let deadline = Instant::now() + REST_DEADLINE;
        let began = Instant::now();
        let mut busy_at = since;
        loop {
            let left = self.left(last_ms, &mut busy_at).await;
            let silence = self.watch.silence().min(began.elapsed());
            let done = left.is_ok() && silence > QUIET;
            let is_hopeless = silence > STUCK || Instant::now() > deadline;
            if done || is_hopeless {
                let read_at = self.watch.read_at().unwrap_or(since);
                let right_at = busy_at.max(read_at);
                let mut trouble = left.err();
                let ended = self.ended();
                if !ended.is_empty() {
                    trouble = Some(ended.join(", "));
                }
                return Rest {
                    took: right_at.saturating_duration_since(since),
                    trouble,
                };
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// What is left to do, as an error. `busy_at` becomes now while records are left or someone is not ready.
    async fn left(&self, last_ms: i64, busy_at: &mut Instant) -> Result<(), String> {
        let behind = self.group.behind().await;
        let behind =
            behind.map_err(|error| format!("Kafka does not say what is left: {error:#}"))?;
        if behind > 0 {
            *busy_at = Instant::now();
            return Err(format!("{behind} records are not committed"));
        }
        if !self.watch.all_ready() {
            *busy_at = Instant::now();
            return Err("a processor is not ready".to_owned());
        }
        if now_ms() < last_ms + GAP_MS + CLOSING_MS {
            return Err("the last windows are not due".to_owned());
        }
        let query = "{ conversations(first: 1, filter: {status: OPEN}) { nodes { project id } } }";
        let open = self.client.query(query, json!({})).await;
        let open =
            open.map_err(|error| format!("the gateway does not say what is open: {error:#}"))?;
        match open["conversations"]["nodes"].get(0) {
            None => Ok(()),
            Some(first) => Err(format!("conversations are still open, such as {first}")),
        }
    }

    /// # Errors
    /// When the gateway or Kafka do not answer.
    pub(crate) async fn census(&self) -> anyhow::Result<Census> {
        Census::take(&self.client, &self.brokers, &self.topics)
            .await
            .with_context(|| format!("the state of {}", self.folder.display()))
    }
}

fn settings(name: &str, plan: &Plan, topics: &Topics) -> Settings {
    let settings = Settings::default()
        .set_list("kafka.brokers", std::slice::from_ref(&plan.brokers))
        .set("kafka.group_id", name)
        .set("kafka.topics", topics.as_setting())
        .set("kafka.conversations_topic", &topics.conversations)
        .set("kafka.dead_letter_topic", &topics.dead_letters)
        .set("kafka.session_timeout_ms", SESSION_TIMEOUT.as_millis())
        .set("kafka.metadata_refresh_ms", 2_000)
        .set("processor.stop_grace_ms", STOP_GRACE_MS)
        .set("processor.assembly.inactivity_gap_ms", GAP_MS)
        .set("processor.resolve.settle_ms", SETTLE_MS)
        .set("processor.resolve.wait_ms", WAIT_MS)
        .set("processor.resolve.hold_ms", HOLD_MS)
        .set(
            "processor.assembly.without_id_by_project",
            format!("{{{TRACED_PROJECT} = \"trace\"}}"),
        )
        .set("kafka.dead_letters.window_records", JUDGED_RECORDS)
        .set("kafka.dead_letters.records_min", JUDGED_RECORDS)
        .set("kafka.dead_letters.pause_ms", PARTITION_PAUSE_MS)
        .set("kafka.dead_letters.pause_max_ms", PARTITION_PAUSE_MS)
        .set_list("redis.urls", &plan.redis_urls)
        .set("redis.cluster", plan.is_cluster);
    match plan.is_throttled {
        true => settings
            .set("processor.in_flight_records_max", IN_FLIGHT_RECORDS_MAX)
            .set("kafka.pause_after_ms", PAUSE_AFTER_MS)
            .set("kafka.statistics_interval_ms", STATISTICS_INTERVAL_MS),
        false => settings,
    }
}
