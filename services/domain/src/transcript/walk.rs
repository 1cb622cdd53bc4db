//! A history as a path: its steps are followed from where it attaches, and make nodes where there are none.
//!
//! ```text
//! before     u1 ── a1 ── u2 ── a2                  history  u1 a1 v2, answer b2
//! after      u1 ── a1 ─┬─ u2 ── a2                 u1 and a1 stand there, v2 does not: a new node,
//!                      └─ v2 ── b2                 and the answer the node after it
//! ```

use super::alignment::Attachment;
use super::calls::CallContent;
use super::forest::Forest;
use super::nodes::{NodeIndex, ToolMessage, call_name};
use crate::ids::Digest;
use crate::message::{Message, Role};
use std::sync::Arc;

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
    /// Follows the steps from a node, making nodes where there are none, and remembers where each step stands. Returns the
    /// last node, and the first one that a step stands at.
    pub(super) fn walk(
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
                self.note_ids(position, &steps[index..index + taken]);
            } else {
                position = self.past_omitted_call(position, &steps[index..]);
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

    /// Remembers under which ids a history tells the calls of an answer.
    fn note_ids(&mut self, answer: NodeIndex, steps: &[Step<'_>]) {
        let calls = steps.iter().flat_map(|step| step.message.tool_calls());
        for (position, (id, ..)) in calls.enumerate() {
            if let Some(id) = id.filter(|id| !self.echoed_ids.contains_key(*id)) {
                self.echoed_ids.insert(id.to_owned(), (answer, position));
            }
        }
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
    pub(super) fn mark_summary(&mut self, call: usize, first: NodeIndex, last: NodeIndex) {
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
    pub(super) fn place_output(
        &mut self,
        call: usize,
        content: &CallContent,
        after: NodeIndex,
    ) -> NodeIndex {
        let conversation = self.conversation;
        let mut first = None;
        for (choice, digest) in content.output.iter().enumerate() {
            let Some(stored) = conversation.messages.get(digest) else {
                continue;
            };
            let node = self
                .adopt(after, stored.identity, (call, choice))
                .unwrap_or_else(|| {
                    let role = stored.message.role;
                    self.new_node(call, after, role, stored.identity, Some(choice))
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
}
