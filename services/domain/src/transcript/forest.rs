//! The forest of histories of one scope.
//!
//! Each call's history is a path of utterances; calls that share a beginning share its nodes; the call's answer is the
//! node after its path. Tool results are not utterances: they hang on the answer that called the tool.
//!
//! A tree of the forest is an *island*: histories that share nothing with an earlier island start a new one. Islands
//! follow each other in time, unless an earlier island goes on after a later one began: then the later one is a thread of
//! its own, such as a call that makes up a title while the conversation goes on.

use super::calls::{Call, CallContent, History, Scope};
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

/// A tool message of some history, with the node it stands after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToolMessage {
    pub(crate) after: NodeIndex,
    pub(crate) message: Digest,
    pub(crate) call: usize,
}

#[derive(Debug)]
pub(crate) struct Forest<'a> {
    conversation: &'a Conversation,
    calls: &'a [Call],
    pub(crate) nodes: Vec<Node>,
    pub(crate) islands: Vec<Island>,
    pub(crate) tool_messages: Vec<ToolMessage>,
    scope: Scope,
    is_cumulative: bool,
    /// Where the history of the latest call of each island ends: a history that goes on from there need not be walked
    /// again. Ends of earlier calls, and middles, prove nothing: a history whose head was cut off may begin alike.
    ends: FxHashMap<Digest, NodeIndex>,
    by_identity: FxHashMap<Digest, Vec<NodeIndex>>,
    by_tool_call: FxHashMap<String, NodeIndex>,
    by_response: FxHashMap<&'a str, NodeIndex>,
    previous: Option<Previous>,
}

/// The call before, in call order.
#[derive(Clone, Copy, Debug)]
struct Previous {
    call: usize,
    /// The node under which its history began.
    start: NodeIndex,
    tip: NodeIndex,
}

/// How well a history fits below a node; the greater, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alignment {
    /// It leads to the answer given last, every utterance word for word, and only the user has spoken since.
    is_exact_to_tip: bool,
    /// How many utterances stand there word for word.
    exact: usize,
    is_at_root: bool,
    /// How many utterances stand there, echoes included.
    length: usize,
    candidate: NodeIndex,
}

/// One step of a history.
struct Step<'a> {
    digest: Digest,
    message: &'a Arc<Message>,
    identity: Digest,
}

