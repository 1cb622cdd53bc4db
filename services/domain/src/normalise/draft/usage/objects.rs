//! Usage objects of providers and SDKs, and where they stand within a response.

use super::counts::Counts;
use super::money;
use crate::normalise::values::{json, numbers};
use crate::usage::CallCost;
use serde_json::{Map, Value};

/// What one object reports.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reported {
    pub(super) counts: Counts,
    pub(super) cost: Option<CallCost>,
}

impl Reported {
    fn fill(&mut self, other: &Self) {
        self.counts.fill(&other.counts);
        self.cost = self.cost.or(other.cost);
    }
}

/// Which count a key names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Input,
    Output,
    Total,
    Cached,
    Write,
    Reasoning,
    ToolPrompt,
}

impl Kind {
    /// Whether it is a part of the input or the output.
    pub(super) fn is_detail(self) -> bool {
        !matches!(self, Self::Input | Self::Output | Self::Total)
    }
}

/// Whose words the keys of an object are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trust {
    /// A usage object: `input` and `total` are tokens.
    Usage,
    /// Data of any kind: only what names tokens counts.
    Data,
}

/// Names of counts, squeezed: lower case, letters and digits alone.
#[rustfmt::skip]
const KINDS: [(Kind, &[&str]); 7] = [
    // OpenAI, Anthropic, Gemini (two spellings), AI SDK, Ollama, Llama on Bedrock, Titan, Bedrock's metrics, Strands.
    (Kind::Input, &["inputtokens", "prompttokens", "prompttokencount", "inputtokencount", "promptevalcount", "inputtexttokencount", "inputtokenstotal", "totalinputtokens", "prompttokenstotal", "totalprompttokens"]),
    (Kind::Output, &["outputtokens", "completiontokens", "candidatestokencount", "responsetokencount", "outputtokencount", "completiontokencount", "evalcount", "generationtokencount", "generatedtokens", "generatedtokencount", "outputtokenstotal", "totaloutputtokens", "totalcompletiontokens"]),
    (Kind::Total, &["totaltokens", "totaltokencount", "tokenstotal", "tokencount"]),
    // Anthropic, Bedrock, Gemini, OpenAI, AI SDK, DeepSeek, LiveKit, Langfuse.
    (Kind::Cached, &["cachereadinputtokens", "cachereadinputtokencount", "cachereadinputtokenscount", "cachedcontenttokencount", "cachedcontenttokens", "cachedtokens", "cachedinputtokens", "inputcachedtokens", "inputtokenscached", "cachedprompttokens", "promptcachedtokens", "cachereadtokens", "inputcachereadtokens", "inputcacheread", "inputtokenscacheread", "promptcachehittokens", "cachedtokencount", "cachereadtokencount"]),
    (Kind::Write, &["cachecreationinputtokens", "cachecreationtokens", "cachewriteinputtokens", "cachewriteinputtokencount", "cachewriteinputtokenscount", "cachewritetokens", "inputcachecreationtokens", "inputcachecreation", "inputcachewritetokens", "inputcachewrite", "inputtokenscachewrite", "inputtokenscachecreation", "cachewritetokencount"]),
    (Kind::Reasoning, &["reasoningtokens", "reasoningoutputtokens", "outputreasoningtokens", "completionreasoningtokens", "outputtokensreasoning", "outputreasoning", "thoughtstokencount", "thoughtstokens", "thinkingtokens", "thinkingtokencount", "reasoningtokencount"]),
    (Kind::ToolPrompt, &["tooluseprompttokencount", "tooluseprompttokens"]),
];

/// Names that say tokens only within a usage object.
#[rustfmt::skip]
const SHORT_KINDS: [(Kind, &[&str]); 6] = [
    (Kind::Input, &["input", "prompt"]),
    (Kind::Output, &["output", "completion", "response"]),
    (Kind::Total, &["total", "tokens"]),
    (Kind::Cached, &["cached", "cacheread", "cachedinput"]),
    (Kind::Write, &["cachewrite", "cachecreation"]),
    (Kind::Reasoning, &["reasoning", "thoughts", "thinking"]),
];

