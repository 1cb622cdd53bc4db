//! What the processor can be told: the sections `[log]`, `[redis]`, `[kafka]` and `[processor]`.

use crate::source::config::KafkaConfig;
use domain::chain;
use domain::limits::Limits;
use domain::normalise::Rules;
use domain::trace::{Times, WithoutId};
use runtime::config::{Config, Problems};
use runtime::telemetry::LogConfig;
use runtime::traces::TracesConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use store::StoreConfig;

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessorSettings {
    pub log: LogConfig,
    pub traces: TracesConfig,
    pub redis: StoreConfig,
    pub kafka: KafkaConfig,
    pub processor: ProcessorConfig,
}

/// The section `[processor]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessorConfig {
    /// Where probes and metrics are served.
    pub probes_bind: SocketAddr,
    /// How long a stop may take. Less than Kafka's session timeout, so that the group does not wait for us in vain.
    pub stop_grace_ms: u64,
    /// Tasks that share the conversations among them; 0 for two per core.
    pub shards: usize,
    /// Records decoded at once; 0 for one per core.
    pub readers: usize,
    /// Bytes of conversations kept in memory, over all shards.
    pub cache_bytes_max: u64,
    /// Records read and not done: beyond it no more are taken from Kafka.
    pub in_flight_records_max: usize,
    /// Bytes of records read and not done.
    pub in_flight_bytes_max: usize,
    /// A newer price table than the built-in one, as genai-prices JSON.
    pub prices_file: Option<PathBuf>,
    /// Resource attributes that name the project, the scope of ownership; the first that is not empty wins.
    pub project_attributes: Vec<String>,
    /// Further attributes that may carry the conversation id, after the known ones.
    pub conversation_id_attributes: Vec<String>,
    pub resolve: ResolveConfig,
    /// How calls are chained by their histories where `without_id` says so.
    pub chain: chain::Settings,
    pub assembly: AssemblyConfig,
}

/// What happens to spans that carry no conversation id. All times are record time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResolveConfig {
    /// How long a span without a conversation id may stand nowhere, since it was recorded or lost its place, before it counts as one without a conversation, or goes where
    /// `assembly.without_id` says. It is placed all the same when an id turns up later.
    pub settle_ms: i64,
    /// How long a span that stands nowhere is kept in Redis for an id to turn up, such as that of an agent's root span, which ends last.
    pub wait_ms: i64,
    /// How long a span without an id that was placed is kept for another id to prove otherwise, after the last record of its
    /// trace.
    pub hold_ms: i64,
    /// Bytes of spans without an id that are kept of one project. Beyond it those that have waited longest are given up.
    pub held_bytes_max: u64,
    /// Bytes of traces kept in memory, over all tasks.
    pub cache_bytes_max: u64,
}

impl Default for ResolveConfig {
    fn default() -> Self {
        let Times {
            settle_ms,
            wait_ms,
            hold_ms,
        } = Times::default();
        Self {
            settle_ms,
            wait_ms,
            hold_ms,
            held_bytes_max: 256 * 1024 * 1024,
            cache_bytes_max: 64 * 1024 * 1024,
        }
    }
}

impl ResolveConfig {
    pub fn times(&self) -> Times {
        Times {
            settle_ms: self.settle_ms,
            wait_ms: self.wait_ms,
            hold_ms: self.hold_ms,
        }
    }
}

/// How conversations are put together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AssemblyConfig {
    /// A conversation is finalised when nothing of it was recorded for this long.
    pub inactivity_gap_ms: i64,
    /// What happens to GenAI spans of traces in which no span carries a conversation id.
    pub without_id: WithoutId,
    /// The same for single projects.
    pub without_id_by_project: BTreeMap<String, WithoutId>,
    pub limits: Limits,
}

