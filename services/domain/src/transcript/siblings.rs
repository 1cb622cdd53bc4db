//! The children of nodes by what is asked of them, so that one is found as soon among thousands as among two.
//!
//! Thousands stand under one node where every call of a conversation begins with the same examples (few-shot prompts), or
//! where one question is answered again and again:
//!
//! ```text
//! "2 + 2?" ── "4" ─┬─ "3 + 5?" ── "8"
//!                  ├─ "7 + 1?" ─┬─ "8"
//!                  │            └─ "eight"
//!                  └─ …
//! ```
//!
//! Below `"4"`, `same` finds `"7 + 1?"` by a hash; below that, `latest_answers` gives `"eight"`, then `"8"`.

use super::nodes::NodeIndex;
use crate::ids::Digest;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Siblings that are compared with a message that repeats none of them word for word, the latest first. Whoever repeats
/// something inexactly has just been told it.
const COMPARED_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Siblings {
    by_identity: FxHashMap<(NodeIndex, Digest), Same>,
    /// Under each node the answers that may be echoed.
    answers: BTreeSet<(NodeIndex, NodeIndex)>,
    /// Under each node the summaries.
    summaries: BTreeSet<(NodeIndex, NodeIndex)>,
    #[cfg(test)]
    looked_at: std::cell::Cell<usize>,
}

/// The children of one node that say the same: one, unless one of them is a summary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Same {
    pub(super) first: NodeIndex,
    pub(super) latest: NodeIndex,
}

impl Siblings {
    pub(super) fn add(&mut self, parent: NodeIndex, identity: Digest, node: NodeIndex) {
        let only = Same {
            first: node,
            latest: node,
        };
        let same = self.by_identity.entry((parent, identity)).or_insert(only);
        same.first = same.first.min(node);
        same.latest = same.latest.max(node);
    }

    /// For a node whose message becomes known: until then it had a name of its own.
    pub(super) fn rename(&mut self, parent: NodeIndex, own: Digest, told: Digest, node: NodeIndex) {
        self.by_identity.remove(&(parent, own));
        self.add(parent, told, node);
    }

    pub(super) fn add_answer(&mut self, parent: NodeIndex, node: NodeIndex) {
        self.answers.insert((parent, node));
    }

    pub(super) fn add_summary(&mut self, parent: NodeIndex, node: NodeIndex) {
        self.summaries.insert((parent, node));
    }

    /// The children that say exactly this.
    pub(super) fn same(&self, parent: NodeIndex, identity: Digest) -> Option<Same> {
        self.look_at(parent);
        self.by_identity.get(&(parent, identity)).copied()
    }

    /// Answers under a node that may be echoed, the latest first.
    pub(super) fn latest_answers(&self, parent: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        self.latest(&self.answers, parent)
    }

    /// Summaries under a node, the latest first.
    pub(super) fn latest_summaries(&self, parent: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        self.latest(&self.summaries, parent)
    }

