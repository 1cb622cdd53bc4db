//! Reading the forests out: the main thread, and each further thread after the message that opened it.

use super::calls::{Call, Scope};
use super::forest::Forest;
use super::loose::{Loose, add_runs};
use super::nesting;
use super::nodes::{Island, Node, NodeIndex, ToolMessage};
use super::tools::{Place, ToolUses};
use crate::conversation::Conversation;
use crate::facts::SpanFact;
use crate::ids::Digest;
use crate::message::Role;
use crate::view::{ToolStatus, ToolUse, Utterance};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// A run of messages in one context.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) messages: Vec<Placed>,
    /// What opened it: a tool call's id or a span's.
    pub(super) parent: Option<String>,
    /// The message after which it is read; `None`: by time.
    pub(super) after: Option<Place>,
    pub(super) started_ns: i64,
}

/// A message and the node that it is, if it is one.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) place: Option<Place>,
    pub(super) utterance: Utterance,
}

pub(crate) fn read_out(
    conversation: &Conversation,
    calls: &[Call],
    forests: &[(Scope, Forest<'_>)],
    mut uses: ToolUses,
) -> Vec<Utterance> {
    let reader = ThreadReader {
        conversation,
        calls,
        forests,
    };
    let mut loose = Loose::of(&mut uses);
    let openers: Vec<_> = forests
        .iter()
        .map(|(scope, _)| reader.opener(*scope, &uses))
        .collect();
    let mut threads = Vec::new();
    for (index, ((scope, forest), (parent, after))) in forests.iter().zip(openers).enumerate() {
        let (main, side) = in_sequence(forest, calls);
        let mut thread = reader.thread(index, &main, &mut uses, &mut loose);
        thread.insert_runs(loose.runs.remove(scope).unwrap_or_default());
        threads.push(thread.opened_by(parent.clone(), after));
        for island in side {
            let thread = reader.thread(index, &[island], &mut uses, &mut loose);
            threads.push(thread.opened_by(parent.clone(), None));
        }
    }
    threads.iter_mut().for_each(Thread::mark_abandoned);
    nesting::nest(threads)
}

/// Splits a forest's islands into those that follow each other and those that run beside: an island is beside when the
/// one before it goes on after it began.
fn in_sequence<'a>(forest: &'a Forest<'_>, calls: &[Call]) -> (Vec<&'a Island>, Vec<&'a Island>) {
    let mut main: Vec<&Island> = Vec::new();
    let mut side = Vec::new();
    let mut goes_on_until = None;
    for island in &forest.islands {
        let last = calls[island.last_call].order();
        if goes_on_until.is_some_and(|until| until > calls[island.first_call].order()) {
            side.push(island);
        } else {
            main.push(island);
            goes_on_until = goes_on_until.max(Some(last));
        }
    }
    (main, side)
}

struct ThreadReader<'a> {
    conversation: &'a Conversation,
    calls: &'a [Call],
    forests: &'a [(Scope, Forest<'a>)],
}

