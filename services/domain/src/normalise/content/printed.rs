//! Messages as Python prints them, in lists where others have objects (Haystack, LlamaIndex over OpenInference):
//! `{"messages":["ChatMessage(_role=<ChatRole.USER: 'user'>, …)"]}`.

use super::{roles, shapes};
use crate::normalise::values::python;
use serde_json::{Map, Value};

/// Such lists with their messages opened, at the top or one key below; anything else stays.
pub(super) fn opened(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => open_list(items),
        Value::Object(map) => {
            let lists = map.values_mut().filter_map(Value::as_array_mut);
            lists.for_each(open_list);
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

fn may_be_printed(item: &Value) -> bool {
    item.as_str().is_some_and(|text| {
        text.starts_with(|letter: char| letter.is_ascii_uppercase())
            && text.ends_with(')')
            && text.contains('(')
    })
}

fn message(item: &Value) -> Option<Value> {
    let Value::Object(map) = python::literal(item.as_str()?)? else {
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
        for same in [
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
