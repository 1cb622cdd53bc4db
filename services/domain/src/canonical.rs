//! Hashing of JSON independent of key order: exactly, to name a content, or alike, to compare what was meant.

use crate::ids::Digest;
use serde::Serialize;
use serde_json::{Number, Value};

/// The digest that names a value: equal digests mean equal JSON but for the order of keys. `1` and `1.0` have different
/// ones, else which of them is shown would depend on which came first.
pub fn digest_of(value: &impl Serialize) -> Digest {
    let mut hasher = blake3::Hasher::new();
    // Serialising our own types to a Value cannot fail: their keys are strings and their numbers finite.
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    hash(&mut hasher, &value, Number::to_string);
    Digest::from_hasher(&hasher)
}

/// Feeds a value to the hasher so that values that mean the same feed the same: `1` and `1.0` are alike.
pub fn hash_value(hasher: &mut blake3::Hasher, value: &Value) {
    hash(hasher, value, plainest);
}

/// A number in one spelling, however it was written.
fn plainest(number: &Number) -> String {
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => integer.to_string(),
        (None, Some(float)) if float.fract() == 0.0 && float.abs() < 9e15 => {
            (float as i64).to_string()
        }
        _ => number.to_string(),
    }
}

/// Object keys sorted, every part delimited by kind and length.
fn hash(hasher: &mut blake3::Hasher, value: &Value, spell: fn(&Number) -> String) {
    match value {
        Value::Null => {
            hasher.update(b"n");
        }
        Value::Bool(flag) => {
            hasher.update(if *flag { b"t" } else { b"f" });
        }
        Value::Number(number) => hash_text(hasher, b'd', &spell(number)),
        Value::String(text) => hash_text(hasher, b's', text),
        Value::Array(items) => {
            hasher.update(b"a");
            hasher.update(&(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| hash(hasher, item, spell));
        }
        Value::Object(map) => {
            hasher.update(b"o");
            hasher.update(&(map.len() as u64).to_le_bytes());
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            for (key, item) in entries {
                hash_text(hasher, b'k', key);
                hash(hasher, item, spell);
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

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).expect("json")
    }

    fn alike(text: &str) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hash_value(&mut hasher, &parse(text));
        Digest::from_hasher(&hasher)
    }

    #[test]
    fn key_order_never_matters_and_number_style_only_to_names() {
        let (one, other) = (r#"{"a":1,"b":[2.0]}"#, r#"{"b":[2],"a":1.0}"#);
        assert_eq!(alike(one), alike(other));
        assert_ne!(digest_of(&parse(one)), digest_of(&parse(other)));
        let swapped = r#"{"b":[2.0],"a":1}"#;
        assert_eq!(digest_of(&parse(one)), digest_of(&parse(swapped)));
        assert_ne!(digest_of(&json!({"a": 1})), digest_of(&json!({"a": "1"})));
        assert_ne!(
            digest_of(&json!(["ab", "c"])),
            digest_of(&json!(["a", "bc"]))
        );
    }
}