impl ThreadReader<'_> {
    /// What opened a scope's thread, by the id of the tool's use or of the agent's span, and after which message it is read.
    fn opener(&self, scope: Scope, uses: &ToolUses) -> (Option<String>, Option<Place>) {
        let Scope::Under(key) = scope else {
            return (None, None);
        };
        match uses.caller_of.get(&key) {
            Some((place, id)) => (Some(id.clone()), Some(*place)),
            None => {
                let run = uses.unasked.get(&key).cloned();
                (Some(run.unwrap_or_else(|| key.span.to_string())), None)
            }
        }
    }

    fn thread(
        &self,
        forest: usize,
        islands: &[&Island],
        uses: &mut ToolUses,
        loose: &mut Loose,
    ) -> Thread {
        let read = &self.forests[forest].1;
        let mut messages = Vec::new();
        // Messages of the islands before: a later one's calls were not given them.
        let mut before = 0;
        for island in islands {
            for (node, superseded) in reading_order(read, island) {
                let place = (forest, node);
                let tool_calls = uses.by_answer.remove(&place).unwrap_or_default();
                let mut utterance = self.utterance(&read.nodes[node], superseded, tool_calls);
                self.tell_context(read, node, before, &mut utterance);
                messages.push(Placed {
                    place: Some(place),
                    utterance,
                });
                add_runs(
                    &mut messages,
                    loose.placed_runs.remove(&place).unwrap_or_default(),
                );
                messages.extend(self.orphan_results(place, loose));
            }
            before += read.nodes[island.tip].depth;
        }
        // A result before everything that was said.
        let roots = islands.iter().map(|island| (forest, island.root));
        let mut first: Vec<Placed> = Vec::new();
        for root in roots {
            add_runs(
                &mut first,
                loose.placed_runs.remove(&root).unwrap_or_default(),
            );
            first.extend(self.orphan_results(root, loose));
        }
        messages.splice(0..0, first);
        let started_ns = islands
            .iter()
            .map(|island| self.calls[island.first_call].span.start_ns)
            .min();
        Thread {
            messages,
            parent: None,
            after: None,
            started_ns: started_ns.unwrap_or(i64::MAX),
        }
    }

    /// Which messages the call behind an answer was not given.
    fn tell_context(
        &self,
        forest: &Forest<'_>,
        node: NodeIndex,
        before: u32,
        utterance: &mut Utterance,
    ) {
        let maker = forest.nodes[node].made_by.first();
        let Some(context) = maker.and_then(|(call, _)| forest.contexts.get(call)) else {
            return;
        };
        utterance.unseen = context.unseen + before;
        if utterance.unseen > 0 {
            utterance.context_start = context.first.map(|first| forest.nodes[first].id);
        }
    }

    fn utterance(&self, node: &Node, superseded: bool, tool_calls: Vec<ToolUse>) -> Utterance {
        let message = node
            .message
            .and_then(|digest| self.conversation.message(&digest))
            .cloned();
        let carrier = &self.calls[node.first_call];
        let mut utterance = Utterance {
            id: node.id,
            role: node.role.unwrap_or(Role::User),
            content_captured: message.is_some(),
            message,
            timestamp_ns: carrier.span.start_ns,
            agent: None,
            model: None,
            finish_reason: None,
            duration_ns: None,
            usage: None,
            cost: None,
            error: None,
            tool_calls,
            thread: 0,
            thread_parent: None,
            superseded,
            is_summary: node.is_summary,
            unseen: 0,
            context_start: None,
            spans: vec![carrier.span.key],
        };
        if let Some((call, choice)) = node.made_by.first() {
            let call = &self.calls[*call];
            utterance.timestamp_ns = call.span.end_ns;
            utterance.agent = call.agent.clone();
            utterance.model = call.model().cloned();
            utterance.finish_reason = call.content.finish_reason.clone();
            utterance.duration_ns = Some(call.span.end_ns - call.span.start_ns);
            utterance.error = call.all_spans().find_map(|span| span.error.clone());
            let makers = node
                .made_by
                .iter()
                .flat_map(|(call, _)| self.calls[*call].all_spans());
            utterance.spans = makers.map(|span| span.key).collect();
            utterance.spans.dedup();
            // A failed call has nothing to capture.
            utterance.content_captured |= utterance.error.is_some() && call.content.is_captured();
            // The choices of one call were paid for once.
            if *choice == 0 {
                utterance.usage = call.counted().usage;
                utterance.cost = call.counted().cost.known();
            }
        }
        utterance
    }

    /// The results that stand after a node and answer no call.
    fn orphan_results(&self, place: Place, loose: &mut Loose) -> Vec<Placed> {
        let results = loose.results.remove(&place).unwrap_or_default();
        results
            .into_iter()
            .map(|result| Placed {
                place: None,
                utterance: self.orphan_result(place.0, result),
            })
            .collect()
    }

    fn orphan_result(&self, forest: usize, result: ToolMessage) -> Utterance {
        let after = &self.forests[forest].1.nodes[result.after];
        let id = Digest::of(&[b"result", &after.id.0, &result.message.0]);
        let role = Some(Role::Tool);
        let message = Some(result.message);
        let node = Node {
            id,
            role,
            message,
            made_by: Vec::new(),
            first_call: result.call,
            ..after.clone()
        };
        self.utterance(&node, false, Vec::new())
    }
}

/// The nodes of an island in reading order, each with whether it was superseded. At a fork the branches that were left
/// come first, so that the conversation reads on from the one that was taken.
fn reading_order(forest: &Forest<'_>, island: &Island) -> Vec<(NodeIndex, bool)> {
    let mut taken: FxHashSet<NodeIndex> = forest.path(island.tip).collect();
    // What earlier calls said after the point where the latest one stands is no alternative to it.
    let mut end = island.tip;
    while let Some(next) = forest.nodes[end].children.last() {
        taken.insert(*next);
        end = *next;
    }
    let mut order = Vec::new();
    let mut pending = vec![island.root];
    while let Some(node) = pending.pop() {
        if forest.nodes[node].role.is_some() {
            order.push((node, !taken.contains(&node)));
        }
        let (on, off): (Vec<NodeIndex>, Vec<NodeIndex>) = forest.nodes[node]
            .children
            .iter()
            .partition(|child| taken.contains(*child));
        pending.extend(on.into_iter().rev());
        pending.extend(off.into_iter().rev());
    }
    order
}

impl Thread {
    fn opened_by(self, parent: Option<String>, after: Option<Place>) -> Self {
        Self {
            parent,
            after,
            ..self
        }
    }

    /// Tool runs, in start order, that no known answer asked for: each with the answer before it whose text was not
    /// captured, for that one may have asked; else as a message of its own.
    fn insert_runs(&mut self, runs: Vec<(Arc<SpanFact>, ToolUse)>) {
        if runs.is_empty() {
            return;
        }
        // From each message on, the earliest beginning: a run stands after the last message that began before it.
        let mut earliest: Vec<i64> = self.messages.iter().rev().map(began_ns).collect();
        for index in 1..earliest.len() {
            earliest[index] = earliest[index].min(earliest[index - 1]);
        }
        earliest.reverse();
        let mut read = std::mem::take(&mut self.messages).into_iter();
        for (run, tool_use) in runs {
            let position = earliest.partition_point(|earliest| *earliest <= run.start_ns);
            let taken = earliest.len() - read.len();
            self.messages
                .extend(read.by_ref().take(position.saturating_sub(taken)));
            add_runs(&mut self.messages, vec![(run, tool_use)]);
        }
        self.messages.extend(read);
    }

    /// Calls of tools that have no result while the thread goes on will not get one.
    fn mark_abandoned(&mut self) {
        let mut goes_on = false;
        for message in self.messages.iter_mut().rev() {
            let utterance = &mut message.utterance;
            let is_left = goes_on || utterance.superseded;
            for tool_use in &mut utterance.tool_calls {
                tool_use.abandoned = is_left && tool_use.status == ToolStatus::Pending;
            }
            goes_on |= !utterance.superseded && utterance.role != Role::Tool;
        }
    }
}

fn began_ns(message: &Placed) -> i64 {
    message.utterance.timestamp_ns - message.utterance.duration_ns.unwrap_or_default()
}
