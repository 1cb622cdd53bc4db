//! Whose context a call belongs to: the conversation's own, or that of a sub-agent.

use super::calls::{Call, History, Scope, ancestors};
use super::reports::Twins;
use crate::conversation::Conversation;
use crate::facts::SpanFact;
use crate::ids::{Digest, SpanKey};
use crate::span::Operation;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A call's scope is its nearest tool; or, when agents nest, the inner one that was given a task instead of the conversation.
pub(super) fn assign(conversation: &Conversation, twins: &Twins, calls: &mut [Call]) {
    let chains: Vec<Vec<Arc<SpanFact>>> = calls
        .iter()
        .map(|call| openers(conversation, call))
        .collect();
    // Agents with calls of their own, not through a tool or a further agent: only below such an agent is an agent nested.
    let mut own_calls: FxHashMap<SpanKey, usize> = FxHashMap::default();
    for (index, chain) in chains.iter().enumerate() {
        if let Some(agent) = chain
            .first()
            .filter(|span| span.operation == Operation::InvokeAgent)
        {
            own_calls.entry(agent.key).or_insert(index);
        }
    }
    let mut beginnings = Beginnings {
        conversation,
        by_node: FxHashMap::default(),
    };
    for index in 0..calls.len() {
        let chain = &chains[index];
        let tool = chain
            .iter()
            .position(|span| span.operation == Operation::ExecuteTool);
        let agents = &chain[..tool.unwrap_or(chain.len())];
        let nested = (1..agents.len()).find(|above| own_calls.contains_key(&agents[*above].key));
        let under = |span: &SpanFact| Scope::Under(twins.first(span.key));
        let enclosing = tool.map_or(Scope::Main, |position| under(&chain[position]));
        calls[index].scope = match nested {
            Some(above)
                if !beginnings.are_shared(&calls[index], &calls[own_calls[&agents[above].key]]) =>
            {
                under(&agents[above - 1])
            }
            _ => enclosing,
        };
    }
}

/// The agents and tools above a call, nearest first.
fn openers(conversation: &Conversation, call: &Call) -> Vec<Arc<SpanFact>> {
    ancestors(conversation, &call.span)
        .filter(|ancestor| {
            matches!(
                ancestor.operation,
                Operation::InvokeAgent | Operation::ExecuteTool
            )
        })
        .cloned()
        .collect()
}

/// The first messages of histories. Each node of a chain is walked once, however many histories share it.
struct Beginnings<'a> {
    conversation: &'a Conversation,
    by_node: FxHashMap<Digest, Digest>,
}

impl Beginnings<'_> {
    /// Whether two calls' histories begin with the same message: an agent that was handed the conversation, not a task.
    fn are_shared(&mut self, a: &Call, b: &Call) -> bool {
        match (
            self.identity(&a.content.history),
            self.identity(&b.content.history),
        ) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
    }

    fn identity(&mut self, history: &History) -> Option<Digest> {
        let first = match history {
            History::None => None,
            History::Tip(tip) => self.of_chain(*tip),
            History::List(digests) => digests.first().copied(),
        };
        let stored = self.conversation.messages.get(&first?)?;
        Some(stored.identity)
    }

    fn of_chain(&mut self, tip: Digest) -> Option<Digest> {
        let mut walked = Vec::new();
        let mut first = None;
        for (id, node) in self.conversation.chain(Some(tip)) {
            walked.push(id);
            first = Some(node.message);
            if let Some(known) = self.by_node.get(&id) {
                first = Some(*known);
                break;
            }
        }
        let first = first?;
        self.by_node
            .extend(walked.into_iter().map(|id| (id, first)));
        Some(first)
    }
}
