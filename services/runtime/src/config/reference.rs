//! Every setting with its default and its meaning, taken from the types: `docs/configuration.md` is made of this.

use super::print::value_text;
use super::{Config, Error, whole};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The sections as Markdown, in the order given; all that `T` has when none is named. Fails for a setting whose field has
/// no doc comment.
pub fn reference<T: Config + JsonSchema>(sections: &[String]) -> Result<String, Error> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let defaults = serde_json::to_value(T::default()).map_err(|error| whole(error.to_string()))?;
    let known = schema.as_value()["properties"].as_object();
    let mut text = String::new();
    for (name, section) in known.into_iter().flatten() {
        if !sections.is_empty() && !sections.contains(name) {
            continue;
        }
        let mut rows = Vec::new();
        collect(section, &defaults[name], String::new(), &mut rows);
        text += &format!("## `[{name}]`\n\n| key | default | meaning |\n|---|---|---|\n");
        for row in rows {
            if row.meaning.is_empty() {
                return Err(whole(format!("{name}.{} has no doc comment", row.key)));
            }
            let Row {
                key,
                default,
                meaning,
            } = row;
            text += &format!("| `{key}` | {default} | {meaning} |\n");
        }
        text.push('\n');
    }
    Ok(text)
}

struct Row {
    key: String,
    default: String,
    meaning: String,
}

/// A table whose fields are known becomes a row for each; anything else is a row itself, and a list of tables brings the rows
/// of its entries.
fn collect(schema: &Value, default: &Value, key: String, rows: &mut Vec<Row>) {
    match schema["properties"].as_object() {
        Some(fields) => {
            for (name, field) in fields {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                collect(field, &default[name], key, rows);
            }
        }
        None => {
            rows.push(Row {
                key: key.clone(),
                default: default_text(default),
                meaning: meaning(schema),
            });
            let fields = schema["items"]["properties"].as_object();
            rows.extend(fields.into_iter().flatten().map(|(name, field)| {
                let required = schema["items"]["required"].as_array();
                let is_required = required.is_some_and(|all| all.contains(&json!(name)));
                Row {
                    key: format!("{key}[].{name}"),
                    default: match is_required {
                        true => "required".to_owned(),
                        false => default_text(&field["default"]),
                    },
                    meaning: meaning(field),
                }
            }));
        }
    }
}

fn default_text(default: &Value) -> String {
    match default {
        Value::Null => "not set".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        other => format!("`{}`", value_text(other).replace('|', "\\|")),
    }
}

/// The doc comment as one line, and the choices where there are some.
fn meaning(schema: &Value) -> String {
    let mut text = one_line(&schema["description"]);
    let choices: Vec<String> = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|choice| {
            let name = choice["const"].as_str()?;
            let meaning = one_line(&choice["description"]);
            Some(if meaning.is_empty() {
                format!("`{name}`")
            } else {
                format!("`{name}`: {}", meaning.trim_end_matches('.'))
            })
        })
        .collect();
    if !choices.is_empty() {
        text += &format!(" {}.", choices.join("; "));
    }
    text.trim().replace('|', "\\|")
}

fn one_line(text: &Value) -> String {
    let words = text.as_str().unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        gateway: Gateway,
    }

    impl Config for Settings {}

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Gateway {
        /// How many
        /// at once.
        limits: Limits,
        /// Which way.
        way: Option<Way>,
        /// Who comes in.
        guests: Vec<Guest>,
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Guest {
        /// Who it is.
        name: String,
        /// How many come along.
        #[serde(default)]
        others: u32,
    }

    impl Default for Gateway {
        fn default() -> Self {
            Self {
                limits: Limits { rows_max: 7 },
                way: Some(Way::Left),
                guests: Vec::new(),
            }
        }
    }

    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    struct Limits {
        /// Rows of a page,
        /// at most.
        rows_max: usize,
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Way {
        /// To the left.
        Left,
    }

    #[test]
    fn each_setting_is_a_row() {
        let text = reference::<Settings>(&[]).expect("all are documented");
        assert!(text.starts_with("## `[gateway]`"), "{text}");
        assert!(
            text.contains("| `limits.rows_max` | `7` | Rows of a page, at most. |"),
            "{text}"
        );
        assert!(text.contains("| `way` | `\"left\"` | Which way."), "{text}");
        assert!(
            text.contains(
                "| `guests` | `[]` | Who comes in. |\n\
                 | `guests[].name` | required | Who it is. |\n\
                 | `guests[].others` | `0` | How many come along. |"
            ),
            "{text}"
        );
        let other = reference::<Settings>(&["other".to_owned()]).expect("nothing");
        assert_eq!(other, "");
    }
}
