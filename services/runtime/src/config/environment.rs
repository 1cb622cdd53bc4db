//! Settings from environment variables: `COLLOQUY_GATEWAY__BIND` is `bind` in the section `[gateway]`.

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

/// Begins the name of every variable that is read.
pub const PREFIX: &str = "COLLOQUY_";
const NESTING: &str = "__";
/// Variables with the prefix that are not settings: `COLLOQUY_CONFIG` names the file.
const RESERVED: &[&str] = &["COLLOQUY_CONFIG"];

/// The variables with the prefix. A value is read as the type that the setting has by default: text as it stands,
/// numbers, booleans, `[lists]` and `{tables}` as in TOML. Where no default tells the type it is text, unless text turns
/// out not to fit: see [`parsed`].
#[derive(Debug)]
pub(super) struct Environment {
    settings: Vec<(Vec<String>, String)>,
    defaults: Value,
}

impl Environment {
    /// `defaults` tells the types. Also returns the names with the prefix that cannot be settings.
    pub(super) fn read(
        variables: impl IntoIterator<Item = (String, String)>,
        defaults: Value,
    ) -> (Self, Vec<String>) {
        let mut settings = Vec::new();
        let mut unread = Vec::new();
        for (name, value) in variables {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if key.contains(NESTING) {
                let path = key
                    .to_lowercase()
                    .split(NESTING)
                    .map(str::to_owned)
                    .collect();
                settings.push((path, value));
            } else if !RESERVED.contains(&name.as_str()) && !is_service_link(key) {
                unread.push(name);
            }
        }
        settings.sort();
        unread.sort();
        (Self { settings, defaults }, unread)
    }

    fn value_of(&self, path: &[String], text: &str) -> Value {
        match self.defaults.find_ref(&path.join(".")) {
            Some(Value::Num(..) | Value::Bool(..) | Value::Array(..) | Value::Dict(..)) => {
                parse(text)
            }
            // A secret of digits is no number.
            _ => Value::from(text),
        }
    }
}

fn parse(text: &str) -> Value {
    // Parsing cannot fail: what is nothing else is text.
    text.parse().unwrap_or_else(|_| Value::from(text))
}

/// The number, boolean, list or table that the text of a variable may mean; `None` when it is only text.
pub(super) fn parsed(value: &Value) -> Option<Value> {
    let parsed = parse(value.as_str()?);
    (!matches!(parsed, Value::String(..) | Value::Char(..))).then_some(parsed)
}

/// Kubernetes puts the address of a service named `colloquy-gateway` into every pod as `COLLOQUY_GATEWAY_PORT` and the
/// like. Those are nobody's settings and nobody's mistakes.
fn is_service_link(key: &str) -> bool {
    key.ends_with("_SERVICE_HOST")
        || key.contains("_SERVICE_PORT")
        || key.ends_with("_PORT")
        || key.contains("_PORT_")
}

/// The variable that would set this key.
pub(super) fn variable_of(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join(NESTING).to_uppercase())
}

fn insert(dict: &mut Dict, path: &[String], value: Value) {
    match path {
        [] => {}
        [leaf] => {
            dict.insert(leaf.clone(), value);
        }
        [section, rest @ ..] => {
            let nested = dict
                .entry(section.clone())
                .or_insert_with(|| Value::from(Dict::new()));
            if !matches!(nested, Value::Dict(..)) {
                *nested = Value::from(Dict::new());
            }
            if let Value::Dict(_, nested) = nested {
                insert(nested, rest, value);
            }
        }
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut dict = Dict::new();
        for (path, text) in &self.settings {
            insert(&mut dict, path, self.value_of(path, text));
        }
        Ok(Profile::Default.collect(dict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Dict, Vec<String>) {
        let defaults = Value::serialize(
            serde_json::json!({"gateway": {"name": "x", "port": 1, "list": [], "secret": null}}),
        )
        .expect("serialises");
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (environment, unread) = Environment::read(pairs, defaults);
        let mut data = environment.data().expect("no source to fail");
        (data.remove(&Profile::Default).unwrap_or_default(), unread)
    }

    #[test]
    fn two_underscores_nest_and_the_default_tells_the_type() {
        let (dict, unread) = read(&[
            ("COLLOQUY_GATEWAY__NAME", "0123"),
            ("COLLOQUY_GATEWAY__PORT", "8080"),
            ("COLLOQUY_GATEWAY__LIST", "[1, 2]"),
            ("COLLOQUY_GATEWAY__SECRET", "007"),
            ("HOME", "/root"),
        ]);
        let root = Value::from(dict);
        let found = |path| root.find_ref(path).expect("is set");
        assert_eq!(found("gateway.name").as_str(), Some("0123"));
        assert_eq!(found("gateway.port").to_u128(), Some(8080));
        assert_eq!(
            found("gateway.list").as_array().map(<[Value]>::len),
            Some(2)
        );
        assert_eq!(found("gateway.secret").as_str(), Some("007"));
        assert!(unread.is_empty());
    }

    #[test]
    fn a_variable_without_a_section_is_reported_unless_kubernetes_made_it() {
        let (_, unread) = read(&[
            ("COLLOQUY_GATEWAY_BIND", "127.0.0.1:1"),
            ("COLLOQUY_GATEWAY_SERVICE_HOST", "10.0.0.1"),
            ("COLLOQUY_GATEWAY_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("COLLOQUY_CONFIG", "/etc/colloquy.toml"),
        ]);
        assert_eq!(unread, ["COLLOQUY_GATEWAY_BIND"]);
    }
}
