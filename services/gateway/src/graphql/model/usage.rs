//! Tokens and money.

use async_graphql::SimpleObject;
use domain::usage::{CallCost, NanoUsd};
use domain::view::ModelTotals;

/// Tokens. input includes cached and cache-write tokens; output includes reasoning tokens. Only LLM calls count; a span that wraps another LLM call is not counted again.
#[derive(Clone, Debug, SimpleObject)]
pub struct Usage {
    input_tokens: u64,
    cached_input_tokens: u64,
    cache_write_input_tokens: u64,
    output_tokens: u64,
    reasoning_tokens: u64,
    total_tokens: u64,
}

impl From<domain::usage::Usage> for Usage {
    fn from(usage: domain::usage::Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            cache_write_input_tokens: usage.cache_write_input_tokens,
            output_tokens: usage.output_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            total_tokens: usage.total_tokens(),
        }
    }
}

/// US dollars. `unpricedCalls` counts LLM calls whose model has no known price: their cost is missing from the sums, never silently 0.
#[derive(Clone, Debug, SimpleObject)]
pub struct Cost {
    input: f64,
    output: f64,
    total: f64,
    unpriced_calls: u32,
}

fn dollars(nano_usd: NanoUsd) -> f64 {
    nano_usd as f64 / 1e9
}

/// A sum of money of a list row, for filters.
pub fn total_dollars(cost: &domain::usage::Cost) -> f64 {
    dollars(cost.total)
}

impl From<domain::usage::Cost> for Cost {
    fn from(cost: domain::usage::Cost) -> Self {
        Self {
            input: dollars(cost.input),
            output: dollars(cost.output),
            total: dollars(cost.total),
            unpriced_calls: cost.unpriced_calls,
        }
    }
}

impl From<CallCost> for Cost {
    fn from(cost: CallCost) -> Self {
        Self {
            input: dollars(cost.input),
            output: dollars(cost.output),
            total: dollars(cost.total),
            unpriced_calls: 0,
        }
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ModelUsage {
    model: String,
    provider: Option<String>,
    llm_calls: u32,
    usage: Usage,
    cost: Cost,
}

impl From<&ModelTotals> for ModelUsage {
    fn from(totals: &ModelTotals) -> Self {
        Self {
            model: totals.model.clone(),
            provider: totals.provider.clone(),
            llm_calls: totals.llm_calls,
            usage: totals.usage.into(),
            cost: totals.cost.into(),
        }
    }
}