    fn latest<'a>(
        &'a self,
        of: &'a BTreeSet<(NodeIndex, NodeIndex)>,
        parent: NodeIndex,
    ) -> impl Iterator<Item = NodeIndex> + 'a {
        let children = of.range((parent, NodeIndex::MIN)..=(parent, NodeIndex::MAX));
        self.compared(children.rev().map(|(_, node)| *node))
    }

    /// As many of these as are compared.
    pub(super) fn compared<'a>(
        &'a self,
        latest: impl Iterator<Item = NodeIndex> + 'a,
    ) -> impl Iterator<Item = NodeIndex> + 'a {
        let compared = latest.take(COMPARED_MAX);
        compared.inspect(|node| self.look_at(*node))
    }

    /// Tests count how many nodes are looked at.
    fn look_at(&self, _: NodeIndex) {
        #[cfg(test)]
        self.looked_at.set(self.looked_at.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls::{Scope, calls};
    use super::super::forest::Forest;
    use super::super::reports::Twins;
    use crate::conversation::Conversation;
    use crate::facts::{Body, Entry, Node, SpanFact};
    use crate::ids::{Digest, SpanId, SpanKey, TraceId};
    use crate::message::{Message, Role};
    use crate::normalise::CUT_MARK;
    use crate::span::{Operation, SpanError};

    /// What one call was given and answered; no answer for a call that failed.
    type Told = (Vec<Message>, Option<String>);

    fn user(text: impl Into<String>) -> Message {
        Message::text_of(Role::User, text)
    }

    fn assistant(text: impl Into<String>) -> Message {
        Message::text_of(Role::Assistant, text)
    }

    fn conversation(told: impl Iterator<Item = Told>) -> Conversation {
        let mut entry = Entry::default();
        let mut body = |message: Message| -> Digest {
            let digest = message.digest();
            entry.bodies.push((digest, Body::Message(message)));
            digest
        };
        let mut spans = Vec::new();
        let mut nodes = Vec::new();
        for (number, (history, answer)) in told.enumerate() {
            let start_ns = number as i64 * 1_000;
            let mut span = SpanFact {
                key: SpanKey {
                    trace: TraceId([1; 16]),
                    span: SpanId((number as u64 + 1).to_be_bytes()),
                },
                is_genai: true,
                operation: Operation::Chat,
                start_ns,
                end_ns: start_ns + 500,
                error: answer.is_none().then(SpanError::default),
                ..SpanFact::default()
            };
            for message in history {
                let node = Node {
                    parent: span.content.history,
                    message: body(message),
                };
                span.content.history = Some(node.id());
                nodes.push(node);
            }
            span.content.output = answer
                .map(|text| body(assistant(text)))
                .into_iter()
                .collect();
            spans.push(span);
        }
        let mut conversation = Conversation::default();
        conversation.apply(Entry {
            spans,
            nodes,
            ..entry
        });
        conversation
    }

    fn looked_at(told: impl Iterator<Item = Told>) -> usize {
        let conversation = conversation(told);
        let calls = calls(&conversation, &Twins::of(&conversation));
        let members: Vec<usize> = (0..calls.len()).collect();
        let forest = Forest::build(&conversation, &calls, &members, Scope::Main);
        forest.siblings.looked_at.get()
    }

    /// Of four times as many calls, each looks at as many siblings.
    fn each_call_looks_at_as_many(name: &str, told: fn(usize) -> Told) {
        const CALLS: usize = 300;
        let few = looked_at((0..CALLS).map(told));
        let many = looked_at((0..4 * CALLS).map(told));
        assert!(
            many <= 5 * few,
            "{name}: {few} looks for {CALLS} calls, {many} for four times as many"
        );
    }

    #[test]
    fn a_call_looks_at_no_more_siblings_however_many_there_are() {
        each_call_looks_at_as_many("other questions after the same examples", |call| {
            let examples = vec![user("2 + 2?"), assistant("4"), user(format!("{call} + 1?"))];
            (examples, Some(format!("{}", call + 1)))
        });
        each_call_looks_at_as_many("other answers to the same question", |call| {
            let history = vec![user("hi"), assistant("hello"), user("a joke, please")];
            (history, Some(format!("joke {call}")))
        });
        each_call_looks_at_as_many("questions beside calls that failed", |call| {
            let mut history = vec![user("hi"), assistant("hello"), user("what now?")];
            if call.is_multiple_of(2) {
                return (history, None);
            }
            history.push(user(format!("and {call}?")));
            (history, Some("this".into()))
        });
        each_call_looks_at_as_many("questions with an end that was cut off", |call| {
            let cut = format!("{call} is a number that goes on {CUT_MARK}");
            (
                vec![user("hi"), assistant("hello"), user(cut)],
                Some("so it does".into()),
            )
        });
        each_call_looks_at_as_many(
            "answers that are repeated otherwise than they were given",
            |call| {
                let question = user("a joke, please");
                if call.is_multiple_of(2) {
                    return (vec![question], Some(format!("joke {call}")));
                }
                let repeated = assistant(format!("edited joke {call}"));
                (vec![question, repeated, user("more")], Some("no".into()))
            },
        );
    }
}
