//! One task that chains calls without an id by their histories.
//!
//! The rules are the core's [`Chain`]; here they meet the store, which all processors share. Each round loads what is known
//! of the points at which the calls stand, decides, and writes what the decisions rest on by compare-and-set: where another
//! process was faster, the decision is taken again. Only then are the spans placed, and all that is known of them written
//! down for those who go on from there.

use crate::item::Item;
use crate::metrics as names;
use crate::shards::retry::StoreHealth;
use domain::chain::{Chain, How, Joint, Joints, Outcome, Piece, Put, Settings, UnitId};
use domain::ids::{ConversationKey, Digest, SpanId};
use metrics::{counter, gauge};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Placement, Store, StoredJoint};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often the store is asked about traces of which nothing captured tells where they belong.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Traces asked about in one go.
const ASK_TRACES_MAX: usize = 500;
/// Messages taken up in one go.
const TAKEN_MAX: usize = 256;
const RETRY: Duration = Duration::from_secs(1);
/// A breath after another process was faster.
const CONFLICT_PAUSE: Duration = Duration::from_millis(5);

/// What this task is sent.
#[derive(Debug)]
pub enum ToChain {
    Pieces {
        pieces: Vec<Piece<Item>>,
        now_ms: i64,
    },
    /// The watermark of what was read.
    Now(i64),
    /// Everything is read again, and time has gone back.
    StartOver,
}

/// What became of pieces.
#[derive(Debug)]
pub enum Chained {
    Settled {
        conversation: ConversationKey,
        pieces: Vec<Piece<Item>>,
    },
    LeftOut(Vec<Piece<Item>>),
}

/// The process stops: what is not done is read again.
struct Stopping;

pub struct Chaining {
    chain: Chain<Item>,
    settings: Settings,
    store: Store,
    health: Arc<StoreHealth>,
    router: UnboundedSender<Chained>,
    drained: CancellationToken,
    now_ms: i64,
}

impl std::fmt::Debug for Chaining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chaining")
            .field("waiting", &self.chain.count())
            .finish_non_exhaustive()
    }
}

/// A decision that is not stored yet.
struct Open {
    id: UnitId,
    conversation: String,
    how: How,
    owner: Option<Digest>,
    points: Vec<Digest>,
}

impl Chaining {
    pub fn new(
        settings: Settings,
        store: Store,
        health: Arc<StoreHealth>,
        router: UnboundedSender<Chained>,
        drained: CancellationToken,
    ) -> Self {
        Self {
            chain: Chain::new(settings),
            settings,
            store,
            health,
            router,
            drained,
            now_ms: 0,
        }
    }

    /// Chains until the channel closes or the pipeline has committed its last offsets. What still waits then is dropped
    /// undone, to be read again.
    pub async fn run(mut self, mut messages: UnboundedReceiver<ToChain>) -> anyhow::Result<()> {
        let mut asking = tokio::time::interval(ASK_EVERY);
        asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        let drained = self.drained.clone();
        loop {
            tokio::select! {
                biased;
                () = drained.cancelled() => return Ok(()),
                _ = asking.tick() => self.ask().await,
                count = messages.recv_many(&mut taken, TAKEN_MAX) => {
                    if count == 0 {
                        return Ok(());
                    }
                    taken.drain(..).for_each(|message| self.take(message));
                    if self.decide_ready().await.is_err() {
                        return Ok(());
                    }
                    gauge!(names::CHAIN_WAITING).set(self.chain.count() as f64);
                    gauge!(names::CHAIN_WAITING_BYTES).set(self.chain.bytes() as f64);
                }
            }
        }
    }

    fn take(&mut self, message: ToChain) {
        match message {
            ToChain::Now(now_ms) => self.now_ms = self.now_ms.max(now_ms),
            ToChain::StartOver => {
                self.chain = Chain::new(self.settings);
                self.now_ms = 0;
            }
            ToChain::Pieces { pieces, now_ms } => {
                self.now_ms = self.now_ms.max(now_ms);
                self.chain.take(pieces);
            }
        }
    }

