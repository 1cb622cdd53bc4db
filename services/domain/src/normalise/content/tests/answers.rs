use super::answered;
use serde_json::{Value, json};

/// JSON that a model was asked to write, with keys that wrappers have too.
#[test]
fn structured_answers_stay_whole() {
    for answer in [
        json!({"output": "approve", "reason": "in time", "score": 0.9}),
        json!({"output": {"a": 1}}),
        json!({"content": "Buy milk", "due": "Friday"}),
        json!({"messages": ["one", "two"], "tone": "warm"}),
        json!({"messages": [{"role": "user", "content": "Hi"}], "language": "en"}),
        json!({"message": {"content": "Dear Ana", "subject": "Trip"}, "send_at": "9:00"}),
        json!({"message": {"content": "Dear Ana", "subject": "Trip"}}),
        json!({"message": "Hi", "level": "info"}),
        json!({"text": "Hola", "language": "es"}),
        json!({"items": [{"type": "text", "text": "milk"}], "count": 1}),
        json!({"items": [{"type": "text", "text": "milk"}]}),
        json!({"prompt": "A red fox", "negative": "blur"}),
        json!({"prompt": "A red fox"}),
        json!({"input": "12 EUR", "currency": "EUR"}),
        json!({"response": "yes", "confidence": 1}),
        json!({"result": "ok", "items": []}),
        json!({"choices": [{"text": "A"}, {"text": "B"}], "question": "Which?"}),
        json!({"contents": ["a", "b"], "title": "Box"}),
        json!({"role": "engineer", "content": "builds", "salary": 3}),
        json!({"name": "x", "nothing": null, "empty": [], "text": ""}),
        json!([{"title": "a"}, {"title": "b"}]),
        json!([{"type": "text", "text": "milk", "due": "today"}]),
        json!({"query": "rye bread", "filters": {"shop": 3}}),
    ] {
        for said in [answer.clone(), json!(answer.to_string())] {
            let text = format!("assistant: {answer}").to_lowercase();
            assert_eq!(answered(&said), [text], "{said}");
        }
        let message = json!([{"role": "assistant", "content": answer.to_string()}]);
        let text = format!("assistant: {answer}").to_lowercase();
        assert_eq!(answered(&message), [text], "{message}");
    }
}

#[test]
fn one_sentence_among_metadata_is_the_sentence() {
    let usage = json!({"input_tokens": 5, "output_tokens": 2});
    for answer in [
        // Logfire: streams, completions.
        json!({"combined_chunk_content": "Rye.", "chunk_count": 4}),
        json!({"finish_reason": "stop", "text": "Rye.", "usage": usage}),
        // Haystack.
        json!({"replies": ["Rye."], "meta": [{"model": "m"}]}),
        // LlamaIndex.
        json!({"response": "Rye.", "source_nodes": [], "metadata": null}),
        json!({"message": {"role": "assistant", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "Rye."}]}, "raw": {"id": "c"}, "delta": null}),
        // Mastra, the AI SDK.
        json!({"text": "Rye.", "finishReason": "stop", "toolCalls": [], "files": []}),
        // Ollama.
        json!({"model": "m", "created_at": "2026", "message": {"role": "assistant", "content": "Rye."}, "done": true, "done_reason": "stop", "eval_count": 2}),
        // Claude Agent SDK.
        json!({"type": "assistant", "message": {"role": "assistant", "content": [{"type": "text", "text": "Rye."}]}, "session_id": "s"}),
        json!({"subtype": "success", "result": "Rye.", "usage": usage, "num_turns": 1, "anything": "else"}),
        // Pydantic AI.
        json!({"output": "Rye.", "_new_messages_serialized": [{"kind": "response"}]}),
        // LangChain's agents.
        json!({"input": "Which loaf?", "output": "Rye.", "intermediate_steps": []}),
        // Bedrock, Titan, Hugging Face.
        json!({"output": {"message": {"role": "assistant", "content": [{"text": "Rye."}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 1}, "metrics": {"latencyMs": 3}}),
        json!({"outputText": "Rye.", "completionReason": "FINISH", "tokenCount": 2}),
        json!([{"generated_text": "Rye."}]),
        // Cohere.
        json!({"response_id": "r", "generation_id": "g", "text": "Rye.", "chat_history": [{"role": "USER", "message": "Which loaf?"}], "finish_reason": "COMPLETE", "meta": {"api_version": {"version": "1"}}}),
        // Providers with keys of their own.
        json!({"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": "Rye."}, "x": 1}], "x_groq": {"id": "q"}}),
        json!({"candidates": [{"content": {"parts": [{"text": "Rye.", "thought": null, "function_call": null}], "role": "model"}, "finish_reason": "STOP", "index": 0}], "create_time": null, "response_id": "r", "model_version": "g", "usage_metadata": {"total_token_count": 3}}),
        json!({"completion": {"text": "Rye."}}),
        json!({"role": "CHATBOT", "message": "Rye."}),
    ] {
        assert_eq!(answered(&answer), ["assistant: rye."], "{answer}");
        let text = json!(answer.to_string());
        assert_eq!(answered(&text), ["assistant: rye."], "as text: {answer}");
    }
}

