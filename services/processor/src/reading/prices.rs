//! What calls cost, by the price table of the genai-prices project, at the time of the call.

use anyhow::Context as _;
use domain::usage::{CallCost, Prices, Usage, nano_usd};
use genai_prices::{Calculator, PriceRequest, UsageKey};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Names that spans give to providers where the table has another and would not recognise it.
const PROVIDERS: &[(&str, &str)] = &[
    ("az.ai.inference", "azure"),
    ("az.ai.openai", "azure"),
    ("azure.ai.inference", "azure"),
    ("azure.ai.openai", "azure"),
    ("azure_ai", "azure"),
    ("azure_openai", "azure"),
    ("azure-openai", "azure"),
    ("aws.bedrock", "aws"),
    ("gcp.gen_ai", "google"),
    ("together", "together-ai"),
    ("x_ai", "x-ai"),
];

/// Runtimes that one operates oneself. Their models bear the names of models that others sell.
const SELF_HOSTED: &[&str] = &[
    "gpt4all",
    "hf.local",
    "llama.cpp",
    "llama_cpp",
    "llamacpp",
    "llamafile",
    "lm_studio",
    "lmstudio",
    "localai",
    "mlx",
    "ollama",
    "sglang",
    "tgi",
    "transformers",
    "vllm",
];

/// Vendors as Amazon Bedrock writes them in front of a model: `us.anthropic.claude-sonnet-4-20250514-v1:0`.
const BEDROCK_VENDORS: &[&str] = &[
    "ai21.",
    "amazon.",
    "anthropic.",
    "cohere.",
    "deepseek.",
    "meta.",
    "mistral.",
    "openai.",
    "qwen.",
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
        let calculator = Calculator::from_json(json).with_context(|| {
            format!(
                "processor.prices_file: {} is no genai-prices table",
                path.display()
            )
        })?;
        Ok(Self(Table::Loaded(Box::new(calculator))))
    }

    fn calculator(&self) -> &Calculator {
        match &self.0 {
            Table::Bundled(calculator) => calculator,
            Table::Loaded(calculator) => calculator,
        }
    }

    fn knows(&self, provider: &str) -> bool {
        matches!(
            self.calculator().find_provider(Some(provider), None),
            Ok(Some(_))
        )
    }

    fn cost(
        &self,
        provider: Option<&str>,
        model: &str,
        usage: &Usage,
        at_ns: i64,
    ) -> Option<CallCost> {
        let usage = genai_prices::Usage::from([
            (UsageKey::INPUT_TOKENS, usage.input_tokens as f64),
            (
                UsageKey::CACHE_READ_TOKENS,
                usage.cached_input_tokens as f64,
            ),
            (
                UsageKey::CACHE_WRITE_TOKENS,
                usage.cache_write_input_tokens as f64,
            ),
            (UsageKey::OUTPUT_TOKENS, usage.output_tokens as f64),
        ]);
        let at = UNIX_EPOCH + Duration::from_nanos(u64::try_from(at_ns).ok()?);
        let mut request = PriceRequest::new(model, &usage).with_timestamp(at);
        if let Some(provider) = provider {
            request = request.with_provider_id(provider);
        }
        let price = self.calculator().calculate(&request).ok()?;
        let (input, output) = (nano_usd(price.input_price)?, nano_usd(price.output_price)?);
        Some(CallCost {
            input,
            output,
            total: nano_usd(price.total_price)?,
        })
    }
}

impl Prices for PriceTable {
    /// A model is looked up with its provider; then by the provider that its own name tells (`openai/gpt-4o`,
    /// `us.anthropic.claude-…`), as routers, proxies and frameworks write it; then by its name alone. Not the last where the
    /// provider is one that the table knows and the model none of its: another provider's price would be a guess. OpenAI
    /// is the exception, because its client is what people use against everything that speaks its protocol.
    fn price(
        &self,
        provider: Option<&str>,
        model: &str,
        usage: &Usage,
        at_ns: i64,
    ) -> Option<CallCost> {
        let provider = provider.map(known_provider);
        let provider = provider.as_deref();
        if provider.is_some_and(|provider| SELF_HOSTED.contains(&provider)) {
            return None;
        }
        let cost = |provider: Option<&str>, model: &str| self.cost(provider, model, usage, at_ns);
        let by_provider = provider.and_then(|provider| cost(Some(provider), model));
        by_provider.or_else(|| {
            if let Some((prefix, rest)) = model.split_once('/') {
                // `openai/gpt-4o` tells the vendor, `models/gemini-2.5-flash` a path.
                let name = model.rsplit('/').next().unwrap_or(rest);
                let by_vendor = cost(Some(&known_provider(prefix)), rest);
                let by_path = || provider.and_then(|provider| cost(Some(provider), name));
                let found = by_vendor.or_else(by_path);
                if found.is_some() {
                    return found;
                }
            }
            if is_of_bedrock(model) {
                return cost(Some("aws"), model.rsplit('/').next().unwrap_or(model));
            }
            let is_open =
                provider.is_none_or(|provider| provider == "openai" || !self.knows(provider));
            is_open.then(|| cost(None, model)).flatten()
        })
    }
}

/// The table's name of a provider, lower-case.
fn known_provider(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    // The Vercel AI SDK appends the kind of API: `openai.responses`.
    let renamed = PROVIDERS
        .iter()
        .find(|(ours, _)| *ours == name)
        .map(|(_, theirs)| (*theirs).to_owned());
    renamed.unwrap_or_else(|| match name.strip_prefix("openai.") {
        Some(_) => "openai".to_owned(),
        None => name,
    })
}

