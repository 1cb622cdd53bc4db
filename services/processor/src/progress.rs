//! How far the store has got, recorded in the store itself: Kafka is the truth, and Redis may lose what it held last.
//!
//! Every second this process writes down how far each of its partitions is done, and commits that to Kafka when the store
//! has it; so too with partitions that it lets go. When it finds less there than it wrote, or than the consumer group has
//! committed, Redis has gone back in time: the partitions are read again from where Redis stands, less a margin. When the
//! store was emptied, it is in another epoch, in which nothing counts that was done before.

use crate::offsets::{Progress, next_of};
use crate::pipeline::Standing;
use crate::source::{NextOffset, SourceHandle, TopicPartition};
use runtime::clock::Clock;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Claimed, Epoch, PartitionProgress as StoredProgress, Point, Saved, Store};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

const TICK: Duration = Duration::from_secs(1);
/// How far before the recorded offset reading begins again: the nodes of a cluster do not lose the same last moment.
const MARGIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Recorder {
    pub store: Store,
    pub group: String,
    /// Tells this process from others when it saves.
    pub owner: String,
    pub clock: Arc<dyn Clock>,
    /// The store's, from before anything was read.
    pub epoch: Epoch,
    pub source: SourceHandle,
    pub standing: watch::Receiver<Standing>,
    pub rewinds: UnboundedSender<Vec<NextOffset>>,
    /// Closed by the pipeline at its end.
    pub handovers: UnboundedReceiver<Handover>,
    pub shared: Arc<crate::shard::Shared>,
    pub stopping: CancellationToken,
}

/// Partitions that this process lets go. Their next owner must not find less in the store than was committed.
#[derive(Debug)]
pub struct Handover {
    pub partitions: Vec<TopicPartition>,
    /// How far those are done of which anything was read.
    pub progress: Vec<Progress>,
    /// Told what may be committed, once it is recorded.
    pub recorded: oneshot::Sender<Vec<NextOffset>>,
}

/// What was recorded of a partition, newest last: the first entry is at least the margin old.
type Recorded = VecDeque<(i64, i64)>;

/// Of the partitions that were not let go since.
#[derive(Debug, Default)]
struct Memory {
    recorded: HashMap<TopicPartition, Recorded>,
    /// Generations that are read again from further back: how far they got counts no more.
    overtaken: HashMap<TopicPartition, u64>,
    /// An epoch of the store that was found, while the pipeline's books may be from before it.
    next_epoch: Option<Epoch>,
}

impl Memory {
    fn counts(&self, progress: &Progress) -> bool {
        let overtaken = self.overtaken.get(&progress.next.partition);
        overtaken.is_none_or(|overtaken| progress.generation > *overtaken)
    }
}

