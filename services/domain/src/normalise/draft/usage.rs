//! Tokens and money, as reported.

use super::Draft;
use crate::usage::{CallCost, Usage, nano_usd};

/// Tokens in the meaning of [`Usage`]; `None` when the span reports none.
pub(crate) fn tokens(draft: &Draft) -> Option<Usage> {
    let input = draft.count(|names| names.input_tokens);
    let output = draft.count(|names| names.output_tokens);
    let total = draft.count(|names| names.total_tokens);
    let (input, output) = match (input, output, total) {
        (Some(input), Some(output), _) => (input, output),
        (Some(input), None, Some(total)) => (input, total.saturating_sub(input)),
        (None, Some(output), Some(total)) => (total.saturating_sub(output), output),
        (None, None, Some(total)) => (total, 0),
        (input, output, None) => (input.unwrap_or(0), output.unwrap_or(0)),
    };
    let usage = Usage {
        input_tokens: input,
        cached_input_tokens: draft.count(|names| names.cached_tokens).unwrap_or(0),
        cache_write_input_tokens: draft.count(|names| names.cache_write_tokens).unwrap_or(0),
        output_tokens: output,
        reasoning_tokens: draft.count(|names| names.reasoning_tokens).unwrap_or(0),
    }
    .normalised();
    (!usage.is_empty()).then_some(usage)
}

/// What the producer says the call cost. Nothing, or less than nothing, is what producers report when they know no
/// price, so it does not count.
pub(crate) fn cost(draft: &Draft) -> Option<CallCost> {
    let nanos = |pick| draft.number(pick).and_then(nano_usd);
    let input = nanos(|names| names.cost_input).unwrap_or(0).max(0);
    let output = nanos(|names| names.cost_output).unwrap_or(0).max(0);
    let total = nanos(|names| names.cost_total).unwrap_or_else(|| input.saturating_add(output));
    (total > 0).then_some(CallCost {
        input,
        output,
        total,
    })
}
