//! Putting the processor together: what is started, in which order, and what stops when.

use crate::books::{Answer, Ask, Books, Room};
use crate::config::{ProcessorConfig, ProcessorSettings};
use crate::item::{Ends, Shards, Ways, bounded_by_room};
use crate::out::dead_letters::DeadLetters;
use crate::out::dead_letters::guard::Guard;
use crate::out::dead_letters::record::Recording;
use crate::out::publisher::Publisher;
use crate::out::publishing::{Desk, Publishing};
use crate::pipeline::Pipeline;
use crate::placing::chaining::Chaining;
use crate::placing::due::Due;
use crate::placing::{self, Places, Placing};
use crate::reading::prices::PriceTable;
use crate::reading::reader::RecordReader;
use crate::reading::stages::{Format, Stages};
use crate::recorder::Recorder;
use crate::shards::job::Close;
use crate::shards::retry::StoreHealth;
use crate::shards::{Shard, Shared, Verified};
use crate::source;
use crate::source::config::KafkaConfig;
use crate::tallies::Tallies;
use crate::upkeep::closing::Closing;
use crate::upkeep::memory;
use crate::upkeep::sweeping;
use crate::upkeep::tallying;
use anyhow::Context as _;
use kafka::TopicConfig;
use parking_lot::Mutex;
use runtime::clock::SystemClock;
use runtime::lifecycle::Lifecycle;
use runtime::service::Process;
use runtime::token;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use store::{Epoch, Store, Tally};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// The loop ticks every second; silent for this long, it is stuck.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Runs the processor until it is told to stop; what is under way then is finished by its tasks.
pub async fn run(settings: ProcessorSettings, process: Process) -> anyhow::Result<()> {
    let stopping = process.life.stopping().clone();
    let (store, epoch) = tokio::select! {
        () = stopping.cancelled() => return Ok(()),
        reached = reach(&settings) => reached?,
    };
    let shared = shared(store, &settings, &process);
    if let Err(cause) = start(settings, epoch, &shared, &process) {
        // Those that were started wait for the pipeline, which will not come.
        shared.drained.cancel();
        return Err(cause);
    }
    process.begun();
    info!("processor started");
    stopping.cancelled().await;
    Ok(())
}

/// Makes sure that Kafka has the topics and that there is a store, and learns in which epoch it is.
async fn reach(settings: &ProcessorSettings) -> anyhow::Result<(Store, Epoch)> {
    source::admin::create_topics(&settings.kafka).await?;
    let store = Store::connect(&settings.redis).await.context("redis")?;
    // Before anything is read, so that a store which loses something from now on is found out.
    let found = store.look(&settings.kafka.group_id).await;
    let epoch = found.context("redis")?.epoch;
    Ok((store, epoch))
}

/// Starts every task, from the store back to Kafka: what receives is there before what sends.
fn start(
    settings: ProcessorSettings,
    epoch: Epoch,
    shared: &Arc<Shared>,
    process: &Process,
) -> anyhow::Result<()> {
    let Process { life, health, .. } = process;
    let ProcessorSettings {
        kafka,
        processor: config,
        ..
    } = settings;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let count = or_default(config.shards, 2 * cores);
    let shards = start_shards(shared, count, config.cache_bytes_max, life);
    let places = start_placing(shared, &config, shards.clone(), count, life);
    start_publishing(shared, &kafka, shards.clone(), process)?;
    let (due, is_due) = watch::channel(None);
    start_looking(shared, is_due, shards.clone(), places.clone(), life);
    let (asks, answers) = start_recorder(shared, kafka.group_id.clone(), life);
    let reader = RecordReader {
        rules: config.rules(),
        prices: PriceTable::load(config.prices_file.as_deref())?,
    };
    let guard = start_guard(shared, &kafka, process);
    let unread = Arc::new(Mutex::new(Tallies::new(Tally::Unread)));
    let tallying = tallying::run(Arc::clone(shared), Arc::clone(&unread));
    life.spawn_critical("tallying", tallying);
    let (abandoning, abandoned) = bounded_by_room();
    let stages = Stages {
        reader: Arc::new(reader),
        readers: Arc::new(Semaphore::new(or_default(config.readers, cores))),
        dead_letters: Arc::new(DeadLetters::new(&kafka, health.condition("dead_letters"))?),
        guard: Arc::clone(&guard),
        unread,
        shards,
        places,
        abandoned: abandoning,
    };
    let room = Room {
        records_max: config.in_flight_records_max,
        bytes_max: config.in_flight_bytes_max,
    };
    let assigned = health.condition("partitions");
    assigned.unmet("no partitions assigned yet");
    let ((done, finished), (giving_up, given_up)) = (bounded_by_room(), bounded_by_room());
    let (source, incoming) = source::start(&kafka)?;
    let pipeline = Pipeline {
        idle_lateness_ms: i64::try_from(kafka.idle_lateness_ms).unwrap_or(i64::MAX),
        clock: Arc::new(SystemClock),
        formats: formats(&kafka),
        books: Books::new(process_name()?, epoch, room),
        source,
        incoming,
        stages,
        ends: Ends {
            done,
            given_up: giving_up,
        },
        finished,
        given_up,
        abandoned,
        guard,
        asks,
        answers,
        due,
        cache_epoch: Arc::clone(&shared.cache_epoch),
        heartbeat: health.heartbeat("pipeline", SILENCE_MAX),
        assigned,
        kafka: health.condition("kafka"),
        stopping: shared.stopping.clone(),
        drained: shared.drained.clone(),
        config,
    };
    life.spawn_critical("pipeline", pipeline.run());
    Ok(())
}

