//! The forest of histories of one scope.
//!
//! Each call's history is a path of utterances; calls that share a beginning share its nodes; the call's answer is the
//! node after its path. Tool results are not utterances: they hang on the answer that called the tool.
//!
//! A tree of the forest is an *island*: histories that share nothing with an earlier island start a new one. Islands
//! follow each other in time, unless an earlier island goes on after a later one began: then the later one is a thread of
//! its own, such as a call that makes up a title while the conversation goes on. Where a history attaches is decided in
//! [`alignment`](super::alignment).
//!
//! ```text
//! call   history            answer
//! 1      u1                 a1           root ── u1 ─┬─ a1 ── u2 ── a2
//! 2      u1 a1 u2           a2                       └─ b1
//! 3      u1                 b1
//! 4      "a title for u1"   t            root ── "a title for u1" ── t
//! ```
//!
//! Call 3 asked again, so `b1` is the first island's tip, and `a1` to `a2` the branch that was superseded. Call 4 shares
//! nothing with the others: a second island.

use super::alignment::Attachment;
use super::calls::{Call, History, Scope};
use super::echoes::cut_short;
use super::nodes::{Context, Island, Node, NodeIndex, ToolMessage};
use super::siblings::Siblings;
use super::walk::Step;
use crate::conversation::Conversation;
use crate::ids::Digest;
use crate::message::Role;
use rustc_hash::{FxHashMap, FxHashSet};

#[derive(Debug)]
pub(crate) struct Forest<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) calls: &'a [Call],
    pub(crate) nodes: Vec<Node>,
    pub(crate) islands: Vec<Island>,
    pub(crate) tool_messages: Vec<ToolMessage>,
    /// By call, where histories tell what the model was given.
    pub(crate) contexts: FxHashMap<usize, Context>,
    pub(super) scope: Scope,
    pub(crate) is_cumulative: bool,
    /// Whether some history did not begin at a beginning.
    pub(super) has_cut_histories: bool,
    /// Where the history of the latest call of each island ends, and its context: a history that goes on from there need
    /// not be walked again. Ends of earlier calls, and middles, prove nothing: a history whose head was cut off may begin
    /// alike.
    ends: FxHashMap<Digest, (NodeIndex, Context)>,
    pub(super) siblings: Siblings,
    pub(super) by_identity: FxHashMap<Digest, Vec<NodeIndex>>,
    /// The utterances that begin an island, by identity.
    pub(super) beginnings: FxHashMap<Digest, Vec<NodeIndex>>,
    /// By the identity of the first summary of a history: where what was kept stands, and how many summaries there are.
    pub(super) summaries: FxHashMap<Digest, (NodeIndex, usize)>,
    pub(super) by_tool_call: FxHashMap<String, NodeIndex>,
    /// By the id under which a history tells a call: the answer, and the call's position in it.
    pub(super) echoed_ids: FxHashMap<String, (NodeIndex, usize)>,
    pub(super) by_response: FxHashMap<&'a str, NodeIndex>,
    pub(super) previous: Option<Previous>,
}

/// The call before, in call order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Previous {
    pub(super) call: usize,
    /// The node under which its history began.
    pub(super) start: NodeIndex,
    pub(super) tip: NodeIndex,
}

impl<'a> Forest<'a> {
    /// Builds the forest of the calls with these indexes, which are in call order and of one scope.
    pub(crate) fn build(
        conversation: &'a Conversation,
        calls: &'a [Call],
        members: &[usize],
        scope: Scope,
    ) -> Self {
        let mut forest = Self {
            conversation,
            calls,
            nodes: Vec::new(),
            islands: Vec::new(),
            tool_messages: Vec::new(),
            contexts: FxHashMap::default(),
            scope,
            is_cumulative: is_cumulative(conversation, calls, members),
            has_cut_histories: false,
            ends: FxHashMap::default(),
            siblings: Siblings::default(),
            by_identity: FxHashMap::default(),
            beginnings: FxHashMap::default(),
            summaries: FxHashMap::default(),
            by_tool_call: FxHashMap::default(),
            echoed_ids: FxHashMap::default(),
            by_response: FxHashMap::default(),
            previous: None,
        };
        for call in members {
            forest.add(*call);
        }
        forest
    }

