//! The connection as everything here uses it: one client that all share, replaced when it no longer leads anywhere.

use crate::client::{self, Built, Client};
use crate::recovery::{Heard, Part, Recovery};
use crate::script::Call;
use crate::{Error, StoreConfig, sentinel, slots};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use parking_lot::{Mutex, RwLock};
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, RedisResult,
    ServerErrorKind, Value, from_redis_value,
};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout};

/// Commands sent in one write. Redis holds the answers of a pipeline in memory until it is read.
const PIPELINE_COMMANDS_MAX: usize = 256;
/// Commands in flight at once when each may go to another node.
const CLUSTER_COMMANDS_IN_FLIGHT_MAX: usize = 128;
/// The servers are asked this often whether they live and are masters, so that the way back is found although nobody
/// asks for anything, or nobody waits for the answers.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Heartbeats between two questions to others: to sentinels where the master is, to a cluster which nodes it has.
const HEARTBEATS_PER_QUESTION: u32 = 5;
/// Nodes of a cluster that are remembered: as many as a cluster can sensibly have.
const KNOWN_NODES_MAX: usize = 1_000;

#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    config: Arc<StoreConfig>,
    current: RwLock<Current>,
    recovery: Mutex<Recovery>,
    /// Nodes of the cluster, which outlive the configured ones where nodes come and go.
    known: Mutex<Vec<ConnectionInfo>>,
    /// The generation of the client, for those who hold connections of their own.
    generation: watch::Sender<u64>,
    began: Instant,
}

#[derive(Clone)]
struct Current {
    client: Client,
    address: Option<ConnectionAddr>,
    generation: u64,
}

/// A command on its way.
struct Attempt {
    current: Current,
    began_ms: u64,
}

impl Connection {
    pub(crate) async fn open(config: &Arc<StoreConfig>) -> Result<Self, Error> {
        let (client, address) = client::build(config, &[]).await?;
        let shared = Arc::new(Shared {
            config: Arc::clone(config),
            current: RwLock::new(Current {
                client,
                address,
                generation: 0,
            }),
            recovery: Mutex::default(),
            known: Mutex::default(),
            generation: watch::Sender::new(0),
            began: Instant::now(),
        });
        tokio::spawn(beat(Arc::downgrade(&shared)));
        Ok(Self(shared))
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.0.config.cluster
    }

