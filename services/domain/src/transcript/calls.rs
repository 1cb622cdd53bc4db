//! From spans to model calls: which spans report the same call, what it said and heard, and in whose context it ran.

use super::fragments;
use super::reports::{self, Twins};
use super::{beside, scopes};
use crate::conversation::{ANCESTORS_MAX, Conversation};
use crate::facts::{ContentFact, SpanFact};
use crate::ids::{Digest, SpanKey};
use crate::span::Operation;
use crate::usage::Usage;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// One call to a model, reported by one span or by several (a framework's and a client's).
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The innermost report: it counts for time, tokens and cost.
    pub(crate) span: Arc<SpanFact>,
    /// Outer or parallel reports of the same call.
    pub(crate) duplicates: Vec<Arc<SpanFact>>,
    pub(crate) content: CallContent,
    pub(crate) scope: Scope,
    /// The nearest agent that the call runs for.
    pub(crate) agent: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallContent {
    pub(crate) system: Vec<Digest>,
    pub(crate) history: History,
    pub(crate) output: Vec<Digest>,
    pub(crate) finish_reason: Option<String>,
}

/// The messages a call was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum History {
    #[default]
    None,
    /// The tip of a chain of nodes.
    Tip(Digest),
    /// Messages that came one by one in log records.
    List(Vec<Digest>),
}

impl CallContent {
    pub(crate) fn is_captured(&self) -> bool {
        self.history != History::None || !self.output.is_empty()
    }
}

/// Whose context a call belongs to. Calls of one scope share one forest of histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    Main,
    /// Opened by a tool or by a nested agent, named by that span.
    Under(SpanKey),
}

impl Scope {
    /// Distinguishes the ids of messages that are said alike in several scopes.
    pub(crate) fn name(&self) -> Vec<u8> {
        match self {
            Self::Main => Vec::new(),
            Self::Under(key) => [key.trace.0.as_slice(), key.span.0.as_slice()].concat(),
        }
    }
}

impl Call {
    pub(crate) fn all_spans(&self) -> impl Iterator<Item = &Arc<SpanFact>> {
        std::iter::once(&self.span).chain(&self.duplicates)
    }

    pub(crate) fn model(&self) -> Option<&String> {
        self.all_spans()
            .find_map(|span| span.response_model.as_ref().or(span.request_model.as_ref()))
    }

    /// The report whose usage counts: the innermost that has any.
    pub(crate) fn counted(&self) -> &SpanFact {
        self.all_spans()
            .find(|span| span.usage.is_some())
            .unwrap_or(&self.span)
    }

    pub(crate) fn order(&self) -> (i64, SpanKey) {
        (self.span.start_ns, self.span.key)
    }
}

/// All calls of the conversation, ordered by (start, span key).
pub(crate) fn calls(conversation: &Conversation, twins: &Twins) -> Vec<Call> {
    let tree = Tree::of(conversation);
    let mut calls: Vec<Call> = tree
        .calls
        .iter()
        .map(|key| {
            let span = conversation.spans[key].clone();
            let duplicates: Vec<_> = tree.wrappers.get(key).cloned().unwrap_or_default();
            let agent = tree.agent_of(&span);
            let content = content_of(conversation, &span);
            Call {
                span,
                duplicates,
                content,
                scope: Scope::Main,
                agent,
            }
        })
        .collect();
    let raw = raw_responses(conversation);
    for call in &mut calls {
        fill_from_wrappers(conversation, call);
        if let Some(usage) = raw.get(&call.span.key) {
            detail(call, usage);
        }
    }
    calls.sort_by_key(Call::order);
    let mut calls = reports::merge(conversation, fragments::join(calls));
    fill_from_agents(conversation, &tree, &mut calls);
    beside::fill_from_siblings(conversation, &mut calls);
    scopes::assign(conversation, twins, &mut calls);
    calls
}

/// What spans that are no calls tell of the tokens of the call above them, by its key: LiteLLM tells which tokens were cached,
/// and which were thoughts, only in a span of the raw response below that of the call.
fn raw_responses(conversation: &Conversation) -> FxHashMap<SpanKey, Usage> {
    let spans = conversation.spans.values();
    let raw = spans.filter(|span| span.operation == Operation::Other);
    raw.filter_map(|span| {
        let key = SpanKey {
            span: span.parent?,
            ..span.key
        };
        Some((key, span.usage?))
    })
    .collect()
}