fn shared(store: Store, settings: &ProcessorSettings, process: &Process) -> Arc<Shared> {
    let group = settings.kafka.group_id.clone();
    Arc::new(Shared {
        desk: Arc::new(Desk::default()),
        config: settings.processor.assembly.clone(),
        health: Arc::new(StoreHealth::new(process.health.condition("store"))),
        verified: Arc::new(Verified::new(store.clone(), group)),
        store,
        stopping: process.life.stopping().clone(),
        drained: CancellationToken::new(),
        cache_epoch: Arc::new(AtomicU64::new(0)),
    })
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
            let (sender, work) = bounded_by_room();
            let shard = Shard::new(Arc::clone(shared), cache_bytes_max);
            life.spawn_critical("shard", shard.run(work));
            sender
        })
        .collect();
    Ways(senders.into())
}

/// The tasks that find the conversations of spans, and the one that chains calls by what they say.
fn start_placing(
    conversations: &Arc<Shared>,
    config: &ProcessorConfig,
    shards: Shards,
    count: usize,
    life: &Lifecycle,
) -> Places {
    let (chaining, to_chain) = bounded_by_room();
    let (senders, work): (Vec<_>, Vec<_>) = (0..count).map(|_| bounded_by_room()).unzip();
    let places = Ways(senders.into());
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
    let chaining = Chaining {
        settings: config.chain,
        store: conversations.store.clone(),
        health: Arc::clone(&conversations.health),
        places: places.clone(),
        drained: conversations.drained.clone(),
    };
    life.spawn_critical("chaining", chaining.run(to_chain));
    places
}

/// Judges dead letters by partition; what is paused is kept in the store.
fn start_guard(shared: &Arc<Shared>, kafka: &KafkaConfig, process: &Process) -> Arc<Guard> {
    let condition = process.health.condition("paused_partitions");
    let clock = Arc::new(SystemClock);
    let guard = Arc::new(Guard::new(kafka.dead_letters, clock, condition));
    let recording = Recording {
        store: shared.store.clone(),
        group: kafka.group_id.clone(),
        health: Arc::clone(&shared.health),
        guard: Arc::clone(&guard),
        stopping: shared.stopping.clone(),
    };
    process.life.spawn_critical("pauses", recording.run());
    guard
}

fn start_publishing(
    shared: &Arc<Shared>,
    kafka: &KafkaConfig,
    shards: Shards,
    process: &Process,
) -> anyhow::Result<()> {
    let publishing = Publishing {
        desk: Arc::clone(&shared.desk),
        publisher: Publisher::new(kafka)?,
        shards,
        condition: process.health.condition("publishing"),
        stopping: shared.stopping.clone(),
        drained: shared.drained.clone(),
    };
    process.life.spawn_critical("publishing", publishing.run());
    Ok(())
}

/// The tasks that look, as time passes, what there is to do in the store.
fn start_looking(
    shared: &Arc<Shared>,
    due: watch::Receiver<Option<Close>>,
    shards: Shards,
    places: Places,
    life: &Lifecycle,
) {
    let (store, stopping) = (&shared.store, &shared.stopping);
    let (placed, is_placed) = watch::channel(None);
    let closing = Closing {
        store: store.clone(),
        health: Arc::clone(&shared.health),
        gap_ms: shared.config.inactivity_gap_ms,
        due: is_placed,
        shards,
        desk: Arc::clone(&shared.desk),
        stopping: stopping.clone(),
    };
    life.spawn_critical("closing", closing.run());
    let due_traces = Due {
        store: store.clone(),
        health: Arc::clone(&shared.health),
        due,
        placed,
        places,
        stopping: stopping.clone(),
    };
    life.spawn_critical("due traces", due_traces.run());
    let sweeping = sweeping::run(store.clone(), Arc::new(SystemClock), stopping.clone());
    life.spawn_critical("sweeping", sweeping);
    life.spawn_critical("memory", memory::run(store.clone(), stopping.clone()));
}

/// Starts what asks the store for the books: the way to it, and the way back.
fn start_recorder(
    shared: &Arc<Shared>,
    group: String,
    life: &Lifecycle,
) -> (UnboundedSender<Ask>, UnboundedReceiver<Answer>) {
    let (asks, asked) = bounded_by_room();
    let (answering, answers) = bounded_by_room();
    let recorder = Recorder {
        store: shared.store.clone(),
        group,
        health: Arc::clone(&shared.health),
        asks: asked,
        answers: answering,
    };
    life.spawn_critical("progress", recorder.run());
    (asks, answers)
}

/// Another at every start: who claims a partition in the store must not be taken for the process before.
fn process_name() -> anyhow::Result<String> {
    Ok(token::hex(&token::random::<8>()?))
}

/// Settings for which 0 means that the machine decides.
fn or_default(setting: usize, default: usize) -> usize {
    if setting == 0 { default } else { setting }
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
