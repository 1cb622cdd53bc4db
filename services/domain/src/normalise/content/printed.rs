//! Messages as texts, in lists where others have objects: as Python prints them (Haystack, LlamaIndex over OpenInference:
//! `{"messages":["ChatMessage(_role=<ChatRole.USER: 'user'>, …)"]}`), or each as JSON (attributes can be lists of texts,
//! not of objects).

use super::{roles, shapes};
use crate::normalise::values::{json, python};
use serde_json::{Map, Value, json as object};

/// Such lists with their messages opened, at the top or one key below; anything else stays.
pub(super) fn opened(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => open_list(items),
        Value::Object(map) => {
            for (key, value) in map {
                if let Value::Array(items) = value {
                    open_list(items);
                    if PAIRS.contains(&key.as_str()) {
                        open_pairs(items);
                    }
                }
            }
        }
        _ => {}
    }
    value
}

/// Opens a list in which everything is a message, for among texts one such is a text about messages.
fn open_list(items: &mut Vec<Value>) {
    let are_printed = !items.is_empty() && items.iter().all(may_be_printed);
    if !are_printed {
        return;
    }
    let messages: Option<Vec<Value>> = items.iter().map(message).collect();
    if let Some(messages) = messages {
        *items = messages;
    }
}

/// Where LangChain takes messages as pairs: `{"messages":[["user","Hi"]]}`.
const PAIRS: [&str; 4] = ["messages", "input", "chat_history", "history"];

fn open_pairs(items: &mut Vec<Value>) {
    let message = |item: &Value| match item.as_array().map(Vec::as_slice) {
        Some([Value::String(role), Value::String(words)]) => {
            roles::role(role).map(|_| object!({"role": role, "content": words}))
        }
        _ => None,
    };
    if !items.is_empty()
        && let Some(messages) = items.iter().map(message).collect()
    {
        *items = messages;
    }
}

fn may_be_printed(item: &Value) -> bool {
    item.as_str().is_some_and(|text| {
        let is_class = text.starts_with(|letter: char| letter.is_ascii_uppercase());
        (is_class && text.ends_with(')') && text.contains('(')) || text.starts_with('{')
    })
}

fn message(item: &Value) -> Option<Value> {
    let text = item.as_str()?;
    let map = match text.starts_with('{') {
        true => json::structure(text)?,
        false => python::literal(text)?,
    };
    let Value::Object(map) = map else {
        return None;
    };
    let map = without_underscores(map);
    let speaks = roles::of(&map).is_some() && shapes::has_body(&map);
    speaks.then_some(Value::Object(map))
}

/// Haystack's classes print the names of what they keep to themselves: `_role`, `_content`, `_meta`.
fn without_underscores(map: Map<String, Value>) -> Map<String, Value> {
    let fields = map.into_iter().map(|(key, value)| {
        let plain = key.strip_prefix('_').map(str::to_owned);
        (plain.unwrap_or(key), value)
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_lists_of_nothing_but_messages_are_opened() {
        let printed = "ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='Hi')], _name=None)";
        let open = json!({
            "type": "ChatMessage", "role": "user", "name": null,
            "content": [{"type": "TextContent", "text": "Hi"}]
        });
        assert_eq!(opened(json!([printed])), json!([open]));
        assert_eq!(
            opened(json!({"messages": [printed], "tools": ["Tool(name='a')"]})),
            json!({"messages": [open], "tools": ["Tool(name='a')"]})
        );
        assert_eq!(
            opened(json!([r#"{"role":"user","content":"Hi"}"#])),
            json!([{"role": "user", "content": "Hi"}])
        );
        assert_eq!(
            opened(json!({"messages": [["user", "Hi"]]})),
            json!({"messages": [{"role": "user", "content": "Hi"}]})
        );
        for same in [
            json!([r#"{"role":"baker","wage":3}"#]),
            json!({"pairs": [["user", "Hi"]]}),
            json!({"messages": [["to", "Ann"]]}),
            json!([printed, "What does this print?"]),
            json!(["Point(x=1, y=2)"]),
            json!(["Hi (there)"]),
            json!([]),
            json!(printed),
        ] {
            assert_eq!(opened(same.clone()), same);
        }
    }
}
