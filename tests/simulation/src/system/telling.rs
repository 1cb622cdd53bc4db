//! What the model of the poll thread makes of statistics: which partitions are at their end, and which logs end before
//! what was read of them.

use super::broker::Broker;
use super::client::{Client, Order};
use super::{Flaw, old_rules};
use processor::books::Event;
use processor::source::{Start, TopicPartition};

/// No record for so long was taken for the end, once.
const IDLE_MS: i64 = 50;

impl Client {
    pub fn tells_statistics(&self) -> bool {
        self.fetcher.has_statistics() && self.waiting.is_none()
    }

    /// Looks at the statistics that were made last, by the rule of now or by an old one.
    pub fn tell_statistics(&mut self, broker: &Broker, now_ms: i64) -> Result<(), String> {
        let counts = broker.counts();
        if self.told_counts.as_ref() != Some(&counts) {
            self.told_counts = Some(counts.clone());
            self.events.push_back(Event::Topics(counts));
        }
        let Some(made) = self.fetcher.take_statistics() else {
            return Ok(());
        };
        if !self.held.is_empty() || self.pausing.is_pressed_or_paused() {
            return Ok(());
        }
        let is_idle = now_ms - self.delivered_ms >= IDLE_MS;
        let readings = self.owned.iter();
        let readings = readings.map(|(partition, owned)| (partition.clone(), owned.reading));
        for status in old_rules::statuses(&made, readings.collect(), is_idle, self.flaw) {
            let partition = status.partition;
            if self.pausing.stands_still(&partition) {
                continue;
            }
            if let Some(offset) = status.shrunk_to {
                self.go_back_to(partition, offset, broker, now_ms)?;
                continue;
            }
            let (Some(end), Some(owned)) = (status.end, self.owned.get_mut(&partition)) else {
                continue;
            };
            let known = &mut owned.reading.end_offset;
            *known = (*known).max(Some(end.offset));
            self.events.push_back(Event::End {
                generation: owned.generation,
                handed_on: owned.reading.next_offset,
                end_offset: end.offset,
                seen_ms: end.seen_ms,
                partition,
            });
        }
        Ok(())
    }

    /// Statistics say that the log ends before what was read of it.
    fn go_back_to(
        &mut self,
        partition: TopicPartition,
        offset: i64,
        broker: &Broker,
        now_ms: i64,
    ) -> Result<(), String> {
        let start = Start {
            offset,
            time_ms: None,
        };
        if self.flaw == Flaw::ShrunkByBeginning {
            // What that does is to be found.
            self.begin_anew(partition, start, now_ms);
            return Ok(());
        }
        self.check_anew(&partition, broker.logs[&partition].incarnation)?;
        self.begun_anew += 1;
        self.orders.push_back(Order::Seek(partition, start));
        Ok(())
    }

    /// Only a log that is not what was read of it is read anew.
    pub fn check_anew(&self, partition: &TopicPartition, incarnation: u64) -> Result<(), String> {
        let owned = self.owned.get(partition);
        match owned.filter(|owned| owned.incarnation == Some(incarnation)) {
            Some(owned) => Err(format!("{partition} was taken for made anew: {owned:?}")),
            None => Ok(()),
        }
    }
}
