//! Token counts and money.

use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Tokens of one call or a sum of calls. `input` includes cached and cache-write tokens, `output` includes reasoning
/// tokens, as the OpenTelemetry GenAI conventions define them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    #[serde(rename = "i", skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    #[serde(rename = "c", skip_serializing_if = "is_zero")]
    pub cached_input_tokens: u64,
    #[serde(rename = "w", skip_serializing_if = "is_zero")]
    pub cache_write_input_tokens: u64,
    #[serde(rename = "o", skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    #[serde(rename = "r", skip_serializing_if = "is_zero")]
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Brings counts of any producer into the meaning above: a producer whose cache counts exceed its input reported
    /// them beside it, likewise reasoning beside output, so they are added.
    pub fn normalised(mut self) -> Self {
        let cache = self
            .cached_input_tokens
            .saturating_add(self.cache_write_input_tokens);
        if cache > self.input_tokens {
            self.input_tokens = self.input_tokens.saturating_add(cache);
        }
        if self.reasoning_tokens > self.output_tokens {
            self.output_tokens = self.output_tokens.saturating_add(self.reasoning_tokens);
        }
        self
    }

    pub fn total_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_input_tokens = self
            .cached_input_tokens
            .saturating_add(other.cached_input_tokens);
        self.cache_write_input_tokens = self
            .cache_write_input_tokens
            .saturating_add(other.cache_write_input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
    }
}

/// Money in billionths of a US dollar. Integers, so that a sum does not depend on the order of its parts.
pub type NanoUsd = i64;

/// What one call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCost {
    #[serde(rename = "i")]
    pub input: NanoUsd,
    #[serde(rename = "o")]
    pub output: NanoUsd,
    /// May exceed input + output: some producers report only a total.
    #[serde(rename = "t")]
    pub total: NanoUsd,
}

/// The cost of a set of calls: what is known, and how many calls have no known price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    #[serde(rename = "i")]
    pub input: NanoUsd,
    #[serde(rename = "o")]
    pub output: NanoUsd,
    #[serde(rename = "t")]
    pub total: NanoUsd,
    #[serde(rename = "u")]
    pub unpriced_calls: u32,
}

impl Cost {
    /// Adds one call; `None` means that no price is known for it.
    pub fn add_call(&mut self, call: Option<CallCost>) {
        match call {
            Some(call) => {
                self.input = self.input.saturating_add(call.input);
                self.output = self.output.saturating_add(call.output);
                self.total = self.total.saturating_add(call.total);
            }
            None => self.unpriced_calls += 1,
        }
    }
}

/// US dollars as a producer or price table states them, to the unit of [`NanoUsd`]; `None` unless finite and in range.
pub fn nano_usd(dollars: f64) -> Option<NanoUsd> {
    let nanos = (dollars * 1e9).round();
    (nanos.is_finite() && nanos.abs() < 9e18).then_some(nanos as NanoUsd)
}

/// A price table. An implementation must be a pure function of its arguments and its fixed table.
pub trait Prices: std::fmt::Debug + Send + Sync {
    /// `None` when the model has no known price at that time.
    fn price(
        &self,
        provider: Option<&str>,
        model: &str,
        usage: &Usage,
        at_ns: i64,
    ) -> Option<CallCost>;
}

/// Knows no price.
#[derive(Clone, Copy, Debug)]
pub struct NoPrices;

impl Prices for NoPrices {
    fn price(&self, _: Option<&str>, _: &str, _: &Usage, _: i64) -> Option<CallCost> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_beside_the_input_are_added_to_it_once() {
        let anthropic = Usage {
            input_tokens: 10,
            cached_input_tokens: 90,
            cache_write_input_tokens: 5,
            output_tokens: 7,
            ..Usage::default()
        };
        let normalised = anthropic.normalised();
        assert_eq!(normalised.input_tokens, 105);
        assert_eq!(
            normalised.normalised(),
            normalised,
            "a second pass changes nothing"
        );
        let openai = Usage {
            input_tokens: 100,
            cached_input_tokens: 90,
            output_tokens: 7,
            reasoning_tokens: 3,
            ..Usage::default()
        };
        assert_eq!(openai.normalised(), openai);
    }

    #[test]
    fn a_call_without_a_price_is_counted_and_adds_nothing() {
        let mut cost = Cost::default();
        cost.add_call(Some(CallCost {
            input: 3,
            output: 4,
            total: 7,
        }));
        cost.add_call(None);
        assert_eq!(
            cost,
            Cost {
                input: 3,
                output: 4,
                total: 7,
                unpriced_calls: 1
            }
        );
    }
}
