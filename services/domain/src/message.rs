//! Messages in one normal form, whatever SDK wrote them, and the two digests that name them.

use crate::canonical;
use crate::ids::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// System and developer prompts.
    System,
    User,
    Assistant,
    Tool,
    /// Somebody or something that no rule knows; a part tells the name.
    Other,
}

/// One utterance as a model call carried it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    #[serde(rename = "r")]
    pub role: Role,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// A message with its identity, computed once.
#[derive(Clone, Debug)]
pub(crate) struct StoredMessage {
    pub(crate) message: Arc<Message>,
    pub(crate) identity: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Part {
    Text {
        text: String,
    },
    Reasoning {
        text: String,
    },
    ToolCall {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        name: String,
        /// Parsed JSON where the SDK gave text that parses; `Null` when there were none.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        arguments: Value,
    },
    ToolResult {
        /// Of the call that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        result: Value,
        /// The wrapper around the result says that the tool failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    /// An image, a sound, a file. Inline content is not kept: `size_bytes` tells how large it was.
    Media {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size_bytes: Option<u64>,
    },
    /// A part of a type that has no meaning here, as it came.
    Other {
        json: Value,
    },
}

impl Message {
    pub fn text_of(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            parts: vec![Part::Text { text: text.into() }],
        }
    }

    /// The text parts joined by newlines; `None` when there is none or all are blank.
    pub fn text(&self) -> Option<String> {
        self.joined(|part| match part {
            Part::Text { text } => Some(text),
            _ => None,
        })
    }

    /// The reasoning parts joined by newlines.
    pub fn reasoning(&self) -> Option<String> {
        self.joined(|part| match part {
            Part::Reasoning { text } => Some(text),
            _ => None,
        })
    }

    fn joined<'a>(&'a self, pick: impl Fn(&'a Part) -> Option<&'a String>) -> Option<String> {
        let texts: Vec<&str> = self
            .parts
            .iter()
            .filter_map(pick)
            .map(String::as_str)
            .filter(|text| !text.trim().is_empty())
            .collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    pub fn tool_calls(&self) -> impl Iterator<Item = (Option<&str>, &str, &Value)> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall {
                id,
                name,
                arguments,
            } => Some((id.as_deref(), name.as_str(), arguments)),
            _ => None,
        })
    }

    pub fn tool_results(
        &self,
    ) -> impl Iterator<Item = (Option<&str>, Option<&str>, &Value)> + Clone {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolResult {
                id, name, result, ..
            } => Some((id.as_deref(), name.as_deref(), result)),
            _ => None,
        })
    }

    /// Names the exact content: equal digests mean byte-equal messages.
    pub fn digest(&self) -> Digest {
        canonical::digest_of(self)
    }

    /// Names what was said, ignoring what SDKs change on the way: white space, how a text is cut into parts, reasoning,
    /// ids of tool calls, how values are encoded, and, beside words, inline media and parts without meaning here. Two
    /// messages with one identity under one predecessor are the same utterance.
    pub fn identity(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[self.role as u8]);
        let mut says_something = false;
        if let Some(text) = self.text() {
            says_something = true;
            hasher.update(b"\0text");
            hash_words(&mut hasher, &text);
        }
        for part in &self.parts {
            match part {
                Part::ToolCall {
                    name, arguments, ..
                } => {
                    hasher.update(b"\0call");
                    hasher.update(name.as_bytes());
                    hasher.update(b"\0");
                    canonical::hash_value(&mut hasher, &as_arguments(arguments));
                }
                Part::ToolResult { result, .. } => {
                    hasher.update(b"\0result");
                    hash_result(&mut hasher, result);
                }
                Part::Media { uri: Some(uri), .. } => {
                    hasher.update(b"\0media");
                    hasher.update(uri.as_bytes());
                }
                Part::Text { .. } | Part::Reasoning { .. } => continue,
                Part::Media { uri: None, .. } | Part::Other { .. } => continue,
            }
            says_something = true;
        }
        if !says_something {
            self.hash_wordless(&mut hasher);
        }
        Digest::from_hasher(&hasher)
    }

    /// What is left to tell messages without words apart.
    fn hash_wordless(&self, hasher: &mut blake3::Hasher) {
        for part in &self.parts {
            match part {
                Part::Media {
                    mime_type,
                    size_bytes,
                    ..
                } => {
                    hasher.update(b"\0inline");
                    hasher.update(format!("{mime_type:?}{size_bytes:?}").as_bytes());
                }
                Part::Other { json } => {
                    hasher.update(b"\0other");
                    canonical::hash_value(hasher, json);
                }
                _ => {}
            }
        }
    }
}