impl Recorder {
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut memory = Memory::default();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let outcome = tokio::select! {
                // A partition that comes back is looked at as one that was never here.
                biased;
                handover = self.handovers.recv() => match handover {
                    Some(handover) => self.hand_over(handover, &mut memory).await,
                    None => return Ok(()),
                },
                // What is done during a stop is recorded with the last handover.
                _ = ticks.tick(), if !self.stopping.is_cancelled() => self.record(&mut memory).await,
            };
            if let Err(cause) = outcome {
                warn!(error = %cause, "cannot record progress in the store");
            }
        }
    }

    async fn hand_over(
        &self,
        mut handover: Handover,
        memory: &mut Memory,
    ) -> Result<(), store::Error> {
        for partition in &handover.partitions {
            memory.recorded.remove(partition);
        }
        let next = next_of(&handover.progress);
        handover.progress.retain(|progress| memory.counts(progress));
        if handover.recorded.is_closed() {
            // They were lost, or waited for too long: another process may own them and have gone further.
            return Ok(());
        }
        let saved = self.save(&handover.progress).await.map(drop);
        // Committed even when the store does not answer: the next owner reads again what it lacks.
        if handover.recorded.send(next).is_err() {
            debug!("nobody waits for the offsets of these partitions any more");
        }
        saved
    }

    /// Whether it was recorded: not when the store has begun another epoch.
    async fn save(&self, progress: &[Progress]) -> Result<bool, store::Error> {
        let now_ms = self.clock.now_ms();
        let stored =
            |progress: &Progress| entry(&progress.next, progress.done_watermark_ms, now_ms);
        let stored: Vec<StoredProgress> = progress.iter().map(stored).collect();
        self.save_as_owner(&stored).await
    }

    async fn save_as_owner(&self, progress: &[StoredProgress]) -> Result<bool, store::Error> {
        let (group, epoch, owner) = (&self.group, &self.epoch, &self.owner);
        let name = |of: &StoredProgress| (of.topic.clone(), of.partition);
        let names: Vec<(String, i32)> = progress.iter().map(name).collect();
        if self.store.claim(group, epoch, owner, &names).await? == Claimed::EpochOver {
            return Ok(false);
        }
        let saved = self.store.save(group, epoch, owner, progress).await?;
        Ok(saved == Saved::Yes)
    }

    async fn record(&mut self, memory: &mut Memory) -> Result<(), store::Error> {
        let mut found = self.store.look(&self.group).await?;
        if !found.is_intact {
            // Which of the last writes were lost is not known, so nothing counts any more.
            self.store.begin_epoch(&self.group, &found, &[]).await?;
            found = self.store.look(&self.group).await?;
        }
        let is_emptied = found.epoch != self.epoch;
        if is_emptied && !self.is_told_since(&found.epoch, memory) {
            return Ok(());
        }
        let mut owned = self.standing.borrow().partitions.clone();
        owned.retain(|progress| memory.counts(progress));
        let rewinds = if is_emptied {
            warn!("the store was emptied or has lost something: reading everything again");
            self.epoch = found.epoch;
            let from_known =
                |progress: &Progress| from_known(&progress.next.partition, &found.partitions);
            owned.iter().map(from_known).collect()
        } else {
            lacking(&owned, &memory.recorded, &found.partitions)
        };
        if is_emptied || !rewinds.is_empty() {
            return self.rewind(rewinds, &owned, memory).await;
        }
        if !self.save(&owned).await? {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        for progress in &owned {
            let recorded = memory.recorded.entry(progress.next.partition.clone());
            remember(recorded.or_default(), now_ms, progress.next.offset);
        }
        self.source.commit(next_of(&owned));
        Ok(())
    }

    /// Whether the pipeline has told where it stands since this epoch was found. Before that, its books may lack
    /// partitions of which something was written to the store and removed with the rest.
    fn is_told_since(&mut self, epoch: &Epoch, memory: &mut Memory) -> bool {
        if memory.next_epoch.as_ref() == Some(epoch) {
            // Closed only when the process is stopping.
            return self.standing.has_changed().unwrap_or(false);
        }
        memory.next_epoch = Some(epoch.clone());
        self.standing.mark_unchanged();
        false
    }

    async fn rewind(
        &self,
        rewinds: Vec<NextOffset>,
        owned: &[Progress],
        memory: &mut Memory,
    ) -> Result<(), store::Error> {
        self.shared.cache_epoch.fetch_add(1, Ordering::AcqRel);
        let now_ms = self.clock.now_ms();
        for next in &rewinds {
            // What is read again counts as recorded from there, so that a topic whose beginning has expired is not
            // found lacking for ever.
            let recorded = Recorded::from([(now_ms, next.offset)]);
            memory.recorded.insert(next.partition.clone(), recorded);
            let of = |progress: &&Progress| progress.next.partition == next.partition;
            if let Some(Progress { generation, .. }) = owned.iter().find(of) {
                memory.overtaken.insert(next.partition.clone(), *generation);
            }
        }
        let progress: Vec<_> = rewinds
            .iter()
            .map(|next| entry(next, None, now_ms))
            .collect();
        // The pipeline is gone only when the process is stopping.
        let _ = self.rewinds.send(rewinds);
        self.save_as_owner(&progress).await.map(drop)
    }
}

/// What the store lacks of partitions that were just assigned, and of those that it was told about.
fn lacking(
    owned: &[Progress],
    recorded: &HashMap<TopicPartition, Recorded>,
    found: &[StoredProgress],
) -> Vec<NextOffset> {
    let new = owned
        .iter()
        .filter(|progress| !recorded.contains_key(&progress.next.partition));
    let mut rewinds: Vec<NextOffset> = new
        .filter_map(|progress| lost_before(progress, found))
        .collect();
    rewinds.extend(lost(recorded, found));
    if !rewinds.is_empty() {
        error!(
            partitions = rewinds.len(),
            "the store knows less than was committed: reading again what it lacks"
        );
    }
    rewinds
}

fn entry(next: &NextOffset, watermark_ms: Option<i64>, at_ms: i64) -> StoredProgress {
    StoredProgress {
        topic: next.partition.topic.to_string(),
        partition: next.partition.partition,
        points: vec![Point {
            at_ms,
            next_offset: next.offset,
            time_ms: watermark_ms,
        }],
        watermark_ms,
    }
}

