use super::*;
use crate::message::Message;
use crate::normalise::tests::samples::lines;
use serde_json::json;

fn read_lines(value: Value, role: Role) -> Vec<String> {
    let messages: Vec<Message> = read(value, role)
        .into_iter()
        .map(|turn| turn.message)
        .collect();
    lines(&messages)
}

/// The conversation that every list of messages below tells.
const TOLD: [&str; 5] = [
    "system: be brief",
    "user: weather?",
    "assistant: get_weather{\"city\":\"paris\"}#c1",
    "tool: ={\"temp\":14}#c1",
    "assistant: it is 14.",
];

#[test]
fn one_conversation_reads_the_same_in_every_shape() {
    let arguments = "{\"city\": \"Paris\"}";
    let result = "{\"temp\": 14}";
    let shapes = [
        // OpenTelemetry.
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief"}], "name": null},
            {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}}], "finish_reason": "tool_call"},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": result}]},
            {"role": "assistant", "parts": [{"type": "text", "content": "It is 14."}]}
        ]),
        // Pydantic AI: the answer of the tool by the user, under another name.
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief"}]},
            {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": arguments}]},
            {"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "name": "get_weather", "result": {"temp": 14}}]},
            {"role": "assistant", "parts": [{"type": "text", "content": "It is 14."}]}
        ]),
        // OpenAI chat completions, with Python's None.
        json!([
            {"role": "developer", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": "None", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "c1", "content": result},
            {"role": "assistant", "content": "It is 14.", "refusal": null}
        ]),
        // The same with the calls of old.
        json!([
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null, "tool_calls": {"id": "c1", "function": {"name": "get_weather", "arguments": arguments}}},
            {"role": "function", "id": "c1", "name": "get_weather", "content": result},
            {"role": "assistant", "content": "It is 14."}
        ]),
        // OpenAI Responses: request, with thoughts as items.
        json!({"model": "m", "instructions": "Be brief", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "get_weather", "arguments": arguments},
            {"type": "function_call_output", "call_id": "c1", "output": result},
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "It is 14.", "annotations": []}]}
        ]}),
        // Anthropic.
        json!({"system": [{"type": "text", "text": "Be brief"}], "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Paris"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": result}]}]},
            {"role": "assistant", "content": [{"type": "text", "text": "It is 14."}]}
        ]}),
        // Gemini.
        json!({"config": {"system_instruction": "Be brief"}, "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "get_weather", "args": {"city": "Paris"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "get_weather", "response": {"result": result}}}]},
            {"role": "model", "parts": [{"text": "It is 14."}]}
        ]}),
        // AI SDK.
        json!({"system": "Be brief", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "get_weather", "input": {"city": "Paris"}}]},
            {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "get_weather", "output": {"type": "json", "value": {"temp": 14}}}]},
            {"role": "assistant", "content": [{"type": "text", "text": "It is 14."}]}
        ]}),
        // Bedrock, as Strands has it.
        json!([
            {"role": "system", "content": [{"text": "Be brief"}]},
            {"role": "user", "content": [{"text": "Weather?"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "get_weather", "input": {"city": "Paris"}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "status": "success", "content": [{"text": result}]}}]},
            {"role": "assistant", "content": [{"text": "It is 14."}]}
        ]),
        // Genkit.
        json!({"messages": [
            {"role": "system", "content": [{"text": "Be brief"}]},
            {"role": "user", "content": [{"text": "Weather?"}]},
            {"role": "model", "content": [{"toolRequest": {"ref": "c1", "name": "get_weather", "input": {"city": "Paris"}}}]},
            {"role": "tool", "content": [{"toolResponse": {"ref": "c1", "name": "get_weather", "output": {"temp": 14}}}]},
            {"role": "model", "content": [{"text": "It is 14."}]}
        ]}),
        // LangChain: constructors in a batch of one, the stored form, and the plain form.
        json!({"messages": [[
            {"lc": 1, "type": "constructor", "id": ["langchain", "SystemMessage"], "kwargs": {"content": "Be brief"}},
            {"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Weather?", "type": "human", "id": "m1"}},
            {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": {"content": "", "type": "ai", "tool_calls": [{"name": "get_weather", "args": {"city": "Paris"}, "id": "c1", "type": "tool_call"}]}},
            {"lc": 1, "type": "constructor", "id": ["langchain", "ToolMessage"], "kwargs": {"content": result, "type": "tool", "tool_call_id": "c1", "id": "m2"}},
            {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": {"content": "It is 14.", "type": "ai"}}
        ]]}),
        json!({"messages": [
            {"type": "system", "data": {"content": "Be brief"}},
            {"type": "human", "data": {"content": "Weather?", "type": "human"}},
            {"type": "ai", "data": {"content": [{"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Paris"}}], "tool_calls": [{"name": "get_weather", "args": {"city": "Paris"}, "id": "c1"}]}},
            {"type": "tool", "data": {"content": result, "tool_call_id": "c1", "name": "get_weather"}},
            {"type": "ai", "data": {"content": "It is 14."}}
        ]}),
        json!({"messages": [
            {"type": "system", "content": "Be brief"},
            {"type": "human", "content": "Weather?"},
            {"type": "ai", "content": "", "additional_kwargs": {"tool_calls": [{"id": "c1", "function": {"name": "get_weather", "arguments": arguments}}]}},
            {"type": "tool", "content": result, "tool_call_id": "c1", "id": "m3"},
            {"type": "ai", "content": "It is 14."}
        ]}),
        // LiveKit.
        json!({"items": [
            {"type": "message", "role": "system", "content": ["Be brief"]},
            {"type": "message", "role": "user", "content": ["Weather?"]},
            {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": arguments},
            {"type": "function_call_output", "call_id": "c1", "name": "get_weather", "output": result},
            {"type": "message", "role": "assistant", "content": ["It is 14."]}
        ]}),
        // OpenInference, put together from its flattened attributes.
        json!([
            {"message": {"role": "system", "content": "Be brief"}},
            {"message": {"role": "user", "contents": [{"message_content": {"type": "text", "text": "Weather?"}}]}},
            {"message": {"role": "assistant", "tool_calls": [{"tool_call": {"id": "c1", "function": {"name": "get_weather", "arguments": arguments}}}]}},
            {"message": {"role": "tool", "tool_call_id": "c1", "content": result}},
            {"message": {"role": "assistant", "content": "It is 14."}}
        ]),
    ];
    for shape in shapes {
        assert_eq!(read_lines(shape.clone(), Role::User), TOLD, "{shape}");
        let text = json!(shape.to_string());
        assert_eq!(
            read_lines(text.clone(), Role::User),
            TOLD,
            "as text: {shape}"
        );
        let twice = json!(text.to_string());
        assert_eq!(
            read_lines(twice, Role::User),
            TOLD,
            "encoded twice: {shape}"
        );
    }
}

