//! Vercel AI SDK: up to 6 with names of its own and wrapper spans, from 7 on the convention with its own context.

use super::dialect::{Dialect, nothing};
use crate::normalise::draft::names::{Answer, Names};
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "vercel",
    names: &Names {
        agent: &[
            "gen_ai.agent.name",
            "ai.telemetry.functionId",
            "resource.name",
        ],
        tool_name: &["ai.toolCall.name"],
        tool_call_id: &["ai.toolCall.id"],
        tool_arguments: &["ai.toolCall.args", "ai.toolCall.input"],
        tool_result: &["ai.toolCall.result", "ai.toolCall.output"],
        request_model: &["gen_ai.request.model", "ai.model.id"],
        response_model: &["gen_ai.response.model", "ai.response.model"],
        provider: &["gen_ai.provider.name", "gen_ai.system", "ai.model.provider"],
        response_id: &["gen_ai.response.id", "ai.response.id"],
        finish_reason: &[
            "gen_ai.response.finish_reasons",
            "ai.response.finishReason",
            "ai.finishReason",
        ],
        input_tokens: &[
            "gen_ai.usage.input_tokens",
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
            "ai.usage.tokens",
        ],
        output_tokens: &[
            "gen_ai.usage.output_tokens",
            "ai.usage.outputTokens",
            "ai.usage.completionTokens",
        ],
        total_tokens: &["ai.usage.totalTokens"],
        cached_tokens: &[
            "ai.usage.cachedInputTokens",
            "ai.usage.inputTokenDetails.cacheReadTokens",
        ],
        cache_write_tokens: &["ai.usage.inputTokenDetails.cacheWriteTokens"],
        reasoning_tokens: &[
            "ai.usage.reasoningTokens",
            "ai.usage.outputTokenDetails.reasoningTokens",
        ],
        system: &["ai.prompt.system"],
        input: &["ai.prompt.messages", "ai.prompt"],
        output: &["ai.response#text", "ai.response", "ai.result"],
        answers: &[
            Answer {
                messages: &[],
                text: &["ai.response.text"],
                object: &["ai.response.object"],
                reasoning: &["ai.response.reasoning"],
                calls: &["ai.response.toolCalls"],
            },
            Answer {
                messages: &[],
                text: &["ai.result.text"],
                object: &["ai.result.object"],
                reasoning: &["ai.result.reasoning"],
                calls: &["ai.result.toolCalls"],
            },
        ],
        ..Names::NONE
    },
    operation: read_operation,
    before: nothing,
};

/// `ai.generateText` wraps its `.doGenerate`, like an agent its calls: only the inner span is a call.
fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    let id = fields
        .str("ai.operationId")
        .or_else(|| name.starts_with("ai.").then_some(name))?;
    Some(match id {
        "ai.toolCall" => Operation::ExecuteTool,
        id if id.ends_with(".doGenerate") || id.ends_with(".doStream") => Operation::Chat,
        id if id.ends_with(".doEmbed") => Operation::Embeddings,
        id if id.ends_with(".doRerank") => Operation::Rerank,
        id if id.starts_with("ai.embed") || id.starts_with("ai.rerank") => Operation::Other,
        id if id.starts_with("ai.generate") || id.starts_with("ai.stream") => {
            Operation::InvokeAgent
        }
        _ => Operation::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::tests::samples::{content, read};
    use serde_json::json;

    #[test]
    fn only_the_inner_span_is_a_call() {
        for (id, operation) in [
            ("ai.generateText", Operation::InvokeAgent),
            ("ai.streamText", Operation::InvokeAgent),
            ("ai.generateObject", Operation::InvokeAgent),
            ("ai.generateText.doGenerate", Operation::Chat),
            ("ai.streamText.doStream", Operation::Chat),
            ("ai.streamObject.doStream", Operation::Chat),
            ("ai.toolCall", Operation::ExecuteTool),
            ("ai.embed.doEmbed", Operation::Embeddings),
            ("ai.embedMany", Operation::Other),
            ("ai.rerank.doRerank", Operation::Rerank),
        ] {
            let span = read("ai", id, json!({"ai.operationId": id}));
            assert_eq!((span.operation, span.is_genai), (operation, true), "{id}");
        }
        let step = read(
            "gen_ai",
            "step 1",
            json!({"gen_ai.operation.name": "agent_step", "ai.settings.context.chatId": "c"}),
        );
        assert_eq!(
            (step.operation, step.conversation_id.as_deref()),
            (Operation::Other, Some("c"))
        );
    }

    #[test]
    fn the_answer_is_gathered_from_its_attributes() {
        let names = ["ai.response", "ai.result"];
        for prefix in names {
            let mut attributes = json!({
                "ai.operationId": "ai.generateText.doGenerate",
                "ai.prompt.messages": "[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"Hi\"}, {\"type\": \"image\", \"image\": \"data:image/png;base64,AAAA\"}]}]",
                "ai.model.provider": "google.generative-ai", "ai.model.id": "m",
                "ai.usage.promptTokens": 10, "ai.usage.completionTokens": 5, "ai.response.finishReason": "tool-calls"
            });
            attributes[format!("{prefix}.text")] = json!("Let me see");
            attributes[format!("{prefix}.toolCalls")] = json!(
                "[{\"toolCallType\": \"function\", \"toolCallId\": \"c\", \"toolName\": \"f\", \"args\": \"{\\\"a\\\": 1}\"}]"
            );
            let span = read("ai", "x", attributes);
            assert_eq!(
                content(&span),
                [
                    "user: hi + media { mime_type: some(\"image/png\"), uri: none, size_bytes: some(3) }",
                    "=> assistant: let me see + f{\"a\":1}#c"
                ]
            );
            assert_eq!(span.provider.as_deref(), Some("google"));
            assert_eq!(span.finish_reason.as_deref(), Some("tool_calls"));
            assert_eq!(span.usage.map(|usage| usage.total_tokens()), Some(15));
        }
        let object = read(
            "ai",
            "x",
            json!({"ai.operationId": "ai.generateObject.doGenerate", "ai.response.object": "{\"a\": 1}", "ai.response.reasoning": "hm", "ai.prompt": "{\"prompt\": \"Hi\"}"}),
        );
        assert_eq!(
            content(&object),
            ["user: hi", "=> assistant: (hm) + {\"a\": 1}"]
        );
    }

    #[test]
    fn tools_and_metadata() {
        let span = read(
            "ai",
            "ai.toolCall",
            json!({
                "ai.operationId": "ai.toolCall", "ai.toolCall.name": "f", "ai.toolCall.id": "c",
                "ai.toolCall.args": "{\"a\":1}", "ai.toolCall.result": "{\"b\":2}",
                "ai.telemetry.metadata.threadId": "t", "ai.telemetry.metadata.userId": "u", "ai.telemetry.functionId": "agent"
            }),
        );
        let tool = span.tool.expect("a tool");
        assert_eq!(
            (tool.name.as_str(), tool.call_id.as_deref()),
            ("f", Some("c"))
        );
        assert_eq!(
            (tool.arguments, tool.result),
            (Some(json!({"a": 1})), Some(json!({"b": 2})))
        );
        assert_eq!(span.conversation_id.as_deref(), Some("t"));
        assert_eq!(span.user.id.as_deref(), Some("u"));
        assert_eq!(span.agent.as_deref(), Some("agent"));
    }
}