fn remember(recorded: &mut Recorded, now_ms: i64, offset: i64) {
    recorded.push_back((now_ms, offset));
    let margin_ms = MARGIN.as_millis() as i64;
    while recorded
        .get(1)
        .is_some_and(|(at_ms, _)| now_ms - at_ms >= margin_ms)
    {
        recorded.pop_front();
    }
}

/// The partitions of which the store knows less than was recorded, with the offsets from which to read them again.
fn lost(recorded: &HashMap<TopicPartition, Recorded>, found: &[StoredProgress]) -> Vec<NextOffset> {
    let known = |partition: &TopicPartition| known(found, partition);
    let is_lost = recorded.iter().any(|(partition, history)| {
        history
            .back()
            .is_some_and(|(_, offset)| known(partition) < *offset)
    });
    if !is_lost {
        return Vec::new();
    }
    // One partition's loss is everybody's: conversations span partitions.
    let again = recorded.iter().filter_map(|(partition, history)| {
        let (_, before_margin) = history.front()?;
        Some(NextOffset {
            partition: partition.clone(),
            offset: known(partition).min(*before_margin),
        })
    });
    again.collect()
}

/// A partition that was just assigned: the group has committed more of it than the store knows.
fn lost_before(progress: &Progress, found: &[StoredProgress]) -> Option<NextOffset> {
    let known = from_known(&progress.next.partition, found);
    (known.offset < progress.first_offset).then_some(known)
}

/// As far as the store has the partition.
fn from_known(partition: &TopicPartition, found: &[StoredProgress]) -> NextOffset {
    NextOffset {
        partition: partition.clone(),
        offset: known(found, partition),
    }
}

/// The first offset that the store does not know to be done.
fn known(found: &[StoredProgress], partition: &TopicPartition) -> i64 {
    let known = found
        .iter()
        .find(|known| known.topic == *partition.topic && known.partition == partition.partition);
    known.and_then(StoredProgress::next_offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> TopicPartition {
        TopicPartition::new("otlp_spans", 0)
    }

    fn recorded(offsets: &[(i64, i64)]) -> HashMap<TopicPartition, Recorded> {
        let mut history = Recorded::new();
        offsets
            .iter()
            .for_each(|(at_ms, offset)| remember(&mut history, *at_ms, *offset));
        HashMap::from([(partition(), history)])
    }

    fn found(next_offset: i64) -> StoredProgress {
        entry(
            &NextOffset {
                partition: partition(),
                offset: next_offset,
            },
            None,
            0,
        )
    }

    #[test]
    fn what_redis_still_knows_is_not_read_again() {
        assert_eq!(lost(&recorded(&[(0, 10), (1_000, 20)]), &[found(20)]), []);
        assert_eq!(
            lost(&recorded(&[(0, 10)]), &[found(30)]),
            [],
            "another process has gone further"
        );
    }

    #[test]
    fn an_older_redis_is_filled_again_from_before_where_it_stands() {
        let history = recorded(&[(0, 10), (40_000, 20), (60_000, 30), (75_000, 40)]);
        let rewinds = lost(&history, &[found(30)]);
        assert_eq!(
            rewinds,
            [NextOffset {
                partition: partition(),
                offset: 20
            }],
            "the margin before 40"
        );
    }

    #[test]
    fn an_empty_redis_is_filled_from_the_beginning() {
        assert_eq!(
            lost(&recorded(&[(0, 10)]), &[]),
            [NextOffset {
                partition: partition(),
                offset: 0
            }]
        );
    }

    #[test]
    fn a_store_that_was_emptied_while_nobody_looked_is_found_out_at_the_assignment() {
        let progress = |first_offset| Progress {
            next: NextOffset {
                partition: partition(),
                offset: 50,
            },
            generation: 1,
            first_offset,
            done_watermark_ms: None,
        };
        let from = |offset| {
            Some(NextOffset {
                partition: partition(),
                offset,
            })
        };
        assert_eq!(lost_before(&progress(40), &[]), from(0));
        assert_eq!(lost_before(&progress(40), &[found(30)]), from(30));
        assert_eq!(lost_before(&progress(40), &[found(45)]), None);
        assert_eq!(
            lost_before(&progress(0), &[]),
            None,
            "a group that begins at the beginning"
        );
    }
}
