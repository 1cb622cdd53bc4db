//! Hashing of JSON independent of key order and of how numbers were written.

use crate::ids::Digest;
use serde::Serialize;
use serde_json::Value;

/// The digest of a value's canonical JSON form.
pub fn digest_of(value: &impl Serialize) -> Digest {
    let mut hasher = blake3::Hasher::new();
    // Serialising our own types to a Value cannot fail: their keys are strings and their numbers finite.
    hash_value(
        &mut hasher,
        &serde_json::to_value(value).unwrap_or(Value::Null),
    );
    Digest::from_hasher(&hasher)
}

/// Feeds a value to the hasher: object keys sorted, `1` and `1.0` alike, every part delimited by kind and length.
pub fn hash_value(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Null => {
            hasher.update(b"n");
        }
        Value::Bool(flag) => {
            hasher.update(if *flag { b"t" } else { b"f" });
        }
        Value::Number(number) => {
            let text = match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => integer.to_string(),
                (None, Some(float)) if float.fract() == 0.0 && float.abs() < 9e15 => {
                    (float as i64).to_string()
                }
                _ => number.to_string(),
            };
            hash_text(hasher, b'd', &text);
        }
        Value::String(text) => hash_text(hasher, b's', text),
        Value::Array(items) => {
            hasher.update(b"a");
            hasher.update(&(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| hash_value(hasher, item));
        }
        Value::Object(map) => {
            hasher.update(b"o");
            hasher.update(&(map.len() as u64).to_le_bytes());
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            for (key, item) in entries {
                hash_text(hasher, b'k', key);
                hash_value(hasher, item);
            }
        }
    }
}

fn hash_text(hasher: &mut blake3::Hasher, kind: u8, text: &str) {
    hasher.update(&[kind]);
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_and_number_style_do_not_matter_but_content_does() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).expect("json");
        assert_eq!(
            digest_of(&parse(r#"{"a":1,"b":[2.0]}"#)),
            digest_of(&parse(r#"{"b":[2],"a":1.0}"#))
        );
        assert_ne!(digest_of(&json!({"a": 1})), digest_of(&json!({"a": "1"})));
        assert_ne!(
            digest_of(&json!(["ab", "c"])),
            digest_of(&json!(["a", "bc"]))
        );
    }
}
