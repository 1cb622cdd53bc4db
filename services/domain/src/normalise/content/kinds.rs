//! What kind of part a type names, and where its fields stand, in any SDK's spelling.

use crate::normalise::values::absent;
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Text,
    Reasoning,
    ToolCall,
    ToolResult,
    Media,
    Refusal,
    Object,
    /// Says nothing: marks for caches and steps.
    Nothing,
}

/// Keys under which a part tells its type: most SDKs, .NET, LlamaIndex, Pydantic AI.
pub(crate) const KEYS: [&str; 5] = ["type", "$type", "block_type", "part_kind", "kind"];

const NAMES: [(Kind, &[&str]); 8] = [
    (
        Kind::Text,
        &["text", "input_text", "output_text", "user_prompt"],
    ),
    (
        Kind::Reasoning,
        &[
            "reasoning",
            "thinking",
            "thought",
            "redacted_thinking",
            "redacted_reasoning",
            "summary_text",
            "reasoning_text",
            // .NET Extensions AI.
            "text_reasoning",
        ],
    ),
    (
        Kind::ToolCall,
        &[
            "tool_call",
            "tool_use",
            "tool_request",
            "function_call",
            "function",
            "server_tool_call",
            "server_tool_use",
            "custom_tool_call",
            // Pydantic AI: tools of the provider.
            "builtin_tool_call",
            "mcp_call",
            "mcp_tool_use",
            "computer_call",
            "local_shell_call",
            "shell_call",
            "apply_patch_call",
        ],
    ),
    (
        Kind::ToolResult,
        &[
            "tool_call_response",
            "tool_result",
            // Haystack.
            "tool_call_result",
            "tool_error",
            "tool_response",
            // Azure AI projects.
            "tool_call_output",
            // Pydantic AI.
            "tool_return",
            "builtin_tool_return",
            "function_call_output",
            "function_response",
            // .NET Extensions AI, Semantic Kernel.
            "function_result",
            "computer_call_output",
            "local_shell_call_output",
            "shell_call_output",
            "apply_patch_call_output",
            "server_tool_call_response",
            "custom_tool_call_output",
        ],
    ),
    (
        Kind::Media,
        &[
            "image",
            "image_url",
            "image_file",
            "input_image",
            "output_image",
            "audio",
            "audio_url",
            "input_audio",
            "output_audio",
            "video",
            "video_url",
            "document",
            "document_url",
            "file",
            "file_id",
            "file_url",
            "input_file",
            // Pydantic AI.
            "binary",
            // OpenTelemetry.
            "blob",
            "uri",
            "media",
            // .NET Extensions AI.
            "data",
            "hosted_file",
            // MCP.
            "resource_link",
        ],
    ),
    (Kind::Refusal, &["refusal"]),
    (Kind::Object, &["object"]),
    (Kind::Nothing, &["cache_point", "step_start", "step_finish"]),
];

/// Endings of provider's tools (`web_search_tool_result`, `bash_code_execution_tool_result`).
const ENDINGS: [(&str, Kind); 2] = [
    ("_tool_result", Kind::ToolResult),
    ("_tool_use", Kind::ToolCall),
];

/// What classes put behind the name (`Microsoft.Extensions.AI.TextReasoningContent`, `ThinkingBlock`, `ToolCallPart`).
const SUFFIXES: [&str; 4] = ["_content", "_block", "_part", "_chunk"];

impl Kind {
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = snake_case(name);
        let named = |name: &str| {
            let found = NAMES.iter().find(|(_, names)| names.contains(&name));
            found.map(|(kind, _)| *kind)
        };
        named(&name)
            .or_else(|| {
                SUFFIXES
                    .iter()
                    .find_map(|suffix| named(name.strip_suffix(suffix)?))
            })
            .or_else(|| {
                let ending = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
                ending.map(|(_, kind)| *kind)
            })
    }
}

/// The type that a part names.
pub(crate) fn of(map: &Map<String, Value>) -> Option<&str> {
    let mut kinds = KEYS.iter().filter_map(|key| map.get(*key)?.as_str());
    kinds.find(|kind| !kind.is_empty())
}

