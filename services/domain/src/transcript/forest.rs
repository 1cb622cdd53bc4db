//! The forest of histories of one scope.
//!
//! Each call's history is a path of utterances; calls that share a beginning share its nodes; the call's answer is the
//! node after its path. Tool results are not utterances: they hang on the answer that called the tool.
//!
//! A tree of the forest is an *island*: histories that share nothing with an earlier island start a new one. Islands
//! follow each other in time, unless an earlier island goes on after a later one began: then the later one is a thread of
//! its own, such as a call that makes up a title while the conversation goes on. Where a history attaches is decided in
//! [`alignment`](super::alignment).

use super::alignment::Attachment;
use super::calls::{Call, CallContent, History, Scope};
use super::echoes::cut_short;
use super::siblings::Siblings;
use crate::conversation::Conversation;
use crate::ids::Digest;
use crate::message::{Message, Role};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

pub(crate) type NodeIndex = usize;

/// An utterance, or (with no role) the root above an island's first utterances.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) parent: Option<NodeIndex>,
    pub(crate) children: Vec<NodeIndex>,
    pub(crate) island: usize,
    pub(crate) role: Option<Role>,
    /// Of the message; of the call's key while the message is not known.
    pub(crate) identity: Digest,
    pub(crate) message: Option<Digest>,
    /// The calls that made it and which of their choices it is: several when the same answer was made again to the same
    /// history, none for what histories alone tell of.
    pub(crate) made_by: Vec<(usize, usize)>,
    /// The first call that carried or made it.
    pub(crate) first_call: usize,
    pub(crate) id: Digest,
    /// It stands for messages that a later context no longer held: nobody said it.
    pub(crate) is_summary: bool,
    /// Utterances from the island's beginning to this one, summaries not counted.
    pub(crate) depth: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Island {
    pub(crate) root: NodeIndex,
    pub(crate) first_call: usize,
    pub(crate) last_call: usize,
    /// Where the latest call stands: the end of the branch that the conversation took.
    pub(crate) tip: NodeIndex,
    /// The chain node at which the latest call's history ends.
    end: Option<Digest>,
}

/// What a call was given of the conversation before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// The first utterance that it was given; after a kept beginning, the first after the gap.
    pub(crate) first: Option<NodeIndex>,
    /// Utterances of the island before that one that it was not given.
    pub(crate) unseen: u32,
}

/// A tool message of some history, with the node it stands after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToolMessage {
    pub(crate) after: NodeIndex,
    pub(crate) message: Digest,
    pub(crate) call: usize,
}

#[derive(Debug)]
pub(crate) struct Forest<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) calls: &'a [Call],
    pub(crate) nodes: Vec<Node>,
    pub(crate) islands: Vec<Island>,
    pub(crate) tool_messages: Vec<ToolMessage>,
    /// By call, where histories tell what the model was given.
    pub(crate) contexts: FxHashMap<usize, Context>,
    scope: Scope,
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

/// One step of a history.
pub(super) struct Step<'a> {
    pub(super) digest: Digest,
    pub(super) message: &'a Arc<Message>,
    pub(super) identity: Digest,
}