pub(super) fn kind(squeezed: &str, trust: Trust) -> Option<Kind> {
    let find = |table: &[(Kind, &[&str])]| {
        let row = table.iter().find(|(_, names)| names.contains(&squeezed))?;
        Some(row.0)
    };
    find(&KINDS).or_else(|| {
        (trust == Trust::Usage)
            .then(|| find(&SHORT_KINDS))
            .flatten()
    })
}

/// A key in lower case, of letters and digits alone: `cache_read.inputTokens` and `cacheReadInputTokens` are one name.
pub(super) fn squeezed(key: &str) -> String {
    let letters = key.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Reads a usage object.
pub(super) fn read(map: &Map<String, Value>, trust: Trust) -> Reported {
    Reported {
        counts: counts(map, trust),
        cost: money::of_usage(map),
    }
}

fn counts(map: &Map<String, Value>, trust: Trust) -> Counts {
    let mut counts = Counts::default();
    let mut nested = Vec::new();
    let mut is_raw = [false; 2];
    for (key, value) in map {
        let name = squeezed(key);
        if let Value::Object(inner) = value {
            nested.push((name, inner));
        } else if let (Some(kind), Some(count)) = (kind(&name, trust), numbers::count(value)) {
            is_raw[0] |= name == "inputtokens";
            is_raw[1] |= BESIDE.contains(&name.as_str());
            put(&mut counts, kind, count);
        }
    }
    // Cohere bills for less than the model read.
    nested.sort_by_key(|(name, _)| name == "billedunits");
    for (name, inner) in nested {
        counts.fill(&details(&name, inner));
    }
    // Anthropic's API and Bedrock's: neither counts the cache within its input, and Anthropic tells no total.
    counts.cache_is_beside = is_raw == [true; 2] && counts.total.unwrap_or(0) == 0;
    counts
}

/// How Anthropic's API and Bedrock's name what stands beside their input.
const BESIDE: [&str; 4] = [
    "cachereadinputtokens",
    "cachecreationinputtokens",
    "cachewriteinputtokens",
    "cachereadinputtokencount",
];

/// What an object within a usage object tells: `prompt_tokens_details` of OpenAI, `input_token_details` of LangChain,
/// `inputTokens: {total, cacheRead}` of the AI SDK, `cache_creation` of Anthropic, `tokens` and `billed_units` of Cohere.
pub(super) fn details(name: &str, map: &Map<String, Value>) -> Counts {
    if matches!(name, "tokens" | "billedunits") {
        return self::counts(map, Trust::Data);
    }
    let mut counts = Counts::default();
    if name == "cachecreation" {
        // By how long the cache lives.
        let parts = map.values().filter_map(numbers::count);
        counts.write = Some(parts.fold(0, u64::saturating_add));
        return counts;
    }
    let is_input = name.starts_with("input") || name.starts_with("prompt");
    let is_output = name.starts_with("output") || name.starts_with("completion");
    if !is_input && !is_output && name != "details" {
        return counts;
    }
    for (key, value) in map {
        let Some(count) = numbers::count(value) else {
            continue;
        };
        match kind(&squeezed(key), Trust::Usage) {
            Some(Kind::Total) if is_input => put(&mut counts, Kind::Input, count),
            Some(Kind::Total) if is_output => put(&mut counts, Kind::Output, count),
            Some(kind @ (Kind::Cached | Kind::Write)) if !is_output => {
                put(&mut counts, kind, count)
            }
            Some(Kind::Reasoning) if !is_input => put(&mut counts, Kind::Reasoning, count),
            Some(Kind::ToolPrompt) => put(&mut counts, Kind::ToolPrompt, count),
            _ => {}
        }
    }
    counts
}

pub(super) fn put(counts: &mut Counts, kind: Kind, count: u64) {
    let slot = match kind {
        Kind::Input => &mut counts.input,
        Kind::Output => &mut counts.output,
        Kind::Total => &mut counts.total,
        Kind::Cached => &mut counts.cached,
        Kind::Write => &mut counts.write,
        Kind::Reasoning => &mut counts.reasoning,
        Kind::ToolPrompt => &mut counts.tool_prompt,
    };
    *slot = (*slot).max(Some(count));
}

/// Where usage stands in a response, squeezed.
const USAGE_KEYS: [&str; 9] = [
    "usage",
    "usagemetadata",
    "tokenusage",
    "usagedetails",
    "estimatedtokenusage",
    "amazonbedrockinvocationmetrics",
    "invocationmetrics",
    "tokens",
    "billedunits",
];

/// What leads to it, squeezed: wrappers of responses, LangChain's results and messages, chunks of a stream. Not the
/// words of the answer and not the arguments of calls, which may speak of usage themselves.
const WRAPPER_KEYS: [&str; 23] = [
    "response",
    "rawresponse",
    "responsemetadata",
    "llmoutput",
    "generationinfo",
    "generations",
    "generation",
    "message",
    "messages",
    "kwargs",
    "data",
    "result",
    "raw",
    "meta",
    "metadata",
    "body",
    "output",
    "outputs",
    "additionalkwargs",
    "modeloutput",
    "chunks",
    "events",
    "hiddenparams",
];

/// Wrappers within wrappers; real ones go to eight.
const DEPTH_MAX: usize = 10;
/// Items of one list that are looked into.
const ITEMS_MAX: usize = 512;

/// What a response reports, however it is wrapped, up to `depth` objects deep.
pub(super) fn in_response(value: &Value, depth: usize) -> Reported {
    match value {
        Value::Object(map) => in_object(map, depth.min(DEPTH_MAX)),
        Value::Array(items) if depth > 0 => {
            let mut all = Reported::default();
            for item in items.iter().rev().take(ITEMS_MAX) {
                let one = in_response(item, depth - 1);
                all.counts.grow(&one.counts);
                all.cost = all.cost.or(one.cost);
            }
            all
        }
        Value::String(text) if depth > 0 && may_tell(text) => match json::structure(text) {
            Some(inner) => in_response(&inner, depth - 1),
            None => Reported::default(),
        },
        _ => Reported::default(),
    }
}

fn in_object(map: &Map<String, Value>, depth: usize) -> Reported {
    let mut found = Reported::default();
    let mut usages: Vec<(String, &Value)> = map
        .iter()
        .map(|(key, value)| (squeezed(key), value))
        .filter(|(name, _)| USAGE_KEYS.contains(&name.as_str()))
        .collect();
    // Cohere bills for less than the model read.
    usages.sort_by_key(|(name, _)| name == "billedunits");
    for (_, value) in usages {
        match value {
            Value::Object(usage) => found.fill(&read(usage, Trust::Data)),
            Value::String(text) => {
                if let Some(Value::Object(usage)) = json::structure(text) {
                    found.fill(&read(&usage, Trust::Data));
                }
            }
            _ => {}
        }
    }
    // Ollama, and models on Bedrock: beside the answer.
    found.fill(&Reported {
        counts: counts(map, Trust::Data),
        cost: money::of_response(map),
    });
    if !found.counts.is_empty() || depth == 0 {
        return found;
    }
    for wrapper in WRAPPER_KEYS {
        for (key, value) in map {
            if squeezed(key) == wrapper {
                found.fill(&in_response(value, depth - 1));
            }
        }
        if !found.counts.is_empty() {
            break;
        }
    }
    found
}

/// What the AI SDK's provider metadata reports: an object per provider, with its usage as it is or within.
pub(super) fn in_metadata(value: &Value) -> Reported {
    let mut found = Reported::default();
    for provider in value.as_object().into_iter().flat_map(Map::values) {
        found.fill(&in_response(provider, 2));
        if let Some(provider) = provider.as_object() {
            found.cost = found.cost.or(money::of_usage(provider));
        }
    }
    found
}

/// Whether a text can hold a usage object. Cheap, so that no long answer is parsed for nothing.
pub(super) fn may_tell(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "oken",
        "eval_count",
        "evalCount",
        "cost",
        "Cost",
        "cache",
        "reasoning",
        "\"input\"",
        "\"output\"",
    ];
    let text = text.trim_start();
    // Python prints its objects as calls: `ChatCompletion(id='…', usage=CompletionUsage(…))`.
    let is_printed = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            .starts_with('(');
    let begins = is_printed || text.starts_with(['{', '[', '"']);
    begins && WORDS.iter().any(|word| text.contains(word))
}
