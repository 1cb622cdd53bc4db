//! The effective configuration as text: a valid file, with the source of every value as a comment.

use super::secret::redact_urls;
use serde_json::Value;

/// One line for each setting, `key = value  # source`. Unset options are comments. `source_of` is asked for each key.
pub(super) fn render(root: &Value, source_of: impl Fn(&[String]) -> String) -> String {
    let mut lines = Vec::new();
    collect(root, &mut Vec::new(), &mut lines, &source_of);
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn collect(
    value: &Value,
    path: &mut Vec<String>,
    lines: &mut Vec<String>,
    source_of: &impl Fn(&[String]) -> String,
) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, field) in fields {
                path.push(key.clone());
                collect(field, path, lines, source_of);
                path.pop();
            }
        }
        Value::Null => lines.push(format!("# {} is not set", path.join("."))),
        leaf => lines.push(format!(
            "{} = {}  # {}",
            path.iter()
                .map(|key| key_text(key))
                .collect::<Vec<_>>()
                .join("."),
            value_text(leaf),
            source_of(path)
        )),
    }
}

fn key_text(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}

/// JSON scalars and lists are TOML as they stand, except that tables are written with `=` and have no null.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => Value::from(redact_urls(text)).to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(value_text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(key, field)| format!("{} = {}", key_text(key), value_text(field)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_text_is_toml_that_reads_back_without_secrets() {
        let root = json!({"a": {"url": "redis://u:p@h", "n": 1, "off": null, "list": [{"x": "y"}], "empty": {}}});
        let text = render(&root, |path| format!("source of {}", path.join(".")));
        assert!(
            text.contains(r#"a.url = "redis://u:[redacted]@h"  # source of a.url"#),
            "{text}"
        );
        assert!(text.contains("# a.off is not set"), "{text}");
        use figment::providers::Format as _;
        let read: Value = figment::Figment::from(figment::providers::Toml::string(&text))
            .extract()
            .expect("valid TOML");
        assert_eq!(read["a"]["list"][0]["x"], "y");
    }
}