/// The fields of a .NET class (`{"Role":…,"Items":[…]}`) as every other SDK spells them.
pub(crate) fn plain_keys(map: Map<String, Value>) -> Map<String, Value> {
    /// Keys that tell a message or part of such a class.
    const TELLING: [&str; 6] = ["$type", "Role", "Text", "Items", "Contents", "FunctionName"];
    if !TELLING.iter().any(|key| map.contains_key(*key)) {
        return map;
    }
    let lower = |key: String| match key.chars().next() {
        Some(first) if first.is_ascii_uppercase() => {
            first.to_ascii_lowercase().to_string() + &key[1..]
        }
        _ => key,
    };
    map.into_iter()
        .map(|(key, value)| (lower(key), value))
        .collect()
}

/// Puts the fields of a call or result where they are looked for: .NET, Semantic Kernel, LlamaIndex.
pub(crate) fn plain_tool_keys(map: &mut Map<String, Value>) {
    const ALIASES: [(&str, &str); 4] = [
        ("callId", "call_id"),
        ("functionName", "name"),
        ("tool_kwargs", "arguments"),
        ("function_name", "name"),
    ];
    for (alias, key) in ALIASES {
        if absent::has(map, key) {
            continue;
        }
        if let Some(value) = map.remove(alias) {
            map.insert(key.to_owned(), value);
        }
    }
    // Haystack's results hold the call that they are of.
    if let Some(Value::Object(call)) = map.remove("origin") {
        for (key, value) in call {
            if matches!(key.as_str(), "id" | "tool_name") {
                map.entry(key).or_insert(value);
            }
        }
        if map.get("error").is_some_and(Value::is_boolean)
            && let Some(error) = map.remove("error")
        {
            map.insert("is_error".into(), error);
        }
    }
    // Semantic Kernel tells models of a function by both names.
    if let Some(Value::String(plugin)) = map.remove("pluginName")
        && let Some(Value::String(name)) = map.get_mut("name")
        && !plugin.is_empty()
    {
        *name = format!("{plugin}-{name}");
    }
}

/// `image-url`, `ImageUrl`, `IMAGE_URL` and `x.y.imageUrl` as `image_url`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for letter in name.rsplit('.').next().unwrap_or(name).chars() {
        if letter.is_ascii_uppercase() && was_lower {
            snake.push('_');
        }
        was_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(match letter {
            '-' | ' ' => '_',
            letter => letter.to_ascii_lowercase(),
        });
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_in_every_spelling() {
        for (kind, names) in [
            (
                Kind::Text,
                &[
                    "text",
                    "TEXT",
                    "TextContent",
                    "TextPart",
                    "input_text",
                    "TextBlock",
                ][..],
            ),
            (
                Kind::Reasoning,
                &[
                    "thinking",
                    "ThinkingBlock",
                    "reasoning_content",
                    "Microsoft.Extensions.AI.TextReasoningContent",
                    "redacted-reasoning",
                ],
            ),
            (
                Kind::ToolCall,
                &[
                    "tool-call",
                    "tool_use",
                    "functionCall",
                    "FunctionCallContent",
                    "builtin-tool-call",
                    "server_tool_use",
                ],
            ),
            (
                Kind::ToolResult,
                &[
                    "tool-result",
                    "tool-return",
                    "FunctionResultContent",
                    "web_search_tool_result",
                    "text_editor_code_execution_tool_result",
                    "tool_call_output",
                ],
            ),
            (
                Kind::Media,
                &[
                    "image-url",
                    "audio-url",
                    "video-url",
                    "document-url",
                    "binary",
                    "file_id",
                    "ImageContent",
                    "DataContent",
                    "imageUrl",
                    "AudioBlock",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(Kind::of(name), Some(kind), "{name}");
            }
        }
        for name in [
            "",
            "web_search_call",
            "guardrail_note",
            "generic",
            "content",
            "user",
        ] {
            assert_eq!(Kind::of(name), None, "{name}");
        }
    }
}