    pub(super) fn scope(&self) -> Scope {
        self.scope
    }

    fn add(&mut self, call: usize) {
        let content = &self.calls[call].content;
        let (placed, steps) = self.unplaced_steps(&content.history);
        let (attachment, known) = match placed {
            Some((end, context)) => (Attachment::at(end), Some(context)),
            None => (self.attachment(call, &steps), None),
        };
        let start = attachment.below.unwrap_or_else(|| self.new_island(call));
        if let ([first, ..], 0) = (attachment.summaries.as_slice(), attachment.kept) {
            let stands = (start, attachment.summaries.len());
            self.summaries.insert(steps[*first].identity, stands);
        }
        let (history_end, first) = self.walk(call, start, &steps, &attachment);
        if let (Some(first), true) = (first, self.calls[call].span.compacted) {
            self.mark_summary(call, first, history_end);
        }
        let history_end = match steps.last().and_then(|step| cut_short(step.message)) {
            Some(_) => self.after_cut_end(history_end),
            None => history_end,
        };
        let tip = self.place_output(call, content, history_end);
        let context = known.unwrap_or_else(|| Context {
            first: first.or(Some(tip)),
            unseen: self.nodes[start].depth.saturating_sub(attachment.kept),
        });
        self.has_cut_histories |= context.unseen > 0;
        if self.is_cumulative && tells_its_context(&self.calls[call]) {
            self.contexts.insert(call, context);
        }
        let island = self.nodes[tip].island;
        if let (History::Tip(end), true) = (&content.history, self.is_cumulative) {
            if let Some(before) = self.islands[island].end.replace(*end) {
                self.ends.remove(&before);
            }
            self.ends.insert(*end, (history_end, context));
        }
        self.islands[island].tip = tip;
        self.islands[island].last_call = call;
        self.previous = Some(Previous { call, start, tip });
    }

    /// The part of a history after the end of another one, and where that end stands; else all of it.
    fn unplaced_steps(&self, history: &History) -> (Option<(NodeIndex, Context)>, Vec<Step<'a>>) {
        let conversation = self.conversation;
        let step = |digest: Digest| {
            let stored = conversation.messages.get(&digest)?;
            Some(Step {
                digest,
                message: &stored.message,
                identity: stored.identity,
            })
        };
        match history {
            History::None => (None, Vec::new()),
            History::Tip(tip) => {
                let mut placed = None;
                let unplaced = conversation.chain(Some(*tip)).take_while(|(chain, _)| {
                    placed = self.ends.get(chain).copied();
                    placed.is_none()
                });
                let mut steps: Vec<_> = unplaced
                    .filter_map(|(_, node)| step(node.message))
                    .collect();
                steps.reverse();
                (placed, steps)
            }
            History::List(digests) => (None, digests.iter().copied().filter_map(step).collect()),
        }
    }
}

/// Whether histories repeat what was said before: some history holds an answer, or goes on from another's end.
fn is_cumulative(conversation: &Conversation, calls: &[Call], members: &[usize]) -> bool {
    let is_answer = |digest: Digest| {
        conversation
            .message(&digest)
            .is_some_and(|message| message.role == Role::Assistant)
    };
    let mut ends = FxHashSet::default();
    members
        .iter()
        .any(|call| match &calls[*call].content.history {
            History::None => false,
            History::Tip(tip) => {
                // From the newest back: a history that holds answers has one among its last messages.
                let goes_on = conversation.chain(Some(*tip)).any(|(id, node)| {
                    is_answer(node.message) || (id != *tip && ends.contains(&id))
                });
                ends.insert(*tip);
                goes_on
            }
            History::List(digests) => digests.iter().copied().any(is_answer),
        })
}

/// Whether a call's history tells what the model was given: not when the API keeps the rest, nor when the SDK cut what it
/// reports.
fn tells_its_context(call: &Call) -> bool {
    call.content.history != History::None
        && call.span.previous_response_id.is_none()
        && call.span.original_input_messages.is_none()
}
