//! From facts to what is shown.
//!
//! Spans become calls ([`calls`]), each scope's calls a forest of histories ([`forest`]), tools find their callers
//! ([`tools`]), and the forests are read out as threads ([`threads`]). Everything is computed from the facts alone, in an
//! order that the facts determine, so the order of arrival cannot show.

pub(crate) mod calls;
mod forest;
mod threads;
mod tools;
mod totals;

use crate::conversation::Conversation;
use crate::view::{SystemPrompt, Transcript, View};
use calls::{Call, Scope};
use forest::Forest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Computes the view of a conversation.
pub(crate) fn view(conversation: &Conversation) -> View {
    let calls = calls::calls(conversation);
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
    let tool_uses = tools::tool_uses(conversation, &calls, &forests);
    let totals = totals::totals(conversation, &calls, &tool_uses);
    let messages = threads::read_out(conversation, &calls, &forests, tool_uses);
    let totals = totals.with_texts(&messages);
    let transcript = Transcript {
        messages: messages.into_iter().map(Arc::new).collect(),
        system_prompts: system_prompts(conversation, &calls),
    };
    View { transcript, totals }
}

fn system_prompts(conversation: &Conversation, calls: &[Call]) -> Vec<SystemPrompt> {
    let mut prompts: Vec<SystemPrompt> = Vec::new();
    let mut by_text = rustc_hash::FxHashMap::default();
    for call in calls.iter().filter(|call| !call.content.system.is_empty()) {
        let messages = call
            .content
            .system
            .iter()
            .filter_map(|digest| conversation.message(digest));
        let texts: Vec<String> = messages.filter_map(|message| message.text()).collect();
        let index = *by_text.entry(texts.join("\n")).or_insert_with_key(|text| {
            prompts.push(SystemPrompt {
                text: text.clone(),
                agent: call.agent.clone(),
                first_used_ns: call.span.start_ns,
                calls: 0,
            });
            prompts.len() - 1
        });
        prompts[index].calls += 1;
    }
    prompts.retain(|prompt| !prompt.text.is_empty());
    prompts
}
