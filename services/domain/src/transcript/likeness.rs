//! How much the arguments of a run are those of a call, however SDKs wrap and complete them.

use serde_json::Value;

/// How much the arguments of a run are those of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    Other,
    /// One of them is not known.
    Unknown,
    /// One contains the other: defaults were filled in, or what the framework gives was left out.
    Contained,
    Same,
}

impl Likeness {
    pub(super) fn of(a: &Value, b: &Value) -> Self {
        let (a, b) = (unwrapped(a), unwrapped(b));
        if is_nothing(a) || is_nothing(b) {
            return match is_nothing(a) && is_nothing(b) {
                true => Self::Same,
                false => Self::Unknown,
            };
        }
        if is_same(a, b) {
            return Self::Same;
        }
        if contains(a, b) || contains(b, a) {
            return Self::Contained;
        }
        Self::Other
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Without what SDKs put around all arguments: `{"input": {…}}`, `{"kwargs": {…}}`.
fn unwrapped(mut value: &Value) -> &Value {
    /// Wrappers in one another. Real ones have one.
    const WRAPPERS_MAX: usize = 4;
    const KEYS: [&str; 8] = [
        "input",
        "inputs",
        "args",
        "arguments",
        "kwargs",
        "parameters",
        "params",
        "tool_input",
    ];
    for _ in 0..WRAPPERS_MAX {
        let Value::Object(map) = value else { break };
        let sole = map.iter().next().filter(|_| map.len() == 1);
        let Some((_, inner)) = sole.filter(|(key, inner)| {
            KEYS.contains(&key.as_str()) && (inner.is_object() || inner.is_array())
        }) else {
            break;
        };
        value = inner;
    }
    value
}

/// Equal, however numbers and texts are written: `4`, `4.0` and `"4"`.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::String(text), other) | (other, Value::String(text)) if !other.is_string() => {
            let printed = other.to_string();
            matches!(other, Value::Number(_) | Value::Bool(_)) && text.trim() == printed
        }
        (Value::String(a), Value::String(b)) => a.trim() == b.trim(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| is_same(value, other)))
        }
        _ => a == b,
    }
}

/// Whether all that `part` says stands in `whole`: its keys with their values, or all its values where it is a list of
/// positional arguments.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|other| is_same(value, other))),
        (Value::Object(whole), Value::Array(part)) => part
            .iter()
            .all(|value| whole.values().any(|other| is_same(value, other))),
        (Value::Object(whole), part) => {
            whole.len() == 1 && whole.values().all(|value| is_same(value, part))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_alike_in_any_wrapper_and_with_defaults() {
        let asked = json!({"city": "Oslo", "days": 2});
        for (given, likeness) in [
            (json!({"days": 2, "city": "Oslo"}), Likeness::Same),
            (json!({"city": " Oslo ", "days": 2.0}), Likeness::Same),
            (json!({"city": "Oslo", "days": "2"}), Likeness::Same),
            (
                json!({"input": {"city": "Oslo", "days": 2}}),
                Likeness::Same,
            ),
            (
                json!({"kwargs": {"city": "Oslo", "days": 2}}),
                Likeness::Same,
            ),
            (
                json!({"city": "Oslo", "days": 2, "unit": "C"}),
                Likeness::Contained,
            ),
            (json!({"city": "Oslo"}), Likeness::Contained),
            (json!({"args": ["Oslo", 2]}), Likeness::Contained),
            (json!({}), Likeness::Unknown),
            (json!({"city": "Rome", "days": 2}), Likeness::Other),
            (json!("Oslo"), Likeness::Other),
        ] {
            assert_eq!(Likeness::of(&asked, &given), likeness, "{given}");
            assert_eq!(Likeness::of(&given, &asked), likeness, "{given}");
        }
        assert_eq!(
            Likeness::of(&json!({"city": "Oslo"}), &json!("Oslo")),
            Likeness::Contained
        );
        assert_eq!(Likeness::of(&json!(null), &json!({})), Likeness::Same);
    }
}