/// Takes the parts of equal counts.
fn detail(call: &mut Call, raw: &Usage) {
    let Some(own) = call.span.usage else {
        return;
    };
    let is_whole = own.cached_input_tokens == 0 && own.reasoning_tokens == 0;
    if is_whole && (own.input_tokens, own.output_tokens) == (raw.input_tokens, raw.output_tokens) {
        Arc::make_mut(&mut call.span).usage = Some(*raw);
    }
}

/// The spans' relations that calls need.
struct Tree<'a> {
    conversation: &'a Conversation,
    /// Innermost LLM spans, and agents that report a call of their own with nothing inside.
    calls: Vec<SpanKey>,
    /// By call: LLM spans around it with no tool or agent between.
    wrappers: FxHashMap<SpanKey, Vec<Arc<SpanFact>>>,
}

impl<'a> Tree<'a> {
    fn of(conversation: &'a Conversation) -> Self {
        let mut wrapped: FxHashMap<SpanKey, Vec<SpanKey>> = FxHashMap::default();
        let mut busy_agents: FxHashSet<SpanKey> = FxHashSet::default();
        let mut around_agents: FxHashSet<SpanKey> = FxHashSet::default();
        for span in conversation
            .spans
            .values()
            .filter(|span| span.operation.is_llm())
        {
            let mut is_direct = true;
            let mut is_below_tool = false;
            for ancestor in ancestors(conversation, span) {
                match ancestor.operation {
                    Operation::InvokeAgent => {
                        is_direct = false;
                        busy_agents.insert(ancestor.key);
                    }
                    Operation::ExecuteTool => {
                        is_direct = false;
                        is_below_tool = true;
                    }
                    operation if operation.is_llm() && is_direct => {
                        wrapped.entry(ancestor.key).or_default().push(span.key);
                    }
                    // A word of the application's own named a step around agents, not a call.
                    operation if operation.is_llm() && !is_below_tool && is_guessed(ancestor) => {
                        around_agents.insert(ancestor.key);
                    }
                    _ => {}
                }
            }
        }
        let reporting = lone_agents(conversation, &busy_agents);
        let innermost = conversation
            .spans
            .values()
            .filter(|span| span.operation.is_llm() && !wrapped.contains_key(&span.key))
            .map(|span| span.key)
            .filter(|key| !around_agents.contains(key));
        let calls = innermost.chain(reporting).collect();
        let mut wrappers: FxHashMap<SpanKey, Vec<Arc<SpanFact>>> = FxHashMap::default();
        for (wrapper, inner) in &wrapped {
            // A wrapper around several calls (retries) reports them all: none of them is its duplicate.
            let innermost: Vec<_> = inner
                .iter()
                .filter(|key| !wrapped.contains_key(key))
                .collect();
            if let [only] = innermost[..] {
                wrappers
                    .entry(*only)
                    .or_default()
                    .push(conversation.spans[wrapper].clone());
            }
        }
        for reports in wrappers.values_mut() {
            reports.sort_by_key(|span| (std::cmp::Reverse(span.start_ns), span.key));
        }
        Self {
            conversation,
            calls,
            wrappers,
        }
    }

    fn agent_of(&self, span: &SpanFact) -> Option<String> {
        span.agent.clone().or_else(|| {
            ancestors(self.conversation, span)
                .find(|ancestor| ancestor.operation == Operation::InvokeAgent)
                .and_then(|ancestor| ancestor.agent.clone())
        })
    }
}

/// Whether nobody knows the word that the span has for what it does, so that it counts as a call by what it holds.
fn is_guessed(span: &SpanFact) -> bool {
    let name = span.attributes.get("gen_ai.operation.name");
    name.and_then(|name| name.as_str())
        .is_some_and(|name| !crate::normalise::is_known_operation(name))
}

