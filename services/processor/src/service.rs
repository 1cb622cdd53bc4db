//! Putting the processor together: what is started, in which order, and what stops when.

use crate::books::{Books, Room};
use crate::closing::Closing;
use crate::config::{ProcessorConfig, ProcessorSettings};
use crate::item::Shards;
use crate::memory;
use crate::out::dead_letters::DeadLetters;
use crate::out::dead_letters::guard::Guard;
use crate::out::dead_letters::record::Recording;
use crate::pipeline::Pipeline;
use crate::placing::chaining::Chaining;
use crate::placing::due::Due;
use crate::placing::{self, Places, Placing};
use crate::prices::PriceTable;
use crate::publish::Publisher;
use crate::reader::Reader;
use crate::recorder::Recorder;
use crate::shards::retry::{Seldom, StoreHealth};
use crate::shards::{Shard, Shared, Verified};
use crate::source;
use crate::source::config::{KafkaConfig, TopicConfig};
use crate::stages::{Format, Stages};
use crate::sweeping;
use anyhow::Context as _;
use runtime::clock::{Clock, SystemClock};
use runtime::health::Health;
use runtime::lifecycle::Lifecycle;
use runtime::telemetry::Metrics;
use runtime::token;
use std::collections::HashMap;
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
    // Before anything is read, so that a store which loses something from now on is found out.
    let found = store.look(&settings.kafka.group_id).await;
    let epoch = found.context("redis")?.epoch;
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
    };
    let group = kafka.group_id.clone();
    let store_health = Arc::new(StoreHealth::new(health.condition("store")));
    let cache_epoch = Arc::new(AtomicU64::new(0));
    let shared = Arc::new(Shared {
        store: store.clone(),
        publisher: Publisher::new(&kafka)?,
        config: config.assembly.clone(),
        health: Arc::clone(&store_health),
        verified: Arc::new(Verified::new(store.clone(), group.clone())),
        unpublished: Seldom::default(),
        stopping: life.stopping().clone(),
        drained: CancellationToken::new(),
        cache_epoch: Arc::clone(&cache_epoch),
    });
    let drained = shared.drained.clone();
    let count = or_default(config.shards, 2 * cores);
    let shards = start_shards(&shared, count, config.cache_bytes_max, life);

    let (chaining, to_chain) = unbounded_channel();
    let places = start_placing(&shared, &config, shards.clone(), chaining, count, life);
    let chaining = Chaining {
        settings: config.chain,
        store: store.clone(),
        health: Arc::clone(&store_health),
        places: places.clone(),
        drained: drained.clone(),
    };
    life.spawn_critical("chaining", chaining.run(to_chain));

    let (due, is_due) = watch::channel(None);
    let stopping = life.stopping().clone();
    let closing = Closing {
        store: store.clone(),
        health: Arc::clone(&store_health),
        gap_ms: config.assembly.inactivity_gap_ms,
        due: is_due.clone(),
        shards: shards.clone(),
        stopping: stopping.clone(),
    };
    life.spawn_critical("closing", closing.run());
    let due_traces = Due {
        store: store.clone(),
        health: Arc::clone(&store_health),
        due: is_due,
        places: places.clone(),
        stopping: stopping.clone(),
    };
    life.spawn_critical("due traces", due_traces.run());
    life.spawn_critical(
        "sweeping",
        sweeping::run(store.clone(), Arc::clone(&clock), stopping.clone()),
    );
    life.spawn_critical("memory", memory::run(store.clone(), stopping.clone()));
    let (asks, asked) = unbounded_channel();
    let (answering, answers) = unbounded_channel();
    let condition = health.condition("paused_partitions");
    let guard = Arc::new(Guard::new(
        kafka.dead_letters,
        Arc::clone(&clock),
        condition,
    ));
    let recording = Recording {
        store: store.clone(),
        group: group.clone(),
        health: Arc::clone(&store_health),
        guard: Arc::clone(&guard),
        stopping: stopping.clone(),
    };
    life.spawn_critical("pauses", recording.run());
    let recorder = Recorder {
        store,
        group,
        health: store_health,
        asks: asked,
        answers: answering,
    };
    life.spawn_critical("progress", recorder.run());
    let assigned = health.condition("partitions");
    assigned.unmet("no partitions assigned yet");
    let (source, incoming) = source::start(&kafka)?;
    let (done, finished) = unbounded_channel();
    let (abandoning, abandoned) = unbounded_channel();
    let room = Room {
        records_max: config.in_flight_records_max,
        bytes_max: config.in_flight_bytes_max,
    };
    let pipeline = Pipeline {
        idle_lateness_ms: i64::try_from(kafka.idle_lateness_ms).unwrap_or(i64::MAX),
        clock,
        formats: formats(&kafka),
        books: Books::new(process_name()?, epoch, room),
        source,
        incoming,
        stages: Stages {
            reader: Arc::new(reader),
            readers: Arc::new(Semaphore::new(or_default(config.readers, cores))),
            dead_letters: Arc::new(DeadLetters::new(&kafka, health.condition("dead_letters"))?),
            guard: Arc::clone(&guard),
            shards,
            places,
            abandoned: abandoning,
        },
        done,
        finished,
        abandoned,
        guard,
        asks,
        answers,
        due,
        cache_epoch,
        heartbeat: health.heartbeat("pipeline", SILENCE_MAX),
        assigned,
        kafka: health.condition("kafka"),
        stopping,
        drained,
        config,
    };
    life.spawn_critical("pipeline", pipeline.run());
    Ok(())
}

/// Another at every start: who claims a partition in the store must not be taken for the process before.
fn process_name() -> anyhow::Result<String> {
    Ok(token::hex(&token::random::<8>()?))
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

fn start_placing(
    conversations: &Arc<Shared>,
    config: &ProcessorConfig,
    shards: Shards,
    chaining: UnboundedSender<placing::chaining::ToChain>,
    count: usize,
    life: &Lifecycle,
) -> Places {
    let (senders, work): (Vec<_>, Vec<_>) = (0..count).map(|_| unbounded_channel()).unzip();
    let places = Places(senders.into());
    let shared = Arc::new(placing::Shared {
        store: conversations.store.clone(),
        config: config.clone(),
        health: Arc::clone(&conversations.health),
        verified: Arc::clone(&conversations.verified),
        shards,
        places: places.clone(),
        chaining,
        stopping: conversations.stopping.clone(),
        drained: conversations.drained.clone(),
        cache_epoch: Arc::clone(&conversations.cache_epoch),
    });
    let cache_bytes_max = config.resolve.cache_bytes_max / count as u64;
    for work in work {
        let task = Placing::new(Arc::clone(&shared), cache_bytes_max);
        life.spawn_critical("placing", task.run(work));
    }
    places
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
