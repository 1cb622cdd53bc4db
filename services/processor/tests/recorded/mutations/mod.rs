//! What means the same reads the same: each report once more in every form that SDKs, exporters and languages give to
//! equal data. Every text of the expectation stands once, under its role.

mod messages;
mod walk;

use self::messages::{
    add_nothing, as_constructor, as_content, as_event, as_parts, as_stored, rename_role,
};
use self::walk::{
    as_text, each_list, each_message, each_messages, each_scope, each_value, otlp, print_python,
};
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
        apply: |export| each_messages(export, otlp),
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
        apply: |export| each_message(export, as_parts),
        differs: &[],
    },
    Form {
        name: "lists of one text part as texts",
        apply: |export| each_message(export, as_content),
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
        apply: |export| each_message(export, as_stored),
        differs: &[],
    },
    Form {
        name: "messages as constructors of LangChain",
        apply: |export| each_message(export, as_constructor),
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
        // Which of a call's events is the call, only this scope's names tell; that two libraries report one, two scopes.
        differs: &[
            "beeai_start_success_finish",
            "failed_call_of_client_and_instrumentation",
        ],
    },
    Form {
        name: "no name of the scope",
        apply: |export| each_scope(export, |scope| *scope = json!({})),
        // Likewise.
        differs: &[
            "beeai_start_success_finish",
            "failed_call_of_client_and_instrumentation",
        ],
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
