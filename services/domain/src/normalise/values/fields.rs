//! Typed lookup in attributes: several names for one meaning, the first that holds something wins.

use super::{json, numbers};
use crate::raw::Attributes;
use serde_json::{Map, Value};

/// The attributes of one span or record. What is taken out became content and is not stored twice.
#[derive(Debug)]
pub(crate) struct Fields {
    map: Attributes,
}

impl Fields {
    pub(crate) fn new(map: Attributes) -> Self {
        Self { map }
    }

    pub(crate) fn into_map(self) -> Attributes {
        self.map
    }

    pub(crate) fn map_mut(&mut self) -> &mut Attributes {
        &mut self.map
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// The text under `name`, if it is one.
    pub(crate) fn str(&self, name: &str) -> Option<&str> {
        self.map.get(name).and_then(Value::as_str)
    }

    /// Removes and returns the value under `name`.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn put(&mut self, name: &str, value: Value) {
        self.map.insert(name.to_owned(), value);
    }

    pub(crate) fn remove_all(&mut self, names: &[&str]) {
        for name in names {
            self.map.remove(*name);
        }
    }

    /// The first text that says something. Numbers and flags count as text; `"None"` and blanks do not.
    /// A name of the form `attribute#key.key` looks into the JSON that the attribute holds.
    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        self.first(names, text_of)
    }

    /// The first count above zero, else zero where one is told: an SDK that knows the number under one name may
    /// write 0 under another.
    pub(crate) fn count(&self, names: &[&str]) -> Option<u64> {
        let told = |value: &Value| numbers::count(value).filter(|count| *count > 0);
        self.first(names, told)
            .or_else(|| self.first(names, numbers::count))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.map.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// The first value under `names` that `read` can read.
    pub(crate) fn first<T>(&self, names: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        first(&self.map, names, read)
    }
}

fn first<T>(map: &Attributes, names: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    names.iter().find_map(|name| match name.split_once('#') {
        None => map.get(*name).and_then(&read),
        Some((attribute, path)) => match map.get(attribute)? {
            Value::String(text) => read(at_path(&json::structure(text)?, path)?),
            structured => read(at_path(structured, path)?),
        },
    })
}

/// Like [`Fields::text`], for attributes that are only looked at.
pub(crate) fn text_in(map: &Attributes, names: &[&str]) -> Option<String> {
    first(map, names, text_of)
}

fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, key| value.as_object()?.get(key))
}

/// What names or counts something: nothing where a language prints nothing, or an SDK an empty container.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Number(number) => return Some(number.to_string()),
        Value::Bool(flag) => return Some(flag.to_string()),
        Value::Array(items) => return items.iter().find_map(text_of),
        Value::Null | Value::Object(_) => return None,
    };
    let is_empty = json::is_nothing(text) || matches!(text, "[]" | "{}" | "\"\"");
    (!is_empty).then(|| text.to_owned())
}

/// Removes and returns the first text under `keys`; empty when there is none.
pub(crate) fn take_text(map: &mut Map<String, Value>, keys: &[&str]) -> String {
    keys.iter()
        .find_map(|key| match map.remove(*key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        match value {
            Value::Object(map) => Fields::new(map),
            _ => panic!("an object"),
        }
    }

    #[test]
    fn the_first_name_that_says_something_wins() {
        let fields = fields(json!({"a": "  ", "b": "None", "c": " x ", "d": 7, "e": ["first"]}));
        assert_eq!(
            fields.text(&["z", "a", "b", "c", "d"]).as_deref(),
            Some("x")
        );
        assert_eq!(fields.text(&["d"]).as_deref(), Some("7"));
        assert_eq!(fields.text(&["e"]).as_deref(), Some("first"));
        assert_eq!(fields.text(&["a", "b"]), None);
    }

    #[test]
    fn counts_come_as_integers_doubles_and_text() {
        let fields = fields(json!({
            "int": 5, "double": 5.0, "text": " 5 ", "doubletext": "5.0",
            "negative": -1, "words": "five", "nan": "NaN", "huge": 1e300
        }));
        for name in ["int", "double", "text", "doubletext"] {
            assert_eq!(fields.count(&[name]), Some(5), "{name}");
        }
        for name in ["negative", "words", "nan", "huge", "absent"] {
            assert_eq!(fields.count(&[name]), None, "{name}");
        }
    }

    #[test]
    fn names_reach_into_json() {
        let fields =
            fields(json!({"usage": "{\"in\": {\"cached\": 3}}", "tree": {"a": {"b": "x"}}}));
        assert_eq!(fields.count(&["usage#in.cached"]), Some(3));
        assert_eq!(fields.text(&["tree#a.b"]).as_deref(), Some("x"));
        assert_eq!(fields.count(&["usage#out", "absent#a", "usage#in"]), None);
    }
}
