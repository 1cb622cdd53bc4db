//! What stands there and says nothing: nulls, empty texts and containers of nothing else. SDKs print whole classes, most
//! of whose fields are empty (Gemini's parts have nine such); they are absent before anything asks for them.

use serde_json::{Map, Value};

/// Deepest look for something that is said.
const DEPTH_MAX: usize = 16;

pub(crate) fn is_absent(value: &Value) -> bool {
    absent_at(value, 0)
}

fn absent_at(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => {
            depth < DEPTH_MAX && items.iter().all(|item| absent_at(item, depth + 1))
        }
        Value::Object(map) => {
            depth < DEPTH_MAX && map.values().all(|item| absent_at(item, depth + 1))
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

pub(crate) fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).filter(|value| !is_absent(value))
}

pub(crate) fn has(map: &Map<String, Value>, key: &str) -> bool {
    get(map, key).is_some()
}

pub(crate) fn has_any(map: &Map<String, Value>, keys: &[&str]) -> bool {
    keys.iter().any(|key| has(map, key))
}

/// The same of an object that stands as a value.
pub(crate) fn has_any_in(value: &Value, keys: &[&str]) -> bool {
    value.as_object().is_some_and(|map| has_any(map, keys))
}

/// Removes and returns the first of `keys` that says something.
pub(crate) fn take(map: &mut Map<String, Value>, keys: &[&str]) -> Option<Value> {
    let key = keys.iter().find(|key| has(map, key))?;
    map.remove(*key)
}

/// The keys of what is said.
pub(crate) fn keys(map: &Map<String, Value>) -> impl Iterator<Item = &str> {
    map.iter()
        .filter(|(_, value)| !is_absent(value))
        .map(|(key, _)| key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_holds_nothing_is_absent() {
        for nothing in [
            json!(null),
            json!(""),
            json!([]),
            json!({"a": null, "b": [{"c": ""}]}),
        ] {
            assert!(is_absent(&nothing), "{nothing}");
        }
        for said in [
            json!(0),
            json!(false),
            json!(" "),
            json!([null, 1]),
            json!({"a": {"b": false}}),
        ] {
            assert!(!is_absent(&said), "{said}");
        }
    }

    #[test]
    fn the_first_key_that_says_something_is_taken() {
        let Value::Object(mut map) = json!({"a": "", "b": null, "c": "x", "d": "y"}) else {
            panic!("an object")
        };
        assert_eq!(keys(&map).collect::<Vec<_>>(), ["c", "d"]);
        assert_eq!(take(&mut map, &["a", "b", "c", "d"]), Some(json!("x")));
        assert_eq!(take(&mut map, &["a", "b"]), None);
    }
}
