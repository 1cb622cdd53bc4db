//! One conversation: transcript, spans, relatives.

use domain::facts::Link;
use domain::ids::SpanId;
use domain::span::Operation;
use serde_json::{Value, json};

use crate::support::dialogue::{
    assistant, chat, failed, span, system, tool, tool_call, tool_result, turns, user,
};
use crate::support::gateway::{Gateway, World};

async fn conversation(gateway: &Gateway, id: &str, fields: &str) -> Value {
    let query =
        format!("query($id: ID!) {{ conversation(project: \"shop\", id: $id) {{ {fields} }} }}");
    gateway.query(&query, json!({"id": id})).await["conversation"].clone()
}

#[tokio::test]
async fn a_row_shows_the_totals_of_the_whole_conversation() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writer = world.writer("shop", "c");
    let mut spans = turns(1, 2);
    spans.push(failed(tool(1, 3, "lookup", "k", Value::Null)));
    writer.write(spans).await;
    let fields =
        "id project status revision startedAt lastActivityAt finalizedAt durationMs generationMs
        firstInput lastOutput llmCalls toolCalls errors toolErrors usage { inputTokens totalTokens }
        cost { total unpricedCalls } usageByModel { model provider llmCalls cost { total } }
        agents models tools user { id } environment traceIds inferred spanCount messageCount";
    let open = conversation(&gateway, "c", fields).await;
    assert_eq!(
        open,
        json!({
            "id": "c", "project": "shop", "status": "OPEN", "revision": 0,
            "startedAt": "2026-11-23T06:00:01.000000Z",
            "lastActivityAt": "2026-11-23T06:00:03.500000Z",
            "finalizedAt": null, "durationMs": 2500.0, "generationMs": 1000.0,
            "firstInput": "question 1", "lastOutput": "answer 2",
            "llmCalls": 2, "toolCalls": 1, "errors": 1, "toolErrors": 1,
            "usage": {"inputTokens": 20, "totalTokens": 30},
            "cost": {"total": 0.02, "unpricedCalls": 0},
            "usageByModel": [
                {"model": "gpt-test", "provider": "openai", "llmCalls": 2, "cost": {"total": 0.02}}
            ],
            "agents": [], "models": ["gpt-test"], "tools": ["lookup"], "user": null,
            "environment": null, "traceIds": ["01010101010101010101010101010101"],
            "inferred": false, "spanCount": 3, "messageCount": open["messageCount"],
        })
    );
    writer.finalise().await;
    let closed = conversation(&gateway, "c", "status revision finalizedAt").await;
    assert_eq!(
        closed,
        json!({"status": "FINALIZED", "revision": 1, "finalizedAt": "2026-11-23T06:01:03.500000Z"})
    );
    assert_eq!(conversation(&gateway, "unknown", "id").await, Value::Null);
}

#[tokio::test]
async fn the_transcript_tells_who_said_what_and_which_tools_ran() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let history = [system("Be brief."), user("Where is my order?")];
    let call = tool_call("k1", "lookup", json!({"order": 4711}));
    let first = chat(1, 1, &history, call.clone());
    let lookup = tool(1, 2, "lookup", "k1", json!({"city": "Graz"}));
    let mut history = history.to_vec();
    history.extend([call, tool_result("k1", json!({"city": "Graz"}))]);
    let second = chat(1, 3, &history, assistant("In Graz."));
    world
        .writer("shop", "c")
        .write([first, lookup, second])
        .await;
    let fields = "messages { nodes {
            id role text parts { type text json } timestamp model finishReason durationMs usage { totalTokens }
            cost { total } error { type } thread threadParent superseded contentCaptured
            toolCalls { id callId name arguments result status startedAt durationMs span { id operation } }
            spans { id }
        } } systemPrompts { text calls firstUsedAt }";
    let shown = conversation(&gateway, "c", fields).await;
    let messages = shown["messages"]["nodes"].as_array().expect("messages");
    let texts: Vec<&Value> = messages.iter().map(|message| &message["text"]).collect();
    assert_eq!(
        texts,
        [
            &json!("Where is my order?"),
            &Value::Null,
            &json!("In Graz.")
        ]
    );
    assert_eq!(messages[0]["role"], "USER");
    assert_eq!(messages[0]["timestamp"], "2026-11-23T06:00:01.000000Z");
    assert_eq!(messages[1]["parts"][0]["type"], "TOOL_CALL");
    let answer_id = messages[1]["id"].as_str().expect("an id");
    assert_eq!(
        messages[1]["toolCalls"],
        json!([{
            "id": format!("{answer_id}.0"), "callId": "k1", "name": "lookup", "arguments": {"order": 4711},
            "result": {"city": "Graz"}, "status": "OK",
            "startedAt": "2026-11-23T06:00:02.000000Z", "durationMs": 500.0,
            "span": {"id": "0000000000000002", "operation": "EXECUTE_TOOL"},
        }])
    );
    let answer = &messages[2];
    assert_eq!(answer["timestamp"], "2026-11-23T06:00:03.500000Z");
    assert_eq!(
        (
            &answer["model"],
            &answer["finishReason"],
            &answer["durationMs"],
            &answer["usage"]["totalTokens"]
        ),
        (
            &json!("gpt-test"),
            &json!("stop"),
            &json!(500.0),
            &json!(15)
        )
    );
    assert_eq!(answer["spans"], json!([{"id": "0000000000000003"}]));
    assert_eq!(
        shown["systemPrompts"],
        json!([{"text": "Be brief.", "calls": 2, "firstUsedAt": "2026-11-23T06:00:01.000000Z"}])
    );
}

