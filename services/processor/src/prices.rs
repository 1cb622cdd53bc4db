//! What calls cost, by the price table of the genai-prices project, at the time of the call.

use anyhow::Context as _;
use domain::usage::{CallCost, Prices, Usage, nano_usd};
use genai_prices::{Calculator, PriceRequest, UsageKey};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Our spans' provider names where the table has another.
const PROVIDERS: &[(&str, &str)] = &[
    ("aws.bedrock", "aws"),
    ("aws_bedrock", "aws"),
    ("az.ai.inference", "azure"),
    ("az.ai.openai", "azure"),
    ("azure.ai.inference", "azure"),
    ("azure.ai.openai", "azure"),
    ("azure_openai", "azure"),
    ("gcp.gemini", "google"),
    ("gcp.gen_ai", "google"),
    ("gcp.vertex_ai", "google"),
    ("gemini", "google"),
    ("mistral_ai", "mistral"),
    ("moonshot_ai", "moonshotai"),
    ("vertex_ai", "google"),
    ("x_ai", "x-ai"),
    ("xai", "x-ai"),
];

/// A price table, fixed for the life of the process.
pub struct PriceTable(Table);

enum Table {
    Bundled(&'static Calculator),
    Loaded(Box<Calculator>),
}

impl std::fmt::Debug for PriceTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Table::Bundled(_) => "PriceTable(bundled)",
            Table::Loaded(_) => "PriceTable(loaded)",
        })
    }
}

impl PriceTable {
    /// The table that was built in, or a newer one from a file in the same JSON format.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = file else {
            return Ok(Self(Table::Bundled(Calculator::bundled())));
        };
        let json = std::fs::read(path)
            .with_context(|| format!("processor.prices_file: cannot read {}", path.display()))?;
        let calculator = Calculator::from_json(json)
            .with_context(|| format!("processor.prices_file: {} is no genai-prices table", path.display()))?;
        Ok(Self(Table::Loaded(Box::new(calculator))))
    }

    fn calculator(&self) -> &Calculator {
        match &self.0 {
            Table::Bundled(calculator) => calculator,
            Table::Loaded(calculator) => calculator,
        }
    }

    fn cost(&self, provider: Option<&str>, model: &str, usage: &Usage, at_ns: i64) -> Option<CallCost> {
        let usage = genai_prices::Usage::from([
            (UsageKey::INPUT_TOKENS, usage.input_tokens as f64),
            (UsageKey::CACHE_READ_TOKENS, usage.cached_input_tokens as f64),
            (UsageKey::CACHE_WRITE_TOKENS, usage.cache_write_input_tokens as f64),
            (UsageKey::OUTPUT_TOKENS, usage.output_tokens as f64),
        ]);
        let at = UNIX_EPOCH + Duration::from_nanos(u64::try_from(at_ns).ok()?);
        let mut request = PriceRequest::new(model, &usage).with_timestamp(at);
        if let Some(provider) = provider {
            request = request.with_provider_id(provider);
        }
        let price = self.calculator().calculate(&request).ok()?;
        let (input, output) = (nano_usd(price.input_price)?, nano_usd(price.output_price)?);
        Some(CallCost { input, output, total: nano_usd(price.total_price)? })
    }
}

impl Prices for PriceTable {
    /// A model is looked up with its provider, then without; and a model that names its provider (`openai/gpt-4o`) by
    /// both parts, as routers and proxies write it.
    fn price(&self, provider: Option<&str>, model: &str, usage: &Usage, at_ns: i64) -> Option<CallCost> {
        let known = |provider: &str| {
            let provider = provider.to_ascii_lowercase();
            let renamed = PROVIDERS.iter().find(|(ours, _)| *ours == provider).map(|(_, theirs)| (*theirs).to_owned());
            renamed.unwrap_or(provider)
        };
        let provider = provider.map(known);
        let named = model.split_once('/').map(|(prefix, rest)| (known(prefix), rest));
        self.cost(provider.as_deref(), model, usage, at_ns)
            .or_else(|| named.as_ref().and_then(|(prefix, rest)| self.cost(Some(prefix), rest, usage, at_ns)))
            .or_else(|| self.cost(None, model, usage, at_ns))
            .or_else(|| named.as_ref().and_then(|(_, rest)| self.cost(None, rest, usage, at_ns)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-06-01, when these prices were in force.
    const AT_NS: i64 = 1_780_272_000_000_000_000;

    fn price(provider: Option<&str>, model: &str, usage: Usage) -> Option<CallCost> {
        PriceTable::load(None).expect("the built-in table").price(provider, model, &usage, AT_NS)
    }

    fn million(input: u64, cached: u64, output: u64) -> Usage {
        Usage {
            input_tokens: input * 1_000_000,
            cached_input_tokens: cached * 1_000_000,
            output_tokens: output * 1_000_000,
            ..Usage::default()
        }
    }

    #[test]
    fn each_token_is_billed_once_at_its_own_rate() {
        // gpt-4o-mini: 0.15 input, 0.075 cached, 0.60 output, US dollars a million.
        let cost = price(Some("openai"), "gpt-4o-mini", million(10, 4, 1)).expect("a known price");
        assert_eq!(cost.input, 1_200_000_000, "6 at the full price, 4 at the cached one");
        assert_eq!(cost.output, 600_000_000);
        assert_eq!(cost.total, cost.input + cost.output);
    }

    #[test]
    fn models_are_found_as_instrumentations_write_them() {
        let expected = price(Some("openai"), "gpt-4o-mini", million(1, 0, 1));
        assert!(expected.is_some());
        for (provider, model) in
            [(None, "gpt-4o-mini"), (None, "openai/gpt-4o-mini"), (Some("openai"), "gpt-4o-mini-2024-07-18"), (Some("made-up"), "openai/gpt-4o-mini")]
        {
            assert_eq!(price(provider, model, million(1, 0, 1)), expected, "{provider:?} {model}");
        }
    }

    #[test]
    fn an_unknown_model_has_no_price() {
        assert_eq!(price(Some("openai"), "no-such-model", million(1, 0, 1)), None);
        assert_eq!(price(None, "", million(1, 0, 1)), None);
    }
}
