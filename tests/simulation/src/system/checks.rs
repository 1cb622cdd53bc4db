//! What must hold at every save and every commit, and what must have come of it all.

use super::broker::Finalised;
use super::plan::{GAP_MS, TIMES};
use super::world::World;
use domain::conversation::Conversation;
use domain::facts::Entry;
use domain::window::Windows;
use processor::books::Event;
use processor::source::{Commitment, Position, TopicPartition};
use std::collections::BTreeMap;
use store::PartitionProgress;

/// The spans of a conversation, and when each ended: what a report says that was made too early.
fn spans(conversation: &Conversation) -> Vec<(String, i64)> {
    let spans = conversation.spans_in_order().into_iter();
    spans
        .map(|span| (span.key.span.to_string(), span.end_ns - span.start_ns))
        .collect()
}

/// What a client would have committed though nobody can have done it.
pub fn no_breach(breach: Option<Commitment>) -> Result<(), String> {
    match breach {
        None => Ok(()),
        Some(breach) => Err(format!(
            "the client was to commit what it has not handed on: {breach:?}"
        )),
    }
}

/// Between a watermark and what is done at it.
const SLACK_MS: i64 = 3_000;
/// See `domain::trace`: what was decided without an id is told once more.
const CONFIRM_MS: i64 = 60_000;

