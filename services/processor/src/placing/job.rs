//! The work of one batch for one trace, as a machine: it says what to ask of the store, takes the answer, and says what comes
//! next; in the end, what conversations are to be told. No store and no clock, as in [`crate::shards::job`].
//!
//! ```text
//! take in:  [load] ─► what is new? ─► commit ─► tell conversations
//!              ▲                        │ conflict: somebody else has written since
//!              └────────────────────────┘
//! visit:    load ─► verify ─► decide what is due, commit ─► tell conversations, and when they have it: commit that
//! ```

use crate::shards::job::Close;
use domain::chain::Piece;
use domain::facts::{Link, Move};
use domain::ids::{SpanId, TraceKey};
use domain::limits::Limits;
use domain::prepare::Prepared;
use domain::trace::{
    Batch, Effect, GivenTo, Report, Rule, Taken, Times, Trace, TraceEntry, WithoutId,
};
use std::collections::BTreeSet;
use store::{Commit, Epoch, Held, StoredTrace, TraceHead};

/// Spans held of a trace up to which all of them are looked at whenever something comes; beyond, those that it concerns.
const LOOKED_AT_MAX: usize = 256;
/// How finely the times of visits are told apart, as a share of what a span waits for.
const VISITS_PER_SETTLING: i64 = 8;

/// A trace as it is stored, with what is not worth storing yet.
#[derive(Clone, Debug)]
pub struct Kept {
    pub trace: Trace,
    pub head: TraceHead,
    /// Reports of a trace that concerns no model so far.
    pub unsaved: Vec<Report>,
}

impl Kept {
    fn nothing(key: &TraceKey, times: Times) -> Self {
        Self {
            trace: Trace::new(key.trace, times),
            head: TraceHead::new(key.clone()),
            unsaved: Vec::new(),
        }
    }

    fn of(stored: StoredTrace, times: Times) -> Self {
        let mut trace = Trace::new(stored.head.key.trace, times);
        stored
            .entries
            .into_iter()
            .for_each(|entry| trace.apply(entry));
        Self {
            trace,
            head: stored.head,
            unsaved: Vec::new(),
        }
    }
}

/// What is the same for all traces of a project.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub limits: Limits,
    pub times: Times,
    pub without_id: WithoutId,
    /// How often what was said is asked again.
    pub retry_ms: i64,
}

/// What one batch brings of a trace.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub batch: Batch,
    /// Decided by what was said: spans, and where they go.
    pub given: Vec<(BTreeSet<SpanId>, GivenTo)>,
    /// The watermark has come to something that is due.
    pub visit: Option<Close>,
    /// The project holds too much: this trace lets go.
    pub lets_go: bool,
    /// Conversations have been told of what was decided in this version.
    pub told: Option<u64>,
}

impl Work {
    /// Takes in what came later.
    pub fn append(&mut self, later: Self) {
        self.batch.reports.extend(later.batch.reports);
        self.batch.facts.extend(later.batch.facts);
        self.given.extend(later.given);
        // Of two watermarks the later counts: an earlier one may be of an epoch that is over.
        self.visit = later.visit.or(self.visit.take());
        self.lets_go |= later.lets_go;
        self.told = self.told.max(later.told);
    }