/// Agents below which no call is known, but which tell of one themselves: what they report is all there is.
fn lone_agents(conversation: &Conversation, busy: &FxHashSet<SpanKey>) -> Vec<SpanKey> {
    let tells = |span: &SpanFact| {
        span.operation == Operation::InvokeAgent
            && !busy.contains(&span.key)
            && (span.usage.is_some() || !span.content.output.is_empty())
    };
    let lone: Vec<&Arc<SpanFact>> = conversation
        .spans
        .values()
        .filter(|span| tells(span))
        .collect();
    let around: FxHashSet<SpanKey> = lone
        .iter()
        .flat_map(|span| ancestors(conversation, span))
        .map(|ancestor| ancestor.key)
        .collect();
    lone.into_iter()
        .map(|span| span.key)
        .filter(|key| !around.contains(key))
        .collect()
}

/// The ancestors within the conversation, nearest first.
pub(crate) fn ancestors<'a>(
    conversation: &'a Conversation,
    span: &'a SpanFact,
) -> impl Iterator<Item = &'a Arc<SpanFact>> {
    let mut next = conversation.parent_of(span);
    let mut steps = 0;
    std::iter::from_fn(move || {
        let current = next?;
        steps += 1;
        next = if steps < ANCESTORS_MAX {
            conversation.parent_of(current)
        } else {
            None
        };
        Some(current)
    })
}

/// What the span said itself, else what log records said of it.
pub(crate) fn content_of(conversation: &Conversation, span: &SpanFact) -> CallContent {
    let mut content = from_fact(&span.content);
    content.finish_reason = span.finish_reason.clone();
    let Some(logs) = conversation.logs.get(&span.key) else {
        return content;
    };
    if let Some(complete) = logs
        .values()
        .rev()
        .find(|log| log.is_complete && !log.content.is_empty())
    {
        fill(&mut content, from_fact(&complete.content));
        content.finish_reason = content.finish_reason.or(complete.finish_reason.clone());
    }
    let mut pieces = CallContent::default();
    let mut list = Vec::new();
    for log in logs.values().filter(|log| !log.is_complete) {
        let history = conversation.history_digests(log.content.history);
        list.extend(history);
        pieces.system.extend(&log.content.system);
        pieces.output.extend(&log.content.output);
        pieces.finish_reason = pieces.finish_reason.or(log.finish_reason.clone());
    }
    if !list.is_empty() {
        pieces.history = History::List(list);
    }
    fill(&mut content, pieces);
    content
}

fn from_fact(fact: &ContentFact) -> CallContent {
    CallContent {
        system: fact.system.clone(),
        history: fact.history.map_or(History::None, History::Tip),
        output: fact.output.clone(),
        finish_reason: None,
    }
}

/// Takes from `other` what `content` lacks.
pub(super) fn fill(content: &mut CallContent, other: CallContent) {
    if content.system.is_empty() {
        content.system = other.system;
    }
    if content.history == History::None {
        content.history = other.history;
    }
    if content.output.is_empty() {
        content.output = other.output;
    }
    content.finish_reason = content.finish_reason.take().or(other.finish_reason);
}

fn fill_from_wrappers(conversation: &Conversation, call: &mut Call) {
    for wrapper in &call.duplicates {
        fill(&mut call.content, content_of(conversation, wrapper));
    }
    if call.agent.is_none() {
        call.agent = call.duplicates.iter().find_map(|span| span.agent.clone());
    }
}

/// Some frameworks capture messages on the agent's span only. The first call below it then takes its input, the last
/// its output.
fn fill_from_agents(conversation: &Conversation, tree: &Tree<'_>, calls: &mut [Call]) {
    let mut by_agent: FxHashMap<SpanKey, Vec<usize>> = FxHashMap::default();
    for (index, call) in calls.iter().enumerate() {
        let nearest = ancestors(tree.conversation, &call.span).find(|ancestor| {
            matches!(
                ancestor.operation,
                Operation::InvokeAgent | Operation::ExecuteTool
            )
        });
        if let Some(agent) = nearest.filter(|ancestor| ancestor.operation == Operation::InvokeAgent)
        {
            by_agent.entry(agent.key).or_default().push(index);
        }
    }
    for (agent, members) in by_agent {
        if members
            .iter()
            .any(|index| calls[*index].content.is_captured())
        {
            continue;
        }
        let told = content_of(conversation, &conversation.spans[&agent]);
        if let [first, .., last] | [first @ last] = members[..] {
            calls[first].content.system = told.system;
            calls[first].content.history = told.history;
            calls[last].content.output = told.output;
        }
    }
}