    /// Another process may have what ties a trace to a conversation: its log records, or its calls.
    async fn ask(&mut self) {
        let mut traces = self.chain.traces_in_the_dark();
        traces.truncate(ASK_TRACES_MAX);
        if traces.is_empty() {
            return;
        }
        match self.store.load_links(&traces).await {
            Ok(found) => {
                for (trace, known) in found
                    .into_iter()
                    .filter(|(_, known)| !known.placed.is_empty())
                {
                    self.chain.learn_placed(trace, &known.placed);
                }
            }
            Err(cause) => self.health.failed("ask links", &cause),
        }
    }

    async fn decide_ready(&mut self) -> Result<(), Stopping> {
        loop {
            let ids = self.chain.ready(self.now_ms);
            if ids.is_empty() {
                return Ok(());
            }
            let conflicts = self.round(&ids).await?;
            if conflicts > 0 {
                counter!(names::CHAIN_CONFLICTS).increment(conflicts as u64);
                tokio::time::sleep(CONFLICT_PAUSE).await;
            }
        }
    }

    /// Decides the units and carries the decisions out. Returns how many are to be decided again.
    async fn round(&mut self, ids: &[UnitId]) -> Result<usize, Stopping> {
        let mut stored = BTreeMap::new();
        self.load(self.chain.points(ids), &mut stored).await?;
        let mut joints = joints_of(&stored);
        self.load(self.chain.owners(ids, &joints), &mut stored)
            .await?;
        joints.extend(joints_of(&stored));
        let mut open = Vec::new();
        let mut announced = Vec::new();
        for (id, outcome) in self.chain.decide(ids, &mut joints, self.now_ms) {
            match outcome {
                Outcome::Settled {
                    conversation,
                    how,
                    owner,
                    points,
                } => {
                    open.push(Open {
                        id,
                        conversation,
                        how,
                        owner,
                        points,
                    });
                }
                Outcome::LeftOut => {
                    counter!(names::CHAINED, "outcome" => "left_out").increment(1);
                    let pieces = self.chain.give_up(id);
                    self.answer(Chained::LeftOut(pieces));
                }
                Outcome::Waits => announced.extend(self.chain.announce(id)),
            }
        }
        let decided = open.len();
        let certain = self.save_decisions(open, &stored, joints).await?;
        let conflicts = decided - certain.len();
        self.write_down(announced).await?;
        self.settle(certain).await?;
        Ok(conflicts)
    }

    async fn load(
        &self,
        points: BTreeSet<Digest>,
        stored: &mut BTreeMap<Digest, StoredJoint>,
    ) -> Result<(), Stopping> {
        let points: Vec<Digest> = points.into_iter().collect();
        let loaded = self
            .until_done("load joints", || self.store.load_joints(&points))
            .await?;
        stored.extend(points.into_iter().zip(loaded));
        Ok(())
    }

    /// Writes what decisions rest on; those of which somebody else changed something since are left out.
    async fn save_decisions(
        &self,
        open: Vec<Open>,
        stored: &BTreeMap<Digest, StoredJoint>,
        joints: Joints,
    ) -> Result<Vec<Open>, Stopping> {
        let changed = |point: &Digest| {
            let version = stored.get(point).map_or(0, |stored| stored.version);
            let joint = joints.get(point).cloned().unwrap_or_default();
            (*point, StoredJoint { version, joint })
        };
        let owners: BTreeSet<Digest> = open.iter().filter_map(|open| open.owner).collect();
        let lost = self.save(owners.iter().map(changed).collect()).await?;
        let (open, lost) = without(open, lost);
        let points: BTreeSet<Digest> = open
            .iter()
            .flat_map(|open| open.points.iter().copied())
            .collect();
        let lost_points = self
            .save(points.difference(&lost).map(changed).collect())
            .await?;
        Ok(without(open, lost_points).0)
    }

    /// Returns the points that somebody else has changed.
    async fn save(&self, joints: Vec<(Digest, StoredJoint)>) -> Result<BTreeSet<Digest>, Stopping> {
        if joints.is_empty() {
            return Ok(BTreeSet::new());
        }
        let ttl_ms = u64::try_from(self.settings.window_ms).unwrap_or(u64::MAX);
        let borrowed: Vec<(Digest, &StoredJoint)> = joints
            .iter()
            .map(|(point, joint)| (*point, joint))
            .collect();
        let saved = self
            .until_done("save joints", || self.store.save_joints(&borrowed, ttl_ms))
            .await?;
        let lost = joints.iter().zip(saved).filter(|(_, is_saved)| !is_saved);
        Ok(lost.map(|((point, _), _)| *point).collect())
    }