    pub fn is_empty(&self) -> bool {
        let Self {
            batch,
            given,
            visit,
            lets_go,
            told,
        } = self;
        let is_nothing_new = batch.reports.is_empty() && batch.facts.is_empty();
        is_nothing_new && given.is_empty() && visit.is_none() && !lets_go && told.is_none()
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    Load,
    /// Look whether the store is still in this epoch.
    Verify(Epoch),
    Commit {
        head: Box<TraceHead>,
        entry: Box<TraceEntry>,
        is_anew: bool,
    },
    /// Delete what is stored of it, which cannot be read.
    Reset,
    Done,
}

#[derive(Debug)]
pub enum Outcome {
    Loaded(Option<Box<StoredTrace>>),
    Verified(bool),
    Committed(Commit),
    Unreadable,
    Removed,
}

/// What conversations and counters are to be told, and what is to be asked of what was said.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub facts: Vec<(String, Rule, Prepared)>,
    pub moves: Vec<(String, Move)>,
    pub links: Vec<(String, Link)>,
    /// Facts of spans that count as having no conversation from now on.
    pub lost: Vec<Prepared>,
    /// Whether that is because their project holds too much.
    pub is_let_go: bool,
    /// Facts of spans that have found one after all.
    pub found: Vec<Prepared>,
    /// Of which what was said is to tell.
    pub to_chain: Option<(Vec<Piece<Prepared>>, i64)>,
    /// The version of which the trace is to be told that all of this is done: it is due until then.
    pub is_awaited: Option<u64>,
    /// To be noted outside of the trace's slot; `None` when nothing was written.
    pub head: Option<TraceHead>,
    pub held: Option<Held>,
}

#[derive(Debug)]
pub struct Job {
    key: TraceKey,
    work: Work,
    rules: Rules,
    kept: Option<Kept>,
    is_fresh: bool,
    is_verified: bool,
    /// What was asked to be committed: it counts when it is.
    pending: Option<(Kept, Change)>,
    told: Told,
    is_over: bool,
    /// How often somebody else had written since.
    pub conflicts: u32,
}

/// What was changed in memory and is to be written.
#[derive(Debug, Default)]
struct Change {
    taken: Taken,
    to_chain: Vec<Piece<Prepared>>,
    /// Whether what is held is needed no more.
    is_over: bool,
}

impl Job {
    /// `cached` is the trace as this process last committed or loaded it, if it still knows.
    pub fn new(key: TraceKey, work: Work, cached: Option<Kept>, rules: Rules) -> Self {
        Self {
            key,
            work,
            rules,
            kept: cached,
            is_fresh: false,
            is_verified: false,
            pending: None,
            told: Told::default(),
            is_over: false,
            conflicts: 0,
        }
    }

    pub fn key(&self) -> &TraceKey {
        &self.key
    }

    /// What was to be done, of a job that cannot be.
    pub fn into_work(self) -> Work {
        self.work
    }

    /// At the end: the trace as it stands, to be cached, and what is to be told.
    pub fn into_parts(self) -> (Option<Kept>, Told) {
        (self.kept, self.told)
    }

    /// The first step, or the next after an outcome.
    pub fn next(&mut self, outcome: Option<Outcome>) -> Step {
        match outcome {
            None => {}
            Some(Outcome::Loaded(stored)) => {
                let unsaved = self
                    .kept
                    .take()
                    .map(|kept| kept.unsaved)
                    .unwrap_or_default();
                self.kept = Some(stored.map_or_else(
                    || Kept::nothing(&self.key, self.rules.times),
                    |stored| Kept::of(*stored, self.rules.times),
                ));
                self.work.batch.reports.extend(unsaved);
                self.is_fresh = true;
            }
            Some(Outcome::Removed) => {
                self.kept = Some(Kept::nothing(&self.key, self.rules.times));
                self.is_fresh = true;
            }
            Some(Outcome::Unreadable) => return Step::Reset,
            Some(Outcome::Verified(is_current)) => {
                self.is_verified = is_current;
                if !is_current {
                    // Time has gone back: what the watermark said counts no more.
                    self.work.visit = None;
                }
            }
            Some(Outcome::Committed(Commit::Done { token })) => self.committed(token),
            Some(Outcome::Committed(Commit::Conflict { .. })) => {
                self.conflicts += 1;
                self.pending = None;
                (self.is_fresh, self.is_verified) = (false, false);
            }
        }
        if self.is_over {
            return Step::Done;
        }
        self.work()
    }

