//! Configuration: defaults, then a TOML file, then environment variables, each over the one before.
//!
//! One file serves all services. Its sections are named in [`SECTIONS`]; a service deserialises a struct whose fields
//! are the sections it needs, and leaves those of others alone. A section that nobody has, a key that its section does
//! not have, a value of the wrong type: all are errors, reported together before anything is started.
//!
//! ```toml
//! [redis]
//! urls = ["redis://127.0.0.1:6379"]
//!
//! [gateway]
//! bind = "127.0.0.1:8080"
//! ```
//!
//! The variable of a key is `COLLOQUY_`, the section, two underscores, the key: `COLLOQUY_GATEWAY__BIND`.

mod environment;
mod list;
mod print;
mod problem;
mod reference;
mod secret;

pub use environment::PREFIX;
pub use list::list_or_text;
pub use problem::{Error, Problem, Problems};
pub use reference::reference;
pub use secret::{REDACTED, Secret, redact_urls};

use environment::{Environment, parsed, variable_of};
use figment::error::{Actual, Kind, OneOf};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider as _};
use problem::nearest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Every section that a configuration file may have, whichever service reads it.
pub const SECTIONS: &[&str] = &[
    "log",
    "traces",
    "redis",
    "kafka",
    "processor",
    "gateway",
    "intake",
];

/// More mistakes than this in one configuration are one mistake: the wrong file.
const PROBLEMS_MAX: usize = 50;

/// The sections that one service reads. Derive `Serialize`, `Deserialize` with `#[serde(default, deny_unknown_fields)]`
/// on it and on every struct within; serialising must not skip fields, since the defaults are serialised to learn which
/// keys exist and of what type they are.
pub trait Config: DeserializeOwned + Serialize + Default {
    /// Reports what the types cannot: values out of range, settings that contradict each other.
    fn validate(&self, problems: &mut Problems) {
        let _ = problems;
    }
}

/// A configuration and where each of its values came from.
#[derive(Debug)]
pub struct Loaded<T> {
    pub config: T,
    /// Environment variables with our prefix that set nothing, to be shown at the start.
    pub warnings: Vec<String>,
    figment: Figment,
}

/// Reads the file, if one is named, and the environment of this process.
pub fn load<T: Config>(file: Option<&Path>) -> Result<Loaded<T>, Error> {
    // A variable that is not Unicode cannot be one of ours.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    load_from(file, variables)
}

/// Like [`load`], with the variables given: tests need no real environment.
pub fn load_from<T: Config>(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded<T>, Error> {
    let defaults = Value::serialize(T::default()).map_err(|error| whole(error.to_string()))?;
    let (environment, unread) = Environment::read(variables, defaults.clone());
    let figment = match file {
        Some(path) => Figment::from(Toml::file_exact(path)),
        None => Figment::new(),
    }
    .merge(environment);
    let data = figment.data().map_err(|error| Error {
        problems: error
            .into_iter()
            .map(|error| unreadable(file, error))
            .collect(),
    })?;
    let sections = data.get(&Profile::Default).cloned().unwrap_or_default();
    let config = extract::<T>(&figment, sections, &defaults)?;
    let mut problems = Problems::default();
    config.validate(&mut problems);
    if !problems.is_empty() {
        return Err(Error {
            problems: problems
                .found
                .into_iter()
                .map(|(key, message)| Problem {
                    source: source_of(&figment, &split(&key)),
                    key,
                    message,
                })
                .collect(),
        });
    }
    let warnings = unread
        .into_iter()
        .map(|name| format!("the environment variable {name} sets nothing: a setting is named {PREFIX}SECTION__KEY, with two underscores"))
        .collect();
    Ok(Loaded {
        config,
        warnings,
        figment,
    })
}

impl<T: Config> Loaded<T> {
    /// The effective configuration as a TOML file with the source of each value; secrets are redacted.
    pub fn print(&self) -> Result<String, Error> {
        let root = serde_json::to_value(&self.config).map_err(|error| whole(error.to_string()))?;
        Ok(print::render(&root, |path| source_of(&self.figment, path)))
    }
}

fn whole(message: String) -> Error {
    Error {
        problems: vec![Problem {
            key: String::new(),
            source: String::new(),
            message,
        }],
    }
}

/// Deserialising stops at the first mistake. To report them all, what is wrong is taken out and the rest is tried again.
fn extract<T: Config>(figment: &Figment, mut sections: Dict, defaults: &Value) -> Result<T, Error> {
    let own: Vec<String> = defaults
        .as_dict()
        .map(|dict| dict.keys().cloned().collect())
        .unwrap_or_default();
    let mut problems = unknown_sections(figment, &mut sections, &own);
    let mut root = Value::from(sections);
    loop {
        match root.deserialize::<T>() {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => return Err(Error { problems }),
            Err(error) => {
                let path = error.path.clone();
                if is_text_where_none_fits(&error) && reinterpret(figment, &mut root, &path) {
                    continue;
                }
                problems.push(Problem {
                    key: path.join("."),
                    source: source_of(figment, &path),
                    message: explain(&error.kind),
                });
                let is_removed = remove(&mut root, &path);
                if !is_removed || problems.len() >= PROBLEMS_MAX {
                    return Err(Error { problems });
                }
            }
        }
    }
}

fn is_text_where_none_fits(error: &figment::Error) -> bool {
    matches!(&error.kind, Kind::InvalidType(Actual::Str(_), _))
}

/// Replaces the text of an environment variable by what else it may mean; false when there is nothing else.
fn reinterpret(figment: &Figment, root: &mut Value, path: &[String]) -> bool {
    let Some(found) = find_mut(root, path) else {
        return false;
    };
    let is_from_environment = figment
        .get_metadata(found.tag())
        .is_some_and(|metadata| metadata.source.is_none());
    match parsed(found).filter(|_| is_from_environment) {
        Some(meant) => {
            *found = meant;
            true
        }
        None => false,
    }
}

fn find_mut<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    match (value, path) {
        (value, []) => Some(value),
        (Value::Dict(_, dict), [first, rest @ ..]) => find_mut(dict.get_mut(first)?, rest),
        _ => None,
    }
}

