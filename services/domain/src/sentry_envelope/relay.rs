//! What Sentry Relay computes and renames on spans of AI calls, so that readers of the topic find the same names whoever
//! wrote the record. Message attributes stay as the SDK wrote them: Relay's reshaping of those loses a little, and readers
//! of both shapes gain nothing by it.

use super::attributes::TypedAttributes;

const OPERATION_NAME: &str = "gen_ai.operation.name";
const OPERATION_TYPE: &str = "gen_ai.operation.type";
const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
const TOTAL_TOKENS: &str = "gen_ai.usage.total_tokens";

/// Old names that give way to new ones. Where both are set, the new one stays.
const RENAMED: [(&str, &str); 6] = [
    ("gen_ai.system", "gen_ai.provider.name"),
    ("gen_ai.tool.input", "gen_ai.tool.call.arguments"),
    ("gen_ai.tool.output", "gen_ai.tool.call.result"),
    ("gen_ai.tool.message", "gen_ai.tool.call.result"),
    ("gen_ai.request.available_tools", "gen_ai.tool.definitions"),
    (
        "gen_ai.response.finish_reason",
        "gen_ai.response.finish_reasons",
    ),
];

/// Old names that stay beside the new ones.
const COPIED: [(&str, &str); 10] = [
    ("ai.prompt_tokens.used", INPUT_TOKENS),
    ("gen_ai.usage.prompt_tokens", INPUT_TOKENS),
    ("ai.completion_tokens.used", OUTPUT_TOKENS),
    ("gen_ai.usage.completion_tokens", OUTPUT_TOKENS),
    ("ai.total_tokens.used", TOTAL_TOKENS),
    (
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.cache_read.input_tokens",
    ),
    (
        "gen_ai.usage.input_tokens.cache_write",
        "gen_ai.usage.cache_creation.input_tokens",
    ),
    (
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.reasoning.output_tokens",
    ),
    ("ai.model_id", "gen_ai.request.model"),
    ("ai.pipeline.name", "gen_ai.pipeline.name"),
];

/// Spans of anything else are left alone.
pub(super) fn normalise(attributes: &mut TypedAttributes) {
    let Some(kind) = operation_type(attributes) else {
        return;
    };
    attributes.replace(OPERATION_TYPE, kind);
    for (old, new) in RENAMED {
        attributes.rename(old, new);
    }
    for (old, new) in COPIED {
        attributes.copy(old, new);
    }
    let tokens = [INPUT_TOKENS, OUTPUT_TOKENS].map(|key| attributes.number(key));
    if tokens.iter().any(Option::is_some) {
        let sum: f64 = tokens.into_iter().flatten().sum();
        // Relay writes the sum alone. A larger total is kept: it may be all that is known of thinking and of the cache.
        if attributes
            .number(TOTAL_TOKENS)
            .is_none_or(|total| total < sum)
        {
            attributes.replace(TOTAL_TOKENS, sum);
        }
    }
}