    fn work(&mut self) -> Step {
        // A decision may not rest on a cache: the watermark says that all up to it is in the store, not that it is here.
        let must_be_fresh = self.work.visit.is_some() || self.work.lets_go;
        if must_be_fresh && !self.is_fresh {
            return Step::Load;
        }
        if let Some(visit) = self.work.visit.as_ref().filter(|_| !self.is_verified) {
            return Step::Verify(visit.epoch.clone());
        }
        let Some(mut kept) = self.kept.take() else {
            return Step::Load;
        };
        let mut change = self.change(&mut kept);
        if !kept.trace.is_genai() {
            kept.unsaved.append(&mut change.taken.entry.reports);
            return self.done(kept, change);
        }
        // They are in the tree, so they were no news; and they are taken in again after a conflict.
        self.work.batch.reports.extend(kept.unsaved.iter().cloned());
        change.taken.entry.reports.append(&mut kept.unsaved);
        let mut head = kept.head.clone();
        if let Some(visit) = &self.work.visit {
            head.visited_ms = head.visited_ms.max(visit.watermark_ms);
        }
        if self.work.told.is_some() && self.work.told == head.untold {
            head.untold = None;
        }
        if decides(&change) {
            if head.untold.is_some() {
                // They may not have been told of the earlier decisions either, and then this is what they wait for.
                change.taken.touched.extend(kept.trace.assumed());
            }
            head.untold = Some(head.version + 1);
        }
        head.due_ms = match head.untold {
            Some(_) => Some(0),
            None => self.due_ms(&kept, &change, head.visited_ms),
        };
        let is_news = !change.taken.entry.is_empty() || change.is_over;
        let is_told = head.untold != kept.head.untold;
        if !is_news && !is_told && head.due_ms == kept.head.due_ms {
            return self.done(kept, change);
        }
        let entry = if change.is_over {
            kept.trace.without_facts()
        } else {
            change.taken.entry.clone()
        };
        kept.head = head.clone();
        let is_anew = change.is_over;
        self.pending = Some((kept, change));
        Step::Commit {
            head: Box::new(head),
            entry: Box::new(entry),
            is_anew,
        }
    }

    /// Makes all changes in memory.
    fn change(&self, kept: &mut Kept) -> Change {
        let Rules {
            limits, without_id, ..
        } = &self.rules;
        let mut change = Change {
            taken: kept.trace.take_in(&self.work.batch, limits),
            ..Change::default()
        };
        for (spans, to) in &self.work.given {
            let given = kept.trace.given_to(spans.iter().copied(), to);
            change.taken.append(kept.trace.give(given));
        }
        if let Some(visit) = &self.work.visit {
            let now_ms = visit.watermark_ms;
            change.taken.touched.extend(kept.trace.assumed());
            if *without_id == WithoutId::History {
                let project = self.key.project.as_str().into();
                change.to_chain = kept.trace.pieces(&project, now_ms);
            } else {
                change.taken.append(kept.trace.settle(now_ms, *without_id));
            }
            change.is_over = kept.trace.is_over(now_ms);
        }
        if self.work.lets_go {
            // Whatever was not decided yet has no conversation, as far as anybody will know.
            change
                .taken
                .append(kept.trace.settle(i64::MAX, WithoutId::Drop));
            change.is_over = true;
        }
        let is_told = kept.head.untold.is_none() && !decides(&change) || self.work.lets_go;
        change.is_over &= is_told && kept.trace.holding().is_some();
        change
    }

