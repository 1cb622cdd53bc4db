//! What conversations are to be told of the spans of a trace.

use super::state::Trace;
use super::stays::{Rule, Stay};
use crate::facts::{Link, Move};
use crate::ids::SpanId;
use crate::prepare::{Fact, Prepared};
use std::collections::BTreeSet;

/// How far up a conversation is told of spans that are not its own.
const LINKS_ABOVE_MAX: usize = 64;

/// What a conversation is to be told of one span. Telling it again changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    pub conversation: String,
    /// Facts that carry no id. Empty for a span that the conversation has by its own id, and where it stands no more.
    pub facts: Vec<Prepared>,
    pub rule: Option<Rule>,
    pub moved: Option<Move>,
    pub links: Vec<Link>,
}

impl Trace {
    /// What conversations are to be told of these spans.
    pub fn effects(&self, touched: &BTreeSet<SpanId>) -> Vec<Effect> {
        touched
            .iter()
            .flat_map(|span| self.effects_of(*span))
            .collect()
    }

    fn effects_of(&self, span: SpanId) -> Vec<Effect> {
        // Of what is held no more nobody is told anything: all that was to be told was, before it was let go.
        if self.held.first_recorded_ms(&self.key(span)).is_none() {
            return Vec::new();
        }
        let stays = self.stays(span);
        let moved = self.moved.get(&span);
        let mut told: BTreeSet<&str> = stays.iter().map(|stay| &*stay.conversation).collect();
        told.extend(moved.into_iter().flatten().map(String::as_str));
        // A store that has gone back may have lost that one of these was told.
        told.extend(self.tree.first_ids());
        let links = self.links_above(span);
        let mut effects: Vec<Effect> = Vec::new();
        let rank = self.rank();
        for conversation in told {
            let here: Vec<&Stay> = stays
                .iter()
                .filter(|stay| stay.conversation == conversation)
                .collect();
            let from_ms = here.first().map(|stay| stay.from_ms);
            let facts = from_ms.map(|from_ms| self.held.facts_of(&self.key(span), from_ms));
            let mut facts = facts.unwrap_or_default();
            let rule = here.last().map(|stay| stay.rule);
            if matches!(rule, Some(Rule::Trace | Rule::History)) {
                facts.iter_mut().for_each(infer);
            }
            let is_simple = moved.is_none() && matches!(here[..], [Stay { until_ms: None, .. }]);
            effects.push(Effect {
                conversation: conversation.to_owned(),
                rule,
                facts,
                moved: (!is_simple || !self.is_plain()).then(|| Move {
                    key: self.key(span),
                    is_precaution: is_simple
                        || here.is_empty()
                            && moved.is_none_or(|moved| !moved.contains(conversation)),
                    rank,
                    during: here
                        .iter()
                        .map(|stay| (stay.from_ms, stay.until_ms))
                        .collect(),
                }),
                links: if here.is_empty() {
                    Vec::new()
                } else {
                    links.clone()
                },
            });
        }
        effects
    }

    /// Whether all that is held of it stood in the only conversation ever since that was named.
    fn is_plain(&self) -> bool {
        self.given.is_empty()
            && !self.tree.has_hints()
            && self.tree.first_names().1.is_none()
            && self.silences.is_calm()
    }

    /// What lies above these spans, for the conversations in which they stand, by an id of their own or without.
    pub fn links(&self, linked: &BTreeSet<SpanId>) -> Vec<(String, Link)> {
        let mut told = Vec::new();
        for span in linked {
            let stays = self.stays(*span).into_iter().map(|stay| stay.conversation);
            let own = self.tree.names(*span).map(str::to_owned);
            let conversations: BTreeSet<String> = stays.chain(own).collect();
            let links = self.links_above(*span);
            for conversation in conversations {
                told.extend(links.iter().map(|link| (conversation.clone(), *link)));
            }
        }
        told
    }

    /// The spans between this one and its nearest GenAI ancestor, as far as known. With the span itself where only logs of
    /// it are held: an error that it met is its ancestor's too.
    pub fn links_above(&self, span: SpanId) -> Vec<Link> {
        let mut links = Vec::new();
        let mut next = if self.holds_only_logs(span) {
            Some(span)
        } else {
            self.tree.parent(span).and_then(|parent| parent.value)
        };
        while let Some(span) = next.filter(|span| !self.tree.is_genai_span(*span)) {
            let (Some(parent), Some(record_ms)) =
                (self.tree.parent(span), self.tree.first_ms(span))
            else {
                break;
            };
            if links.len() == LINKS_ABOVE_MAX {
                break;
            }
            links.push(Link {
                key: self.key(span),
                parent: parent.value,
                record_ms,
            });
            next = parent.value;
        }
        links
    }

    /// Whether logs beside this span are held, and nothing of itself.
    pub(super) fn holds_only_logs(&self, span: SpanId) -> bool {
        let key = self.key(span);
        self.held.log_count(&key) > 0 && self.held.span(&key).is_none()
    }
}

/// Marks what no id has placed.
fn infer(prepared: &mut Prepared) {
    if let Fact::Span(span) = &mut prepared.fact {
        span.inferred = true;
    }
}