/// An agent, a call below an HTTP request below it, and a tool that failed below the call.
async fn write_nested(world: &World) {
    let mut agent = span(1, 1, Operation::InvokeAgent);
    agent.agent = Some("helper".to_owned());
    agent.end_ns += 10_000_000_000;
    let mut call = chat(1, 3, &[system("Be brief."), user("Hi")], assistant("Hello"));
    // The request is not of the conversation, but stands between its spans.
    let mut request = call.key;
    request.span = SpanId(2u64.to_be_bytes());
    call.parent = Some(request.span);
    let map = |value: Value| value.as_object().expect("a map").clone();
    call.attributes = map(json!({"short": 1, "long": "x".repeat(5_000)}));
    call.resource = map(json!({"service.name": "shop-bot"}));
    let mut failing = failed(tool(1, 4, "lookup", "k", json!("none")));
    failing.parent = Some(call.key.span);
    let link = Link {
        key: request,
        parent: Some(agent.key.span),
        record_ms: 0,
    };
    let mut writer = world.writer("shop", "c");
    writer.write_linked([agent, call, failing], &[link]).await;
}

#[tokio::test]
async fn spans_show_their_relations_what_they_said_and_every_attribute() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    write_nested(&world).await;
    let fields =
        "spans { nodes { id traceId parentSpanId parent name operation startedAt endedAt durationMs
        error { type message } agent requestModel provider tool usage { inputTokens } cost { total }
        input output attributes resource instrumentation } }";
    let shown = conversation(&gateway, "c", fields).await;
    let [agent, call, tool] = &shown["spans"]["nodes"].as_array().expect("spans")[..] else {
        panic!("three spans, not {shown}")
    };
    let pair = |span: &Value, a: &str, b: &str| json!([span[a], span[b]]);
    assert_eq!(agent["operation"], "INVOKE_AGENT");
    assert_eq!(pair(agent, "parent", "input"), json!([null, null]));
    let across_the_request = json!(["0000000000000002", "0000000000000001"]);
    assert_eq!(pair(call, "parentSpanId", "parent"), across_the_request);
    assert_eq!(
        call["input"],
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        ])
    );
    assert_eq!(
        call["output"],
        json!([{
            "role": "assistant",
            "parts": [{"type": "text", "content": "Hello"}],
            "finish_reason": "stop",
        }])
    );
    assert_eq!(
        call["attributes"],
        json!({"short": 1, "long": "x".repeat(5_000)})
    );
    assert_eq!(call["resource"], json!({"service.name": "shop-bot"}));
    assert_eq!(pair(tool, "tool", "parent"), json!(["lookup", call["id"]]));
    assert_eq!(
        pair(tool, "input", "output"),
        json!([{"order": 4711}, "none"])
    );
    assert_eq!(
        tool["error"],
        json!({"type": "TimeoutError", "message": "took too long"})
    );
}

#[tokio::test]
async fn a_span_tells_whether_its_tokens_are_in_the_totals() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let call = chat(1, 3, &[user("Hi")], assistant("Hello"));
    let mut wrapper = chat(1, 2, &[user("Hi")], assistant("Hello"));
    let mut agent = span(1, 1, Operation::InvokeAgent);
    agent.usage = call.usage;
    wrapper.parent = Some(agent.key.span);
    let call = domain::span::Span {
        parent: Some(wrapper.key.span),
        ..call
    };
    world
        .writer("shop", "c")
        .write(vec![
            agent,
            wrapper,
            call,
            span(1, 9, Operation::ExecuteTool),
        ])
        .await;
    let fields = "usage { inputTokens } repeatedReports spans { nodes { counted } }";
    let shown = conversation(&gateway, "c", fields).await;
    assert_eq!(shown["usage"]["inputTokens"], 10, "{shown}");
    assert_eq!(shown["repeatedReports"], 2);
    let counted = [false, false, true].map(Value::from);
    let spans = shown["spans"]["nodes"].as_array().expect("spans");
    let found: Vec<_> = spans.iter().map(|span| span["counted"].clone()).collect();
    assert_eq!(found[..3], counted);
    assert_eq!(found[3], Value::Null);
}

