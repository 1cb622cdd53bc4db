//! Tokens and money, as reported: in attributes by name, in usage objects, and in the response as the provider sent it.

mod attributes;
mod counts;
mod money;
mod objects;
#[cfg(test)]
mod tests;

use super::Draft;
use super::events::DETAILS;
use super::names::{List, Names};
use crate::normalise::values::fields::Fields;
use crate::usage::{CallCost, Usage};
use counts::Counts;

/// Reads tokens and cost, before content is read: that may take their attributes out.
pub(crate) fn read(draft: &mut Draft) {
    (draft.usage, draft.reported_cost) = told(draft);
}

/// Whether anything tells of tokens.
pub(crate) fn is_told(draft: &Draft) -> bool {
    told(draft).0.is_some()
}

fn told(draft: &Draft) -> (Option<Usage>, Option<CallCost>) {
    let mut counts = by_name(draft, &draft.fields);
    // The sender writes what Anthropic's API says.
    counts.cache_is_beside = draft.dialect == "claude-code";
    for event in draft.events.iter().filter(|event| event.name == DETAILS) {
        let fields = Fields::new(event.attributes.clone());
        counts.fill(&by_name(draft, &fields));
    }
    let mut cost = money::by_name(draft);
    for reported in attributes::read(draft) {
        counts.fill(&reported.counts);
        cost = cost.or(reported.cost);
    }
    (counts.settled(thinks_beside(draft)), cost)
}

/// By the tables of names.
fn by_name(draft: &Draft, fields: &Fields) -> Counts {
    // Nothing is what SDKs write under the names that they do not fill.
    let count = |pick: fn(&Names) -> List| {
        let told = || draft.names(pick).filter_map(|name| fields.count(&[name]));
        told().find(|count| *count > 0).or_else(|| told().next())
    };
    Counts {
        input: count(|names| names.input_tokens),
        output: count(|names| names.output_tokens),
        total: count(|names| names.total_tokens),
        cached: count(|names| names.cached_tokens),
        write: count(|names| names.cache_write_tokens),
        reasoning: count(|names| names.reasoning_tokens),
        ..Counts::default()
    }
}

/// Whether what a total holds beyond its parts is thinking: Gemini and Grok count it beside the answer, where others
/// count what came from the cache beside the input.
fn thinks_beside(draft: &Draft) -> bool {
    let model = draft
        .text(|names| names.response_model)
        .or_else(|| draft.text(|names| names.request_model))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if ["gemini", "grok"].iter().any(|name| model.contains(name)) {
        return true;
    }
    let provider = draft.text(|names| names.provider).unwrap_or_default();
    let provider = provider.to_ascii_lowercase();
    !model.contains("claude")
        && ["gemini", "google", "gcp", "vertex", "xai", "x_ai"]
            .iter()
            .any(|name| provider.contains(name))
}