impl World<'_> {
    /// What is told as the end was the end at the time that is told with it.
    pub(super) fn check_end(&self, event: &Event) -> Result<(), String> {
        let Event::End {
            partition,
            end_offset,
            seen_ms,
            ..
        } = event
        else {
            return Ok(());
        };
        let mut beyond = self.broker.logs[partition].records.range(end_offset..);
        match beyond.find(|(_, record)| record.timestamp_ms < *seen_ms) {
            None => Ok(()),
            Some((offset, _)) => Err(format!(
                "{partition} was told to end at {end_offset}, and held record {offset} by then: {event:?}"
            )),
        }
    }

    /// Everything below a saved offset is in the store. A loss since the question was asked may have taken it, and is
    /// found with the next.
    pub(super) fn check_saved(
        &mut self,
        id: usize,
        saved: &[&PartitionProgress],
        losses: u64,
    ) -> Result<(), String> {
        for progress in saved {
            let partition = TopicPartition::new(progress.topic.as_str(), progress.partition);
            let offset = progress.next_offset().unwrap_or_default();
            let furthest = self.saved.entry(partition.clone()).or_default();
            *furthest = offset.max(*furthest);
            if losses != self.nodes.losses {
                continue;
            }
            for (at, record) in self.broker.logs[&partition].records.range(..offset) {
                let done = record.facts.iter();
                let done = done.map(|fact| self.check_done(&partition, *at, *fact));
                for done in done.chain([self.check_letter(record.bad)]) {
                    done.map_err(|what| {
                        format!(
                            "m{id} saved {partition} as done to {offset}, but of record {at} {what}"
                        )
                    })?;
                }
            }
        }
        Ok(())
    }

    /// It is in the store, or its record is a dead letter.
    fn check_done(
        &self,
        partition: &TopicPartition,
        offset: i64,
        fact: usize,
    ) -> Result<(), String> {
        if !self.plan.told[fact].is_unwritable {
            return self.check_stored(fact);
        }
        let at = (partition.clone(), offset);
        if self.broker.dead_letters.contains(&at) {
            return Ok(());
        }
        Err(format!(
            "span {} cannot be written, and there is no dead letter",
            self.plan.told[fact].report().0.span
        ))
    }

    /// Nothing that can be written makes a record a dead letter.
    pub(super) fn check_dead_letter(&self, at: &Position) -> Result<(), String> {
        let record = self.broker.logs[&at.partition].records.get(&at.offset);
        let mut facts = record.iter().flat_map(|record| &record.facts);
        if record.is_none() || facts.any(|fact| self.plan.told[*fact].is_unwritable) {
            return Ok(());
        }
        Err(format!(
            "{at} became a dead letter, and all of it can be written"
        ))
    }

    fn check_stored(&self, fact: usize) -> Result<(), String> {
        let told = &self.plan.told[fact];
        let (span, end_ns) = told.report();
        let Some(id) = &told.report.conversation else {
            let trace = self.plan.number_of_trace(told.trace);
            let stored = self.nodes.stored_trace(trace);
            if stored.is_some_and(|stored| stored.spans.contains(&span)) {
                return Ok(());
            }
            let name = self.plan.name(trace);
            return Err(format!(
                "span {} without an id is not in the store of {name}",
                span.span
            ));
        };
        let project = &self.plan.traces[told.trace].project;
        let number = self.plan.conversation(project, id);
        let stored = number.and_then(|number| self.nodes.stored(number));
        // A report made too early need not be kept when the last one is there.
        let reports = (span, end_ns)..=(span, i64::MAX);
        if stored.is_some_and(|stored| stored.spans.range(reports).next().is_some()) {
            return Ok(());
        }
        Err(format!(
            "span {} of {project}/{id} is not in the store",
            span.span
        ))
    }

    /// What is committed was saved.
    pub(super) fn check_commit(
        &self,
        partition: &TopicPartition,
        offset: i64,
    ) -> Result<(), String> {
        let saved = self.saved.get(partition).copied().unwrap_or_default();
        if offset > saved {
            return Err(format!(
                "{partition} was committed to {offset} and saved to {saved} only"
            ));
        }
        Ok(())
    }

    /// One revision has one content.
    pub(super) fn check_published(&self, finalised: &Finalised) -> Result<(), String> {
        let same = |known: &&Finalised| {
            (known.conversation, known.revision) == (finalised.conversation, finalised.revision)
        };
        match self.broker.finalised.iter().find(same) {
            // When time passes by what is paused, a window that is closed again may hold more.
            Some(known) if known.content != finalised.content && !self.is_passed_by() => {
                Err(format!(
                    "c{} revision {} was published with two contents:\n{}\n{}",
                    finalised.conversation, finalised.revision, known.content, finalised.content
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether everything is done; an error says what is not.
    pub(super) fn is_settled(&self) -> Result<(), String> {
        if self.next_record < self.plan.records.len() {
            return Err("not all records are written".to_owned());
        }
        let mut last_ms = 0;
        for (partition, log) in &self.broker.logs {
            let committed = self.broker.group.committed.get(partition);
            let committed = committed.map_or(0, |(offset, _)| *offset);
            if committed != log.end {
                return Err(format!(
                    "{partition} is committed to {committed} and ends at {}",
                    log.end
                ));
            }
            let times = log.records.values().map(|record| record.timestamp_ms);
            last_ms = times.max().unwrap_or_default().max(last_ms);
        }
        let dues = self
            .members
            .values()
            .filter_map(|member| member.due.as_ref());
        let due_ms = dues
            .map(|close| close.watermark_ms)
            .max()
            .unwrap_or(i64::MIN);
        let end_ms = last_ms + TIMES.settle_ms.max(CONFIRM_MS) + GAP_MS + SLACK_MS;
        if due_ms < end_ms {
            let left_ms = end_ms.saturating_sub(due_ms);
            return Err(format!("time stands {left_ms} ms before its end"));
        }
        for (partition, log) in &self.broker.logs {
            for (offset, record) in &log.records {
                let mut facts = record.facts.iter();
                facts.try_for_each(|fact| self.check_done(partition, *offset, *fact))?;
            }
        }
        let told = self.plan.told.iter().enumerate();
        let mut writable = told.filter(|(_, told)| !told.is_unwritable);
        writable.try_for_each(|(fact, _)| self.check_stored(fact))?;
        (0..self.poison.count).try_for_each(|number| self.check_letter(Some(number)))?;
        for (conversation, stored) in self.all_stored() {
            if let Some(due_ms) = stored.due_at_ms(0) {
                return Err(format!("c{conversation} is still due since {due_ms}"));
            }
        }
        for trace in 0..self.plan.traces.len() {
            let number = self.plan.number_of_trace(trace);
            let stored = self.nodes.stored_trace(number);
            if let Some(at_ms) = stored.and_then(|stored| stored.head.due_ms)
                && at_ms <= due_ms - SLACK_MS
            {
                return Err(format!("t{trace} is still due since {at_ms}"));
            }
        }
        match self.members.values().find(|member| !member.is_idle()) {
            Some(member) => Err(format!("{} still works", member.name)),
            None => Ok(()),
        }
    }

    fn all_stored(&self) -> impl Iterator<Item = (usize, &store::Summary)> {
        let all = 0..self.plan.conversations.len();
        all.filter_map(|number| Some((number, &self.nodes.stored(number)?.summary)))
    }

    /// The same conversations and the same finalised revisions as the undisturbed processor has.
    pub(super) fn compare(&self, undisturbed: &World<'_>) -> Result<(), String> {
        for number in self.comparable() {
            let (ours, theirs) = (self.assembled(number), undisturbed.assembled(number));
            if ours.view() != theirs.view() {
                let seen = |conversation: &Conversation| {
                    format!(
                        "{:?}\n{:?}",
                        spans(&conversation.present()),
                        conversation.view()
                    )
                };
                let (ours, theirs) = (seen(&ours), seen(&theirs));
                return Err(format!(
                    "{} has\n{ours}\nundisturbed\n{theirs}",
                    self.plan.name(number)
                ));
            }
            let summary = |world: &World<'_>| {
                let stored = world.nodes.stored(number)?;
                let summary = &stored.summary;
                // Spans stood there for a while and were never published: nobody can tell it from none. Where the span that
                // names it cannot be written, it depends on the order of records whether they did.
                if summary.totals.is_empty && summary.windows == Windows::default() {
                    return None;
                }
                let windows = (summary.windows.clone(), summary.published_revision);
                Some((
                    (!self.is_passed_by()).then_some(windows),
                    summary.totals.clone(),
                ))
            };
            let (ours, theirs) = (summary(self), summary(undisturbed));
            if ours != theirs {
                return Err(format!(
                    "c{number} stands at\n{ours:?}\nundisturbed at\n{theirs:?}"
                ));
            }
        }
        if self.is_passed_by() {
            return self.compare_last(undisturbed);
        }
        let (ours, theirs) = (self.revisions(), undisturbed.revisions());
        for (revision, content) in &theirs {
            if ours.get(revision) != Some(content) {
                let ours = ours.get(revision);
                return Err(format!(
                    "revision {revision:?} is\n{ours:?}\nundisturbed\n{content}"
                ));
            }
        }
        match ours.keys().find(|revision| !theirs.contains_key(*revision)) {
            Some(revision) => Err(format!("revision {revision:?} is one too many")),
            None => Ok(()),
        }
    }

    fn assembled(&self, number: usize) -> Conversation {
        let mut conversation = Conversation::default();
        let stored = self.nodes.stored(number);
        for text in stored.iter().flat_map(|stored| &stored.log) {
            let entry: Entry = serde_json::from_str(text).expect("what was written is read");
            conversation.apply(entry);
        }
        conversation
    }

    fn revisions(&self) -> BTreeMap<(usize, u32), &str> {
        let finalised = self.broker.finalised.iter();
        finalised
            .map(|one| ((one.conversation, one.revision), one.content.as_str()))
            .collect()
    }
}
