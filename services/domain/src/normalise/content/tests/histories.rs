use super::asked;
use serde_json::{Value, json};

const TOLD: [&str; 5] = [
    "system: be brief.",
    "user: which loaf?",
    "assistant: (look) + loaves{\"shop\":3}#c1",
    "tool: =\"rye\"#c1",
    "assistant: rye.",
];

fn pydantic_part(kind: &str, fields: Value) -> Value {
    let mut part = fields;
    part["part_kind"] = json!(kind);
    part
}

/// One history in the classes of SDKs, as they print them.
#[test]
fn one_history_reads_the_same_in_every_class() {
    let histories = [
        // Pydantic AI.
        json!([
            {"kind": "request", "instructions": null, "parts": [pydantic_part("system-prompt", json!({"content": "Be brief.", "dynamic_ref": null})), pydantic_part("user-prompt", json!({"content": "Which loaf?"}))]},
            {"kind": "response", "model_name": "m", "parts": [pydantic_part("thinking", json!({"content": "look", "signature": null})), pydantic_part("tool-call", json!({"tool_name": "loaves", "args": "{\"shop\":3}", "tool_call_id": "c1"}))]},
            {"kind": "request", "parts": [pydantic_part("tool-return", json!({"tool_name": "loaves", "content": "rye", "tool_call_id": "c1"}))]},
            {"kind": "response", "parts": [pydantic_part("text", json!({"content": "Rye."}))]}
        ]),
        json!([
            {"kind": "request", "instructions": "Be brief.", "parts": [pydantic_part("user-prompt", json!({"content": ["Which loaf?"]}))]},
            {"kind": "response", "parts": [pydantic_part("thinking", json!({"content": "look"})), pydantic_part("tool-call", json!({"tool_name": "loaves", "args": {"shop": 3}, "tool_call_id": "c1"}))]},
            {"kind": "request", "parts": [pydantic_part("retry-prompt", json!({"tool_name": "loaves", "content": "rye", "tool_call_id": "c1"}))]},
            {"kind": "response", "parts": [pydantic_part("text", json!({"content": "Rye."}))]}
        ]),
        // LlamaIndex.
        json!([
            {"role": "MessageRole.SYSTEM", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "Be brief."}]},
            {"role": "user", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "Which loaf?"}]},
            {"role": "assistant", "additional_kwargs": {}, "blocks": [{"block_type": "thinking", "content": "look"}, {"block_type": "tool_call", "tool_name": "loaves", "tool_kwargs": {"shop": 3}, "tool_call_id": "c1"}]},
            {"role": "tool", "additional_kwargs": {"tool_call_id": "c1"}, "tool_call_id": "c1", "blocks": [{"block_type": "text", "text": "rye"}]},
            {"role": "chatbot", "blocks": [{"block_type": "text", "text": "Rye."}]}
        ]),
        // Semantic Kernel.
        json!([
            {"Role": {"Label": "system"}, "Items": [{"$type": "TextContent", "Text": "Be brief."}]},
            {"Role": {"Label": "user"}, "Items": [{"$type": "TextContent", "Text": "Which loaf?"}]},
            {"Role": {"Label": "Assistant"}, "Items": [{"$type": "ReasoningContent", "Text": "look"}, {"$type": "FunctionCallContent", "Id": "c1", "FunctionName": "loaves", "Arguments": {"shop": 3}}]},
            {"Role": {"Label": "tool"}, "Items": [{"$type": "FunctionResultContent", "CallId": "c1", "FunctionName": "loaves", "Result": "rye"}]},
            {"Role": {"Label": "assistant"}, "Items": [{"$type": "TextContent", "Text": "Rye."}]}
        ]),
        // .NET Extensions AI.
        json!([
            {"role": "system", "contents": [{"$type": "text", "text": "Be brief."}]},
            {"role": "user", "contents": [{"$type": "text", "text": "Which loaf?"}]},
            {"role": "assistant", "contents": [{"$type": "reasoning", "text": "look"}, {"$type": "functionCall", "callId": "c1", "name": "loaves", "arguments": {"shop": 3}}]},
            {"role": "tool", "contents": [{"$type": "functionResult", "callId": "c1", "result": "rye"}]},
            {"role": "assistant", "contents": [{"$type": "text", "text": "Rye."}]}
        ]),
        // AutoGen.
        json!([
            {"type": "SystemMessage", "content": "Be brief."},
            {"type": "UserMessage", "content": "Which loaf?", "source": "user"},
            {"type": "AssistantMessage", "source": "baker", "thought": "look", "content": [{"id": "c1", "name": "loaves", "arguments": "{\"shop\":3}"}]},
            {"type": "FunctionExecutionResultMessage", "content": [{"call_id": "c1", "content": "rye", "name": "loaves", "is_error": false}]},
            {"type": "AssistantMessage", "source": "baker", "content": "Rye."}
        ]),
        // Gemini's classes with all their nulls.
        json!({"config": {"system_instruction": "Be brief."}, "contents": [
            {"role": "user", "parts": [{"text": "Which loaf?", "thought": null, "inline_data": null, "function_call": null}]},
            {"role": "model", "parts": [{"text": "look", "thought": true, "function_call": null}, {"text": null, "function_call": {"id": "c1", "name": "loaves", "args": {"shop": 3}}, "function_response": null}]},
            {"role": "user", "parts": [{"text": null, "function_call": null, "function_response": {"id": "c1", "name": "loaves", "response": {"result": "rye"}}}]},
            {"role": "model", "parts": [{"text": "Rye.", "thought": null}]}
        ]}),
        // Haystack and LlamaIndex, as OpenInference prints them into a list.
        json!([
            "ChatMessage(_role=<ChatRole.SYSTEM: 'system'>, _content=[TextContent(text='Be brief.')], _name=None, _meta={})",
            "ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='Which loaf?')], _name=None, _meta={})",
            "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[ReasoningContent(reasoning_text='look', extra={}), ToolCall(tool_name='loaves', arguments={'shop': 3}, id='c1', extra=None)], _name=None, _meta={'usage': {'n': None}})",
            "ChatMessage(_role=<ChatRole.TOOL: 'tool'>, _content=[ToolCallResult(result='rye', origin=ToolCall(tool_name='loaves', arguments={'shop': 3}, id='c1'), error=False)], _name=None, _meta={})",
            "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[TextContent(text=\"Rye.\")], _name=None, _meta={})"
        ]),
        json!([
            "ChatMessage(role=<MessageRole.SYSTEM: 'system'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text='Be brief.')])",
            "ChatMessage(role=<MessageRole.USER: 'user'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text='Which loaf?')])",
            "ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, additional_kwargs={}, blocks=[ThinkingBlock(block_type='thinking', content='look'), ToolCallBlock(block_type='tool_call', tool_call_id='c1', tool_name='loaves', tool_kwargs={'shop': 3})])",
            "ChatMessage(role=<MessageRole.TOOL: 'tool'>, additional_kwargs={}, tool_call_id='c1', blocks=[TextBlock(block_type='text', text='rye')])",
            "ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text='Rye.')])"
        ]),
        // Google's instrumentation gives results ids of its own.
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Which loaf?"}]},
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "look"}, {"type": "tool_call", "id": "c1", "name": "loaves", "arguments": {"shop": 3}}]},
            {"role": "user", "parts": [{"type": "tool_call_response", "id": "loaves_0", "response": {"result": "rye"}}]},
            {"role": "assistant", "parts": [{"type": "text", "content": "Rye."}]}
        ]),
        // Sentry's JavaScript SDK writes LangChain's blocks as text into a block.
        json!([
            {"role": "system", "content": [{"type": "text", "content": "[{\"type\":\"text\",\"text\":\"Be brief.\"}]"}]},
            {"role": "user", "content": "Which loaf?"},
            {"role": "assistant", "reasoning": "look", "tool_calls": [{"id": "c1", "name": "loaves", "args": {"shop": 3}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "rye"},
            {"role": "assistant", "content": "Rye."}
        ]),
        // The AI SDK's messages for pages.
        json!([
            {"role": "system", "parts": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "text": "Which loaf?"}]},
            {"role": "assistant", "parts": [{"type": "step-start"}, {"type": "reasoning", "text": "look"}, {"type": "tool-loaves", "toolCallId": "c1", "state": "input-available", "input": {"shop": 3}}]},
            {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "loaves", "output": {"type": "text", "value": "rye"}}]},
            {"role": "assistant", "parts": [{"type": "text", "text": "Rye.", "state": "done"}]}
        ]),
    ];
    for history in histories {
        assert_eq!(asked(&history), TOLD, "{history}");
        let wrapped = match &history {
            Value::Array(_) => json!({"messages": history, "model_settings": null}),
            other => other.clone(),
        };
        assert_eq!(
            asked(&json!(wrapped.to_string())),
            TOLD,
            "as text: {history}"
        );
    }
}