impl Step<'_> {
    fn is_utterance(&self) -> bool {
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
            scope,
            is_cumulative: is_cumulative(conversation, calls, members),
            ends: FxHashMap::default(),
            by_identity: FxHashMap::default(),
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
        let start = placed
            .or_else(|| self.start_of(call, &steps))
            .unwrap_or_else(|| self.new_island(call));
        let history_end = self.walk(call, start, &steps);
        let tip = self.place_output(call, content, history_end);
        let island = self.nodes[tip].island;
        if let (History::Chain(end), true) = (&content.history, self.is_cumulative) {
            if let Some(before) = self.islands[island].end.replace(*end) {
                self.ends.remove(&before);
            }
            self.ends.insert(*end, history_end);
        }
        self.islands[island].tip = tip;
        self.islands[island].last_call = call;
        self.previous = Some(Previous { call, start, tip });
    }

    /// The part of a history after the end of another one, and where that end stands; else all of it.
    fn unplaced_steps(&self, history: &History) -> (Option<NodeIndex>, Vec<Step<'a>>) {
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

    /// The node under which a history that shares no placed beginning attaches; `None` for a new island.
    fn start_of(&self, call: usize, steps: &[Step<'_>]) -> Option<NodeIndex> {
        let continued = self.calls[call]
            .span
            .previous_response_id
            .as_deref()
            .and_then(|response_id| self.by_response.get(response_id));
        if let Some(position) = continued {
            return Some(*position);
        }
        let last_tip = self.previous.map(|previous| previous.tip);
        let utterances: Vec<&Step<'_>> = steps.iter().filter(|step| step.is_utterance()).collect();
        if utterances.is_empty() {
            let mut results = steps.iter().flat_map(|step| step.message.tool_results());
            return results
                .find_map(|(id, ..)| self.by_tool_call.get(id?).copied())
                .or(last_tip);
        }
        if !self.is_cumulative {
            return self.retried(call).or(last_tip);
        }
        self.alignment(&utterances)
    }

    /// For a call with the history of the call before it, which failed: where that history began.
    fn retried(&self, call: usize) -> Option<NodeIndex> {
        let previous = self.previous?;
        let before = &self.calls[previous.call];
        let is_retry = before.content.output.is_empty()
            && before.span.error.is_some()
            && before.content.history == self.calls[call].content.history;
        is_retry.then_some(previous.start)
    }

    /// The node under which a history's first utterance stands: the beginning of an island, or a place further down when
    /// the history's head was cut off. Best is where the history leads word for word to the answer given last; then where
    /// most of it stands word for word. One utterance alone proves nothing, unless it is the first or the last one.
    fn alignment(&self, utterances: &[&Step<'_>]) -> Option<NodeIndex> {
        let first = utterances.first()?;
        let roots = self.islands.iter().rev().map(|island| island.root);
        let at_roots = roots.filter_map(|root| self.child_matching(root, first));
        let same = self
            .by_identity
            .get(&first.identity)
            .into_iter()
            .flatten()
            .rev()
            .take(ALIGNMENTS_MAX);
        let candidates = at_roots.chain(same.copied());
        let aligned = candidates.map(|candidate| self.align(candidate, utterances));
        let best = aligned
            .filter(|aligned| aligned.is_at_root || aligned.length >= 2 || aligned.is_exact_to_tip)
            .max()?;
        self.nodes[best.candidate].parent
    }

    fn align(&self, candidate: NodeIndex, utterances: &[&Step<'_>]) -> Alignment {
        let last_tip = self.previous.map(|previous| previous.tip);
        let is_same = |node: NodeIndex, step: &Step<'_>| {
            usize::from(self.nodes[node].identity == step.identity)
        };
        let mut node = candidate;
        let mut length = 1;
        let mut exact = is_same(node, utterances[0]);
        while let Some(step) = utterances.get(length).filter(|_| Some(node) != last_tip) {
            let Some(next) = self.child_matching(node, step) else {
                break;
            };
            node = next;
            length += 1;
            exact += is_same(node, step);
        }
        let is_at_root = self.nodes[candidate]
            .parent
            .is_some_and(|parent| self.nodes[parent].role.is_none());
        // After the answer given last there can only be what the user said since.
        let rest = &utterances[length..];
        let goes_on = rest.iter().all(|step| step.message.role == Role::User);
        let is_exact_to_tip = Some(node) == last_tip && exact == length && goes_on;
        Alignment {
            is_exact_to_tip,
            exact,
            is_at_root,
            length,
            candidate,
        }
    }

    /// Follows the steps from a node, making nodes where there are none, and remembers where each step stands.
    fn walk(&mut self, call: usize, start: NodeIndex, steps: &[Step<'_>]) -> NodeIndex {
        let mut position = start;
        let mut index = 0;
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
                        position =
                            self.new_node(call, position, step.message.role, step.identity, None);
                        self.nodes[position].message = Some(step.digest);
                    }
                }
            } else {
                self.tool_messages.push(ToolMessage {
                    after: position,
                    message: step.digest,
                    call,
                });
            }
            index += taken;
        }
        position
    }

    /// Where a user's message stands whose history left out the answer before it: after that answer. A user's message is
    /// no alternative to an answer.
    fn past_omitted_answer(&self, position: NodeIndex, step: &Step<'_>) -> NodeIndex {
        if step.message.role != Role::User || self.child_matching(position, step).is_some() {
            return position;
        }
        let children = self.nodes[position].children.iter().rev();
        children
            .copied()
            .find(|child| self.may_be_echoed(*child))
            .unwrap_or(position)
    }

    /// An answer whose text was not captured learns it from its echo.
    fn learn(&mut self, node: NodeIndex, step: &Step<'_>) {
        if self.nodes[node].message.is_none() {
            self.nodes[node].message = Some(step.digest);
            self.nodes[node].identity = step.identity;
            self.by_identity
                .entry(step.identity)
                .or_default()
                .push(node);
        }
    }

    /// The child that the next steps tell of, and how many of them: some SDKs echo one answer as several messages (its
    /// text, then its tool calls).
    fn run_matching(&self, position: NodeIndex, steps: &[Step<'_>]) -> Option<(NodeIndex, usize)> {
        let answers = steps
            .iter()
            .take_while(|step| step.message.role == Role::Assistant)
            .count();
        for taken in (2..=answers.min(RUN_MAX)).rev() {
            let parts = steps[..taken]
                .iter()
                .flat_map(|step| step.message.parts.iter().cloned())
                .collect();
            let whole = Message {
                role: Role::Assistant,
                parts,
            }
            .identity();
            let children = self.nodes[position].children.iter().rev();
            if let Some(child) = children
                .copied()
                .find(|child| self.nodes[*child].identity == whole)
            {
                return Some((child, taken));
            }
        }
        self.child_matching(position, &steps[0])
            .map(|child| (child, 1))
    }

    fn child_matching(&self, position: NodeIndex, step: &Step<'_>) -> Option<NodeIndex> {
        let children = &self.nodes[position].children;
        let same = children
            .iter()
            .rev()
            .find(|child| self.nodes[**child].identity == step.identity);
        if same.is_some() || step.message.role != Role::Assistant {
            return same.copied();
        }
        // An assistant message that no call made, standing where a made one stands, is its echo. Of several, the one
        // it resembles most; of equals, the latest.
        let made = children
            .iter()
            .copied()
            .filter(|child| self.may_be_echoed(*child));
        made.max_by_key(|child| (self.resemblance(*child, step.message), *child))
    }

    /// An answer made by a call, and not a failure.
    fn may_be_echoed(&self, node: NodeIndex) -> bool {
        let node = &self.nodes[node];
        node.made_by
            .iter()
            .any(|(call, _)| node.message.is_some() || self.calls[*call].span.error.is_none())
    }

    /// How many leading bytes two answers share, tool names counting as text.
    fn resemblance(&self, node: NodeIndex, message: &Message) -> usize {
        let words = |message: &Message| {
            let names: Vec<&str> = message.tool_calls().map(|(_, name, _)| name).collect();
            format!(
                "{}{}",
                message.text().unwrap_or_default().trim(),
                names.join(" ")
            )
        };
        let known = self.nodes[node]
            .message
            .and_then(|digest| self.conversation.message(&digest));
        let echo = words(message);
        known.map_or(0, |known| {
            words(known)
                .bytes()
                .zip(echo.bytes())
                .take_while(|(a, b)| a == b)
                .count()
        })
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
            for id in stored.message.tool_calls().filter_map(|(id, ..)| id) {
                self.by_tool_call.insert(id.to_owned(), node);
            }
            first = first.or(Some(node));
        }
        let calls = self.calls;
        let tip = first.unwrap_or_else(|| {
            self.new_node(
                call,
                after,
                Role::Assistant,
                call_name(&calls[call], 0),
                Some(0),
            )
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
        let same = self.nodes[after].children.iter().copied().find(|child| {
            let child = &self.nodes[*child];
            child.role == Some(Role::Assistant) && child.identity == identity
        })?;
        self.nodes[same].made_by.push(made_by);
        Some(same)
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
        });
        self.nodes[parent].children.push(index);
        index
    }

    /// From a node up to its island's root.
    pub(crate) fn path(&self, from: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        std::iter::successors(Some(from), |node| self.nodes[*node].parent)
    }
}

/// Places at which a history is tried, the latest first. Only words said more often than this could stand elsewhere.
const ALIGNMENTS_MAX: usize = 64;
/// Longest run of assistant messages that is tried as one answer.
const RUN_MAX: usize = 8;

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
