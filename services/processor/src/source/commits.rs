//! Which offsets still have to be committed.
//!
//! A commit that nobody waits for reports nothing in rust-rdkafka 0.39: the client tells the outcome of its automatic
//! commits only. What the client's statistics say was committed is the answer, and what they do not confirm is committed
//! again. So every kind of failure is repeated, and none of them is an error here.

use super::starts::metadata;
use super::{Commitment, TopicPartition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Commits {
    partitions: BTreeMap<TopicPartition, Wanted>,
    last_sent: Option<Instant>,
    /// The poll loop asks for every record; looking through all partitions that often would cost more than reading.
    last_looked: Option<Instant>,
}

#[derive(Debug)]
struct Wanted {
    offset: i64,
    /// Committed along: see [`super::Start::time_ms`].
    time_ms: Option<i64>,
    sent: Option<(i64, Instant)>,
    /// As the client last said.
    committed: Option<i64>,
}

/// What to commit now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) list: TopicPartitionList,
    /// Partitions whose commit was not confirmed and is repeated.
    pub(super) repeated: u64,
}

impl Commits {
    /// Asks for a commit; of each partition only the highest offset matters.
    pub(super) fn want(&mut self, commitment: Commitment) {
        let Commitment { next, time_ms, .. } = commitment;
        let wanted = self.partitions.entry(next.partition).or_insert(Wanted {
            offset: next.offset,
            time_ms,
            sent: None,
            committed: None,
        });
        if next.offset >= wanted.offset {
            wanted.offset = next.offset;
            wanted.time_ms = time_ms;
        }
    }

    /// What to commit now, at most once in `interval`. What was sent and not confirmed within `confirm_within` is sent
    /// again.
    pub(super) fn due(
        &mut self,
        now: Instant,
        interval: Duration,
        confirm_within: Duration,
    ) -> Option<Due> {
        let since =
            |past: Option<Instant>| past.map_or(Duration::MAX, |past| now.duration_since(past));
        if since(self.last_sent) < interval || since(self.last_looked) < interval / 10 {
            return None;
        }
        self.last_looked = Some(now);
        let mut due = BTreeMap::new();
        let mut repeated = 0;
        for (partition, wanted) in &mut self.partitions {
            if wanted.committed == Some(wanted.offset) {
                continue;
            }
            match wanted.sent {
                Some((offset, at)) if offset == wanted.offset => {
                    if now.duration_since(at) < confirm_within {
                        continue;
                    }
                    repeated += 1;
                }
                _ => {}
            }
            wanted.sent = Some((wanted.offset, now));
            due.insert(partition.clone(), (wanted.offset, wanted.time_ms));
        }
        if due.is_empty() {
            return None;
        }
        self.last_sent = Some(now);
        Some(Due {
            list: list(&due),
            repeated,
        })
    }

    /// Takes note of what the client says was committed.
    pub(super) fn confirm(&mut self, partition: &TopicPartition, offset: i64) {
        if let Some(wanted) = self.partitions.get_mut(partition) {
            wanted.committed = Some(offset);
        }
    }

    /// Forgets these partitions, which are being given away, and returns what is left to commit of them.
    pub(super) fn take(&mut self, partitions: &[TopicPartition]) -> TopicPartitionList {
        let taken = partitions
            .iter()
            .filter_map(|partition| self.partitions.remove_entry(partition));
        let open = taken.filter(|(_, wanted)| wanted.committed != Some(wanted.offset));
        list(
            &open
                .map(|(partition, wanted)| (partition, (wanted.offset, wanted.time_ms)))
                .collect(),
        )
    }

    /// Forgets a partition whose reading begins anew.
    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }
}

/// Whether the same commit may succeed a moment later. Errors that say that the partition is no longer ours are final:
/// its next owner reads again what was not committed, which is harmless.
pub(super) fn is_transient(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::AllBrokersDown
                | Code::BrokerTransportFailure
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
                | Code::OperationTimedOut
                | Code::RebalanceInProgress
                | Code::RequestTimedOut
                | Code::TimedOutQueue
                | Code::WaitingForCoordinator
                | Code::InProgress
                | Code::NetworkException
        )
    )
}

fn list(offsets: &BTreeMap<TopicPartition, (i64, Option<i64>)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, (offset, time_ms)) in offsets {
        let mut element = list.add_partition(&partition.topic, partition.partition);
        // Only negative offsets other than the logical ones are refused, and those do not occur.
        let _ = element.set_offset(Offset::Offset(*offset));
        if time_ms.is_some() {
            element.set_metadata(metadata(*time_ms));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::NextOffset;

    const SECOND: Duration = Duration::from_secs(1);

    fn partition() -> TopicPartition {
        TopicPartition::new("otlp_spans", 0)
    }

    fn next(offset: i64) -> Commitment {
        Commitment {
            next: NextOffset {
                partition: partition(),
                offset,
            },
            generation: 1,
            time_ms: Some(offset * 10),
        }
    }

    fn offset(list: &TopicPartitionList) -> Option<i64> {
        (list.count() > 0).then(|| list.elements()[0].offset().to_raw())?
    }

    /// Commits once a second and waits three seconds for a confirmation.
    fn due(commits: &mut Commits, now: Instant) -> Option<i64> {
        commits
            .due(now, SECOND, 3 * SECOND)
            .and_then(|due| offset(&due.list))
    }

    #[test]
    fn commits_the_newest_offset_once_a_second() {
        let mut commits = Commits::default();
        let start = Instant::now();
        commits.want(next(5));
        commits.want(next(7));
        commits.want(next(6));
        assert_eq!(due(&mut commits, start), Some(7));
        commits.want(next(9));
        assert_eq!(due(&mut commits, start + SECOND / 2), None, "too early");
        assert_eq!(due(&mut commits, start + SECOND), Some(9));
        commits.confirm(&partition(), 9);
        commits.want(next(9));
        assert_eq!(due(&mut commits, start + 9 * SECOND), None, "nothing new");
    }

    #[test]
    fn what_is_not_confirmed_is_committed_again() {
        let mut commits = Commits::default();
        let start = Instant::now();
        commits.want(next(5));
        assert_eq!(due(&mut commits, start), Some(5));
        commits.confirm(&partition(), 3);
        assert_eq!(
            due(&mut commits, start + 2 * SECOND),
            None,
            "the answer may be on its way"
        );
        let again = commits
            .due(start + 3 * SECOND, SECOND, 3 * SECOND)
            .expect("again");
        assert_eq!((offset(&again.list), again.repeated), (Some(5), 1));
    }

    #[test]
    fn what_is_given_away_is_committed_at_once() {
        let mut commits = Commits::default();
        commits.want(next(5));
        let partitions = [partition(), TopicPartition::new("otlp_logs", 0)];
        assert_eq!(offset(&commits.take(&partitions)), Some(5));
        assert_eq!(offset(&commits.take(&partitions)), None);
        commits.want(next(6));
        commits.confirm(&partition(), 6);
        assert_eq!(
            offset(&commits.take(&partitions)),
            None,
            "committed already"
        );
    }

    #[test]
    fn after_a_seek_back_a_lower_offset_is_committed() {
        let mut commits = Commits::default();
        commits.want(next(50));
        commits.forget(&partition());
        commits.want(next(7));
        commits.confirm(&partition(), 50);
        assert_eq!(due(&mut commits, Instant::now()), Some(7));
    }
}