/// Words without the white space between them: SDKs trim, re-wrap, and join parts with and without line feeds.
fn hash_words(hasher: &mut blake3::Hasher, text: &str) {
    text.split_whitespace().for_each(|word| {
        hasher.update(word.as_bytes());
    });
    // No text goes on after its end.
    hasher.update(b"\xff");
}

/// A call without arguments is written as `{}`, as an empty text, or as nothing.
fn as_arguments(arguments: &Value) -> Cow<'_, Value> {
    match arguments {
        Value::Object(map) if map.is_empty() => Cow::Owned(Value::Null),
        Value::String(text) if text.trim().is_empty() => Cow::Owned(Value::Null),
        other => Cow::Borrowed(other),
    }
}

/// A result as it was meant: `14` and `"14"` are one result, as are `null`, `"None"` and an empty text.
fn hash_result(hasher: &mut blake3::Hasher, result: &Value) {
    let Value::String(text) = result else {
        return canonical::hash_value(hasher, result);
    };
    let plain = match text.trim() {
        "" | "None" | "undefined" => Value::Null,
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        text => match serde_json::from_str(text) {
            Ok(plain @ (Value::Null | Value::Bool(_) | Value::Number(_))) => plain,
            _ => return hash_words(hasher, text),
        },
    };
    canonical::hash_value(hasher, &plain);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn identity(role: Role, parts: Value) -> Digest {
        let parts = serde_json::from_value(parts).expect("parts");
        Message { role, parts }.identity()
    }

    fn called(arguments: Value) -> Digest {
        let part = json!([{"t": "tool_call", "name": "f", "arguments": arguments}]);
        identity(Role::Assistant, part)
    }

    fn resulted(result: Value) -> Digest {
        identity(Role::Tool, json!([{"t": "tool_result", "result": result}]))
    }

    #[test]
    fn white_space_and_cuts_into_parts_are_not_said() {
        let said = Message::text_of(Role::User, "Hello, wide\r\n\r\nworld").identity();
        for same in [
            "Hello, wide world",
            " Hello, wide\nworld\n",
            "Hello,wide\u{a0}world",
        ] {
            assert_eq!(
                Message::text_of(Role::User, same).identity(),
                said,
                "{same}"
            );
        }
        let parts = json!([{"t": "text", "text": "Hello, "}, {"t": "text", "text": "wide world"}]);
        assert_eq!(identity(Role::User, parts), said);
        assert_ne!(
            Message::text_of(Role::User, "Hello, wide word").identity(),
            said
        );
        assert_ne!(
            Message::text_of(Role::Assistant, "Hello, wide world").identity(),
            said
        );
    }

    #[test]
    fn values_count_by_what_they_mean() {
        assert_eq!(called(json!({})), called(json!(null)));
        assert_eq!(called(json!({"a": 1})), called(json!({"a": 1.0})));
        assert_ne!(called(json!({"a": 1})), called(json!({"a": 2})));
        assert_ne!(called(json!({"a": "x y"})), called(json!({"a": "xy"})));
        assert_eq!(resulted(json!(14)), resulted(json!("14 ")));
        assert_eq!(resulted(json!(null)), resulted(json!("None")));
        assert_eq!(resulted(json!(true)), resulted(json!("True")));
        assert_ne!(resulted(json!("14 C")), resulted(json!(14)));
    }

    #[test]
    fn inline_media_count_only_where_there_are_no_words() {
        let image =
            |bytes: u64| json!({"t": "media", "mime_type": "image/png", "size_bytes": bytes});
        let linked = |uri: &str| json!({"t": "media", "uri": uri});
        let text = json!({"t": "text", "text": "What is this?"});
        let user = |parts: &[&Value]| identity(Role::User, json!(parts));
        assert_eq!(user(&[&text, &image(9)]), user(&[&text]));
        assert_ne!(user(&[&text, &linked("a")]), user(&[&text, &linked("b")]));
        assert_ne!(user(&[&image(9)]), user(&[&image(8)]));
        let search = json!({"t": "other", "json": {"type": "web_search_call"}});
        assert_eq!(user(&[&search, &text]), user(&[&text]));
    }
}
