//! One task that chains calls without an id by their histories.
//!
//! The rules are the core's [`Chain`]; here they meet the store, which all processors share. What is due of traces comes here;
//! each batch loads what is known of the points at which the calls stand, decides, and writes what the decisions rest on by
//! compare-and-set: where another process was faster, the decision is taken again. What is decided goes back to the traces.
//! Nothing is kept here: what has to wait is due again.

use super::{Place, Places, job};
use crate::metrics as names;
use crate::shards::retry::StoreHealth;
use domain::chain::{Chain, How, Joint, Joints, Outcome, Piece, Put, Settings, UnitId};
use domain::ids::{Digest, SpanId, TraceKey};
use domain::prepare::Prepared;
use domain::trace::GivenTo;
use metrics::counter;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoredJoint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

/// Messages taken up in one go.
const TAKEN_MAX: usize = 256;
const RETRY: Duration = Duration::from_secs(1);
/// A breath after another process was faster.
const CONFLICT_PAUSE: Duration = Duration::from_millis(5);

/// What is due of one trace.
#[derive(Debug)]
pub struct ToChain {
    pub pieces: Vec<Piece<Prepared>>,
    /// The watermark that it is due by.
    pub now_ms: i64,
    /// Bound how much is here at once.
    pub permits: Vec<OwnedSemaphorePermit>,
}

/// The process stops: what is not decided is due still.
struct Stopping;

#[derive(Debug)]
pub struct Chaining {
    pub settings: Settings,
    pub store: Store,
    pub health: Arc<StoreHealth>,
    pub places: Places,
    pub drained: CancellationToken,
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
    /// Chains until the channel closes or the pipeline has committed its last offsets.
    pub async fn run(self, mut messages: UnboundedReceiver<ToChain>) -> anyhow::Result<()> {
        let mut taken = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = self.drained.cancelled() => return Ok(()),
                count = messages.recv_many(&mut taken, TAKEN_MAX) => {
                    if count == 0 {
                        return Ok(());
                    }
                    let mut chain = Chain::new(self.settings);
                    let now_ms = taken.iter().map(|due| due.now_ms).max().unwrap_or_default();
                    let mut held = Vec::new();
                    let mut pieces = Vec::new();
                    for due in taken.drain(..) {
                        pieces.extend(due.pieces);
                        held.extend(due.permits);
                    }
                    chain.take(pieces);
                    if self.decide_ready(&mut chain, now_ms).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn decide_ready(&self, chain: &mut Chain<Prepared>, now_ms: i64) -> Result<(), Stopping> {
        loop {
            let ids = chain.ready(now_ms);
            if ids.is_empty() {
                return Ok(());
            }
            let conflicts = self.round(chain, &ids, now_ms).await?;
            if conflicts > 0 {
                counter!(names::CHAIN_CONFLICTS).increment(conflicts as u64);
                tokio::time::sleep(CONFLICT_PAUSE).await;
            }
        }
    }

    /// Decides the units and carries the decisions out. Returns how many are to be decided again.
    async fn round(
        &self,
        chain: &mut Chain<Prepared>,
        ids: &[UnitId],
        now_ms: i64,
    ) -> Result<usize, Stopping> {
        let mut stored = BTreeMap::new();
        self.load(chain.points(ids), &mut stored).await?;
        let mut joints = joints_of(&stored);
        self.load(chain.owners(ids, &joints), &mut stored).await?;
        joints.extend(joints_of(&stored));
        let mut open = Vec::new();
        let mut announced = Vec::new();
        for (id, outcome) in chain.decide(ids, &mut joints, now_ms) {
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
                    self.give(chain.give_up(id), &GivenTo::Nothing);
                }
                Outcome::Waits => announced.extend(chain.announce(id)),
            }
        }
        let decided = open.len();
        let certain = self.save_decisions(open, &stored, joints).await?;
        let conflicts = decided - certain.len();
        self.write_down(announced).await?;
        self.settle(chain, certain).await?;
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

    /// Writes down what others may go on from, and hands the spans over, in this order.
    async fn settle(
        &self,
        chain: &mut Chain<Prepared>,
        certain: Vec<Open>,
    ) -> Result<(), Stopping> {
        let mut settled = Vec::new();
        let mut puts = Vec::new();
        for open in certain {
            counter!(names::CHAINED, "outcome" => outcome_name(open.how)).increment(1);
            if let Some(unit) = chain.settle(open.id, &open.conversation) {
                puts.extend(unit.puts);
                settled.push((unit.pieces, open.conversation));
            }
        }
        self.write_down(puts).await?;
        for (pieces, conversation) in settled {
            self.give(pieces, &GivenTo::History(conversation));
        }
        Ok(())
    }

    /// Tells the traces what was decided.
    fn give(&self, pieces: Vec<Piece<Prepared>>, to: &GivenTo) {
        let mut by_trace: BTreeMap<TraceKey, BTreeSet<SpanId>> = BTreeMap::new();
        for piece in pieces {
            let key = TraceKey {
                project: piece.project.to_string(),
                trace: piece.key.trace,
            };
            by_trace.entry(key).or_default().insert(piece.key.span);
        }
        for (key, spans) in by_trace {
            let work = job::Work {
                given: vec![(spans, to.clone())],
                ..job::Work::default()
            };
            self.places.send(Place {
                key,
                work,
                tickets: Vec::new(),
                permits: Vec::new(),
            });
        }
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

    /// Repeats a step while the store cannot do it.
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
