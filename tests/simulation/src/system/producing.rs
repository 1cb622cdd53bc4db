//! The producers: what is there at the beginning, and what is written while everybody works.

use super::broker::Log;
use super::plan::BEGIN_MS;
use super::world::World;
use std::sync::Arc;

impl World<'_> {
    pub(super) fn write_backlog(&mut self) {
        for partition in &self.plan.partitions {
            self.broker.logs.insert(partition.clone(), Log::default());
        }
        let plan = Arc::clone(&self.plan);
        for planned in plan
            .records
            .iter()
            .take_while(|planned| planned.at_ms < BEGIN_MS)
        {
            let log = self
                .broker
                .logs
                .entry(planned.partition.clone())
                .or_default();
            log.append(planned, planned.at_ms);
            self.next_record += 1;
        }
    }

    /// Whether there is a record to write. A log that has lost its end grows when nobody believes in more of it: one that
    /// grows past where somebody stood looks to him like one that has lost nothing.
    pub(super) fn may_append(&self) -> bool {
        let next = self.plan.records.get(self.next_record);
        next.is_some_and(|next| self.is_loss_known(&next.partition))
    }

    pub(super) fn append(&mut self) {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.records[self.next_record];
        let log = self
            .broker
            .logs
            .entry(planned.partition.clone())
            .or_default();
        let offset = log.end;
        log.append(planned, self.now_ms);
        self.say(|| {
            format!(
                "producer: {}@{offset} {:?}",
                planned.partition, planned.facts
            )
        });
        self.next_record += 1;
        if let Some(next) = plan.records.get(self.next_record) {
            self.next_append_ms = self.now_ms + (next.at_ms - planned.at_ms).max(0);
        }
    }
}