#[test]
fn one_answer_reads_the_same_in_every_response() {
    let responses = [
        json!("It is 14."),
        json!("\"It is 14.\""),
        json!("[\"It is 14.\"]"),
        json!(["It is 14."]),
        json!(
            "{\"content\": \"It is 14.\", \"refusal\": \"None\", \"role\": \"assistant\", \"tool_calls\": \"None\"}"
        ),
        json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It is 14."}}]}),
        json!({"choices": [{"text": "It is 14.", "finish_reason": "stop"}]}),
        json!({"id": "resp_1", "object": "response", "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is 14."}]}]}),
        json!({"candidates": [{"content": {"parts": [{"text": "It is 14."}], "role": "model"}, "finishReason": "STOP"}]}),
        json!({"content": {"parts": [{"text": "It is 14."}], "role": "model"}}),
        json!({"generations": [[{"text": "It is 14.", "message": {"lc": 1, "type": "constructor", "id": ["AIMessage"], "kwargs": {"content": "It is 14."}}}]]}),
        json!({"generations": [[{"text": "It is 14.", "generation_info": {"finish_reason": "stop"}}]]}),
        json!({"output": [{"graph": null, "update": {"messages": [{"type": "ai", "content": "It is 14."}]}}]}),
        json!({"message": {"role": "model", "content": [{"text": "It is 14."}]}, "finishReason": "stop"}),
        json!([{"type": "text", "text": "It is 14."}]),
        json!([{"text": "It is 14."}]),
        json!({"role": "assistant", "content": "[{\"type\": \"text\", \"text\": \"It is 14.\"}]"}),
        json!({"output": "It is 14."}),
    ];
    for response in responses {
        assert_eq!(
            read_lines(response.clone(), Role::Assistant),
            ["assistant: it is 14."],
            "{response}"
        );
    }
}

