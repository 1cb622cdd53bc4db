//! The sections `[log]`, `[kafka]` and `[intake]`.

use std::net::SocketAddr;

use runtime::config::Problems;
use runtime::telemetry::LogConfig;
use runtime::traces::TracesConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::keys::KeyConfig;
use crate::sink::KafkaConfig;

/// What the intake reads of the shared configuration file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub log: LogConfig,
    pub traces: TracesConfig,
    pub kafka: KafkaConfig,
    pub intake: IntakeConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IntakeConfig {
    /// Where OTLP/HTTP and Sentry envelopes are taken.
    pub http_bind: SocketAddr,
    /// Where OTLP/gRPC is taken.
    pub grpc_bind: SocketAddr,
    /// Where `/live`, `/ready` and `/metrics` are served.
    pub probes_bind: SocketAddr,
    /// How long requests may take to end when the process is told to stop.
    pub grace_ms: u64,
    /// Who may write where. Without any, everyone may write anywhere, and both addresses have to be loopback ones.
    pub keys: Vec<KeyConfig>,
    /// Web pages that may send OTLP, as origins such as `https://app.example.com`; `*` for all.
    pub otlp_origins: Vec<String>,
    /// Web pages that may send Sentry envelopes. Sentry lets all do so: a DSN is public. Without keys, `*` means those that
    /// this machine serves.
    pub sentry_origins: Vec<String>,
    /// Host names, beside loopback ones, under which an intake without keys may be reached.
    pub allowed_hosts: Vec<String>,
    /// How long Kafka may take to acknowledge. Below the patience of exporters, which is 10 s, so that they hear why.
    pub delivery_timeout_ms: u64,
    /// Size, before compression, at which the spans of one trace are spread over several records. Below the 1 MiB that
    /// brokers take unless told otherwise.
    pub record_bytes_max: usize,
    pub limits: LimitsConfig,
}

/// What clients may take up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Connections at once on each of the two ports.
    pub connections_max: usize,
    /// Connections at once by which nobody has shown a key yet. A further one takes the place of the one that was idle longest.
    pub strangers_max: usize,
    /// The same from one address. Behind a proxy all have the proxy's address.
    pub strangers_per_address_max: usize,
    /// Requests answered at once; the next one is told to come again.
    pub requests_max: usize,
    /// How long a client may take to send the head of a request; also how long an idle connection is kept.
    pub header_timeout_ms: u64,
    /// How long a client may take until it takes anything of an answer; then the connection ends.
    pub write_timeout_ms: u64,
    /// How long the body of a request may take to arrive.
    pub body_timeout_ms: u64,
    /// Size of a body as it is sent.
    pub body_bytes_max: usize,
    /// Size of a body without its compression.
    pub decompressed_bytes_max: usize,
    /// Memory that all requests together may hold until Kafka has their records; the next one is told to come again.
    pub memory_bytes_max: usize,
    /// What a single request may hold of it: its body, what that unfolds into, and the records made of it.
    pub request_memory_bytes_max: usize,
    /// Spans or log records of one request.
    pub items_max: usize,
    /// Size of one span, with the resource and scope it belongs to. What exceeds it is left out, and the client is told.
    pub item_bytes_max: usize,
    /// Requests read and cut at once. Each takes a processor.
    pub workers_max: usize,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            http_bind: loopback(4318),
            grpc_bind: loopback(4317),
            probes_bind: loopback(9465),
            grace_ms: 15_000,
            keys: Vec::new(),
            otlp_origins: Vec::new(),
            sentry_origins: vec!["*".to_owned()],
            allowed_hosts: Vec::new(),
            delivery_timeout_ms: 8_000,
            record_bytes_max: 1_000_000,
            limits: LimitsConfig::default(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            connections_max: 2_000,
            strangers_max: 512,
            strangers_per_address_max: 256,
            requests_max: 1_000,
            header_timeout_ms: 15_000,
            write_timeout_ms: 20_000,
            body_timeout_ms: 20_000,
            body_bytes_max: 20 * MIB,
            decompressed_bytes_max: 64 * MIB,
            memory_bytes_max: 512 * MIB,
            request_memory_bytes_max: 256 * MIB,
            items_max: 50_000,
            item_bytes_max: 10_000_000,
            workers_max: 4,
        }
    }
}

impl runtime::config::Config for Config {
    fn validate(&self, problems: &mut Problems) {
        self.traces.validate(problems);
        self.kafka.validate(problems);
        self.intake.validate(problems);
    }
}

impl IntakeConfig {
    fn validate(&self, problems: &mut Problems) {
        for (key, bind) in [("http_bind", self.http_bind), ("grpc_bind", self.grpc_bind)] {
            problems.require(
                !self.keys.is_empty() || bind.ip().is_loopback(),
                &format!("intake.{key}"),
                format!(
                    "{bind} can be reached from other machines, and without intake.keys everyone could write anything: \
                     add a key (`intake key new --name NAME --project PROJECT`), or bind to 127.0.0.1"
                ),
            );
        }
        crate::keys::validate(&self.keys, problems);
        for (key, origins) in [
            ("otlp_origins", &self.otlp_origins),
            ("sentry_origins", &self.sentry_origins),
        ] {
            problems.require(
                origins.iter().all(|origin| is_origin(origin)),
                &format!("intake.{key}"),
                "write origins as scheme and host, such as https://app.example.com, or \"*\" for all",
            );
        }
        self.validate_times(problems);
        self.limits.validate(problems);
        problems.require(
            (1_000..=self.limits.item_bytes_max).contains(&self.record_bytes_max),
            "intake.record_bytes_max",
            "must be at least 1,000 and at most intake.limits.item_bytes_max",
        );
    }

