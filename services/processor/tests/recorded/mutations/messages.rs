//! One message in the forms that SDKs give to it.

use serde_json::{Value, json};

pub(super) fn as_parts(message: &mut Value) {
    if let Some(content @ Value::String(_)) = message.get_mut("content")
        && content != ""
    {
        *content = json!([{"type": "text", "text": content.take()}]);
    }
}

pub(super) fn as_content(message: &mut Value) {
    let Some(map) = message.as_object_mut() else {
        return;
    };
    let text = |parts: &Value| match parts.as_array().map(Vec::as_slice) {
        Some([part]) if part.get("type").and_then(Value::as_str) == Some("text") => part
            .get("content")
            .or(part.get("text"))
            .filter(|text| text.is_string())
            .cloned(),
        _ => None,
    };
    for key in ["parts", "content"] {
        if let Some(text) = map.get(key).and_then(text) {
            map.remove(key);
            map.insert("content".into(), text);
        }
    }
}

pub(super) fn rename_role(message: &mut Value, names: &[(&str, &str)]) {
    if let Some(role) = message.get_mut("role")
        && let Some((_, other)) = names.iter().find(|(name, _)| role == name)
    {
        *role = json!(other);
    }
}

const CLASSES: [(&str, &str, &str); 3] = [
    ("user", "human", "HumanMessage"),
    ("assistant", "ai", "AIMessage"),
    ("system", "system", "SystemMessage"),
];

/// LangChain's stored form.
pub(super) fn as_stored(message: &mut Value) {
    let class = CLASSES.iter().find(|(role, ..)| message["role"] == *role);
    if let Some((_, kind, _)) = class
        && message.get("content").is_some_and(Value::is_string)
        && let Some(mut data) = message.as_object().cloned()
    {
        data.remove("role");
        *message = json!({"type": kind, "data": data});
    }
}

pub(super) fn as_constructor(message: &mut Value) {
    let class = CLASSES.iter().find(|(role, ..)| message["role"] == *role);
    if let Some((.., class)) = class
        && message.get("content").is_some_and(Value::is_string)
        && let Some(mut kwargs) = message.as_object().cloned()
    {
        kwargs.remove("role");
        *message = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", class], "kwargs": kwargs});
    }
}

/// Content that the convention's attributes hold, as the convention's event holds it.
pub(super) fn as_event(span: &mut Value) {
    const NAMES: [&str; 3] = [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
    ];
    let Some(attributes) = span.get_mut("attributes").and_then(Value::as_array_mut) else {
        return;
    };
    let is_content = |attribute: &mut Value| {
        attribute["key"]
            .as_str()
            .is_some_and(|key| NAMES.contains(&key))
    };
    let content: Vec<Value> = attributes.extract_if(.., is_content).collect();
    if content.is_empty() {
        return;
    }
    let event = json!({
        "name": "gen_ai.client.inference.operation.details",
        "timeUnixNano": span["endTimeUnixNano"],
        "attributes": content,
    });
    match span.get_mut("events").and_then(Value::as_array_mut) {
        Some(events) => events.push(event),
        None => span["events"] = json!([event]),
    }
}

/// Adds what SDKs print of classes of which most fields are empty.
pub(super) fn add_nothing(value: &mut Value) {
    let Value::Object(map) = value else {
        if let Value::Array(items) = value {
            items.iter_mut().for_each(add_nothing);
        }
        return;
    };
    let nothings = match map.get("role") {
        Some(Value::String(_)) => json!({
            "refusal": null, "audio": null, "function_call": null, "tool_calls": null, "annotations": [], "name": null,
            "reasoning_content": null,
        }),
        _ if map.get("type").and_then(Value::as_str) == Some("text") => {
            json!({"annotations": [], "id": null, "metadata": {}})
        }
        _ => json!({}),
    };
    for (key, nothing) in nothings.as_object().into_iter().flatten() {
        map.entry(key).or_insert_with(|| nothing.clone());
    }
    for key in ["messages", "content", "parts"] {
        if let Some(Value::Array(items)) = map.get_mut(key) {
            items
                .iter_mut()
                .filter(|item| item.is_object())
                .for_each(add_nothing);
        }
    }
}
