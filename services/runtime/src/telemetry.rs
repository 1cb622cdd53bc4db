//! Logs by `tracing`, metrics by `metrics` in the Prometheus text format.

use std::io::IsTerminal as _;

use crate::traces::Traces;
use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The section `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// What is logged, as `tracing` directives: `info`, or `info,gateway=debug`.
    pub filter: String,
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Auto,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// Text, for people.
    Text,
}

/// Buckets of every metric whose name ends in `_seconds`: from half a millisecond, which is a local Redis read, to half
/// a minute, which is longer than any request may take.
const SECONDS_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Buckets of every metric whose name ends in `_bytes`: 256 B to 64 MiB.
const BYTES_BUCKETS: &[f64] = &[
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Buckets of every other histogram: counts of things in a batch.
const COUNT_BUCKETS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
];

/// Where metrics are read. Clones read the same metrics.
#[derive(Clone)]
pub struct Metrics {
    prometheus: PrometheusHandle,
    process: Collector,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Makes these metrics the ones of the process. Fails when it has some already.
    pub fn install() -> anyhow::Result<Self> {
        let prometheus = builder()?
            .install_recorder()
            .context("cannot install the metrics recorder")?;
        let process = Collector::default();
        process.describe();
        Ok(Self {
            prometheus,
            process,
        })
    }

    /// Metrics of nothing, for tests of what serves them.
    pub fn detached() -> Self {
        Self {
            prometheus: PrometheusBuilder::new().build_recorder().handle(),
            process: Collector::default(),
        }
    }

    /// All metrics in the Prometheus text format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.prometheus.render()
    }

    /// Moves the samples of histograms into their buckets. Due every few seconds.
    pub(crate) fn tidy(&self) {
        self.prometheus.run_upkeep();
    }
}

fn builder() -> anyhow::Result<PrometheusBuilder> {
    let suffix = |name: &str| Matcher::Suffix(name.to_owned());
    PrometheusBuilder::new()
        .set_buckets(COUNT_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(suffix("_seconds"), SECONDS_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(suffix("_bytes"), BYTES_BUCKETS))
        .context("the histogram buckets are not usable")
}

/// Starts logs and metrics, and traces where they are wanted. Call once, first of all; `service` goes into the metric
/// `build_info`.
pub fn init(
    config: &LogConfig,
    traces: Option<&Traces>,
    service: &'static str,
) -> anyhow::Result<Metrics> {
    let filter = EnvFilter::try_new(&config.filter).with_context(|| {
        format!(
            "log.filter is {:?}: write directives such as info or info,gateway=debug",
            config.filter
        )
    })?;
    // Standard output is for what a command prints; logs go beside it.
    let is_json = match config.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    // Spans are for traces: without those they cost nothing, and logs are the same with them as without.
    let filter = filter.and(filter_fn(|metadata| metadata.is_event()));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = if is_json {
        layer.json().flatten_event(true).with_filter(filter).boxed()
    } else {
        layer.with_filter(filter).boxed()
    };
    tracing_subscriber::registry()
        .with(logs)
        .with(traces.map(Traces::layer))
        .try_init()
        .context("cannot install the log subscriber")?;
    let rendered = Metrics::install()?;
    metrics::gauge!("build_info", "service" => service, "version" => env!("CARGO_PKG_VERSION"))
        .set(1.0);
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_have_the_buckets_of_their_unit() {
        let recorder = builder().expect("usable buckets").build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("read_seconds").record(0.002);
            metrics::histogram!("record_bytes").record(1_000.0);
            metrics::histogram!("batch_spans").record(3.0);
        });
        let text = handle.render();
        for line in [
            "read_seconds_bucket{le=\"0.0025\"} 1",
            "record_bytes_bucket{le=\"1024\"} 1",
            "batch_spans_bucket{le=\"5\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn an_unusable_filter_is_an_error_that_shows_it() {
        let config = LogConfig {
            filter: "gateway=loud".to_owned(),
            format: LogFormat::Json,
        };
        let error = init(&config, None, "test").expect_err("there is no such level");
        assert!(error.to_string().contains("gateway=loud"), "{error}");
    }
}
