//! The placing of a member: work on traces, and telling conversations what stands in them.

use super::member::{Doing, Member, Pending, Piece, Then};
use super::plan::{Plan, TIMES};
use super::world::World;
use domain::limits::Limits;
use processor::placing::job::{Job, Outcome, Rules, Step, Told, Work};
use std::sync::Arc;
use store::Commit;

pub fn begin_placing(
    plan: &Plan,
    trace: usize,
    pieces: Vec<Piece>,
    pending: Pending,
    member: &mut Member,
) -> Doing {
    let rules = Rules {
        limits: Limits::default(),
        times: TIMES,
        without_id: plan.without_id,
        retry_ms: 0,
    };
    let mut work = Work {
        visit: pending.close,
        told: pending.told,
        ..Work::default()
    };
    for piece in pieces {
        if let Piece::Told(report, fact) = piece {
            work.batch.reports.push(report);
            work.batch.facts.extend(fact);
        }
    }
    let cached = member.take_cached_trace(plan.number_of_trace(trace));
    let mut job = Job::new(plan.traces[trace].clone(), work, cached, rules);
    let step = job.next(None);
    Doing::Placing(Box::new(job), step)
}

impl World<'_> {
    /// `None` when the answer was lost: then the step is repeated.
    pub(super) fn carry_out_placing(
        &mut self,
        id: usize,
        number: usize,
        step: &Step,
    ) -> Option<Outcome> {
        let outcome = match step {
            Step::Load => Outcome::Loaded(self.nodes.load_trace(number).map(Box::new)),
            Step::Commit {
                head,
                entry,
                is_anew,
            } => {
                let commit = self
                    .nodes
                    .commit_trace(number, head, entry, *is_anew, self.now_ms);
                let plan = Arc::clone(&self.plan);
                self.say(|| {
                    let (version, facts) = (head.version + 1, entry.facts.spans.len());
                    let (reports, given) = (entry.reports.len(), &entry.given);
                    format!("m{id} store: {} version {version}, {reports} reports, {facts} facts, given {given:?}, due {:?}: {commit:?}", plan.name(number), head.due_ms)
                });
                Outcome::Committed(commit)
            }
            Step::Reset => {
                self.nodes.remove(number, self.now_ms);
                Outcome::Removed
            }
            Step::Verify(_) | Step::Done => return None,
        };
        if let Outcome::Committed(Commit::Conflict { .. }) = outcome {
            self.played.conflicts += 1;
            return Some(outcome);
        }
        (!self.loses_answer()).then_some(outcome)
    }

    /// What a trace tells its conversations becomes their work, for which the same records wait.
    pub(super) fn tell_placed(
        &mut self,
        id: usize,
        trace: usize,
        told: Told,
        tickets: &[u64],
    ) -> Result<(), String> {
        let Told {
            facts,
            moves,
            links,
            lost,
            found,
            is_awaited,
            ..
        } = told;
        let number = self.plan.number_of_trace(trace);
        let mut tickets = tickets.to_vec();
        let awaited = is_awaited.and_then(|version| {
            let member = self.members.get_mut(&id)?;
            Some(member.ticket(Then::Told(number, version)))
        });
        tickets.extend(awaited);
        self.played.lost += lost.len() as u64;
        self.played.found += found.len() as u64;
        self.played.moved += moves.len() as u64;
        let facts = facts
            .into_iter()
            .map(|(id, _, prepared)| (id, Piece::Fact(prepared)));
        let moves = moves
            .into_iter()
            .map(|(id, moved)| (id, Piece::Move(moved)));
        let links = links.into_iter().map(|(id, link)| (id, Piece::Link(link)));
        let plan = Arc::clone(&self.plan);
        for (conversation, piece) in facts.chain(moves).chain(links) {
            let project = &plan.traces[trace].project;
            let Some(number) = plan.conversation(project, &conversation) else {
                return Err(format!(
                    "t{trace} places a span in {conversation:?}, which nobody has named"
                ));
            };
            self.say(|| {
                format!(
                    "m{id} t{trace} tells {}: {}",
                    plan.name(number),
                    shown(&piece)
                )
            });
            if let Some(member) = self.members.get_mut(&id) {
                member.give(number, piece, &tickets);
            }
        }
        if let (Some(awaited), Some(member)) = (awaited, self.members.get_mut(&id)) {
            member.done(awaited);
        }
        Ok(())
    }
}

fn shown(piece: &Piece) -> String {
    match piece {
        Piece::Fact(prepared) => format!("fact of {}", prepared.fact.key().span),
        Piece::Move(moved) => format!("{moved:?}"),
        Piece::Link(link) => format!("{link:?}"),
        Piece::Told(report, _) => format!("{report:?}"),
    }
}
