//! What a call cost, as a producer says: a number, a text with a sign, an object of parts, or the JSON of one.

use super::Draft;
use super::objects::squeezed;
use crate::normalise::draft::names::{List, Names};
use crate::normalise::values::{json, numbers};
use crate::usage::{CallCost, NanoUsd, nano_usd};
use serde_json::{Map, Value};

/// Attributes that are a cost or an object of costs, whichever SDK wrote them. They follow the tables of names.
const COSTS: [&str; 20] = [
    "langfuse.observation.cost_details",
    "mlflow.llm.cost",
    "gen_ai.usage.cost_details",
    "gen_ai.cost_details",
    "gen_ai.usage.cost_usd",
    "gen_ai.usage.total_cost_usd",
    "gen_ai.usage.cost.total",
    "gen_ai.cost",
    "gen_ai.cost.total",
    "gen_ai.cost.usd",
    "gen_ai.cost.amount",
    "gen_ai.response.cost",
    "llm.cost",
    "llm.usage.cost",
    "llm.usage.total_cost",
    "ai.usage.cost",
    "total_cost_usd",
    "cost_usd",
    "response_cost",
    "cost_details",
];

/// Where the currency stands beside a cost.
const CURRENCIES: [&str; 4] = [
    "gen_ai.cost.currency",
    "gen_ai.usage.cost.currency",
    "gen_ai.usage.cost_currency",
    "llm.cost.currency",
];

/// What the producer says the call cost. Nothing, or less than nothing, is what producers report when they know no
/// price, so it does not count.
pub(super) fn by_name(draft: &Draft) -> Option<CallCost> {
    if !CURRENCIES
        .iter()
        .all(|name| is_dollars(draft.fields.get(name)))
    {
        return None;
    }
    let amount_of = |pick: fn(&Names) -> List| {
        let mut names = draft.names(pick);
        names.find_map(|name| draft.fields.first(&[name], amount))
    };
    let parts = cost(
        amount_of(|names| names.cost_total),
        amount_of(|names| names.cost_input),
        amount_of(|names| names.cost_output),
    );
    let names = draft.names(|names| names.cost_total);
    let objects = names.chain(COSTS);
    parts.or_else(|| {
        objects
            .filter_map(|name| draft.fields.get(name))
            .find_map(of_value)
    })
}

/// What a usage object says beside its counts, as those of OpenRouter, LiteLLM and LangSmith do.
pub(super) fn of_usage(map: &Map<String, Value>) -> Option<CallCost> {
    const TOTALS: [&str; 5] = [
        "cost",
        "totalcost",
        "costusd",
        "totalcostusd",
        "estimatedcost",
    ];
    under(map, &TOTALS).or_else(|| {
        let part = |names: [&str; 2]| {
            let named = |(key, _): &(&String, &Value)| names.contains(&squeezed(key).as_str());
            amount(map.iter().find(named)?.1)
        };
        cost(
            None,
            part(["inputcost", "promptcost"]),
            part(["outputcost", "completioncost"]),
        )
    })
}

/// What a response says beside its words: the Claude Agent SDK's result, LiteLLM's hidden parameters.
pub(super) fn of_response(map: &Map<String, Value>) -> Option<CallCost> {
    under(map, &["totalcostusd", "costusd", "responsecost"])
}

fn under(map: &Map<String, Value>, names: &[&str]) -> Option<CallCost> {
    if !is_dollars(map.get("currency")) {
        return None;
    }
    let named = map
        .iter()
        .filter(|(key, _)| names.contains(&squeezed(key).as_str()));
    named.into_iter().find_map(|(_, value)| of_value(value))
}

/// A cost in any form.
fn of_value(value: &Value) -> Option<CallCost> {
    match value {
        Value::Object(map) => of_object(map),
        Value::String(text) => match json::structure(text) {
            Some(Value::Object(map)) => of_object(&map),
            _ => cost(amount(value), None, None),
        },
        value => cost(amount(value), None, None),
    }
}

/// `{total, input, output}` in any spelling. Without a total, all that is there adds up to it, as Langfuse has it.
fn of_object(map: &Map<String, Value>) -> Option<CallCost> {
    if !is_dollars(map.get("currency")) {
        return None;
    }
    let (mut total, mut input, mut output, mut sum) = (None, None, None, 0_i64);
    for (key, value) in map {
        let Some(part) = amount(value).filter(|part| *part > 0) else {
            continue;
        };
        let name = squeezed(key);
        let name = name.trim_end_matches("usd").trim_end_matches("cost");
        match name {
            "total" | "" | "amount" | "value" => total = total.max(Some(part)),
            _ => {
                sum = sum.saturating_add(part);
                let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
                if begins(&["input", "prompt", "cache"]) {
                    input = Some(part.saturating_add(input.unwrap_or(0)));
                } else if begins(&["output", "completion", "reasoning"]) {
                    output = Some(part.saturating_add(output.unwrap_or(0)));
                }
            }
        }
    }
    cost(total.or(Some(sum)), input, output)
}

fn cost(
    total: Option<NanoUsd>,
    input: Option<NanoUsd>,
    output: Option<NanoUsd>,
) -> Option<CallCost> {
    let input = input.unwrap_or(0).max(0);
    let output = output.unwrap_or(0).max(0);
    let total = total.filter(|total| *total > 0);
    let total = total.unwrap_or_else(|| input.saturating_add(output));
    (total > 0).then_some(CallCost {
        input,
        output,
        total,
    })
}

fn amount(value: &Value) -> Option<NanoUsd> {
    numbers::dollars(value).and_then(nano_usd)
}

/// Whether a currency, where one is named, is the dollar.
fn is_dollars(currency: Option<&Value>) -> bool {
    match currency {
        Some(Value::String(name)) => {
            let name = name.trim().to_ascii_uppercase();
            matches!(name.as_str(), "" | "USD" | "US$" | "$")
        }
        _ => true,
    }
}