    fn validate_times(&self, problems: &mut Problems) {
        for (key, time_ms) in [
            ("grace_ms", self.grace_ms),
            ("delivery_timeout_ms", self.delivery_timeout_ms),
            ("limits.header_timeout_ms", self.limits.header_timeout_ms),
            ("limits.write_timeout_ms", self.limits.write_timeout_ms),
            ("limits.body_timeout_ms", self.limits.body_timeout_ms),
        ] {
            problems.require(
                (100..=600_000).contains(&time_ms),
                &format!("intake.{key}"),
                "must be between 100 and 600,000 (ten minutes)",
            );
        }
        problems.require(
            self.delivery_timeout_ms < self.grace_ms,
            "intake.grace_ms",
            "must be above intake.delivery_timeout_ms, or a stop cuts off requests that Kafka is about to acknowledge",
        );
    }
}

impl LimitsConfig {
    fn validate(&self, problems: &mut Problems) {
        for (key, value) in [
            ("connections_max", self.connections_max),
            ("strangers_max", self.strangers_max),
            ("strangers_per_address_max", self.strangers_per_address_max),
            ("requests_max", self.requests_max),
            ("items_max", self.items_max),
            ("workers_max", self.workers_max),
        ] {
            problems.require(
                (1..=10_000_000).contains(&value),
                &format!("intake.limits.{key}"),
                "must be between 1 and 10,000,000",
            );
        }
        // Each bound is of use only below the next; Kafka takes no record of a gigabyte.
        for (key, value, next, most) in [
            (
                "item_bytes_max",
                self.item_bytes_max,
                "1,000,000,000",
                1_000_000_000,
            ),
            (
                "body_bytes_max",
                self.body_bytes_max,
                "intake.limits.decompressed_bytes_max",
                self.decompressed_bytes_max,
            ),
            (
                "decompressed_bytes_max",
                self.decompressed_bytes_max,
                "intake.limits.request_memory_bytes_max",
                self.request_memory_bytes_max,
            ),
            (
                "request_memory_bytes_max",
                self.request_memory_bytes_max,
                "intake.limits.memory_bytes_max",
                self.memory_bytes_max,
            ),
            (
                "memory_bytes_max",
                self.memory_bytes_max,
                "4,000,000,000",
                4_000_000_000,
            ),
        ] {
            problems.require(
                (1_000..=most).contains(&value),
                &format!("intake.limits.{key}"),
                format!("must be at least 1,000 and at most {next}"),
            );
        }
    }
}

fn is_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else {
        return origin == "*";
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    matches!(scheme, "http" | "https") && !host.is_empty() && host.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::config::load_from;

    fn problems(variables: &[(&str, &str)]) -> String {
        let variables = variables
            .iter()
            .map(|(name, value)| (format!("COLLOQUY_{name}"), (*value).to_owned()));
        match load_from::<Config>(None, variables) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_defaults_are_valid_and_reachable_from_this_machine_only() {
        assert_eq!(problems(&[]), "");
        let config = IntakeConfig::default();
        for bind in [config.http_bind, config.grpc_bind, config.probes_bind] {
            assert!(bind.ip().is_loopback(), "{bind}");
        }
    }

    #[test]
    fn an_intake_open_to_the_network_needs_keys() {
        for key in ["INTAKE__HTTP_BIND", "INTAKE__GRPC_BIND"] {
            assert!(problems(&[(key, "0.0.0.0:4318")]).contains("add a key"));
        }
        let keys = (
            "INTAKE__KEYS",
            r#"[{name="a", project="shop", public_key="abc"}]"#,
        );
        assert_eq!(problems(&[keys, ("INTAKE__HTTP_BIND", "0.0.0.0:4318")]), "");
    }

    #[test]
    fn mistakes_are_named() {
        for (key, value, complaint) in [
            ("INTAKE__DELIVERY_TIMEOUT_MS", "15000", "intake.grace_ms"),
            (
                "INTAKE__LIMITS__BODY_BYTES_MAX",
                "100000000",
                "decompressed_bytes_max",
            ),
            (
                "INTAKE__LIMITS__REQUESTS_MAX",
                "0",
                "intake.limits.requests_max",
            ),
            ("INTAKE__RECORD_BYTES_MAX", "20000000", "item_bytes_max"),
            (
                "INTAKE__OTLP_ORIGINS",
                r#"["app.example.com"]"#,
                "write origins",
            ),
            ("KAFKA__BROKERS", "[]", "kafka.brokers"),
            ("KAFKA__PROPERTIES__ACKS", "1", "cannot be changed"),
            (
                "KAFKA__TOPICS",
                r#"[{name="a", encoding="otlp_proto"}]"#,
                "sentry_span_json",
            ),
        ] {
            let found = problems(&[(key, value)]);
            assert!(found.contains(complaint), "{key}: {found}");
        }
    }
}
