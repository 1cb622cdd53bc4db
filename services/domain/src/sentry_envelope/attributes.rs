//! Typed attributes of ingest-spans: `{"type", "value"}` by name.

use serde_json::{Map, Value, json};

/// Attributes of one span. What is set first stays: a span's own word wins over what its envelope says.
#[derive(Clone, Debug, Default)]
pub(super) struct TypedAttributes(Map<String, Value>);

impl TypedAttributes {
    /// Those of a version 2 span. Bare values, which some versions wrote, get the type they have.
    pub(super) fn typed(attributes: Map<String, Value>) -> Self {
        let entry = |(key, value): (String, Value)| match value {
            Value::Null => (key, Value::Null),
            Value::Object(entry) if is_typed(&entry) => (key, Value::Object(entry)),
            Value::Object(mut entry) if entry.contains_key("value") => {
                let value = entry.remove("value").unwrap_or_default();
                (key, typed(value))
            }
            bare => (key, typed(bare)),
        };
        Self(attributes.into_iter().map(entry).collect())
    }

    pub(super) fn add(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        if !value.is_null() && self.0.get(key).is_none_or(Value::is_null) {
            self.0.insert(key.to_owned(), typed(value));
        }
    }

    /// Adds text unless there is none.
    pub(super) fn add_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.add(key, text);
        }
    }

    /// Adds the entries of an untyped map, such as a classic span's `data`.
    pub(super) fn add_all(&mut self, untyped: Map<String, Value>) {
        for (key, value) in untyped {
            self.add(&key, value);
        }
    }

    /// A text attribute that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A number, also one written as text.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        match self.value(key)? {
            Value::String(text) => text.trim().replace(',', "").parse().ok(),
            value => value.as_f64(),
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)?.get("value")
    }

    /// Sets it, whatever was there.
    pub(super) fn replace(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), typed(value.into()));
    }

    /// Moves it under another name, unless there is something; then the old one goes.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        if let Some(entry) = self.0.remove(old) {
            self.add_entry(new, entry);
        }
    }

    /// Sets it under another name too, unless there is something.
    pub(super) fn copy(&mut self, old: &str, new: &str) {
        if let Some(entry) = self.0.get(old).cloned() {
            self.add_entry(new, entry);
        }
    }

    fn add_entry(&mut self, key: &str, entry: Value) {
        if !entry.is_null() && self.0.get(key).is_none_or(Value::is_null) {
            self.0.insert(key.to_owned(), entry);
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

fn is_typed(entry: &Map<String, Value>) -> bool {
    entry.get("type").is_some_and(Value::is_string) && entry.contains_key("value")
}

fn typed(value: Value) -> Value {
    let kind = match &value {
        Value::Null => return Value::Null,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    json!({"type": kind, "value": value})
}
