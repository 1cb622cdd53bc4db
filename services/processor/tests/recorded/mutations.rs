//! What means the same reads the same: each report once more in every form that SDKs, exporters and languages give to
//! equal data. Every text of the expectation stands once, under its role.

use super::reading::{Raw, files, read, read_bytes};
use super::reports::{folders, reads_like};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A form: its name, what it makes of an export, and the reports of which it changes the meaning, each for a reason.
struct Form {
    name: &'static str,
    apply: fn(&mut Value),
    differs: &'static [&'static str],
}

const FORMS: &[Form] = &[
    Form {
        name: "spans and attributes in the other order",
        apply: |export| {
            each_list(export, &["spans", "attributes", "values"], |key, list| {
                if key != "values" {
                    list.reverse();
                }
            });
        },
        differs: &[],
    },
    Form {
        name: "structures as JSON text",
        apply: |export| each_value(export, |_, value| as_text(value)),
        differs: &[],
    },
    Form {
        name: "JSON text of messages as structures",
        apply: |export| each_messages(export, |messages| otlp(messages)),
        differs: &[],
    },
    Form {
        name: "JSON text encoded twice",
        apply: |export| {
            each_messages(
                export,
                |messages| json!({"stringValue": Value::from(messages.to_string()).to_string()}),
            );
        },
        differs: &[],
    },
    Form {
        name: "JSON text over several lines",
        apply: |export| {
            each_messages(export, |messages| {
                let text = serde_json::to_string_pretty(messages).expect("JSON");
                json!({"stringValue": text})
            });
        },
        differs: &[],
    },
    Form {
        name: "JSON text as Python prints it",
        apply: |export| {
            each_messages(export, |messages| {
                let mut text = String::new();
                print_python(messages, &mut text);
                json!({"stringValue": text})
            });
        },
        differs: &[],
    },
    Form {
        name: "messages with fields that hold nothing",
        apply: |export| {
            each_messages(export, |messages| {
                let mut messages = messages.clone();
                add_nothing(&mut messages);
                json!({"stringValue": messages.to_string()})
            });
        },
        differs: &[],
    },
    Form {
        name: "nulls among messages",
        apply: |export| {
            each_messages(export, |messages| {
                let mut messages = messages.clone();
                if let Value::Array(items) = &mut messages {
                    items.insert(0, Value::Null);
                    items.push(Value::Null);
                }
                json!({"stringValue": messages.to_string()})
            });
        },
        differs: &[],
    },
    Form {
        name: "lists of messages in a wrapper",
        apply: |export| {
            each_messages(export, |messages| {
                let are_events = messages.to_string().contains("\"event.name\"");
                let wrapped = match messages {
                    Value::Array(_) if !are_events => json!({"messages": messages}),
                    other => other.clone(),
                };
                json!({"stringValue": wrapped.to_string()})
            });
        },
        differs: &[],
    },
    Form {
        name: "texts as lists of one part",
        apply: |export| each_message(export, |message| as_parts(message)),
        differs: &[],
    },
    Form {
        name: "lists of one text part as texts",
        apply: |export| each_message(export, |message| as_content(message)),
        differs: &[],
    },
    Form {
        name: "roles as LangChain spells them",
        apply: |export| {
            each_message(export, |message| {
                rename_role(
                    message,
                    &[
                        ("user", "human"),
                        ("assistant", "ai"),
                        ("system", "SystemMessage"),
                    ],
                )
            })
        },
        differs: &[],
    },
    Form {
        name: "roles as enumerations print them",
        apply: |export| {
            each_message(export, |message| {
                rename_role(
                    message,
                    &[
                        ("user", "MessageRole.USER"),
                        ("assistant", "ROLE_ASSISTANT"),
                        ("system", "developer"),
                    ],
                )
            })
        },
        differs: &[],
    },
    Form {
        name: "roles as Gemini and Cohere spell them",
        apply: |export| {
            each_message(export, |message| {
                rename_role(
                    message,
                    &[
                        ("user", "USER"),
                        ("assistant", "model"),
                        ("system", "SYSTEM"),
                    ],
                )
            })
        },
        differs: &[],
    },
    Form {
        name: "messages of classes with their data below",
        apply: |export| each_message(export, |message| as_stored(message)),
        differs: &[],
    },
    Form {
        name: "messages as constructors of LangChain",
        apply: |export| each_message(export, |message| as_constructor(message)),
        differs: &[],
    },
    Form {
        name: "messages within messages",
        apply: |export| {
            each_message(export, |message| {
                *message = json!({"message": message.take()})
            })
        },
        differs: &[],
    },
    Form {
        name: "numbers that are none",
        apply: |export| {
            each_messages(export, |messages| {
                let text = messages.to_string();
                json!({"stringValue": text.replace("{\"role\":", "{\"score\":NaN,\"role\":")})
            });
        },
        differs: &[],
    },
    Form {
        name: "content in an event",
        apply: |export| {
            each_list(export, &["spans"], |_, spans| {
                spans.iter_mut().for_each(as_event)
            })
        },
        differs: &[],
    },
    Form {
        name: "another name of the scope",
        apply: |export| {
            each_scope(export, |scope| {
                *scope = json!({"name": "my.own.tracer", "version": "0.0.1"});
            });
        },
        // Which of a call's events is the call, only this scope's names tell.
        differs: &["beeai_start_success_finish"],
    },
    Form {
        name: "no name of the scope",
        apply: |export| each_scope(export, |scope| *scope = json!({})),
        // Which of a call's events is the call, only this scope's names tell.
        differs: &["beeai_start_success_finish"],
    },
];