#[tokio::test]
async fn one_span_is_found_by_the_id_that_it_has_elsewhere() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.writer("shop", "c").write(turns(1, 3)).await;
    let all = conversation(&gateway, "c", "spans { nodes { id name input } }").await;
    for span in all["spans"]["nodes"].as_array().expect("spans") {
        let fields = format!("span(id: {}) {{ id name input }}", span["id"]);
        assert_eq!(conversation(&gateway, "c", &fields).await["span"], *span);
    }
    for unknown in ["00000000000000ff", "not an id", ""] {
        let fields = format!("span(id: {}) {{ id }}", json!(unknown));
        let found = conversation(&gateway, "c", &fields).await;
        assert_eq!(found["span"], Value::Null, "{unknown:?}");
    }
}

#[tokio::test]
async fn pages_of_messages_and_spans_show_one_moment_while_more_arrives() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writer = world.writer("shop", "c");
    let spans = turns(1, 12);
    writer.write(spans[..5].to_vec()).await;
    let whole = |list: &str| format!("{list}(first: 500) {{ nodes {{ id }} }}");
    for list in ["messages", "spans"] {
        let before = conversation(&gateway, "c", &whole(list)).await[list]["nodes"].clone();
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = format!(
                "{list}(first: 2{after}) {{ nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage endCursor }} }}"
            );
            let page = conversation(&gateway, "c", &page).await[list].clone();
            assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(!seen.is_empty()));
            seen.extend(page["nodes"].as_array().expect("nodes").clone());
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            let end = page["pageInfo"]["endCursor"]
                .as_str()
                .expect("a cursor")
                .to_owned();
            after = format!(", after: \"{end}\"");
            let written = conversation(&gateway, "c", "spanCount").await["spanCount"].as_u64();
            let next = written.expect("a number") as usize;
            writer
                .write(spans.get(next..next + 1).unwrap_or_default().to_vec())
                .await;
        }
        assert_eq!(json!(seen), before, "{list}");
        let now = conversation(&gateway, "c", &whole(list)).await[list]["nodes"].clone();
        assert!(
            now.as_array().map(Vec::len) > before.as_array().map(Vec::len),
            "{list}"
        );
    }
}

#[tokio::test]
async fn conversations_that_share_a_trace_are_related() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    for (id, trace) in [("caller", 1), ("callee", 1), ("stranger", 2)] {
        let call = chat(
            trace,
            u64::from(id.len() as u32),
            &[user("hi")],
            assistant(id),
        );
        world.writer("shop", id).write([call]).await;
    }
    let other = chat(1, 50, &[user("hi")], assistant("other project"));
    world.writer("bank", "namesake").write([other]).await;
    let related = conversation(&gateway, "caller", "related { id project related { id } }").await;
    assert_eq!(
        related["related"],
        json!([{"id": "callee", "project": "shop", "related": [{"id": "caller"}]}])
    );
    assert_eq!(
        conversation(&gateway, "stranger", "related { id }").await["related"],
        json!([])
    );
}

#[tokio::test]
async fn a_cursor_of_another_conversation_or_list_is_refused() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    for id in ["a", "b"] {
        world.writer("shop", id).write(turns(1, 3)).await;
    }
    let page = "messages(first: 1) { liveCursor pageInfo { endCursor } } spans(first: 1) { pageInfo { endCursor } }";
    let a = conversation(&gateway, "a", page).await;
    let cursor = a["messages"]["pageInfo"]["endCursor"]
        .as_str()
        .expect("a cursor");
    let live = a["messages"]["liveCursor"].as_str().expect("a cursor");
    let of_spans = a["spans"]["pageInfo"]["endCursor"]
        .as_str()
        .expect("a cursor");
    for (id, after) in [("b", cursor), ("a", live), ("a", of_spans), ("a", "x")] {
        let query = format!(
            "{{ conversation(project: \"shop\", id: \"{id}\") {{ messages(after: \"{after}\") {{ nodes {{ id }} }} }} }}"
        );
        assert_eq!(
            gateway.error(&query, json!({})).await,
            "CURSOR_INVALID",
            "{id} {after}"
        );
    }
}

#[tokio::test]
async fn instrumentations_without_an_id_are_counted_by_project() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let counted = store::Tallied {
        project: "shop".to_owned(),
        instrumentation: "openai".to_owned(),
        spans: 3,
        llm_calls: 2,
        last_seen_ms: 1_795_413_600_000,
        example_trace: None,
    };
    world
        .store
        .tally(store::Tally::Unassigned, &[counted])
        .await
        .expect("counts");
    let query = "query($p: [ID!]) { unassignedSpans(projects: $p) { project instrumentation spans llmCalls lastSeenAt exampleTraceId } }";
    let data = gateway.query(query, json!({"p": ["shop"]})).await;
    assert_eq!(
        data["unassignedSpans"],
        json!([{
            "project": "shop", "instrumentation": "openai", "spans": 3, "llmCalls": 2,
            "lastSeenAt": "2026-11-23T06:00:00.000000Z", "exampleTraceId": null,
        }])
    );
    let none = gateway.query(query, json!({"p": ["bank"]})).await;
    assert_eq!(none["unassignedSpans"], json!([]));
}
