//! What is around spans and log records in OTLP/JSON. What is in it stays text: each piece is read by itself, so that a
//! broken one costs nothing else.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

use super::super::Signal;
use super::broken::cause;

/// Both ways to write a name, and older names.
type Names = &'static [&'static str];

/// The names of the lists of one signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists {
    pub(super) resources: Names,
    pub(super) scopes: Names,
    /// Of producers older than OTLP 0.19.
    pub(super) libraries: Names,
    pub(super) items: Names,
}

impl Lists {
    pub(super) fn of(signal: Signal) -> Self {
        match signal {
            Signal::Logs => Self {
                resources: &["resourceLogs", "resource_logs"],
                scopes: &["scopeLogs", "scope_logs"],
                libraries: &["instrumentationLibraryLogs", "instrumentation_library_logs"],
                items: &["logRecords", "log_records"],
            },
            Signal::Traces | Signal::Metrics => Self {
                resources: &["resourceSpans", "resource_spans"],
                scopes: &["scopeSpans", "scope_spans"],
                libraries: &[
                    "instrumentationLibrarySpans",
                    "instrumentation_library_spans",
                ],
                items: &["spans"],
            },
        }
    }
}

/// The members of an object that have one of these names; missing and null are alike, others are passed over.
///
/// # Errors
/// When the text is no object, or has a member twice.
pub(super) fn members<const N: usize>(
    text: &str,
    names: [Names; N],
) -> Result<[Option<&RawValue>; N], Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = deserializer.deserialize_map(Members(names))?;
    deserializer.end()?;
    Ok(found)
}

struct Members<const N: usize>([Names; N]);

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(key) = members.next_key::<Cow<'_, str>>()? {
            let Some(place) = self.0.iter().position(|names| names.contains(&&*key)) else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &RawValue = members.next_value()?;
            if value.get() == "null" {
                continue;
            }
            if found[place].replace(value).is_some() {
                return Err(A::Error::custom(format_args!("`{key}` is there twice")));
            }
        }
        Ok(found)
    }
}

/// The elements of a list of these names; none when it is missing.
///
/// # Errors
/// When it is no list.
pub(super) fn pieces(names: Names, list: Option<&RawValue>) -> Result<Vec<&RawValue>, String> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let name = names.first().copied().unwrap_or_default();
    serde_json::from_str(list.get()).map_err(|error| format!("`{name}`: {}", cause(&error)))
}