#[test]
fn histories_printed_by_python_are_read() {
    for printed in [
        "[SystemMessage(content='Be brief.', additional_kwargs={}), HumanMessage(content='Which loaf?'), AIMessage(content='Rye.', tool_calls=[])]",
        "[{'role': <MessageRole.SYSTEM: 'system'>, 'content': 'Be brief.'}, {'role': 'user', 'content': \"Which loaf?\"}, {'role': 'assistant', 'content': 'Rye.', 'at': datetime.datetime(2026, 1, 2, tzinfo=None)}]",
        "[ChatMessage(role=<MessageRole.SYSTEM: 'system'>, blocks=[TextBlock(block_type='text', text='Be brief.')]), ChatMessage(role=<MessageRole.USER: 'user'>, blocks=[TextBlock(block_type='text', text='Which loaf?')]), ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, blocks=[TextBlock(block_type='text', text='Rye.')])]",
    ] {
        let said = ["system: be brief.", "user: which loaf?", "assistant: rye."];
        assert_eq!(asked(&json!(printed)), said, "{printed}");
    }
}

#[test]
fn one_bad_value_does_not_cost_the_history() {
    for text in [
        r#"[{"role": "user", "content": "Plot \ud83d\udcc8"}, {"role": "assistant", "content": "\ud83d done", "score": NaN}]"#,
        r#"[{"role": "user", "content": "Plot 📈", "n": -Infinity}, {"role": "assistant", "content": "\udcc8 done"}]"#,
        "[{\"role\": \"user\", \"content\": \"Plot 📈\"}, {\"role\": \"assistant\", \"content\": \"\\ud83d done\", \"n\": 1e999},]",
    ] {
        let said = ["user: plot 📈", "assistant: \u{fffd} done"];
        assert_eq!(asked(&json!(text)), said, "{text}");
        let twice = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        assert_eq!(asked(&json!(twice)), said, "encoded twice: {text}");
    }
}

