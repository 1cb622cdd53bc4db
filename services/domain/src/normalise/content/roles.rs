//! Who speaks: the names that SDKs and providers have for roles. One that no table knows stays what it is.

use crate::message::{Part, Role};
use crate::normalise::values::absent;
use serde_json::{Map, Value, json};

/// Whose a message is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Speaker {
    Known(Role),
    /// By a name that stands for nobody who is known here.
    Unknown(String),
}

impl Speaker {
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Known(role) => *role,
            Self::Unknown(_) => Role::Other,
        }
    }

    /// What shows an unknown speaker's name.
    pub(crate) fn mark(self) -> Option<Part> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(name) => Some(Part::Other {
                json: json!({"role": name}),
            }),
        }
    }
}

/// The roles by name, in lower case and without separators.
const NAMES: [(&str, Role); 34] = [
    ("system", Role::System),
    // OpenAI.
    ("developer", Role::System),
    // Pydantic AI's parts.
    ("systemprompt", Role::System),
    ("instructions", Role::System),
    ("user", Role::User),
    // LangChain, ShareGPT.
    ("human", Role::User),
    ("userprompt", Role::User),
    ("enduser", Role::User),
    // Voice and support.
    ("customer", Role::User),
    ("caller", Role::User),
    ("assistant", Role::Assistant),
    // LangChain.
    ("ai", Role::Assistant),
    // Gemini.
    ("model", Role::Assistant),
    // Cohere.
    ("chatbot", Role::Assistant),
    ("bot", Role::Assistant),
    // ShareGPT.
    ("gpt", Role::Assistant),
    // Voice frameworks (ElevenLabs, Retell).
    ("agent", Role::Assistant),
    ("llm", Role::Assistant),
    // smolagents: the model's words that ask for tools.
    ("toolcall", Role::Assistant),
    ("toolcalls", Role::Assistant),
    ("functioncall", Role::Assistant),
    ("tool", Role::Tool),
    ("tools", Role::Tool),
    // OpenAI, before tools.
    ("function", Role::Tool),
    // Llama's templates.
    ("ipython", Role::Tool),
    // smolagents.
    ("toolresponse", Role::Tool),
    ("toolresult", Role::Tool),
    ("toolresults", Role::Tool),
    ("toolreturn", Role::Tool),
    ("tooloutput", Role::Tool),
    // Semantic Kernel, AutoGen.
    ("functionresult", Role::Tool),
    ("functionexecutionresult", Role::Tool),
    ("functionresponse", Role::Tool),
    ("functioncalloutput", Role::Tool),
];

/// What classes and enumerations put before and after the name (`HumanMessageChunk`, `ChatCompletionUserMessageParam`,
/// `ROLE_USER`).
const PREFIXES: [&str; 5] = [
    "chatcompletion",
    "messagerole",
    "chatrole",
    "authorrole",
    "role",
];
const SUFFIXES: [&str; 5] = [
    "messageparam",
    "messagechunk",
    "promptmessage",
    "message",
    "role",
];

/// The role that a name stands for, in any case and spelling: `MessageRole.USER`, `tool-response`, `AIMessageChunk`.
pub(crate) fn role(name: &str) -> Option<Role> {
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let plain: String = last
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let named = |name: &str| {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, role)| *role)
    };
    let bare = PREFIXES
        .iter()
        .find_map(|prefix| plain.strip_prefix(prefix))
        .unwrap_or(&plain);
    named(&plain).or_else(|| {
        SUFFIXES
            .iter()
            .find_map(|suffix| named(bare.strip_suffix(suffix)?))
            .or_else(|| named(bare))
    })
}