impl Step<'_> {
    pub(super) fn is_utterance(&self) -> bool {
        self.message.role != Role::Tool
    }
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
            by_response: FxHashMap::default(),
            previous: None,
        };
        for call in members {
            forest.add(*call);
        }
        forest
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
        if let (History::Chain(end), true) = (&content.history, self.is_cumulative) {
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
            History::Chain(tip) => {
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

    /// Follows the steps from a node, making nodes where there are none, and remembers where each step stands. Returns the
    /// last node, and the first one that a step stands at.
    fn walk(
        &mut self,
        call: usize,
        start: NodeIndex,
        steps: &[Step<'a>],
        attachment: &Attachment,
    ) -> (NodeIndex, Option<NodeIndex>) {
        let mut position = start;
        let mut first = None;
        let mut summaries = attachment.summaries.as_slice();
        let mut index = attachment.skipped;
        while index < steps.len() {
            let step = &steps[index];
            let mut taken = 1;
            if step.is_utterance() {
                position = self.past_omitted_answer(position, step);
                match self.run_matching(position, &steps[index..]) {
                    Some((child, run)) => {
                        self.learn(child, step);
                        (position, taken) = (child, run);
                    }
                    None => {
                        position = self.summarise(call, position, steps, &mut summaries);
                        position = self.new_said(call, position, step);
                    }
                }
                first = first.or(Some(position));
            } else {
                self.tool_messages.push(ToolMessage {
                    after: position,
                    message: step.digest,
                    call,
                });
            }
            index += taken;
        }
        (self.summarise(call, position, steps, &mut summaries), first)
    }

    /// Puts what stands for forgotten messages where the first new message follows, unless it stands there or further up.
    fn summarise(
        &mut self,
        call: usize,
        mut position: NodeIndex,
        steps: &[Step<'a>],
        summaries: &mut &[usize],
    ) -> NodeIndex {
        for index in std::mem::take(summaries) {
            let step = &steps[*index];
            let is_same = |node: &NodeIndex| {
                let node = &self.nodes[*node];
                node.is_summary && node.identity == step.identity
            };
            let same = self.siblings.same(position, step.identity);
            let same = same.into_iter().flat_map(|same| [same.first, same.latest]);
            if let Some(next) = same.into_iter().find(is_same) {
                position = next;
            } else if !self.path(position).any(|node| is_same(&node)) {
                let summary = self.new_said(call, position, step);
                self.nodes[summary].is_summary = true;
                self.nodes[summary].depth -= 1;
                self.siblings.add_summary(position, summary);
                position = summary;
            }
        }
        position
    }

    /// The head of a compacted history is a summary, unless it was said before or is all there is.
    fn mark_summary(&mut self, call: usize, first: NodeIndex, last: NodeIndex) {
        let is_news = self.nodes[first].first_call == call && first != last;
        if is_news && !self.nodes[first].is_summary {
            self.nodes[first].is_summary = true;
            if let Some(parent) = self.nodes[first].parent {
                self.siblings.add_summary(parent, first);
            }
            // What this call added stands below it.
            self.nodes[first..]
                .iter_mut()
                .for_each(|node| node.depth -= 1);
        }
    }

    fn new_said(&mut self, call: usize, after: NodeIndex, step: &Step<'_>) -> NodeIndex {
        let node = self.new_node(call, after, step.message.role, step.identity, None);
        self.nodes[node].message = Some(step.digest);
        node
    }

    /// The answers of a call: one node per choice, or one without text when it failed or was not captured. Returns the
    /// first.
    fn place_output(&mut self, call: usize, content: &CallContent, after: NodeIndex) -> NodeIndex {
        let conversation = self.conversation;
        let mut first = None;
        for (choice, digest) in content.output.iter().enumerate() {
            let Some(stored) = conversation.messages.get(digest) else {
                continue;
            };
            let node = self
                .adopt(after, stored.identity, (call, choice))
                .unwrap_or_else(|| {
                    self.new_node(call, after, Role::Assistant, stored.identity, Some(choice))
                });
            self.nodes[node].message.get_or_insert(*digest);
            self.note_answer(after, node);
            for id in stored.message.tool_calls().filter_map(|(id, ..)| id) {
                self.by_tool_call.insert(id.to_owned(), node);
            }
            first = first.or(Some(node));
        }
        let calls = self.calls;
        let tip = first.unwrap_or_else(|| {
            let name = call_name(&calls[call], 0);
            let node = self.new_node(call, after, Role::Assistant, name, Some(0));
            self.note_answer(after, node);
            node
        });
        if let Some(response_id) = &calls[call].span.response_id {
            self.by_response.insert(response_id, tip);
        }
        tip
    }

    /// The same answer under the same history: an echo that was seen before the call that made it, as when two machines'
    /// clocks differ, or the answer of an earlier call, made again word for word.
    fn adopt(
        &mut self,
        after: NodeIndex,
        identity: Digest,
        made_by: (usize, usize),
    ) -> Option<NodeIndex> {
        let same = self.siblings.same(after, identity)?.first;
        if self.nodes[same].role != Some(Role::Assistant) {
            return None;
        }
        self.nodes[same].made_by.push(made_by);
        Some(same)
    }

    fn note_answer(&mut self, after: NodeIndex, node: NodeIndex) {
        if self.may_be_echoed(node) {
            self.siblings.add_answer(after, node);
        }
    }

    fn new_island(&mut self, call: usize) -> NodeIndex {
        let (root, island) = (self.nodes.len(), self.islands.len());
        let none = Digest::default();
        self.nodes.push(Node {
            parent: None,
            children: Vec::new(),
            island,
            role: None,
            identity: none,
            message: None,
            made_by: Vec::new(),
            first_call: call,
            id: none,
            is_summary: false,
            depth: 0,
        });
        self.islands.push(Island {
            root,
            first_call: call,
            last_call: call,
            tip: root,
            end: None,
        });
        root
    }

    fn new_node(
        &mut self,
        call: usize,
        parent: NodeIndex,
        role: Role,
        identity: Digest,
        choice: Option<usize>,
    ) -> NodeIndex {
        let index = self.nodes.len();
        let same = self.by_identity.entry(identity).or_default();
        // Answers are named by the call that made them; other messages by what they say and how often it was said
        // before, so that a name outlives a repair of the path above it.
        let id = match choice {
            Some(choice) => call_name(&self.calls[call], choice),
            None => Digest::of(&[
                b"said",
                &self.scope.name(),
                &identity.0,
                &(same.len() as u64).to_le_bytes(),
            ]),
        };
        same.push(index);
        self.nodes.push(Node {
            parent: Some(parent),
            children: Vec::new(),
            island: self.nodes[parent].island,
            role: Some(role),
            identity,
            message: None,
            made_by: choice.map(|choice| (call, choice)).into_iter().collect(),
            first_call: call,
            id,
            is_summary: false,
            depth: self.nodes[parent].depth + 1,
        });
        if self.nodes[parent].role.is_none() {
            self.beginnings.entry(identity).or_default().push(index);
        }
        self.nodes[parent].children.push(index);
        self.siblings.add(parent, identity, index);
        index
    }

    /// From a node up to its island's root.
    pub(crate) fn path(&self, from: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        std::iter::successors(Some(from), |node| self.nodes[*node].parent)
    }
}

/// A name for an answer that does not depend on what it says.
fn call_name(call: &Call, choice: usize) -> Digest {
    Digest::of(&[
        b"answer",
        &call.span.key.trace.0,
        &call.span.key.span.0,
        &(choice as u64).to_le_bytes(),
    ])
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
            History::Chain(tip) => {
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
