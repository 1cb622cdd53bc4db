//! Flattened attributes (`gen_ai.prompt.0.role`, `llm.input_messages.0.message.content`) back to the list they were.

use crate::raw::Attributes;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Longest path read. The deepest real one has eight segments; further ones stay one key.
const SEGMENTS_MAX: usize = 12;

/// A list that was spread over attributes.
#[derive(Debug, PartialEq)]
pub(crate) struct Flattened {
    pub(crate) items: Value,
    /// The lowest index present. Above 0, the SDK dropped the oldest attributes to stay within its limit.
    pub(crate) first: u64,
    /// The highest index present.
    pub(crate) last: u64,
}

/// Takes every attribute `prefix.N.…` out and puts the list together, ordered by number. Gaps are closed.
pub(crate) fn take(map: &mut Attributes, prefix: &str) -> Option<Flattened> {
    let index_of = |key: &str| -> Option<u64> {
        let rest = key.strip_prefix(prefix)?.strip_prefix('.')?;
        rest.split('.').next()?.parse().ok()
    };
    let keys: Vec<(u64, String)> = map
        .keys()
        .filter_map(|key| Some((index_of(key)?, key.clone())))
        .collect();
    let first = keys.iter().map(|(index, _)| *index).min()?;
    let last = keys.iter().map(|(index, _)| *index).max()?;
    let mut root = Node::default();
    for (_, key) in keys {
        if let Some(value) = map.remove(&key) {
            root.insert(&key[prefix.len() + 1..], value);
        }
    }
    let mut items = root.into_value();
    if first > 0
        && let Value::Array(items) = &mut items
    {
        drop_torn(items);
    }
    Some(Flattened { items, first, last })
}

/// The message at the edge of what was thrown away: without its role nobody knows who said what is left of it.
fn drop_torn(items: &mut Vec<Value>) {
    let role = |item: &Value| {
        let message = item.get("message").unwrap_or(item);
        message.get("role").is_some()
    };
    if items.len() > 1 && items.first().is_some_and(|item| !role(item)) && items.iter().any(role) {
        items.remove(0);
    }
}

#[derive(Default)]
struct Node {
    leaf: Option<Value>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn insert(&mut self, path: &str, value: Value) {
        let mut node = self;
        for segment in path.splitn(SEGMENTS_MAX, '.') {
            node = node.children.entry(segment.to_owned()).or_default();
        }
        node.leaf = Some(value);
    }

    fn into_value(self) -> Value {
        if self.children.is_empty() {
            return self.leaf.unwrap_or(Value::Null);
        }
        let indexes: Option<Vec<u64>> = self.children.keys().map(|key| key.parse().ok()).collect();
        match indexes {
            Some(indexes) => {
                let mut items: Vec<(u64, Node)> = indexes
                    .into_iter()
                    .zip(self.children.into_values())
                    .collect();
                items.sort_by_key(|(index, _)| *index);
                Value::Array(
                    items
                        .into_iter()
                        .map(|(_, node)| node.into_value())
                        .collect(),
                )
            }
            None => Value::Object(
                self.children
                    .into_iter()
                    .map(|(key, node)| (key, node.into_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attributes(value: Value) -> Attributes {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn numbers_sort_as_numbers_and_gaps_close() {
        let mut map = attributes(json!({
            "p.10.role": "user", "p.9.role": "assistant", "p.9.calls.1.name": "b", "p.9.calls.0.name": "a",
            "p.x": 1, "pp.0.role": "other", "p": "kept"
        }));
        assert_eq!(
            take(&mut map, "p"),
            Some(Flattened {
                items: json!([
                    {"role": "assistant", "calls": [{"name": "a"}, {"name": "b"}]},
                    {"role": "user"}
                ]),
                first: 9,
                last: 10
            })
        );
        assert_eq!(
            map,
            attributes(json!({"p.x": 1, "pp.0.role": "other", "p": "kept"}))
        );
        assert_eq!(take(&mut map, "p"), None);
    }

    #[test]
    fn endless_paths_stay_shallow() {
        let mut map = Attributes::new();
        map.insert(format!("p.0{}", ".a".repeat(10_000)), json!(1));
        let flattened = take(&mut map, "p").expect("found");
        let mut depth = 0;
        let mut value = &flattened.items;
        while let Some(inner) = value.get(0).or_else(|| value.as_object()?.values().next()) {
            value = inner;
            depth += 1;
        }
        assert!(depth <= SEGMENTS_MAX, "{depth}");
    }
}
