//! Topics that are deleted and made anew, and partitions that lose their end.
//!
//! Only what is read, done and committed is lost, in plays whose store loses nothing. So all of it stays in the store,
//! and the undisturbed processor that it is compared with reads it too.

use super::world::World;
use processor::books::Ask;
use processor::source::TopicPartition;
use store::PartitionProgress;

impl World<'_> {
    pub(super) fn shrink(&mut self) {
        let is_whole = self.tape.chance(50);
        let partitions: Vec<_> = self.broker.logs.keys().cloned().collect();
        let struck = self.tape.pick(&partitions).clone();
        if !is_whole {
            let end = usize::try_from(self.broker.logs[&struck].end).unwrap_or_default();
            let from = self.tape.below(end.max(1)) as i64;
            if self.is_done(&struck) {
                self.lose_end(&struck, from);
            }
            return;
        }
        let of_topic = partitions.into_iter();
        let of_topic: Vec<_> = of_topic.filter(|one| one.topic == struck.topic).collect();
        if of_topic.iter().all(|one| self.is_done(one)) {
            for partition in of_topic {
                self.lose_end(&partition, 0);
                // With a topic the group's offsets in it are deleted.
                self.broker.group.committed.remove(&partition);
            }
        }
    }

    fn lose_end(&mut self, partition: &TopicPartition, from: i64) {
        if let Some(log) = self.broker.logs.get_mut(partition)
            && log.end > from
        {
            log.lose_end(from);
            self.played.shrunk += 1;
            self.say(|| format!("FAULT: {partition} ends at {from} now"));
        }
    }

    /// Whether all of a partition is in the store and committed.
    fn is_done(&self, partition: &TopicPartition) -> bool {
        let committed = self.broker.group.committed.get(partition);
        committed.map_or(0, |(offset, _)| *offset) == self.broker.logs[partition].end
    }

    /// Whether nobody believes in more of a log than it holds.
    pub(super) fn is_loss_known(&self, partition: &TopicPartition) -> bool {
        let log = &self.broker.logs[partition];
        let end = log.end;
        let committed = self.broker.group.committed.get(partition);
        log.incarnation == 0
            || committed.is_none_or(|(offset, _)| *offset <= end)
                && !self.is_recorded_beyond(partition, end)
                && !self
                    .members
                    .values()
                    .any(|member| member.client.is_beyond(partition, end))
    }

    /// Whether the store has, or is being told, that more of a partition is done.
    fn is_recorded_beyond(&self, partition: &TopicPartition, end: i64) -> bool {
        let is_beyond = |progress: &PartitionProgress| {
            let is_it =
                *progress.topic == *partition.topic && progress.partition == partition.partition;
            is_it && progress.points.iter().any(|point| point.next_offset > end)
        };
        let copies = self.nodes.nodes.iter();
        let mut copies = copies.filter_map(|node| node.held.copy.as_ref());
        let askings = self
            .members
            .values()
            .filter_map(|member| member.asking.as_ref());
        let mut saves = askings.filter_map(|asking| match &asking.ask {
            Ask::Save { partitions, .. } => Some(partitions),
            _ => None,
        });
        copies.any(|copy| copy.partitions.values().any(is_beyond))
            || saves.any(|partitions| partitions.iter().any(is_beyond))
    }
}