    /// Changes whenever the client was replaced.
    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        self.0.generation.subscribe()
    }

    /// Where someone with a connection of their own can try, one after the other.
    pub(crate) async fn addresses(&self) -> Result<Vec<ConnectionInfo>, Error> {
        let config = &self.0.config;
        if let Some(name) = &config.sentinel_master {
            return Ok(vec![sentinel::master(name, config).await?]);
        }
        let mut addresses = client::addresses(config)?;
        addresses.extend(self.0.known.lock().iter().cloned());
        Ok(addresses)
    }

    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        Ok(from_redis_value(self.run(command).await?)?)
    }

    /// On one node of a cluster; a single Redis is the only one.
    pub(crate) async fn query_at(
        &self,
        command: Cmd,
        node: Option<SingleNodeRoutingInfo>,
    ) -> Result<Value, Error> {
        let Some(node) = node else {
            return Ok(self.run(&command).await?);
        };
        let attempt = self.0.attempt();
        let route = RoutingInfo::SingleNode(node);
        let answer = attempt.current.client.query_at(command, route).await;
        self.0.hear(&attempt, Part::All, answer.as_ref());
        Ok(answer?)
    }

    pub(crate) async fn call<T: FromRedisValue>(&self, call: &Call) -> Result<T, Error> {
        match self.run(&call.by_hash()).await {
            Err(error) if is_unknown_script(&error) => self.query(&call.by_text()).await,
            answer => Ok(from_redis_value(answer?)?),
        }
    }

    /// Runs commands that do not depend on each other; answers come in the order of the commands.
    pub(crate) async fn each(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, Error> {
        self.each_or_error(commands)
            .await?
            .into_iter()
            .map(|answer| Ok(answer?))
            .collect()
    }

    /// Runs scripts that do not depend on each other; answers come in the order of the calls.
    pub(crate) async fn call_each(&self, calls: &[Call]) -> Result<Vec<Value>, Error> {
        let answers = self.call_each_or_error(calls).await?;
        answers.into_iter().map(|answer| Ok(answer?)).collect()
    }

    /// The same where one that fails does not keep the others' answers from being known.
    pub(crate) async fn call_each_or_error(
        &self,
        calls: &[Call],
    ) -> Result<Vec<RedisResult<Value>>, Error> {
        let answers = self
            .each_or_error(calls.iter().map(Call::by_hash).collect())
            .await?;
        let mut values = Vec::with_capacity(answers.len());
        for (answer, call) in answers.into_iter().zip(calls) {
            values.push(match answer {
                Err(error) if is_unknown_script(&error) => self.run(&call.by_text()).await,
                answer => answer,
            });
        }
        Ok(values)
    }

    async fn run(&self, command: &Cmd) -> RedisResult<Value> {
        let attempt = self.0.attempt();
        let answer = attempt.current.client.query(command).await;
        self.0
            .hear(&attempt, self.0.part_of(command), answer.as_ref());
        answer
    }

    /// The same where one that fails does not keep the others' answers from being known.
    pub(crate) async fn each_or_error(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<RedisResult<Value>>, Error> {
        if self.is_cluster() {
            // The client refuses pipelines over several slots; commands in flight together share writes anyway.
            let answers = stream::iter(commands)
                .map(|command| async move {
                    match self.run(&command).await {
                        Err(error) if error.is_io_error() => Err(error),
                        answer => Ok(answer),
                    }
                })
                .buffered(CLUSTER_COMMANDS_IN_FLIGHT_MAX);
            return Ok(answers.try_collect().await?);
        }
        let mut answers = Vec::with_capacity(commands.len());
        let mut commands = commands.into_iter().peekable();
        while commands.peek().is_some() {
            let batch = commands.by_ref().take(PIPELINE_COMMANDS_MAX);
            answers.extend(self.pipeline(batch).await?);
        }
        Ok(answers)
    }

    async fn pipeline(
        &self,
        commands: impl Iterator<Item = Cmd>,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let attempt = self.0.attempt();
        let Client::Single(manager) = &attempt.current.client else {
            return Err((ErrorKind::Client, "a cluster has no pipelines").into());
        };
        let answers = client::pipeline(manager, commands).await;
        match &answers {
            Ok(answers) => {
                for answer in answers {
                    self.0.hear(&attempt, Part::All, answer.as_ref());
                }
            }
            Err(error) => self.0.hear(&attempt, Part::All, Err(error)),
        }
        answers
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        client::millis(self.began.elapsed())
    }

    fn attempt(&self) -> Attempt {
        Attempt {
            current: self.current.read().clone(),
            began_ms: self.now_ms(),
        }
    }

    fn part_of(&self, command: &Cmd) -> Part {
        match self.config.cluster {
            true => Part::of(slots::slot_of(command)),
            false => Part::All,
        }
    }

    fn hear(self: &Arc<Self>, attempt: &Attempt, part: Part, answer: Result<&Value, &RedisError>) {
        let heard = answer.map_or_else(Heard::in_error, |_| Heard::Answer);
        let cause = || answer.err().map(RedisError::to_string).unwrap_or_default();
        self.take_note(attempt, part, heard, cause);
    }

    fn take_note(
        self: &Arc<Self>,
        attempt: &Attempt,
        part: Part,
        heard: Heard,
        cause: impl Fn() -> String,
    ) {
        // What an older client still says is nothing about this one.
        if self.current.read().generation != attempt.current.generation {
            return;
        }
        let now_ms = self.now_ms();
        let mut recovery = self.recovery.lock();
        let is_told = recovery.is_in_trouble(now_ms);
        if !recovery.hear(part, heard, attempt.began_ms, now_ms) {
            return;
        }
        drop(recovery);
        let cause = cause();
        // An outage that lasts is told once.
        if is_told {
            tracing::debug!(cause, "the way to redis is lost again");
        } else {
            tracing::warn!(cause, "the way to redis is lost: looking for it anew");
        }
        tokio::spawn(replace(Arc::downgrade(self), is_told));
    }

    /// A new client, within bounded time.
    async fn build(&self) -> Result<Built, Error> {
        let config = &self.config;
        // Connecting, discovering and asking, each of them for a second server when the first does not answer.
        let bound = 2 * (config.connect_timeout() + config.response_timeout());
        let known = self.known.lock().clone();
        let built = timeout(bound, client::build(config, &known)).await;
        built.unwrap_or_else(|_| Err(client::timed_out()))
    }

    fn install(&self, (client, address): Built) {
        let mut current = self.current.write();
        let generation = current.generation + 1;
        *current = Current {
            client,
            address,
            generation,
        };
        self.recovery.lock().replaced();
        drop(current);
        self.generation.send_replace(generation);
    }
}

/// Replaces the client, however long that takes, unless it comes back by itself. One task at a time does.
async fn replace(weak: Weak<Shared>, mut is_told: bool) {
    loop {
        let Some(shared) = weak.upgrade() else { return };
        let wait_ms = shared.recovery.lock().wait_ms(shared.now_ms());
        drop(shared);
        sleep(Duration::from_millis(wait_ms)).await;
        let Some(shared) = weak.upgrade() else { return };
        let now_ms = shared.now_ms();
        if !shared.recovery.lock().attempt(now_ms) {
            tracing::info!("redis answers again");
            return;
        }
        match shared.build().await {
            Ok(built) => {
                shared.install(built);
                tracing::info!("connected to redis anew");
                return;
            }
            Err(error) if is_told => tracing::debug!(%error, "cannot connect to redis yet"),
            Err(error) => {
                is_told = true;
                tracing::warn!(%error, "cannot connect to redis yet, trying again");
            }
        }
    }
}

/// Asks the servers again and again, for as long as anyone holds the connection.
async fn beat(weak: Weak<Shared>) {
    let mut ticks = tokio::time::interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beats = 0u32;
    loop {
        ticks.tick().await;
        let Some(shared) = weak.upgrade() else { return };
        let connection = Connection(shared);
        let asks_others = beats.is_multiple_of(HEARTBEATS_PER_QUESTION);
        beats = beats.wrapping_add(1);
        // Its outcome is heard like that of any command.
        if connection.run(&redis::cmd("PING")).await.is_err() {
            continue;
        }
        if connection.is_cluster() {
            if asks_others {
                connection.remember_nodes().await;
            }
        } else {
            connection.look_for_master(asks_others).await;
        }
    }
}

impl Connection {
    /// A server that has become a replica answers as before, and so does one that was master until its sentinels chose
    /// another.
    async fn look_for_master(&self, asks_sentinels: bool) {
        let attempt = self.0.attempt();
        let mut is_wrong = sentinel::is_master(&attempt.current.client).await == Some(false);
        if asks_sentinels && let Some(name) = &self.0.config.sentinel_master {
            let master = sentinel::master(name, &self.0.config).await;
            is_wrong |=
                master.is_ok_and(|master| Some(master.addr()) != attempt.current.address.as_ref());
        }
        if is_wrong {
            let cause = || "the server is no longer the master".to_owned();
            self.0
                .take_note(&attempt, Part::All, Heard::WrongServer, cause);
        }
    }

    async fn remember_nodes(&self) {
        let configured = client::addresses(&self.0.config).unwrap_or_default();
        let [like, ..] = configured.as_slice() else {
            return;
        };
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let Ok(runs) = self.query::<Vec<Vec<Value>>>(&command).await else {
            return;
        };
        // Each run of slots: first, last, then nodes, each with host, port and more.
        let nodes = runs.into_iter().flat_map(|run| run.into_iter().skip(2));
        let mut known: Vec<(String, u16)> = nodes.filter_map(node_address).collect();
        known.sort();
        known.dedup();
        let known = known.into_iter().take(KNOWN_NODES_MAX);
        *self.0.known.lock() = known
            .map(|(host, port)| client::elsewhere(like, host, port))
            .collect();
    }
}

/// `None` for a node that does not know its own address.
fn node_address(node: Value) -> Option<(String, u16)> {
    let Value::Array(fields) = node else {
        return None;
    };
    let mut fields = fields.into_iter();
    let host: String = from_redis_value(fields.next()?).ok()?;
    let port: u16 = from_redis_value(fields.next()?).ok()?;
    (!host.is_empty() && host != "?").then_some((host, port))
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
