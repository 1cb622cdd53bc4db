//! Questions that stand beside the call they were put to: spans that only bring words, each a sibling before its call.

use super::calls::{Call, CallContent, History, fill};
use crate::conversation::Conversation;
use crate::facts::SpanFact;
use crate::ids::{Digest, SpanId, SpanKey, TraceId};
use crate::span::Operation;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::sync::Arc;

/// Spans below one parent.
type Family = (TraceId, Option<SpanId>);

/// Gives a call that tells no history what was brought since the call before it, below the same parent: OpenAI's realtime
/// interface in OpenInference (`user`, `response`), BeeAI (`start`, `success`), Azure's agents (`create_message`, then a run).
pub(super) fn fill_from_siblings(conversation: &Conversation, calls: &mut [Call]) {
    let mut brought: FxHashMap<Family, Vec<&Arc<SpanFact>>> = FxHashMap::default();
    for span in conversation.spans.values() {
        let brings_words = span.operation == Operation::Other
            && span.content.history.is_some()
            && span.content.output.is_empty();
        if brings_words {
            brought.entry(family(span)).or_default().push(span);
        }
    }
    if brought.is_empty() {
        return;
    }
    for spans in brought.values_mut() {
        // The earliest last, from where they are taken.
        spans.sort_by_key(|span| Reverse(order(span)));
    }
    let mut in_order: Vec<&mut Call> = calls.iter_mut().collect();
    in_order.sort_by_key(|call| call.order());
    for call in in_order {
        let Some(waiting) = brought.get_mut(&family(&call.span)) else {
            continue;
        };
        let mut before = Vec::new();
        while let Some(span) = waiting.pop_if(|span| order(span) <= order(&call.span)) {
            before.push(span);
        }
        // A call that tells its history has told these too.
        if call.content.history == History::None {
            fill(&mut call.content, told(conversation, &before));
        }
    }
}

fn family(span: &SpanFact) -> Family {
    (span.key.trace, span.parent)
}

fn order(span: &SpanFact) -> (i64, SpanKey) {
    (span.start_ns, span.key)
}

fn told(conversation: &Conversation, spans: &[&Arc<SpanFact>]) -> CallContent {
    let history = match spans {
        [] => History::None,
        [only] => only.content.history.map_or(History::None, History::Tip),
        several => {
            let tips = several.iter().map(|span| span.content.history);
            let messages: Vec<Digest> = tips
                .flat_map(|tip| conversation.history_digests(tip))
                .collect();
            History::List(messages)
        }
    };
    CallContent {
        system: spans
            .last()
            .map(|span| span.content.system.clone())
            .unwrap_or_default(),
        history,
        ..CallContent::default()
    }
}
