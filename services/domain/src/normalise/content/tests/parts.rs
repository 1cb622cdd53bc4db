use super::asked;
use crate::message::{Part, Role};
use crate::normalise::content::messages;
use serde_json::{Value, json};

fn only_part(part: &Value) -> Part {
    let message = json!([{"role": "user", "content": [part]}]);
    let turns = messages::read(message, Role::User);
    let [turn] = turns.as_slice() else {
        panic!("{part} was read as {turns:?}")
    };
    assert_eq!(turn.message.parts.len(), 1, "{part}");
    turn.message.parts[0].clone()
}

#[test]
fn media_have_type_and_address_in_every_spelling() {
    let link = Some("https://example.com/a");
    for (part, wanted_type, wanted_uri) in [
        // Mistral, vLLM, the AI SDK.
        (
            json!({"type": "document_url", "document_url": "https://example.com/a"}),
            None,
            link,
        ),
        (
            json!({"type": "audio_url", "audio_url": {"url": "https://example.com/a"}}),
            None,
            link,
        ),
        (
            json!({"type": "file", "mediaType": "application/pdf", "data": "https://example.com/a"}),
            Some("application/pdf"),
            link,
        ),
        // LlamaIndex has bytes where others have an address.
        (
            json!({"block_type": "image", "image": "iVBORw0KGgo".repeat(9), "image_mimetype": "image/png"}),
            Some("image/png"),
            None,
        ),
        // Pydantic AI, new and old.
        (
            json!({"type": "image-url", "url": "https://example.com/a"}),
            None,
            link,
        ),
        (
            json!({"kind": "audio-url", "url": "https://example.com/a", "media_type": "audio/mpeg"}),
            Some("audio/mpeg"),
            link,
        ),
        (
            json!({"type": "video-url", "url": "https://example.com/a"}),
            None,
            link,
        ),
        (
            json!({"kind": "document-url", "url": "https://example.com/a"}),
            None,
            link,
        ),
        (
            json!({"type": "binary", "media_type": "application/pdf", "content": "JVBERi0="}),
            Some("application/pdf"),
            None,
        ),
        (
            json!({"kind": "binary", "media_type": "application/pdf", "data": "JVBERi0="}),
            Some("application/pdf"),
            None,
        ),
        // OpenTelemetry.
        (
            json!({"type": "uri", "modality": "image", "mime_type": "image/png", "uri": "https://example.com/a"}),
            Some("image/png"),
            link,
        ),
        (
            json!({"type": "file", "modality": "document", "file_id": "https://example.com/a"}),
            None,
            link,
        ),
        // OpenAI.
        (
            json!({"type": "input_image", "image_url": "https://example.com/a", "detail": "auto"}),
            None,
            link,
        ),
        (
            json!({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}),
            Some("application/pdf"),
            None,
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
            Some("audio/wav"),
            None,
        ),
        // Bedrock.
        (
            json!({"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}),
            Some("image/png"),
            None,
        ),
        (
            json!({"document": {"format": "pdf", "name": "list", "source": {"bytes": "JVBERi0="}}}),
            Some("application/pdf"),
            None,
        ),
        (
            json!({"video": {"format": "mp4", "source": {"s3Location": {"uri": "https://example.com/a"}}}}),
            Some("video/mp4"),
            link,
        ),
        // Gemini.
        (
            json!({"inline_data": {"mime_type": "image/png", "data": "iVBORw0KGgo="}, "text": null}),
            Some("image/png"),
            None,
        ),
        (
            json!({"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/a"}}),
            Some("video/mp4"),
            link,
        ),
        // Anthropic.
        (
            json!({"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}),
            None,
            link,
        ),
        (
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}),
            Some("application/pdf"),
            None,
        ),
        // .NET Extensions AI, LlamaIndex, OpenInference.
        (
            json!({"$type": "data", "uri": "data:image/png;base64,iVBORw0KGgo=", "mediaType": "image/png"}),
            Some("image/png"),
            None,
        ),
        (
            json!({"$type": "uri", "uri": "https://example.com/a", "mediaType": "image/png"}),
            Some("image/png"),
            link,
        ),
        (
            json!({"block_type": "image", "url": "https://example.com/a", "image_mimetype": "image/png"}),
            Some("image/png"),
            link,
        ),
        (
            json!({"message_content": {"type": "image", "image": {"image": {"url": "https://example.com/a"}}}}),
            None,
            link,
        ),
        // A type that no table has.
        (
            json!({"type": "hologram", "mime_type": "model/x", "data": "iVBORw0KGgo="}),
            Some("model/x"),
            None,
        ),
    ] {
        let Part::Media {
            mime_type,
            uri,
            size_bytes,
        } = only_part(&part)
        else {
            panic!("{part}")
        };
        assert_eq!(
            (mime_type.as_deref(), uri.as_deref()),
            (wanted_type, wanted_uri),
            "{part}"
        );
        assert_eq!(size_bytes.is_some(), wanted_uri.is_none(), "{part}");
    }
}

#[test]
fn what_no_rule_knows_is_shown_without_its_bytes() {
    let bytes = "A".repeat(2_048);
    for part in [
        json!({"type": "guardrail_note", "content": "checked by desk 4"}),
        json!({"type": "generic", "value": {"a": 1}}),
        json!({"strange": true}),
        json!({"type": "data", "data": {"a": 1}}),
        json!({"type": "image_generation_call", "id": "i", "result": bytes}),
    ] {
        let Part::Other { json } = only_part(&part) else {
            panic!("{part}")
        };
        assert!(!json.to_string().contains(&bytes), "{json}");
        assert_eq!(json.get("type"), part.get("type"), "{part}");
    }
}

#[test]
fn words_nest_in_many_ways() {
    for part in [
        json!("Hi"),
        json!({"text": "Hi"}),
        json!({"type": "text", "text": {"value": "Hi", "annotations": []}}),
        json!({"text": {"value": "Hi"}}),
        json!({"guardContent": {"text": {"text": "Hi"}}}),
        json!({"type": "TextContent", "content": "Hi"}),
        json!({"type": "input_audio", "transcript": "Hi"}),
        json!({"parts": [{"text": "Hi"}]}),
    ] {
        let message = json!([{"role": "user", "content": [part]}]);
        assert_eq!(asked(&message), ["user: hi"], "{message}");
    }
    let object = json!([{"role": "user", "content": {"text": {"value": "Hi"}}}]);
    assert_eq!(asked(&object), ["user: hi"]);
}

#[test]
fn calls_and_results_nest_in_many_ways() {
    let call = "assistant: loaves{\"shop\":3}#c";
    let result = "tool: ={\"loaf\":\"rye\"}#c";
    for (part, line) in [
        // Azure AI projects.
        (
            json!({"type": "tool_call", "content": {"type": "function_call", "id": "c", "function": {"name": "loaves", "arguments": "{\"shop\":3}"}}}),
            call,
        ),
        (
            json!({"type": "tool_call_output", "content": {"type": "function_call_output", "id": "c", "output": {"loaf": "rye"}}}),
            result,
        ),
        (
            json!({"type": "FunctionCallContent", "callId": "c", "name": "loaves", "arguments": {"shop": 3}}),
            call,
        ),
        (
            json!({"functionCall": {"id": "c", "name": "loaves", "args": {"shop": 3}}, "text": null}),
            call,
        ),
        (
            json!({"functionResponse": {"id": "c", "name": "loaves", "response": {"result": {"loaf": "rye"}}}, "text": null}),
            result,
        ),
        (
            json!({"type": "builtin-tool-call", "tool_name": "loaves", "args": {"shop": 3}, "tool_call_id": "c"}),
            call,
        ),
    ] {
        let message = json!([{"role": "assistant", "content": "x"}, {"role": if line == call { "assistant" } else { "tool" }, "parts": [part]}]);
        let said = asked(&message);
        assert!(
            said.last()
                .is_some_and(|last| last.ends_with(line.split_once(": ").expect("a role").1)),
            "{message}: {said:?}"
        );
    }
    let search = json!([{"role": "assistant", "parts": [{"type": "tool_call", "content": {"type": "web_search_call", "id": "ws", "action": {"query": "rye"}}}]}]);
    assert_eq!(
        asked(&search),
        ["assistant: web_search{\"query\":\"rye\"}#ws"]
    );
}
