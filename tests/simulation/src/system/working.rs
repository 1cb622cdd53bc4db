//! The tasks of a member, which carry out the steps of a job, its look for what is due, and its publishing.

use super::Flaw;
use super::broker::Finalised;
use super::member::{Answer, Doing, Looking, Member, Pending, Piece, Revision, Running};
use super::nodes::{DUE_NODE, Refusal, Settling};
use super::placing::begin_placing;
use super::plan::{GAP_MS, Plan};
use super::world::World;
use domain::limits::Limits;
use domain::window::Closed;
use processor::out::finalised;
use processor::placing::job as placing;
use processor::shards::job::{Close, Outcome, Rules, Step};
use processor::shards::shares::{self, Shares};
use processor::shards::sifting::{Sifted, Sifting, Trouble};
use store::{Commit, Remedy};

const LOOK_EVERY_MS: i64 = 1_000;

impl World<'_> {
    /// Takes up what waits for a conversation or trace, or some of it, for records are read in parallel.
    pub(super) fn begin_work(&mut self, id: usize, number: usize) {
        let waiting = self.members[&id].pending[&number].pieces.len();
        let taken = waiting - self.draw(waiting.max(1)).min(waiting);
        let first = self.draw(waiting.max(1));
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Some(mut pending) = member.pending.remove(&number) else {
            return;
        };
        if waiting > 0 {
            pending.pieces.rotate_left(first % waiting);
        }
        let rest = pending.pieces.split_off(taken);
        if !rest.is_empty() {
            member.pending.entry(number).or_default().pieces = rest;
        }
        let pieces = std::mem::take(&mut pending.pieces);
        let (confirmed, close) = (pending.confirmed, pending.close.clone());
        let (doing, tickets) = match self.plan.as_trace(number) {
            Some(trace) => {
                let (pieces, tickets): (Vec<Piece>, Vec<Vec<u64>>) = pieces.into_iter().unzip();
                let doing = begin_placing(&self.plan, trace, pieces, pending, member);
                (doing, tickets.into_iter().flatten().collect())
            }
            None => {
                let doing = begin_adding(&self.plan, number, pieces, pending, member);
                (doing, Vec::new())
            }
        };
        let running = Running {
            confirmed,
            close,
            doing,
            tickets,
            cache_epoch: member.cache_epoch,
            node: 0,
            is_current: true,
        };
        member.running.insert(number, running);
        self.settle_steps(id, number);
    }

    pub(super) fn work_step(&mut self, id: usize, number: usize) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let Some(mut running) = member.running.remove(&number) else {
            return Ok(());
        };
        let answered = match &running.doing {
            Doing::Index(_) | Doing::IndexTrace(_) => {
                self.index(number, &running.doing);
                if !self.loses_answer() {
                    return self.work_done(id, number, running);
                }
                None
            }
            Doing::Steps(_, Step::Verify(epoch))
            | Doing::Placing(_, placing::Step::Verify(epoch)) => {
                let is_current = self.nodes.is_current(running.node, epoch);
                running.verified(is_current, self.nodes.nodes.len())
            }
            Doing::Steps(job, Step::HandOn(closed)) => {
                self.hand_on(id, number, job, *closed, running.close.as_ref());
                Some(Answer::Job(Ok(Outcome::HandedOn)))
            }
            Doing::Steps(_, step) => self.carry_out_step(id, number, step)?.map(Answer::Job),
            Doing::Placing(_, step) => self
                .carry_out_placing(id, number, step)
                .map(Answer::Placing),
        };
        running.doing = match (running.doing, answered) {
            (Doing::Steps(mut job, _), Some(Answer::Job(outcome))) => {
                let step = job.next(Some(outcome));
                Doing::Steps(job, step)
            }
            (Doing::Placing(mut job, _), Some(Answer::Placing(outcome))) => {
                let step = job.next(Some(outcome));
                Doing::Placing(job, step)
            }
            (doing, _) => doing,
        };
        if let Some(member) = self.members.get_mut(&id) {
            member.running.insert(number, running);
        }
        self.settle_steps(id, number);
        Ok(())
    }

    fn index(&mut self, number: usize, doing: &Doing) {
        let entry_ms = match doing {
            Doing::Index(Some(update)) => update.summary.due_at_ms(0),
            Doing::IndexTrace(told) => told.head.as_ref().and_then(|head| head.due_ms),
            _ => None,
        };
        self.nodes.index_due(number, entry_ms, self.now_ms);
    }

    /// `None` when the answer was lost: then the step is repeated.
    fn carry_out_step(
        &mut self,
        id: usize,
        conversation: usize,
        step: &Step,
    ) -> Result<Option<Result<Outcome, Trouble>>, String> {
        let now_ms = self.now_ms;
        let outcome = match step {
            Step::Load { from_entry } => {
                let loaded = self.nodes.load(conversation, *from_entry);
                Outcome::Loaded(loaded.map(Box::new))
            }
            Step::Commit { summary, entry } => {
                let commit = self
                    .nodes
                    .commit(conversation, summary, entry.as_deref(), now_ms);
                self.say(|| {
                    let spans = entry.as_ref().map_or(0, |entry| entry.spans.len());
                    let (version, windows) = (summary.version, &summary.windows);
                    format!("m{id} store: c{conversation} version {version}, {spans} spans, {windows:?}: {commit:?}")
                });
                match commit {
                    Ok(commit) => Outcome::Committed(commit),
                    Err(Refusal::Unfit) => Outcome::Unreadable,
                    Err(Refusal::Unwritable) => return Ok(Some(Err(self.refused()))),
                }
            }
            Step::Reset => {
                self.nodes.remove(conversation, now_ms);
                Outcome::Removed
            }
            Step::Verify(_) | Step::HandOn(_) | Step::Done => return Ok(None),
        };
        if let Outcome::Committed(Commit::Conflict { .. }) = outcome {
            self.played.conflicts += 1;
            return Ok(Some(Ok(outcome)));
        }
        Ok((!self.loses_answer()).then_some(Ok(outcome)))
    }

    fn refused(&self) -> Trouble {
        let remedy = match self.flaw {
            Flaw::RefusedTogether => Remedy::Upgrade,
            _ => Remedy::SetApart,
        };
        Trouble {
            remedy,
            cause: "it cannot be written".to_owned(),
        }
    }

    fn hand_on(
        &mut self,
        id: usize,
        conversation: usize,
        job: &Sifting<Vec<u64>>,
        closed: Closed,
        close: Option<&Close>,
    ) {
        let (key, now_ms) = (&self.plan.conversations[conversation], self.now_ms);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Some(view) = job.view_of(&closed) else {
            return;
        };
        let revision = Revision {
            finalised: Finalised {
                conversation,
                revision: closed.revision,
                content: finalised::record(key, &view, closed).to_string(),
            },
            close: close.cloned(),
        };
        member
            .outbox
            .put(key.clone(), closed.revision, revision, now_ms);
        self.send_revisions(id);
    }

    fn send_revisions(&mut self, id: usize) {
        if let Some(member) = self.members.get_mut(&id) {
            let Member { outbox, sent, .. } = member;
            sent.extend(std::iter::from_fn(|| outbox.send_next()).map(|(_, revision)| revision));
        }
    }

    /// The topic answers to one of the revisions that it was sent: it refuses, or it has written it, and its answer may be
    /// lost.
    pub(super) fn publish_step(&mut self, id: usize) -> Result<(), String> {
        let sent = self.members.get(&id).map_or(0, |member| member.sent.len());
        let chosen = self.draw(sent.max(1));
        let Some(member) = self.members.get_mut(&id).filter(|_| chosen < sent) else {
            return Ok(());
        };
        let Revision { finalised, close } = member.sent.swap_remove(chosen);
        let (conversation, revision) = (finalised.conversation, finalised.revision);
        let is_refused = self.refuses();
        self.say(|| {
            let told = if is_refused { "refuses" } else { "takes" };
            format!("m{id} publishes: the topic {told} c{conversation} revision {revision}")
        });
        if !is_refused {
            self.check_published(&finalised)?;
            self.broker.finalised.push(finalised);
        }
        let is_heard = !is_refused || self.flaw == Flaw::UnheardRefusals;
        let is_told = is_heard && !self.loses_answer();
        let key = &self.plan.conversations[conversation];
        if let Some(member) = self.members.get_mut(&id) {
            if is_told {
                member.outbox.delivered(key);
                let pending = member.pending.entry(conversation).or_default();
                pending.confirmed = Some(revision);
                pending.close = pending.close.take().or(close);
            } else {
                member.outbox.failed(key, String::new(), self.now_ms);
            }
        }
        self.send_revisions(id);
        Ok(())
    }

    /// When the work is over, its conversation is kept, and what stands outside of its slot is next.
    fn settle_steps(&mut self, id: usize, conversation: usize) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Some(mut running) = member.running.remove(&conversation) else {
            return;
        };
        running.doing = match running.doing {
            Doing::Steps(job, Step::Done) => {
                let Sifted {
                    held,
                    update,
                    done,
                    refused,
                    trouble,
                } = job.into_sifted();
                if let Some(held) = held {
                    member.cache(conversation, held, running.cache_epoch);
                }
                running.tickets = done.into_iter().flatten().collect();
                let refused = refused.into_iter().map(|(tickets, _)| tickets);
                let left = trouble.map(|(_, left)| left.into_parts().1.into_vec());
                let refused = refused.chain(left.into_iter().flatten());
                refused.flatten().for_each(|ticket| member.give_up(ticket));
                Doing::Index(update.map(Box::new))
            }
            Doing::Placing(job, placing::Step::Done) => {
                let (kept, told) = job.into_parts();
                if let Some(kept) = kept {
                    member.cache_trace(conversation, kept, running.cache_epoch);
                }
                Doing::IndexTrace(Box::new(told))
            }
            doing => doing,
        };
        member.running.insert(conversation, running);
    }

    fn work_done(&mut self, id: usize, number: usize, running: Running) -> Result<(), String> {
        if let Doing::IndexTrace(told) = running.doing
            && let Some(trace) = self.plan.as_trace(number)
        {
            self.tell_placed(id, trace, *told, &running.tickets)?;
        }
        if let Some(member) = self.members.get_mut(&id) {
            if let Some(revision) = running.confirmed {
                let key = &self.plan.conversations[number];
                member.outbox.settled(key, revision);
            }
            running
                .tickets
                .into_iter()
                .for_each(|ticket| member.done(ticket));
        }
        Ok(())
    }

    pub(super) fn has_looking_step(&self, member: &Member) -> bool {
        let is_away = self.now_ms < self.away_until_ms;
        let may_begin = self.now_ms >= member.next_look_ms && member.due.is_some();
        !is_away && (member.looking.is_some() || may_begin)
    }

    pub(super) fn look_step(&mut self, id: usize) {
        let now_ms = self.now_ms;
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Some((close, looking)) = member.looking.take() else {
            member.next_look_ms = now_ms + LOOK_EVERY_MS / 2;
            member.looks_for_traces = !member.looks_for_traces;
            let close = if member.looks_for_traces {
                member.next_visit()
            } else {
                member.placed.clone()
            };
            member.looking = close.map(|close| (close, Looking::Settled));
            return;
        };
        let next = self.look(id, &close, looking);
        if let Some(member) = self.members.get_mut(&id) {
            member.looking = next.map(|looking| (close, looking));
        }
    }

    /// One step of looking; what is next.
    fn look(&mut self, id: usize, close: &Close, looking: Looking) -> Option<Looking> {
        let now_ms = self.now_ms;
        let for_traces = self.members[&id].looks_for_traces;
        let latest_ms = match for_traces {
            true => close.watermark_ms,
            false => close.watermark_ms.saturating_sub(GAP_MS).max(0),
        };
        match looking {
            Looking::Settled => {
                let right = |(conversation, noted_ms)| {
                    (conversation, noted_ms, self.right_ms(conversation))
                };
                Some(Looking::Confirm(
                    self.nodes.settled(now_ms).into_iter().map(right).collect(),
                ))
            }
            Looking::Confirm(old) => {
                old.into_iter()
                    .for_each(|settling| self.nodes.confirm_due(settling, now_ms));
                Some(Looking::Entries)
            }
            Looking::Entries => {
                let due = self.nodes.nodes[DUE_NODE].held.due.iter();
                let due = due.filter(|(number, entry_ms)| {
                    self.plan.as_trace(**number).is_some() == for_traces && **entry_ms <= latest_ms
                });
                let entries: Vec<_> = due.map(|(conversation, ms)| (*conversation, *ms)).collect();
                if for_traces
                    && entries.is_empty()
                    && let Some(member) = self.members.get_mut(&id)
                {
                    member.placed = member.visiting.take();
                }
                (!entries.is_empty()).then_some(Looking::Summaries(entries))
            }
            Looking::Summaries(entries) => {
                let wrong = self.close_those_due(id, close, latest_ms, entries);
                (!wrong.is_empty()).then_some(Looking::Settle(wrong))
            }
            Looking::Settle(wrong) => {
                let again = wrong
                    .iter()
                    .map(|(conversation, ..)| *conversation)
                    .collect();
                for settling in wrong {
                    self.nodes.settle_due(settling, now_ms);
                }
                Some(Looking::LookAgain(again))
            }
            Looking::LookAgain(again) => {
                for conversation in again {
                    let entry_ms = self.right_ms(conversation);
                    self.nodes.index_due(conversation, entry_ms, now_ms);
                }
                None
            }
        }
    }

    /// What the entry of a conversation or trace should be.
    fn right_ms(&self, number: usize) -> Option<i64> {
        match self.nodes.stored_trace(number) {
            Some(stored) => stored.head.due_ms,
            None => self.nodes.stored(number)?.summary.due_at_ms(0),
        }
    }

    /// Gives those that are due to be closed; the others are wrong.
    fn close_those_due(
        &mut self,
        id: usize,
        close: &Close,
        latest_ms: i64,
        entries: Vec<(usize, i64)>,
    ) -> Vec<Settling> {
        let mut wrong = Vec::new();
        for (conversation, seen_ms) in entries {
            let right_ms = self.right_ms(conversation);
            if right_ms.is_none_or(|right_ms| right_ms > latest_ms) {
                wrong.push((conversation, seen_ms, right_ms));
            } else if let Some(member) = self.members.get_mut(&id) {
                let pending = member.pending.entry(conversation).or_default();
                pending.close = Some(close.clone());
            }
        }
        wrong
    }
}

fn begin_adding(
    plan: &Plan,
    number: usize,
    pieces: Vec<(Piece, Vec<u64>)>,
    pending: Pending,
    member: &mut Member,
) -> Doing {
    let rules = Rules {
        limits: Limits::default(),
        inactivity_gap_ms: GAP_MS,
    };
    let mut shares = Shares::default();
    for (piece, tickets) in pieces {
        let piece = match piece {
            Piece::Fact(prepared) => shares::Piece::Fact(prepared),
            Piece::Link(link) => shares::Piece::Link(link),
            Piece::Move(moved) => shares::Piece::Move(moved),
            Piece::Told(..) => continue,
        };
        shares.push(piece, tickets);
    }
    let cached = member.take_cached(number);
    let key = plan.conversations[number].clone();
    let Pending {
        confirmed, close, ..
    } = pending;
    let mut job = Sifting::new(key, shares, confirmed, close, cached, rules);
    let step = job.next(None);
    Doing::Steps(Box::new(job), step)
}