#[test]
fn thoughts_join_what_follows_and_calls_what_precedes() {
    let items = json!([
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}]},
        {"type": "function_call", "call_id": "c3", "name": "h", "arguments": ""}
    ]);
    assert_eq!(
        read_lines(items, Role::Assistant),
        [
            "assistant: (hm) + a + f{}#c1 + g{}#c2",
            "tool: =\"1\"#c1",
            "assistant: (so) + hnull#c3"
        ]
    );
    let choices = json!([
        {"role": "assistant", "content": "A", "finish_reason": "stop"},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}], "finish_reason": "tool_calls"}
    ]);
    assert_eq!(
        read_lines(choices, Role::Assistant).len(),
        2,
        "choices stay apart"
    );
    let two = json!([{"role": "assistant", "content": "A"}, {"role": "assistant", "content": "B"}]);
    assert_eq!(read_lines(two, Role::User).len(), 2, "texts stay apart");
}

#[test]
fn results_within_a_users_message_stand_on_their_own_in_order() {
    let message = json!([{"role": "user", "content": [
        {"type": "text", "text": "before"},
        {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
        {"type": "tool_result", "tool_use_id": "c2", "content": "2"},
        {"type": "text", "text": "after"}
    ]}]);
    assert_eq!(
        read_lines(message, Role::User),
        [
            "user: before",
            "tool: =\"1\"#c1",
            "tool: =\"2\"#c2",
            "user: after"
        ]
    );
    let by_the_provider = json!([{"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result", "url": "u"}]},
        {"type": "text", "text": "Found."}
    ]}]);
    assert_eq!(
        read_lines(by_the_provider, Role::User).len(),
        1,
        "stays one answer"
    );
}

#[test]
fn what_is_not_messages_is_text_or_stays() {
    for (value, wanted) in [
        (json!("plain"), vec!["user: plain"]),
        (json!("  "), vec![]),
        (json!(null), vec![]),
        (json!("None"), vec![]),
        (json!("[\"\"]"), vec![]),
        (json!([]), vec![]),
        (json!("{}"), vec![]),
        (json!("[Filtered]"), vec!["user: [filtered]"]),
        (
            json!("{\"city\":\"paris\"}"),
            vec!["user: {\"city\":\"paris\"}"],
        ),
        (json!("{broken"), vec!["user: {broken"]),
        (json!("42"), vec!["user: 42"]),
        (json!([{"role": "user"}]), vec![]),
        (
            json!([{"role": "user", "content": ""}, {"role": "user", "content": null}]),
            vec![],
        ),
    ] {
        assert_eq!(read_lines(value.clone(), Role::User), wanted, "{value}");
    }
    for data in [
        json!({"city": "Paris"}),
        json!([1, 2, 3]),
        json!("plain"),
        json!("{\"role_id\": 1}"),
        json!([{"role": "admin", "permissions": []}]),
        json!({"message": "hello", "level": "info"}),
        json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]),
        json!([{"type": "file", "name": "a.txt"}]),
        json!([{"type": "object", "properties": {}}]),
    ] {
        assert_eq!(read_strictly(data.clone(), Role::User), Err(data));
    }
}

#[test]
fn what_a_user_pastes_stays_text() {
    for pasted in [
        r#"[{"type": "function", "function": {"name": "f"}}]"#,
        r#"[{"text": "a", "size": 3}]"#,
        r#"[{"type": "file", "path": "a.txt"}]"#,
        r#"{"type": "text", "text": "x"}"#,
    ] {
        let message = json!([{"role": "user", "content": pasted}]);
        assert_eq!(read_lines(message, Role::User), [format!("user: {pasted}")]);
    }
}

#[test]
fn cut_text_gives_what_came_through() {
    let whole = json!([{"role": "user", "content": "first"}, {"role": "assistant", "content": "second is long"}]).to_string();
    // Keys stand in alphabetical order: content before role.
    let cut = &whole[..whole.find(" long").expect("there")];
    assert_eq!(
        read_lines(json!(cut), Role::User),
        ["user: first", "user: second is… [cut by the sender]"]
    );
    assert_eq!(read_lines(json!("[{\"ro"), Role::User), ["user: [{\"ro"]);
    let python = "[{'role': 'user', 'content': \"it's\"}]";
    assert_eq!(read_lines(json!(python), Role::User), ["user: it's"]);
}

#[test]
fn nesting_without_end_is_given_up() {
    let mut deep = json!({"role": "user", "content": "x"});
    for _ in 0..100 {
        deep = json!({"messages": [deep]});
    }
    assert!(read(deep, Role::User).len() <= 1);
}