/// The bucket of an AI span; `None` for any other span. The name of the operation counts more than the op.
fn operation_type(attributes: &TypedAttributes) -> Option<&'static str> {
    let op = attributes
        .text("sentry.op")
        .filter(|op| op.starts_with("gen_ai.") || op.starts_with("ai."));
    let word = attributes.text(OPERATION_NAME).or(op)?;
    let begins = |prefix: &str| word.starts_with(prefix);
    Some(match word {
        "invoke_agent" | "create_agent" | "gen_ai.invoke_agent" | "gen_ai.create_agent" => "agent",
        "ai.run.generateText" | "ai.run.generateObject" => "agent",
        "ai.pipeline.generate_text"
        | "ai.pipeline.generate_object"
        | "ai.pipeline.stream_text"
        | "ai.pipeline.stream_object" => "agent",
        "execute_tool" | "gen_ai.execute_tool" => "tool",
        "handoff" | "gen_ai.handoff" => "handoff",
        _ if begins("ai.toolCall") => "tool",
        _ if begins("ai.streamText.doStream")
            || begins("ai.generateText.doGenerate")
            || begins("ai.generateObject.doGenerate") =>
        {
            "ai_client"
        }
        _ if begins("ai.streamText")
            || begins("ai.generateText")
            || begins("ai.generateObject") =>
        {
            "agent"
        }
        _ => "ai_client",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn normalised(attributes: Value) -> Value {
        let Value::Object(attributes) = attributes else {
            panic!("an object")
        };
        let mut typed = TypedAttributes::typed(attributes);
        normalise(&mut typed);
        let Value::Object(typed) = typed.into_value() else {
            panic!("an object")
        };
        typed
            .into_iter()
            .map(|(key, entry)| (key, entry["value"].clone()))
            .collect()
    }

    #[test]
    fn the_bucket_follows_the_name_of_the_operation_then_the_op() {
        for (name, op, kind) in [
            ("chat", "gen_ai.invoke_agent", "ai_client"),
            ("invoke_agent", "gen_ai.chat", "agent"),
            ("execute_tool", "", "tool"),
            ("", "gen_ai.handoff", "handoff"),
            ("", "gen_ai.embeddings", "ai_client"),
            ("", "ai.toolCall.weather", "tool"),
            ("", "ai.generateText.doGenerate", "ai_client"),
            ("", "ai.generateText", "agent"),
            ("", "ai.pipeline.stream_text", "agent"),
        ] {
            let mut attributes = json!({"gen_ai.operation.type": "wrong"});
            for (key, value) in [("gen_ai.operation.name", name), ("sentry.op", op)] {
                if !value.is_empty() {
                    attributes[key] = value.into();
                }
            }
            let found = normalised(attributes);
            assert_eq!(found["gen_ai.operation.type"], kind, "{name} {op}");
        }
    }

    #[test]
    fn old_names_become_new_ones_and_totals_are_summed() {
        let found = normalised(json!({
            "sentry.op": "gen_ai.chat", "gen_ai.system": "openai", "gen_ai.tool.input": "old",
            "gen_ai.tool.call.arguments": "new", "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.completion_tokens": 12, "gen_ai.usage.input_tokens.cached": 40,
        }));
        assert_eq!(
            found,
            json!({
                "sentry.op": "gen_ai.chat", "gen_ai.operation.type": "ai_client",
                "gen_ai.provider.name": "openai", "gen_ai.tool.call.arguments": "new",
                "gen_ai.usage.input_tokens": 100, "gen_ai.usage.completion_tokens": 12,
                "gen_ai.usage.output_tokens": 12, "gen_ai.usage.total_tokens": 112.0,
                "gen_ai.usage.input_tokens.cached": 40, "gen_ai.usage.cache_read.input_tokens": 40,
            })
        );
    }

    #[test]
    fn a_total_larger_than_its_parts_is_kept() {
        for (given, kept) in [
            (json!({"gen_ai.usage.total_tokens": 4_052}), json!(4_052)),
            (json!({"ai.total_tokens.used": 4_052}), json!(4_052)),
            (
                json!({"gen_ai.usage.total_tokens": "4,052"}),
                json!("4,052"),
            ),
            (json!({"gen_ai.usage.total_tokens": 50}), json!(52.0)),
            (json!({"gen_ai.usage.total_tokens": 0}), json!(52.0)),
            (json!({"gen_ai.usage.total_tokens": "?"}), json!(52.0)),
            (json!({}), json!(52.0)),
        ] {
            let mut attributes = json!({"sentry.op": "gen_ai.chat", "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 40});
            for (key, value) in given.as_object().expect("an object") {
                attributes[key] = value.clone();
            }
            assert_eq!(
                normalised(attributes)["gen_ai.usage.total_tokens"],
                kept,
                "{given}"
            );
        }
    }

    #[test]
    fn other_spans_are_left_alone() {
        let http = json!({"sentry.op": "http.client", "gen_ai.system": "openai"});
        assert_eq!(normalised(http.clone()), http);
    }
}
