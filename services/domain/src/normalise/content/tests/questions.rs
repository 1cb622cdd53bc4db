use super::asked;
use serde_json::json;

#[test]
fn a_request_with_a_plain_question_is_the_question() {
    for request in [
        json!({"model": "m", "contents": "Which loaf?", "config": null}),
        json!({"model": "m", "contents": ["Which loaf?"], "config": {"temperature": 0}}),
        json!({"contents": [{"parts": [{"text": "Which loaf?"}]}], "generationConfig": {"topK": 1}}),
        json!({"args": ["Which loaf?"]}),
        json!({"args": ["Which loaf?"], "kwargs": {}}),
        json!({"user_prompt": "Which loaf?", "message_history": null, "deps": null}),
        json!({"new_message": {"role": "user", "parts": [{"text": "Which loaf?"}]}, "user_id": "u", "session_id": "s", "state_delta": null}),
        json!({"query": "Which loaf?"}),
        json!({"question": "Which loaf?", "session_id": "s"}),
        json!({"query_str": "Which loaf?", "image_path": null, "custom_embedding_strs": null}),
        json!({"str_or_query_bundle": "Which loaf?"}),
        json!({"message": "Which loaf?", "chat_history": [], "model": "command"}),
        json!({"model": "m", "input": "Which loaf?", "temperature": 1}),
        json!({"model": "m", "prompt": "Which loaf?", "max_tokens": 20}),
        json!({"prompt": {"text": "Which loaf?"}}),
        json!({"text": "Which loaf?"}),
        // A traced function with its arguments; a request within another; LangChain's pairs.
        json!({"args": [], "kwargs": {"input": "Which loaf?"}}),
        json!({"request": {"messages": [{"role": "user", "content": "Which loaf?"}], "model": "m"}}),
        json!({"body": {"messages": [{"role": "user", "content": "Which loaf?"}]}}),
        json!({"messages": [["user", "Which loaf?"]]}),
        // Hugging Face, Titan, LlamaIndex, AutoGen.
        json!({"inputs": "Which loaf?", "parameters": {"max_new_tokens": 9}}),
        json!({"inputText": "Which loaf?", "textGenerationConfig": {"maxTokenCount": 5}}),
        json!({"user_msg": "Which loaf?", "chat_history": null, "verbose": false}),
        json!({"task": "Which loaf?", "cancellation_token": null}),
        json!({"messages": [{"role": "human", "content": "Which loaf?"}], "customer": {"id": 7}, "next": "agent"}),
    ] {
        assert_eq!(asked(&request), ["user: which loaf?"], "{request}");
        let text = json!(request.to_string());
        assert_eq!(asked(&text), ["user: which loaf?"], "as text: {request}");
    }
}

#[test]
fn prompts_and_histories_beside_the_question_stand_before_it() {
    let told = [
        "system: be brief.",
        "user: hi",
        "assistant: hello!",
        "user: which loaf?",
    ];
    for request in [
        // Cohere.
        json!({"preamble": "Be brief.", "chat_history": [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Hello!"}], "message": "Which loaf?"}),
        // Chains of LangChain.
        json!({"system_prompt": "Be brief.", "chat_history": [{"type": "human", "content": "Hi"}, {"type": "ai", "content": "Hello!"}], "input": "Which loaf?"}),
        // Gemini.
        json!({"config": {"system_instruction": "Be brief."}, "contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello!"}]}, {"role": "user", "parts": [{"text": "Which loaf?"}]}]}),
    ] {
        assert_eq!(asked(&request), told, "{request}");
    }
}

#[test]
fn what_is_no_question_is_not_asked() {
    for request in [
        json!({"model": "gpt-4o", "stream": false}),
        json!({"model": "m", "input": null, "temperature": 1}),
        json!({"messages": []}),
    ] {
        assert!(asked(&request).is_empty(), "{request}");
    }
    for data in [
        json!({"input": "12 EUR", "currency": "EUR"}),
        json!({"question": "Which?", "context": "Bread."}),
        json!({"items": [{"type": "text", "text": "milk"}], "count": 1}),
    ] {
        assert_eq!(
            asked(&data),
            [format!("user: {data}").to_lowercase()],
            "{data}"
        );
    }
}

#[test]
fn items_that_nobody_said_are_shown_as_what_they_are() {
    for (item, whose) in [
        (
            json!({"type": "mcp_approval_response", "approval_request_id": "a", "approve": true}),
            "other",
        ),
        (
            json!({"type": "computer_screen_call_output", "call_id": "c", "x": 1}),
            "other",
        ),
        (
            json!({"type": "item_reference", "id": "msg_1"}),
            "assistant",
        ),
        (
            json!({"type": "web_search_call", "id": "ws", "status": "completed"}),
            "assistant",
        ),
        (json!({"sort": "strange"}), "other"),
    ] {
        let request = json!({"model": "m", "input": [{"role": "user", "content": "Hi"}, item], "previous_response_id": "r"});
        let said = asked(&request);
        assert_eq!(said.len(), 2, "{request}: {said:?}");
        assert!(
            said[1].starts_with(&format!("{whose}: other {{")),
            "{said:?}"
        );
    }
    let alone = json!({"model": "m", "input": [{"type": "mcp_approval_response", "approval_request_id": "a", "approve": true}]});
    assert!(asked(&alone)[0].starts_with("other: "));
}

#[test]
fn a_reference_to_a_call_gives_way_to_the_result_that_names_it() {
    let request = json!({"input": [
        {"role": "user", "content": "Hi"},
        {"type": "item_reference", "id": "rs_1"},
        {"type": "item_reference", "id": "fc_1"},
        {"type": "function_call_output", "call_id": "c1", "output": "rye"}
    ]});
    assert_eq!(asked(&request), ["user: hi", "tool: =\"rye\"#c1"]);
}