/// Takes out the sections of other services, and those of nobody with a problem each.
fn unknown_sections(figment: &Figment, sections: &mut Dict, own: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    sections.retain(|name, _| {
        let is_own = own.contains(name);
        if !is_own && !SECTIONS.contains(&name.as_str()) {
            let known = own
                .iter()
                .map(String::as_str)
                .chain(SECTIONS.iter().copied());
            let hint = match nearest(name, known) {
                Some(meant) => format!("did you mean [{meant}]?"),
                None => format!("the sections are: {}", SECTIONS.join(", ")),
            };
            problems.push(Problem {
                key: name.clone(),
                source: source_of(figment, std::slice::from_ref(name)),
                message: format!("there is no such section; {hint}"),
            });
        }
        is_own
    });
    problems
}

/// A file that cannot be read or parsed: the only source that can fail as a whole.
fn unreadable(file: Option<&Path>, error: figment::Error) -> Problem {
    Problem {
        key: error.path.join("."),
        source: file.map_or_else(String::new, |path| path.display().to_string()),
        message: without_excerpt(&error.kind.to_string()),
    }
}

/// Where the file is wrong, and why, without the lines that are shown in between: any of them may hold a secret.
fn without_excerpt(message: &str) -> String {
    let is_said = |line: &&str| !line.trim().is_empty() && !line.contains('|');
    let lines: Vec<&str> = message.lines().filter(is_said).collect();
    match lines.as_slice() {
        [first, .., last] => format!("{first}: {last}"),
        [only] => (*only).to_owned(),
        [] => "it cannot be read".to_owned(),
    }
}

/// Values are named by their kind only: what stands in the wrong place may be a secret.
fn explain(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(name, known) => match nearest(name, known.iter().copied()) {
            Some(meant) => format!("there is no such key; did you mean `{meant}`?"),
            None => format!("there is no such key; known here are {}", OneOf(known)),
        },
        Kind::UnknownVariant(_, known) => {
            format!("what is there is not a choice; write {}", OneOf(known))
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("expected {expected}, found {}", name_of(found))
        }
        Kind::MissingField(name) => format!("the key `{name}` is missing; add it"),
        other => other.to_string(),
    }
}

fn name_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        Actual::Unit | Actual::Option => "nothing",
        _ => "something else",
    }
}

/// Removes the value at the path, or the list that holds it; false when nothing was removed.
fn remove(value: &mut Value, path: &[String]) -> bool {
    let (Value::Dict(_, dict), [first, rest @ ..]) = (value, path) else {
        return false;
    };
    match dict.get_mut(first) {
        Some(nested) if !rest.is_empty() && matches!(nested, Value::Dict(..)) => {
            remove(nested, rest) || dict.remove(first).is_some()
        }
        _ => dict.remove(first).is_some(),
    }
}

fn split(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}

/// The value at a path. A key may contain dots, as those of librdkafka do.
fn find(figment: &Figment, path: &[String]) -> Option<Value> {
    let (section, keys) = path.split_first()?;
    let section = figment.find_value(section).ok()?;
    keys.iter().try_fold(section, |value, key| {
        value.into_dict().and_then(|mut dict| dict.remove(key))
    })
}

/// Names where the value at the path, or the nearest value around it, came from.
fn source_of(figment: &Figment, path: &[String]) -> String {
    let found = (1..=path.len())
        .rev()
        .find_map(|length| find(figment, &path[..length]));
    // A table may hold values of several sources, so that of the table itself says nothing of a default within.
    let exact = find(figment, path).is_some();
    let metadata = found
        .filter(|value| exact || !matches!(value, Value::Dict(..)))
        .and_then(|value| figment.get_metadata(value.tag()));
    match metadata {
        Some(metadata) => match &metadata.source {
            Some(source) => source.to_string(),
            None => format!("environment variable {}", variable_of(path)),
        },
        None => "default".to_owned(),
    }
}

#[cfg(test)]
mod tests;
