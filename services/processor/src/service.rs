//! Putting the processor together: what is started, in which order, and what stops when.

use crate::chaining::Chaining;
use crate::closing::Closing;
use crate::config::ProcessorSettings;
use crate::dlq::DeadLetters;
use crate::item::Shards;
use crate::memory;
use crate::pipeline::{Format, Pipeline, Standing};
use crate::prices::PriceTable;
use crate::progress::Recorder;
use crate::publish::Publisher;
use crate::reader::Reader;
use crate::router::Router;
use crate::shard::{Shard, Shared};
use crate::source;
use crate::source::config::{KafkaConfig, TopicConfig};
use crate::sweeping;
use anyhow::Context as _;
use runtime::clock::{Clock, SystemClock};
use runtime::health::Health;
use runtime::lifecycle::Lifecycle;
use runtime::telemetry::Metrics;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use store::{Epoch, Store};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// The loop ticks every second; silent for this long, it is stuck.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Runs the processor until it is told to stop.
pub async fn run(settings: ProcessorSettings, metrics: Metrics) -> anyhow::Result<ExitCode> {
    let life = Lifecycle::new(Duration::from_millis(settings.processor.stop_grace_ms));
    let health = Health::default();
    let probes = TcpListener::bind(settings.processor.probes_bind)
        .await
        .with_context(|| {
            format!(
                "processor.probes_bind: cannot listen on {}",
                settings.processor.probes_bind
            )
        })?;
    let (stopping, aborting) = (life.stopping().clone(), life.aborting().clone());
    // Outside of the lifecycle, which would wait for it: probes are answered to the very end.
    tokio::spawn({
        let health = health.clone();
        async move {
            if let Err(cause) =
                runtime::health::serve(probes, health, metrics, stopping, aborting).await
            {
                tracing::error!(error = %cause, "the probes ended");
            }
        }
    });
    source::admin::create_topics(&settings.kafka).await?;
    let store = Store::connect(&settings.redis).await.context("redis")?;
    // Before anything is read, so that a store which is emptied from now on is found out.
    let epoch = store.look(&settings.kafka.group_id).await;
    let epoch = epoch.context("redis")?.epoch;
    start(settings, store, epoch, &life, &health)?;
    info!(version = env!("CARGO_PKG_VERSION"), "processor started");
    Ok(life.run().await)
}

/// Starts every task, from the store back to Kafka: what receives is there before what sends.
fn start(
    settings: ProcessorSettings,
    store: Store,
    epoch: Epoch,
    life: &Lifecycle,
    health: &Health,
) -> anyhow::Result<()> {
    let ProcessorSettings {
        kafka,
        processor: config,
        ..
    } = settings;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let reader = Reader {
        rules: config.rules(),
        prices: PriceTable::load(config.prices_file.as_deref())?,
        assembly: config.assembly.clone(),
    };
    let store_condition = health.condition("store");
    store_condition.met();
    let shared = Arc::new(Shared {
        store: store.clone(),
        publisher: Publisher::new(&kafka)?,
        config: config.assembly.clone(),
        store_condition,
        stopping: life.stopping().clone(),
        drained: CancellationToken::new(),
        cache_epoch: AtomicU64::new(0),
    });
    let drained = shared.drained.clone();
    let count = or_default(config.shards, 2 * cores);
    let shards = start_shards(&shared, count, config.cache_bytes_max, life);

    let (router, routed) = unbounded_channel();
    let (chaining, to_chain) = unbounded_channel();
    let (chained_to, chained) = unbounded_channel();
    life.spawn_critical(
        "router",
        Router::new(config.resolve, store.clone(), shards.clone(), chaining).run(
            routed,
            chained,
            drained.clone(),
        ),
    );
    life.spawn_critical(
        "chaining",
        Chaining::new(config.chain, store.clone(), chained_to, drained.clone()).run(to_chain),
    );

    let (standing, stood) = watch::channel(Standing::default());
    let (rewind, rewinds) = unbounded_channel();
    let (handovers, handed_over) = unbounded_channel();
    let group = kafka.group_id.clone();
    let stopping = life.stopping().clone();
    let closing = Closing {
        store: store.clone(),
        group: group.clone(),
        gap_ms: config.assembly.inactivity_gap_ms,
        clock: Arc::clone(&clock),
        standing: stood.clone(),
        shards,
        stopping: stopping.clone(),
    };
    life.spawn_critical("closing", closing.run());
    life.spawn_critical(
        "sweeping",
        sweeping::run(store.clone(), Arc::clone(&clock), stopping.clone()),
    );
    life.spawn_critical("memory", memory::run(store.clone(), stopping.clone()));
    let assigned = health.condition("partitions");
    assigned.unmet("no partitions assigned yet");
    let (source, events) = source::start(&kafka)?;
    let recorder = Recorder {
        store,
        group,
        owner: format!("{:016x}", RandomState::new().build_hasher().finish()),
        epoch,
        source: source.clone(),
        clock: Arc::clone(&clock),
        standing: stood,
        rewinds: rewind,
        handovers: handed_over,
        shared,
        stopping: stopping.clone(),
    };
    life.spawn_critical("progress", recorder.run());
    let pipeline = Pipeline {
        clock,
        formats: formats(&kafka),
        source,
        events,
        reader: Arc::new(reader),
        readers: Arc::new(Semaphore::new(or_default(config.readers, cores))),
        dead_letters: Arc::new(DeadLetters::new(&kafka)?),
        router,
        standing,
        rewinds,
        handovers,
        heartbeat: health.heartbeat("pipeline", SILENCE_MAX),
        assigned,
        stopping,
        drained,
        config,
    };
    life.spawn_critical("pipeline", pipeline.run());
    Ok(())
}

/// Settings for which 0 means that the machine decides.
fn or_default(setting: usize, default: usize) -> usize {
    if setting == 0 { default } else { setting }
}

fn start_shards(
    shared: &Arc<Shared>,
    count: usize,
    cache_bytes_max: u64,
    life: &Lifecycle,
) -> Shards {
    let cache_bytes_max = cache_bytes_max / count as u64;
    let senders: Vec<UnboundedSender<_>> = (0..count)
        .map(|_| {
            let (sender, work) = unbounded_channel();
            let shard = Shard::new(Arc::clone(shared), cache_bytes_max);
            life.spawn_critical("shard", shard.run(work));
            sender
        })
        .collect();
    Shards(senders.into())
}

fn formats(kafka: &KafkaConfig) -> HashMap<Arc<str>, Format> {
    let format = |topic: &TopicConfig| {
        let format = Format {
            encoding: topic.encoding,
            signal: topic.signal,
        };
        (Arc::from(topic.name.as_str()), format)
    };
    kafka.topics.iter().map(format).collect()
}
