//! All traces and conversations of an installation, in memory.

use super::Reading;
use crate::chain::{self, Chain, Joints};
use crate::conversation::Conversation;
use crate::facts::{Link, Move};
use crate::ids::{ConversationKey, SpanKey, TraceKey};
use crate::limits::Limits;
use crate::prepare::Prepared;
use crate::trace::{GivenTo, Taken, Times, Trace, WithoutId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct Whole {
    limits: Limits,
    times: Times,
    traces: BTreeMap<TraceKey, Trace>,
    conversations: BTreeMap<ConversationKey, Conversation>,
    joints: Joints,
    lost: BTreeSet<(TraceKey, SpanKey)>,
}

impl Whole {
    pub fn new(limits: Limits, times: Times) -> Self {
        Self {
            limits,
            times,
            ..Self::default()
        }
    }

    pub fn take(&mut self, reading: Reading) {
        for (key, batch) in reading.traces {
            let mut trace = self.trace(&key);
            let taken = trace.take_in(&batch, &self.limits);
            self.tell(key, trace, &taken);
        }
        for (key, prepared) in reading.named {
            self.add(key, &[prepared], &[], &[]);
        }
    }

    /// Time has passed: decides about what no id places.
    pub fn settle(&mut self, now_ms: i64, without_id: WithoutId) {
        let keys: Vec<TraceKey> = self.traces.keys().cloned().collect();
        if without_id == WithoutId::History {
            return self.chain(&keys, now_ms);
        }
        for key in keys {
            let mut trace = self.trace(&key);
            let taken = trace.settle(now_ms, without_id);
            self.tell(key, trace, &taken);
        }
    }

    /// The conversations in which anything stands.
    pub fn conversations(&self) -> BTreeMap<&ConversationKey, Conversation> {
        let all = self.conversations.iter();
        let present = all.map(|(key, conversation)| (key, conversation.present().into_owned()));
        present.filter(|(_, present)| !present.is_empty()).collect()
    }

    /// Spans that count as having no conversation.
    pub fn lost(&self) -> usize {
        self.lost.len()
    }

    fn trace(&mut self, key: &TraceKey) -> Trace {
        let known = self.traces.remove(key);
        known.unwrap_or_else(|| Trace::new(key.trace, self.times))
    }

    fn tell(&mut self, key: TraceKey, trace: Trace, taken: &Taken) {
        let of = |id: String| ConversationKey {
            project: key.project.clone(),
            id,
        };
        for effect in trace.effects(&taken.touched) {
            let moved: Vec<Move> = effect.moved.into_iter().collect();
            self.add(
                of(effect.conversation),
                &effect.facts,
                &effect.links,
                &moved,
            );
        }
        for (id, link) in trace.links(&taken.linked) {
            self.add(of(id), &[], &[link], &[]);
        }
        let name = |span| {
            let span = SpanKey {
                trace: key.trace,
                span,
            };
            (key.clone(), span)
        };
        self.lost.extend(taken.lost.iter().copied().map(name));
        for span in &taken.found {
            self.lost.remove(&name(*span));
        }
        self.traces.insert(key, trace);
    }

    fn add(&mut self, key: ConversationKey, facts: &[Prepared], links: &[Link], moves: &[Move]) {
        let conversation = self.conversations.entry(key).or_default();
        let mut entry = conversation.entry_for(facts, links, &self.limits);
        entry.moves = conversation.moves_that_are_news(moves, &entry, &self.limits);
        conversation.apply(entry);
    }

    /// As a single processor does.
    fn chain(&mut self, keys: &[TraceKey], now_ms: i64) {
        let settings = chain::Settings::default();
        let mut chain: Chain<Prepared> = Chain::new(settings);
        for key in keys {
            let project: Arc<str> = key.project.as_str().into();
            let trace = &self.traces[key];
            chain.take(trace.pieces(&project, now_ms));
        }
        loop {
            let ids = chain.ready(now_ms);
            if ids.is_empty() {
                return;
            }
            for (id, decided) in chain.decide(&ids, &mut self.joints, now_ms) {
                let (pieces, to) = match decided {
                    chain::Outcome::Settled { conversation, .. } => {
                        let Some(settled) = chain.settle(id, &conversation) else {
                            continue;
                        };
                        for put in settled.puts {
                            put.apply(self.joints.entry(put.point).or_default(), &settings);
                        }
                        (settled.pieces, GivenTo::History(conversation))
                    }
                    chain::Outcome::LeftOut => (chain.give_up(id), GivenTo::Nothing),
                    chain::Outcome::Waits => continue,
                };
                for piece in pieces {
                    let key = TraceKey {
                        project: piece.project.to_string(),
                        trace: piece.key.trace,
                    };
                    let mut trace = self.trace(&key);
                    let given = trace.given_to([piece.key.span], &to);
                    let taken = trace.give(given);
                    self.tell(key, trace, &taken);
                }
            }
        }
    }
}