impl Default for AssemblyConfig {
    fn default() -> Self {
        Self {
            inactivity_gap_ms: 30 * 60 * 1_000,
            without_id: WithoutId::default(),
            without_id_by_project: BTreeMap::new(),
            limits: Limits::default(),
        }
    }
}

impl Default for ProcessorConfig {
    fn default() -> Self {
        let rules = Rules::default();
        Self {
            probes_bind: SocketAddr::from(([127, 0, 0, 1], 9464)),
            stop_grace_ms: 10_000,
            shards: 0,
            readers: 0,
            cache_bytes_max: 256 * 1024 * 1024,
            in_flight_records_max: 20_000,
            in_flight_bytes_max: 256 * 1024 * 1024,
            prices_file: None,
            project_attributes: rules.project_attributes,
            conversation_id_attributes: rules.conversation_id_attributes,
            resolve: ResolveConfig::default(),
            chain: chain::Settings::default(),
            assembly: AssemblyConfig::default(),
        }
    }
}

impl ProcessorConfig {
    pub fn rules(&self) -> Rules {
        Rules {
            limits: self.assembly.limits,
            project_attributes: self.project_attributes.clone(),
            conversation_id_attributes: self.conversation_id_attributes.clone(),
        }
    }

    fn validate_chain(&self, problems: &mut Problems) {
        problems.require(
            self.chain.wait_ms > self.resolve.settle_ms,
            "processor.chain.wait_ms",
            "must be longer than resolve.settle_ms, which comes before and counts",
        );
        problems.require(
            self.chain.wait_ms < self.resolve.wait_ms,
            "processor.chain.wait_ms",
            "must be shorter than resolve.wait_ms: a call would be given up while it still waits for the one before",
        );
        problems.require(
            self.chain.window_ms > self.chain.wait_ms,
            "processor.chain.window_ms",
            "must be longer than chain.wait_ms: a call would be forgotten before the next is decided",
        );
        problems.require(
            self.chain.candidates_max > 0,
            "processor.chain.candidates_max",
            "must be above 0",
        );
    }
}

impl AssemblyConfig {
    pub fn without_id_of(&self, project: &str) -> WithoutId {
        let own = self.without_id_by_project.get(project).copied();
        own.unwrap_or(self.without_id)
    }

    /// Whether calls of any project are chained by their histories.
    fn chains(&self) -> bool {
        let projects = self.without_id_by_project.values();
        let mut all = projects.chain([&self.without_id]);
        all.any(|without_id| *without_id == WithoutId::History)
    }
}

impl Config for ProcessorSettings {
    fn validate(&self, problems: &mut Problems) {
        self.traces.validate(problems);
        if let Err(cause) = self.redis.validate() {
            problems.add("redis", cause.to_string());
        }
        self.kafka.validate(problems);
        let processor = &self.processor;
        let positive = [
            (
                "processor.assembly.inactivity_gap_ms",
                processor.assembly.inactivity_gap_ms,
            ),
            ("processor.resolve.settle_ms", processor.resolve.settle_ms),
            ("processor.resolve.wait_ms", processor.resolve.wait_ms),
            ("processor.resolve.hold_ms", processor.resolve.hold_ms),
            ("processor.chain.wait_ms", processor.chain.wait_ms),
            ("processor.chain.window_ms", processor.chain.window_ms),
            ("processor.chain.retry_ms", processor.chain.retry_ms),
        ];
        for (key, value) in positive {
            problems.require(value > 0, key, "must be above 0");
        }
        problems.require(
            processor.resolve.settle_ms <= processor.resolve.wait_ms,
            "processor.resolve.settle_ms",
            "must not be longer than wait_ms: a span would be given up before it is decided what becomes of it",
        );
        if processor.assembly.chains() {
            processor.validate_chain(problems);
        }
        problems.require(
            processor.stop_grace_ms < self.kafka.session_timeout_ms,
            "processor.stop_grace_ms",
            "must be below kafka.session_timeout_ms: the group would give up on this process while it still stops",
        );
    }
}