/// Whether a model is named as Bedrock names them, with or without region or as part of an ARN.
fn is_of_bedrock(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let without_region = name.split_once('.').map_or(name, |(_, rest)| rest);
    BEDROCK_VENDORS
        .iter()
        .any(|vendor| name.starts_with(vendor) || without_region.starts_with(vendor))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-06-01, when these prices were in force.
    const AT_NS: i64 = 1_780_272_000_000_000_000;

    fn price(provider: Option<&str>, model: &str, usage: Usage) -> Option<CallCost> {
        PriceTable::load(None)
            .expect("the built-in table")
            .price(provider, model, &usage, AT_NS)
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
        assert_eq!(
            cost.input, 1_200_000_000,
            "6 at the full price, 4 at the cached one"
        );
        assert_eq!(cost.output, 600_000_000);
        assert_eq!(cost.total, cost.input + cost.output);

        // claude-3-5-haiku: 0.80 input, 0.08 cached, 1.00 cache write, 4.00 output.
        let usage = Usage {
            input_tokens: 100_000,
            cached_input_tokens: 50_000,
            cache_write_input_tokens: 20_000,
            output_tokens: 10_000,
            reasoning_tokens: 4_000,
        };
        let cost =
            price(Some("anthropic"), "claude-3-5-haiku-20241022", usage).expect("a known price");
        assert_eq!(
            cost.input,
            24_000_000 + 4_000_000 + 20_000_000,
            "30,000 full, 50,000 cached, 20,000 written"
        );
        assert_eq!(cost.output, 40_000_000, "reasoning is part of the output");
    }

    #[test]
    fn models_are_found_as_instrumentations_write_them() {
        let same_as = |expected: Option<CallCost>, spellings: &[(Option<&str>, &str)]| {
            assert!(expected.is_some());
            for (provider, model) in spellings {
                assert_eq!(
                    price(*provider, model, million(1, 0, 1)),
                    expected,
                    "{provider:?} {model}"
                );
            }
        };
        let openai = price(Some("openai"), "gpt-4o-mini", million(1, 0, 1));
        same_as(
            openai,
            &[
                (None, "gpt-4o-mini"),
                (None, "openai/gpt-4o-mini"),
                (None, "azure/gpt-4o-mini"),
                (Some("openai"), "gpt-4o-mini-2024-07-18"),
                (Some("OpenAI"), "GPT-4o-mini"),
                (Some("openai.responses"), "gpt-4o-mini"),
                (Some("azure.ai.openai"), "gpt-4o-mini"),
                (Some("litellm"), "openai/gpt-4o-mini"),
                (Some("langchain"), "gpt-4o-mini"),
                (Some("made-up"), "openai/gpt-4o-mini"),
            ],
        );
        let claude = price(
            Some("anthropic"),
            "claude-sonnet-4-20250514",
            million(1, 0, 1),
        );
        same_as(
            claude,
            &[
                (
                    Some("aws.bedrock"),
                    "us.anthropic.claude-sonnet-4-20250514-v1:0",
                ),
                (
                    Some("strands-agents"),
                    "us.anthropic.claude-sonnet-4-20250514-v1:0",
                ),
                (None, "anthropic.claude-sonnet-4-20250514-v1:0"),
                (None, "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0"),
                (
                    None,
                    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0",
                ),
                (Some("gcp.vertex_ai"), "claude-sonnet-4@20250514"),
                (Some("openai"), "claude-sonnet-4-20250514"),
            ],
        );
        let gemini = price(Some("google"), "gemini-2.5-flash", million(1, 0, 1));
        same_as(
            gemini,
            &[
                (Some("gcp.gemini"), "gemini-2.5-flash"),
                (Some("gcp.gen_ai"), "models/gemini-2.5-flash"),
                (Some("google_genai"), "gemini-2.5-flash"),
                (Some("vertex_ai"), "gemini-2.5-flash"),
                (None, "gemini/gemini-2.5-flash"),
            ],
        );
    }

    #[test]
    fn what_has_no_known_price_has_none() {
        let none = |provider, model| {
            assert_eq!(
                price(provider, model, million(1, 0, 1)),
                None,
                "{provider:?} {model}"
            )
        };
        none(Some("openai"), "no-such-model");
        none(None, "");
        none(None, "/");
        none(Some(""), "a.b.c/");
        // One's own machine, and a provider whose price for the model is not known, though another's is.
        none(Some("ollama"), "deepseek-chat");
        none(Some("cerebras"), "deepseek-chat");
    }

    #[test]
    fn a_newer_table_can_be_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prices.json");
        let table = serde_json::json!([{
            "id": "acme", "name": "Acme", "api_pattern": "https://acme\\.test",
            "models": [{"id": "rocket", "match": {"starts_with": "rocket"}, "prices": {"input_mtok": 2, "output_mtok": 8}}],
        }]);
        std::fs::write(&path, table.to_string()).expect("written");
        let loaded = PriceTable::load(Some(&path)).expect("a table");
        let cost = loaded
            .price(Some("acme"), "rocket-2", &million(1, 0, 1), AT_NS)
            .expect("a price");
        assert_eq!(
            (cost.input, cost.output, cost.total),
            (2_000_000_000, 8_000_000_000, 10_000_000_000)
        );
        assert_eq!(
            loaded.price(Some("openai"), "gpt-4o-mini", &million(1, 0, 1), AT_NS),
            None
        );
        std::fs::write(&path, "[{}]").expect("written");
        let error = PriceTable::load(Some(&path)).expect_err("no table");
        assert!(
            format!("{error:#}").contains("prices.json is no genai-prices table"),
            "{error:#}"
        );
        assert!(PriceTable::load(Some(&folder.path().join("missing"))).is_err());
    }
}
