//! The places of an export that hold what was said, and values in one form or another.

use serde_json::{Value, json};

pub(super) fn each_list(value: &mut Value, keys: &[&str], change: fn(&str, &mut Vec<Value>)) {
    match value {
        Value::Array(items) => {
            for item in items {
                each_list(item, keys, change);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                each_list(value, keys, change);
                if let Value::Array(items) = value
                    && keys.contains(&key.as_str())
                {
                    change(key, items);
                }
            }
        }
        _ => {}
    }
}

pub(super) fn each_scope(export: &mut Value, change: fn(&mut Value)) {
    match export {
        Value::Array(items) => items.iter_mut().for_each(|item| each_scope(item, change)),
        Value::Object(map) => {
            for (key, value) in map {
                match key.as_str() {
                    "scope" => change(value),
                    "spans" | "logRecords" => {}
                    _ => each_scope(value, change),
                }
            }
        }
        _ => {}
    }
}

/// Every attribute of spans, events and records, and every body, by name. Resources stay as they are.
pub(super) fn each_value(export: &mut Value, mut change: impl FnMut(&str, &mut Value) + Copy) {
    match export {
        Value::Array(items) => {
            for item in items {
                each_value(item, change);
            }
        }
        Value::Object(map) => {
            if let (Some(Value::String(key)), true) = (map.get("key").cloned(), map.len() == 2) {
                if let Some(value) = map.get_mut("value") {
                    change(&key, value);
                }
                return;
            }
            for (key, value) in map {
                match key.as_str() {
                    "resource" | "scope" => {}
                    "body" => change(key, value),
                    _ => each_value(value, change),
                }
            }
        }
        _ => {}
    }
}

/// Every text that is JSON with somebody who speaks at its top.
pub(super) fn each_messages(export: &mut Value, change: fn(&Value) -> Value) {
    each_value(export, |key, value| {
        if let Some(messages) = messages_of(key, value) {
            *value = change(&messages);
        }
    });
}

pub(super) fn messages_of(key: &str, value: &Value) -> Option<Value> {
    let is_tools = ["arguments", "result", "tool."]
        .iter()
        .any(|word| key.contains(word));
    let text = value
        .get("stringValue")
        .and_then(Value::as_str)
        .filter(|_| !is_tools)?;
    let parsed: Value = serde_json::from_str(text).ok()?;
    let speaks = |value: &Value| value.get("role").is_some_and(Value::is_string);
    let anybody_speaks = match &parsed {
        Value::Array(items) => items.iter().any(speaks),
        Value::Object(map) => {
            let inner = map.get("messages").and_then(Value::as_array);
            speaks(&parsed) || inner.is_some_and(|items| items.iter().any(speaks))
        }
        _ => false,
    };
    anybody_speaks.then_some(parsed)
}

/// Every message with a role at the top of such a text.
pub(super) fn each_message(export: &mut Value, change: fn(&mut Value)) {
    each_value(export, |key, value| {
        let Some(mut parsed) = messages_of(key, value) else {
            return;
        };
        let messages = match &mut parsed {
            Value::Array(items) => items,
            Value::Object(map) => match map.get_mut("messages") {
                Some(Value::Array(items)) => items,
                _ => return,
            },
            _ => return,
        };
        for message in messages {
            let speaks = message.get("role").is_some_and(Value::is_string);
            if speaks && message.get("event.name").is_none() {
                change(message);
            }
        }
        *value = json!({"stringValue": parsed.to_string()});
    });
}

pub(super) fn as_text(value: &mut Value) {
    if value.get("kvlistValue").is_some() || value.get("arrayValue").is_some() {
        let text = plain(value).to_string();
        *value = json!({"stringValue": text});
    }
}

/// A value of OTLP as JSON.
pub(super) fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|map| map.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "intValue" => {
            let text = inner.as_str().map_or(inner.to_string(), str::to_owned);
            json!(text.parse::<i64>().expect("a number"))
        }
        "arrayValue" => {
            let items = inner["values"].as_array().cloned().unwrap_or_default();
            Value::Array(items.iter().map(plain).collect())
        }
        "kvlistValue" => {
            let items = inner["values"].as_array().cloned().unwrap_or_default();
            let pairs = items.iter().map(|item| {
                let key = item["key"].as_str().expect("a key");
                (key.to_owned(), plain(&item["value"]))
            });
            Value::Object(pairs.collect())
        }
        _ => inner.clone(),
    }
}

/// JSON as a value of OTLP.
pub(super) fn otlp(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(number) => json!({"doubleValue": number}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(otlp).collect::<Vec<_>>()}})
        }
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| json!({"key": key, "value": otlp(value)}));
            json!({"kvlistValue": {"values": pairs.collect::<Vec<_>>()}})
        }
    }
}

pub(super) fn print_python(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => {
            out.push('\'');
            for letter in text.chars() {
                match letter {
                    '\\' => out.push_str("\\\\"),
                    '\'' => out.push_str("\\'"),
                    '\n' => out.push_str("\\n"),
                    letter => out.push(letter),
                }
            }
            out.push('\'');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                print_python(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                print_python(&Value::from(key.as_str()), out);
                out.push_str(": ");
                print_python(item, out);
            }
            out.push('}');
        }
    }
}