#[test]
fn what_means_the_same_reads_the_same() {
    let mut different = Vec::new();
    for folder in folders() {
        let label = folder.file_name().and_then(|name| name.to_str());
        let label = label.expect("a name");
        let right = fs::read_to_string(folder.join("expected.txt")).unwrap_or_default();
        for form in FORMS.iter().filter(|form| !form.differs.contains(&label)) {
            let text = reads_as(&folder, form.apply);
            if text != right {
                different.push(format!("{} ({}):\n{text}", label, form.name));
            }
        }
    }
    let count = different.len();
    let different = different.join("\n");
    assert!(count == 0, "{count} read differently:\n{different}");
}

/// Forms that change nothing would prove nothing.
#[test]
fn every_form_differs_from_what_is_kept() {
    for form in FORMS {
        let changed = folders()
            .iter()
            .flat_map(|folder| files(folder))
            .any(|file| {
                export(&file).is_some_and(|(_, export)| {
                    let mut other = export.clone();
                    (form.apply)(&mut other);
                    other != export
                })
            });
        assert!(changed, "{}", form.name);
    }
}

fn reads_as(folder: &Path, apply: fn(&mut Value)) -> String {
    let exports = files(folder)
        .into_iter()
        .flat_map(|file| -> Vec<(Raw, i64)> {
            match export(&file) {
                Some((name, mut export)) => {
                    apply(&mut export);
                    read_bytes(&name, export.to_string().into_bytes())
                }
                None => read(&file),
            }
        });
    reads_like(folder, exports)
}

/// An export in OTLP's JSON.
fn export(file: &Path) -> Option<(String, Value)> {
    let name = file.file_name()?.to_str()?;
    let is_otlp = name.ends_with(".traces.json") || name.ends_with(".logs.json");
    let bytes = is_otlp.then(|| fs::read(file).expect("a readable file"))?;
    Some((
        name.to_owned(),
        serde_json::from_slice(&bytes).expect("JSON"),
    ))
}

fn each_list(value: &mut Value, keys: &[&str], change: fn(&str, &mut Vec<Value>)) {
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

fn each_scope(export: &mut Value, change: fn(&mut Value)) {
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
fn each_value(export: &mut Value, mut change: impl FnMut(&str, &mut Value) + Copy) {
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
fn each_messages(export: &mut Value, change: fn(&Value) -> Value) {
    each_value(export, |key, value| {
        if let Some(messages) = messages_of(key, value) {
            *value = change(&messages);
        }
    });
}

fn messages_of(key: &str, value: &Value) -> Option<Value> {
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
fn each_message(export: &mut Value, change: fn(&mut Value)) {
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

fn as_parts(message: &mut Value) {
    if let Some(content @ Value::String(_)) = message.get_mut("content")
        && content != ""
    {
        *content = json!([{"type": "text", "text": content.take()}]);
    }
}

fn as_content(message: &mut Value) {
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

fn rename_role(message: &mut Value, names: &[(&str, &str)]) {
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
fn as_stored(message: &mut Value) {
    let class = CLASSES.iter().find(|(role, ..)| message["role"] == *role);
    if let Some((_, kind, _)) = class
        && message.get("content").is_some_and(Value::is_string)
        && let Some(mut data) = message.as_object().cloned()
    {
        data.remove("role");
        *message = json!({"type": kind, "data": data});
    }
}

fn as_constructor(message: &mut Value) {
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
fn as_event(span: &mut Value) {
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

fn as_text(value: &mut Value) {
    if value.get("kvlistValue").is_some() || value.get("arrayValue").is_some() {
        let text = plain(value).to_string();
        *value = json!({"stringValue": text});
    }
}

/// A value of OTLP as JSON.
fn plain(value: &Value) -> Value {
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
fn otlp(value: &Value) -> Value {
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

/// Adds what SDKs print of classes of which most fields are empty.
fn add_nothing(value: &mut Value) {
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

fn print_python(value: &Value, out: &mut String) {
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
