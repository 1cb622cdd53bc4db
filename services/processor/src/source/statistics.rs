//! What the poll thread makes of the client's statistics, about once a second.

use super::context::Owned;
use super::ends::{self, PartitionStatus};
use super::poll::{Poll, tell_anew};
use super::{Event, Start, TopicPartition, tell_lag};
use rdkafka::consumer::Consumer as _;
use std::collections::HashMap;
use tracing::warn;

/// So many statistics in a row must say that Kafka is away: a connection that is made anew is none.
const AWAY_FOR: u32 = 3;

/// Whether Kafka answers, as last told.
#[derive(Debug, Default)]
pub(super) struct Reachability {
    /// Statistics in a row that say that it does not.
    away: u32,
    is_told_away: bool,
    is_told: bool,
}

impl Poll {
    /// Tells which partitions are at their end and whether Kafka answers, and measures lag.
    pub(super) fn look_at_statistics(&mut self) {
        let statistics = self.consumer.context().state.lock().statistics.take();
        let Some(statistics) = statistics else { return };
        let owned = self.consumer.context().state.lock().owned.clone();
        let reading =
            |(partition, owned): (&TopicPartition, &Owned)| (partition.clone(), owned.reading);
        let readings: HashMap<_, _> = owned.iter().map(reading).collect();
        let mut fetched = readings.clone();
        fetched.retain(|partition, _| !self.pausing.standing.contains(partition));
        let away = ends::unreachable(&statistics, &fetched, self.pausing.is_paused());
        self.tell_reachable(away);
        // While something is held or paused, an end means nothing.
        let is_current = self.held.is_empty()
            && self.pausing.pressed_since.is_none()
            && !self.pausing.is_paused();
        for status in ends::of(&statistics, &readings) {
            let Some(owned) = owned.get(&status.partition) else {
                continue;
            };
            let is_read = is_current && !self.pausing.stands_still(&status.partition);
            if !self.tell_status(status, *owned, is_read) {
                return self.fall_silent();
            }
        }
    }

    /// False when nobody takes events any more.
    fn tell_status(&mut self, status: PartitionStatus, owned: Owned, is_current: bool) -> bool {
        let PartitionStatus { partition, .. } = status;
        if let Some(offset) = status.committed_offset {
            let mut state = self.consumer.context().state.lock();
            state.commits.confirm(&partition, offset);
        }
        if let Some(lag) = status.lag {
            tell_lag(&partition, lag);
        }
        if !is_current {
            return true;
        }
        let handed_on = owned.reading.next_offset;
        let elsewhere = status.end.map(|end| end.offset).or(status.shrunk_to);
        let elsewhere = elsewhere.filter(|offset| handed_on != Some(*offset));
        self.note(&partition, |owned| owned.candidate = elsewhere);
        // The client's threads turn between two statistics: what both say is not left over from before.
        if elsewhere.is_some() && elsewhere != owned.candidate {
            return true;
        }
        if let Some(offset) = status.shrunk_to {
            // By a seek, so that whatever is there from that offset on is read in the new reading.
            tell_anew(&partition, offset, owned.reading.known_offset());
            let time_ms = None;
            self.seeks.want(partition, Start { offset, time_ms });
            return true;
        }
        let Some(end) = status.end else { return true };
        // What lies between holds no records any more, or never did.
        if let Some(known) = owned
            .reading
            .known_offset()
            .filter(|known| *known < end.offset)
        {
            self.pass_over(&partition, known, end.offset);
        }
        self.note(&partition, |owned| {
            let known = &mut owned.reading.end_offset;
            *known = (*known).max(Some(end.offset));
        });
        // An end that does not fit in is told again with the next statistics.
        self.consumer.context().offer(Event::EndOfPartition {
            partition,
            generation: owned.generation,
            handed_on,
            end_offset: end.offset,
            seen_ms: end.seen_ms,
        })
    }

    fn note(&self, partition: &TopicPartition, note: impl FnOnce(&mut Owned)) {
        let mut state = self.consumer.context().state.lock();
        if let Some(owned) = state.owned.get_mut(partition) {
            note(owned);
        }
    }

    fn tell_reachable(&mut self, away: Option<String>) {
        let known = &mut self.reachability;
        known.away = if away.is_some() { known.away + 1 } else { 0 };
        let event = match away {
            None if known.is_told_away || !known.is_told => {
                (known.is_told, known.is_told_away) = (true, false);
                Event::Reachable(Ok(()))
            }
            Some(why) if known.away >= AWAY_FOR && !known.is_told_away => {
                warn!(why, "Kafka cannot be read at the moment");
                (known.is_told, known.is_told_away) = (true, true);
                Event::Reachable(Err(why))
            }
            None | Some(_) => return,
        };
        self.consumer.context().send(event);
    }
}