#[test]
fn an_unknown_role_shows_its_name_and_is_nobodys() {
    let history = json!([
        {"role": "user", "content": "Go on."},
        {"role": "narrator", "content": "It rains."},
        {"role": "Critic", "parts": [{"type": "text", "content": "Hm."}]},
        {"role": "narrator", "content": ""}
    ]);
    let said = asked(&history);
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[1].starts_with("other: ")
            && said[1].ends_with("it rains.")
            && said[1].contains("narrator")
    );
    assert!(
        said[2].starts_with("other: ") && said[2].ends_with("hm.") && said[2].contains("critic")
    );
}

#[test]
fn results_by_place_are_those_of_the_calls_before() {
    let call = |id: &str, name: &str| json!({"type": "tool_call", "id": id, "name": name, "arguments": {}});
    let result = |id: &str| json!({"type": "tool_call_response", "id": id, "response": "x"});
    for (calls, results, said) in [
        (
            json!([call("a", "f"), call("b", "g")]),
            json!([result("f_0"), result("g_1")]),
            ["a", "b"],
        ),
        (
            json!([call("a", "f"), call("b", "f")]),
            json!([result("f_0"), result("f_1")]),
            ["a", "b"],
        ),
        (
            json!([call("a", "f"), call("b", "g")]),
            json!([result("b"), result("a")]),
            ["b", "a"],
        ),
        (
            json!([call("f_1", "f"), call("f_0", "f")]),
            json!([result("f_0"), result("f_1")]),
            ["f_0", "f_1"],
        ),
        (
            json!([call("a", "f"), call("b", "g")]),
            json!([result("h_0"), result("call_9")]),
            ["h_0", "call_9"],
        ),
    ] {
        let history =
            json!([{"role": "assistant", "parts": calls}, {"role": "user", "parts": results}]);
        let told = asked(&history);
        let ids: Vec<&str> = told[1..]
            .iter()
            .filter_map(|line| line.rsplit('#').next())
            .collect();
        assert_eq!(ids, said, "{history}");
    }
}