#[test]
fn what_one_answer_was_spread_over_is_one() {
    let text = |text: &str| json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let mcp = json!({"type": "mcp_call", "id": "m", "name": "g", "arguments": "{}", "output": "1"});
    let chunk = |text: &str| json!({"type": "AIMessageChunk", "content": text});
    let delta = |delta: Value| json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]});
    for (answer, said) in [
        (
            json!([text("A"), call, text("B")]),
            vec!["assistant: a + f{}#c + b"],
        ),
        (
            json!({"id": "r", "output": [mcp, text("B")]}),
            vec!["assistant: g{}#m + =\"1\"#m + b"],
        ),
        (json!(["A", "B"]), vec!["assistant: a + b"]),
        (
            json!([{"role": "assistant", "content": "A"}, {"role": "model", "content": "B"}]),
            vec!["assistant: a + b"],
        ),
        (json!([chunk("Ry"), chunk("e.")]), vec!["assistant: rye."]),
        (
            json!([
                delta(json!({"role": "assistant", "content": ""})),
                delta(json!({"content": "Ry"})),
                delta(json!({"content": "e."})),
                delta(json!({}))
            ]),
            vec!["assistant: rye."],
        ),
        (
            json!([
                delta(
                    json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]})
                ),
                delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\""}}]})),
                delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]})),
            ]),
            vec!["assistant: f{\"a\":1}#c"],
        ),
        // Koog's parallel calls.
        (
            json!([
                {"role": "assistant", "content": json!([{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]).to_string(), "finish_reason": "tool_calls"},
                {"role": "assistant", "content": json!([{"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}}]).to_string(), "finish_reason": "tool_calls"},
            ]),
            vec!["assistant: f{}#c1 + f{}#c2"],
        ),
    ] {
        assert_eq!(answered(&answer), said, "{answer}");
    }
}

#[test]
fn choices_stay_apart() {
    for choices in [
        json!([{"role": "assistant", "content": "A", "finish_reason": "stop"}, {"role": "assistant", "content": "B", "finish_reason": "stop"}]),
        json!({"choices": [{"message": {"role": "assistant", "content": "A"}}, {"message": {"role": "assistant", "content": "B"}}]}),
        json!([{"index": 0, "message": {"role": "assistant", "content": "A"}}, {"index": 1, "message": {"role": "assistant", "content": "B"}}]),
        json!({"candidates": [{"content": {"parts": [{"text": "A"}], "role": "model"}}, {"content": {"parts": [{"text": "B"}], "role": "model"}}]}),
    ] {
        assert_eq!(
            answered(&choices),
            ["assistant: a", "assistant: b"],
            "{choices}"
        );
    }
}

#[test]
fn others_words_within_an_output_are_theirs() {
    for (output, said) in [
        (
            json!([{"role": "user", "content": "Which?"}]),
            vec!["user: which?"],
        ),
        (
            json!([{"role": "HumanMessage", "content": "Which?"}, {"role": "AIMessage", "content": "Rye."}]),
            vec!["user: which?", "assistant: rye."],
        ),
        (
            json!([{"role": "narrator", "content": "It rains."}]),
            vec!["other: other { json: object {\"role\": string(\"narrator\")} } + it rains."],
        ),
    ] {
        assert_eq!(answered(&output), said, "{output}");
    }
}

#[test]
fn thoughts_are_parted_from_words_by_whatever_tags_there_are() {
    for (text, said) in [
        ("<think>hm</think>Rye.", vec!["assistant: (hm) + rye."]),
        (
            "<reasoning>hm</reasoning>Rye.",
            vec!["assistant: (hm) + rye."],
        ),
        (
            "<thought>hm</thought>\nRye.",
            vec!["assistant: (hm) + rye."],
        ),
        ("hm</think>\n\nRye.", vec!["assistant: (hm) + rye."]),
        (
            "<thinking>hm</thinking>Rye.",
            vec!["assistant: (hm) + rye."],
        ),
        ("</think>Rye.", vec!["assistant: rye."]),
        ("<think>hm", vec!["assistant: (hm)"]),
        (
            "Close it with `</think>`.",
            vec!["assistant: close it with `</think>`."],
        ),
        ("None", vec![]),
        ("null", vec![]),
    ] {
        assert_eq!(answered(&json!(text)), said, "{text}");
        let message = json!([{"role": "assistant", "content": text}]);
        assert_eq!(answered(&message), said, "{message}");
    }
    let printed =
        json!([{"role": "assistant", "content": "", "refusal": "None", "tool_calls": "None"}]);
    assert!(answered(&printed).is_empty());
    let by_user =
        json!([{"role": "user", "content": "None"}, {"role": "assistant", "content": "x"}]);
    assert_eq!(super::asked(&by_user), ["user: none", "assistant: x"]);
}

#[test]
fn keys_that_sdks_use_too_are_data_where_their_values_are_no_sdks() {
    for answer in [
        json!({"usage": "daily", "text": "Take one."}),
        json!({"tool_calls": 3, "text": "Done."}),
        json!({"text": "Rye.", "files": 2}),
        json!({"generations": [1, 2, 3]}),
        json!({"choices": ["rye", "oat"]}),
        json!({"type": "human", "data": {"age": 4}}),
        json!({"request": {"text": "Rye."}}),
        json!({"body": {"messages": [{"role": "user", "content": "Hi"}]}}),
        json!({"kwargs": {"output": "Rye."}}),
        json!([{"parts": [{"name": "wheel", "count": 4}]}]),
    ] {
        let text = answer.to_string();
        let said = format!("assistant: {text}").to_lowercase();
        assert_eq!(answered(&json!(text)), [said], "{answer}");
    }
    for (answer, said) in [
        (
            json!({"model": "m", "response": "Rye.", "done": true, "context": [1, 2]}),
            vec!["assistant: rye."],
        ),
        (
            json!({"completion": "Rye.", "stop_reason": "stop_sequence", "log_id": "x"}),
            vec!["assistant: rye."],
        ),
        (
            json!([{"parts": [{"type": "text", "content": "Rye."}]}]),
            vec!["assistant: rye."],
        ),
        (
            json!({"text": "", "files": [], "reasoning": [], "sources": [], "warnings": []}),
            vec![],
        ),
    ] {
        assert_eq!(answered(&answer), said, "{answer}");
    }
}
