//! From facts to what is shown.
//!
//! Spans become calls (`calls`), each scope's calls a forest of histories (`forest`), tools find their callers
//! (`tools`), and the forests are read out as threads (`threads`). Everything is computed from the facts alone, in an
//! order that the facts determine, so the order of arrival cannot show.

mod alignment;
mod beside;
pub(crate) mod calls;
mod echoes;
mod forest;
mod fragments;
mod likeness;
mod loose;
mod matching;
mod nesting;
mod nodes;
mod reports;
mod results;
mod runs;
mod scopes;
mod siblings;
mod slots;
mod spoken;
mod threads;
mod tools;
mod totals;
mod turns;
mod walk;

pub use spoken::Spoken;

use crate::conversation::Conversation;
use crate::ids::SpanKey;
use crate::view::{SystemPrompt, Transcript, View};
use calls::{Call, Scope};
use forest::Forest;
use reports::Twins;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Conversation {
    /// The transcript and totals.
    pub fn view(&self) -> View {
        let present = self.present();
        let mut view = view_of(&present);
        view.totals.is_empty = present.is_empty();
        view
    }

    /// The spans whose tokens and cost are in the totals: of each call the innermost report that has any. Others that report
    /// some, such as wrappers and agents, repeat these.
    pub fn counted_spans(&self) -> FxHashSet<SpanKey> {
        let calls = calls::calls(self, &Twins::of(self));
        calls.iter().map(|call| call.counted().key).collect()
    }
}

fn view_of(conversation: &Conversation) -> View {
    let twins = Twins::of(conversation);
    let calls = calls::calls(conversation, &twins);
    let mut members: BTreeMap<Scope, Vec<usize>> = BTreeMap::new();
    for (index, call) in calls.iter().enumerate() {
        members.entry(call.scope).or_default().push(index);
    }
    members.entry(Scope::Main).or_default();
    let mut forests: Vec<(Scope, Forest<'_>)> = members
        .iter()
        .map(|(scope, members)| (*scope, Forest::build(conversation, &calls, members, *scope)))
        .collect();
    // The main scope first, then the others as they began.
    forests.sort_by_key(|(scope, _)| (*scope != Scope::Main, members[scope].first().copied()));
    let tool_uses = tools::tool_uses(conversation, &twins, &calls, &forests);
    let reported_errors = conversation.stray_errors();
    let mut totals = totals::totals(conversation, &twins, &calls, &tool_uses);
    totals.errors += reported_errors.len() as u32;
    let messages = threads::read_out(conversation, &calls, &forests, tool_uses);
    let totals = totals.with_texts(&messages);
    let turns = turns::turns(&messages, &calls);
    let transcript = Transcript {
        turns,
        messages: messages.into_iter().map(Arc::new).collect(),
        system_prompts: system_prompts(conversation, &calls),
        reported_errors,
    };
    View { transcript, totals }
}

fn system_prompts(conversation: &Conversation, calls: &[Call]) -> Vec<SystemPrompt> {
    let mut prompts: Vec<SystemPrompt> = Vec::new();
    let mut by_text: FxHashMap<String, usize> = FxHashMap::default();
    let mut latest_of_agent: FxHashMap<Option<&str>, usize> = FxHashMap::default();
    for call in calls.iter().filter(|call| !call.content.system.is_empty()) {
        let messages = call
            .content
            .system
            .iter()
            .filter_map(|digest| conversation.message(digest));
        let texts: Vec<String> = messages.filter_map(|message| message.text()).collect();
        let text = texts.join("\n");
        if text.is_empty() {
            continue;
        }
        let agent = call.agent.as_deref();
        let known = by_text.get(&text).copied();
        let variant_of = || {
            let latest = latest_of_agent.get(&agent).copied();
            latest.filter(|index| is_variant(&prompts[*index].text, &text))
        };
        let index = known.or_else(variant_of).unwrap_or(prompts.len());
        if index == prompts.len() {
            prompts.push(SystemPrompt {
                text: text.clone(),
                agent: call.agent.clone(),
                first_used_ns: call.span.start_ns,
                calls: 0,
                variants: 0,
            });
        }
        prompts[index].calls += 1;
        prompts[index].variants += u32::from(known.is_none());
        by_text.entry(text).or_insert(index);
        latest_of_agent.insert(agent, index);
    }
    prompts
}

/// Whether two prompts differ in one place only, and by little: a time, a counter, what was retrieved for one question.
fn is_variant(a: &str, b: &str) -> bool {
    let same = |(a, b): &(u8, u8)| a == b;
    let shorter = a.len().min(b.len());
    let head = a.bytes().zip(b.bytes()).take_while(same).count();
    let tail = a
        .bytes()
        .rev()
        .zip(b.bytes().rev())
        .take_while(same)
        .count();
    let shared = head + tail.min(shorter - head);
    shared * 100 >= a.len().max(b.len()) * VARIANT_PERCENT_MIN
}

/// How much of a system prompt must be the same for another one to count as its variant.
const VARIANT_PERCENT_MIN: usize = 80;