    /// Places the spans, writes down what others may go on from, and hands the spans over, in this order.
    async fn settle(&mut self, certain: Vec<Open>) -> Result<(), Stopping> {
        let placements: Vec<Placement> = certain
            .iter()
            .map(|open| Placement {
                trace: open.id.1.trace,
                spans: self.spans(open.id),
                conversation: open.conversation.clone(),
            })
            .collect();
        let placed = self
            .until_done("place", || self.store.place(&placements))
            .await?;
        let mut answers = Vec::new();
        let mut puts = Vec::new();
        for (open, conversation) in certain.into_iter().zip(placed) {
            counter!(names::CHAINED, "outcome" => outcome_name(open.how)).increment(1);
            let Some(settled) = self.chain.settle(open.id, &conversation) else {
                continue;
            };
            puts.extend(settled.puts);
            let Some(project) = settled
                .pieces
                .first()
                .map(|piece| piece.project.to_string())
            else {
                continue;
            };
            answers.push(Chained::Settled {
                conversation: ConversationKey {
                    project,
                    id: conversation,
                },
                pieces: settled.pieces,
            });
        }
        self.write_down(puts).await?;
        answers.into_iter().for_each(|answer| self.answer(answer));
        Ok(())
    }

    /// The first is the one that the unit is named after.
    fn spans(&self, id: UnitId) -> Vec<SpanId> {
        let others = self
            .chain
            .spans(id)
            .into_iter()
            .filter(|span| *span != id.1.span);
        std::iter::once(id.1.span).chain(others).collect()
    }

    async fn write_down(&self, puts: Vec<Put>) -> Result<(), Stopping> {
        let mut by_point: BTreeMap<Digest, Vec<Put>> = BTreeMap::new();
        for put in puts {
            by_point.entry(put.point).or_default().push(put);
        }
        while !by_point.is_empty() {
            let mut stored = BTreeMap::new();
            self.load(by_point.keys().copied().collect(), &mut stored)
                .await?;
            let mut changed = Vec::new();
            for (point, puts) in &by_point {
                let mut joint = stored.remove(point).unwrap_or_default();
                let applied = puts
                    .iter()
                    .filter(|put| put.apply(&mut joint.joint, &self.settings));
                if applied.count() > 0 {
                    changed.push((*point, joint));
                }
            }
            let lost = self.save(changed).await?;
            by_point.retain(|point, _| lost.contains(point));
        }
        Ok(())
    }

    fn answer(&self, answer: Chained) {
        // The router is gone only when the process is stopping; the pieces then stay undone.
        let _ = self.router.send(answer);
    }

    /// Repeats a step while the store cannot do it. Consumption stops by itself meanwhile, since records stay undone.
    async fn until_done<T, F: Future<Output = Result<T, store::Error>>>(
        &self,
        step: &'static str,
        attempt: impl Fn() -> F,
    ) -> Result<T, Stopping> {
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(cause) => self.health.failed(step, &cause),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.drained.cancelled() => return Err(Stopping),
            }
        }
    }
}

fn joints_of(stored: &BTreeMap<Digest, StoredJoint>) -> BTreeMap<Digest, Joint> {
    stored
        .iter()
        .map(|(point, stored)| (*point, stored.joint.clone()))
        .collect()
}

/// Leaves out the decisions that rest on something lost, and with each what it would have written, for that is written
/// together with others' decisions about the same point. Returns the rest, and all that must not be written.
fn without(mut open: Vec<Open>, mut lost: BTreeSet<Digest>) -> (Vec<Open>, BTreeSet<Digest>) {
    loop {
        let is_lost = |open: &Open| {
            open.owner
                .iter()
                .chain(&open.points)
                .any(|point| lost.contains(point))
        };
        let (gone, rest): (Vec<Open>, Vec<Open>) = open.into_iter().partition(is_lost);
        open = rest;
        if gone.is_empty() {
            return (open, lost);
        }
        lost.extend(gone.into_iter().flat_map(|open| open.points));
    }
}

fn outcome_name(how: How) -> &'static str {
    match how {
        How::Known => "known",
        How::Continued => "continued",
        How::Retried => "retried",
        How::Branched => "branched",
        How::Overlapped => "overlapped",
        How::Preceded => "preceded",
        How::Begun => "begun",
    }
}