/// Who speaks, told by `role`, or by a class in `type` (LangChain, AutoGen).
pub(crate) fn of(map: &Map<String, Value>) -> Option<Speaker> {
    if let Some(name) = absent::get(map, "role").and_then(name_of) {
        return Some(match role(name) {
            Some(role) => Speaker::Known(role),
            None => Speaker::Unknown(name.trim().to_owned()),
        });
    }
    let kind = map.get("type").and_then(Value::as_str)?;
    let by_source = || {
        // AutoGen: every agent is the source of its words, and the user of hers.
        const WORDS: [&str; 4] = [
            "TextMessage",
            "MultiModalMessage",
            "ToolCallSummaryMessage",
            "ThoughtEvent",
        ];
        let source = map.get("source").and_then(Value::as_str)?;
        WORDS
            .contains(&kind)
            .then(|| role(source).unwrap_or(Role::Assistant))
    };
    // The type `function` is a tool's definition.
    role(kind)
        .filter(|_| kind != "function")
        .or_else(by_source)
        .map(Speaker::Known)
}

/// A role as text, or as .NET prints its classes: `{"label":"user"}`, `{"value":"user"}`.
fn name_of(value: &Value) -> Option<&str> {
    const NESTS: [&str; 4] = ["label", "Label", "value", "Value"];
    let name = match value {
        Value::String(name) => name,
        Value::Object(map) if map.len() == 1 => {
            NESTS.iter().find_map(|key| map.get(*key)?.as_str())?
        }
        _ => return None,
    };
    (!name.trim().is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_known_in_every_spelling() {
        for (role, names) in [
            (
                Role::System,
                &[
                    "system",
                    "SYSTEM",
                    "developer",
                    "SystemMessage",
                    "system-prompt",
                    "ROLE_SYSTEM",
                ][..],
            ),
            (
                Role::User,
                &[
                    "user",
                    "User",
                    "USER",
                    "human",
                    "MessageRole.USER",
                    "Role.user",
                    "HumanMessage",
                    "HumanMessageChunk",
                    "ChatCompletionUserMessageParam",
                    "role_user",
                    "AuthorRole.User",
                    "UserMessage",
                ],
            ),
            (
                Role::Assistant,
                &[
                    "assistant",
                    "Assistant",
                    "ai",
                    "AI",
                    "model",
                    "CHATBOT",
                    "chatbot",
                    "MessageRole.CHATBOT",
                    "bot",
                    "agent",
                    "AIMessageChunk",
                    "AssistantMessage",
                    "tool-call",
                    "MessageRole.TOOL_CALL",
                    "gpt",
                ],
            ),
            (
                Role::Tool,
                &[
                    "tool",
                    "function",
                    "Tool",
                    "tool-response",
                    "TOOL_RESPONSE",
                    "ToolMessage",
                    "FunctionMessage",
                    "ipython",
                    "tool_result",
                    "FunctionExecutionResultMessage",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(super::role(name), Some(role), "{name}");
            }
        }
        for name in [
            "",
            "message",
            "narrator",
            "critic",
            "Message",
            "user_story",
            "systematic",
        ] {
            assert_eq!(super::role(name), None, "{name}");
        }
    }

    #[test]
    fn a_speaker_is_told_by_role_class_or_source() {
        for (message, speaker) in [
            (
                json!({"role": "Role.user"}),
                Some(Speaker::Known(Role::User)),
            ),
            (
                json!({"role": {"label": "assistant"}}),
                Some(Speaker::Known(Role::Assistant)),
            ),
            (
                json!({"role": null, "type": "human"}),
                Some(Speaker::Known(Role::User)),
            ),
            (
                json!({"role": "narrator"}),
                Some(Speaker::Unknown("narrator".into())),
            ),
            (
                json!({"type": "TextMessage", "source": "user"}),
                Some(Speaker::Known(Role::User)),
            ),
            (
                json!({"type": "TextMessage", "source": "weather_agent"}),
                Some(Speaker::Known(Role::Assistant)),
            ),
            (json!({"type": "function"}), None),
            (json!({"type": "text"}), None),
            (json!({"role": ""}), None),
        ] {
            let Value::Object(map) = &message else {
                panic!("an object")
            };
            assert_eq!(of(map), speaker, "{message}");
        }
    }
}
