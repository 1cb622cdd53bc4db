//! Messages in one normal form, whatever SDK wrote them, and the two digests that name them.

use crate::canonical;
use crate::ids::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// System and developer prompts.
    System,
    User,
    Assistant,
    Tool,
}

/// One utterance as a model call carried it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    #[serde(rename = "r")]
    pub role: Role,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
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

    pub fn tool_results(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>, &Value)> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolResult { id, name, result } => Some((id.as_deref(), name.as_deref(), result)),
            _ => None,
        })
    }

    /// Names the exact content: equal digests mean byte-equal messages.
    pub fn digest(&self) -> Digest {
        canonical::digest_of(self)
    }

    /// Names what was said, ignoring what SDKs change on the way: surrounding blanks, reasoning, and ids of tool
    /// calls. Two messages with one identity under one predecessor are the same utterance.
    pub fn identity(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[self.role as u8]);
        if let Some(text) = self.text() {
            hasher.update(b"\0text");
            hasher.update(text.trim().as_bytes());
        }
        for part in &self.parts {
            match part {
                Part::Text { .. } | Part::Reasoning { .. } => {}
                Part::ToolCall {
                    name, arguments, ..
                } => {
                    hasher.update(b"\0call");
                    hasher.update(name.as_bytes());
                    hasher.update(b"\0");
                    canonical::hash_value(&mut hasher, arguments);
                }
                Part::ToolResult { result, .. } => {
                    hasher.update(b"\0result");
                    match result {
                        Value::String(text) => {
                            canonical::hash_value(&mut hasher, &Value::from(text.trim()))
                        }
                        other => canonical::hash_value(&mut hasher, other),
                    }
                }
                Part::Media {
                    mime_type,
                    uri,
                    size_bytes,
                } => {
                    hasher.update(b"\0media");
                    hasher.update(format!("{mime_type:?}{uri:?}{size_bytes:?}").as_bytes());
                }
                Part::Other { json } => {
                    hasher.update(b"\0other");
                    canonical::hash_value(&mut hasher, json);
                }
            }
        }
        Digest::from_hasher(&hasher)
    }
}
