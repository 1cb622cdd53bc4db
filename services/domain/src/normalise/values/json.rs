//! Text that holds a structure: JSON, JSON within JSON, Python literals, and JSON that was cut off.

use super::{python, salvage};
use serde_json::Value;

/// How often a JSON text may stand within a JSON text. Real SDKs encode twice, seldom three times.
const ENCODINGS_MAX: usize = 4;

/// The object or array that `text` denotes, as JSON (encoded once or several times), as JSON with values that JSON does
/// not have, or as a Python literal. `None` for everything else: plain text, numbers, broken JSON.
pub(crate) fn structure(text: &str) -> Option<Value> {
    let mut inner: Option<String> = None;
    for _ in 0..ENCODINGS_MAX {
        let current = inner
            .as_deref()
            .unwrap_or(text)
            .trim_start_matches('\u{feff}');
        let current = current.trim();
        match current.as_bytes().first()? {
            b'{' | b'[' => {
                return serde_json::from_str(current)
                    .ok()
                    .or_else(|| python::literal(current))
                    .filter(|value: &Value| value.is_object() || value.is_array());
            }
            b'"' => {
                let string = serde_json::from_str(current).ok();
                inner = Some(string.or_else(|| python::string_literal(current))?);
            }
            _ => return None,
        }
    }
    None
}

/// What stood before the cut in a JSON text that a length limit cut off; `None` when it was not cut.
pub(crate) fn beginning(text: &str) -> Option<Value> {
    let trimmed = text.trim();
    trimmed
        .starts_with(['{', '['])
        .then(|| salvage::beginning(trimmed).or_else(|| python::beginning(trimmed)))
        .flatten()
}

/// The text within a JSON string literal (`"\"hello\""`), else the text itself.
pub(crate) fn unquoted(text: String) -> String {
    let trimmed = text.trim();
    let is_literal = trimmed.len() >= 2 && trimmed.starts_with('"') && trimmed.ends_with('"');
    is_literal
        .then(|| serde_json::from_str(trimmed).ok())
        .flatten()
        .unwrap_or(text)
}

/// Whether a text is what a language prints for "nothing".
pub(crate) fn is_nothing(text: &str) -> bool {
    matches!(text.trim(), "" | "None" | "null" | "undefined" | "nil")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_json_double_encoded_json_and_python() {
        for text in [
            r#"{"a":1}"#,
            r#"  {"a":1} "#,
            r#""{\"a\":1}""#,
            r#""\"{\\\"a\\\":1}\"""#,
            "{'a': 1}",
        ] {
            assert_eq!(structure(text), Some(json!({"a": 1})), "{text}");
        }
    }

    #[test]
    fn plain_text_numbers_and_broken_json_are_no_structure() {
        for text in ["", "  ", "hello", "42", "true", "\"hi\"", "{oops", "[1, 2"] {
            assert_eq!(structure(text), None, "{text}");
        }
    }

    #[test]
    fn unquotes_only_whole_literals() {
        assert_eq!(unquoted(r#""a\"b""#.into()), "a\"b");
        assert_eq!(unquoted(r#""a" and "b""#.into()), r#""a" and "b""#);
        assert_eq!(unquoted("plain".into()), "plain");
    }
}