    /// When the trace is to be visited: never later than something is due, except by a small share of what that waited
    /// for, so that a trace that never falls silent is not read for each of its spans.
    fn due_ms(&self, kept: &Kept, change: &Change, visited_ms: i64) -> Option<i64> {
        if change.is_over {
            return None;
        }
        let Rules {
            times, retry_ms, ..
        } = &self.rules;
        let is_by_history = self.rules.without_id == WithoutId::History;
        let retry_ms = is_by_history.then_some(*retry_ms);
        let due_ms = |spans: &BTreeSet<SpanId>| {
            let due_ms = kept.trace.due_ms(spans, visited_ms, retry_ms)?;
            let step_ms = (times.settle_ms / VISITS_PER_SETTLING).max(1);
            Some(due_ms.saturating_add(step_ms - 1).div_euclid(step_ms) * step_ms)
        };
        let is_small = kept.trace.held_count() <= LOOKED_AT_MAX;
        if is_small || self.work.visit.is_some() || self.work.lets_go {
            return due_ms(&kept.trace.held_spans());
        }
        // Of the others nothing has become due sooner; that it may be later is found out by the visit.
        [kept.head.due_ms, due_ms(&change.taken.touched)]
            .into_iter()
            .flatten()
            .min()
    }

    fn committed(&mut self, token: u64) {
        let Some((mut kept, change)) = self.pending.take() else {
            return;
        };
        kept.head.version += 1;
        kept.head.token = token;
        kept.head.entries = if change.is_over {
            1
        } else {
            kept.head.entries + 1
        };
        // Whether it is new or not: the index may have lost it, as what is outside of the slot may.
        self.told.head = Some(kept.head.clone());
        let holding = kept.trace.holding().filter(|_| !change.is_over);
        let (first_ms, bytes) = holding.unwrap_or_default();
        let changes = !change.taken.entry.facts.is_empty() || change.is_over;
        self.told.held = changes.then(|| Held {
            project: self.key.project.clone(),
            trace: self.key.digest(),
            bytes: bytes as u64,
            first_ms,
        });
        let is_over = change.is_over;
        let is_awaited = decides(&change) || self.work.visit.is_some();
        self.told.is_awaited = kept.head.untold.filter(|_| is_awaited);
        self.tell(&kept, change);
        if is_over {
            let mut trace = Trace::new(self.key.trace, self.rules.times);
            trace.apply(kept.trace.without_facts());
            kept.trace = trace;
        }
        self.kept = Some(kept);
        self.is_over = true;
    }

    fn done(&mut self, kept: Kept, change: Change) -> Step {
        self.told.head = (kept.head.version > 0).then(|| kept.head.clone());
        // What a visit finds untold it tells again.
        let is_visit = self.work.visit.is_some();
        self.told.is_awaited = kept.head.untold.filter(|_| is_visit);
        self.tell(&kept, change);
        self.kept = Some(kept);
        Step::Done
    }

    fn tell(&mut self, kept: &Kept, change: Change) {
        let trace = &kept.trace;
        let Taken {
            touched,
            linked,
            lost,
            found,
            ..
        } = change.taken;
        for effect in trace.effects(&touched) {
            let Effect {
                conversation,
                facts,
                rule,
                moved,
                links,
            } = effect;
            for prepared in facts {
                let rule = rule.unwrap_or(Rule::OnlyOneInTrace);
                self.told.facts.push((conversation.clone(), rule, prepared));
            }
            let told = moved.into_iter().map(|moved| (conversation.clone(), moved));
            self.told.moves.extend(told);
            let told = links.into_iter().map(|link| (conversation.clone(), link));
            self.told.links.extend(told);
        }
        self.told.links.extend(trace.links(&linked));
        let facts = |spans: BTreeSet<SpanId>| -> Vec<Prepared> {
            spans
                .into_iter()
                .flat_map(|span| trace.facts(span))
                .collect()
        };
        self.told.lost = facts(lost);
        self.told.is_let_go = self.work.lets_go;
        self.told.found = facts(found);
        let now_ms = self
            .work
            .visit
            .as_ref()
            .map_or(i64::MIN, |visit| visit.watermark_ms);
        self.told.to_chain = (!change.to_chain.is_empty()).then_some((change.to_chain, now_ms));
    }
}

/// Whether spans were given a conversation that nobody has named: no record waits for that.
fn decides(change: &Change) -> bool {
    let given = &change.taken.entry.given;
    given.iter().any(|given| given.conversation().is_some())
}
