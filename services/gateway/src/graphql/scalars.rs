//! The scalars of the contract: times and JSON.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::Timestamp;

/// A moment, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime {
    unix_ns: i64,
}

impl DateTime {
    pub fn from_ns(unix_ns: i64) -> Self {
        Self { unix_ns }
    }

    pub fn from_ms(unix_ms: i64) -> Self {
        Self {
            unix_ns: unix_ms.saturating_mul(1_000_000),
        }
    }

    pub fn unix_ns(self) -> i64 {
        self.unix_ns
    }

    fn text(self) -> String {
        // Every count of nanoseconds that fits 64 bits is a time between 1677 and 2262, which a timestamp can hold.
        let micros = self.unix_ns.div_euclid(1_000);
        let timestamp = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{timestamp:.6}")
    }

    fn parse(text: &str) -> Option<Self> {
        let timestamp: Timestamp = text.parse().ok()?;
        let unix_ns = i64::try_from(timestamp.as_nanosecond()).ok()?;
        Some(Self { unix_ns })
    }
}

/// RFC 3339 in UTC with microseconds: 2026-11-23T06:00:00.123456Z.
#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        Self::parse(text).ok_or_else(|| {
            InputValueError::custom(format!(
                "{text:?} is not a time: write RFC 3339 such as 2026-11-23T06:00:00Z"
            ))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.text())
    }
}

/// A value whose shape is up to whoever wrote the span.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(pub serde_json::Value);

/// Any JSON value, as the span carried it.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value.into_json()?))
    }

    fn to_value(&self) -> Value {
        // A JSON value that was read from JSON has a GraphQL form.
        Value::from_json(self.0.clone()).unwrap_or(Value::Null)
    }
}

/// Nanoseconds as fractional milliseconds.
pub fn ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_microseconds() {
        for (ns, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_413_600_123_456_789, "2026-11-23T06:00:00.123456Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(DateTime::from_ns(ns).text(), text);
        }
        assert!(DateTime::from_ns(i64::MAX).text().starts_with("2262-"));
        assert!(DateTime::from_ns(i64::MIN).text().starts_with("1677-"));
    }

    #[test]
    fn times_are_read_in_any_zone() {
        let noon = DateTime::parse("2026-11-23T06:00:00Z").expect("a time");
        assert_eq!(DateTime::parse("2026-11-23T07:00:00+01:00"), Some(noon));
        for bad in ["", "yesterday", "2026-11-23", "2026-13-01T00:00:00Z"] {
            assert_eq!(DateTime::parse(bad), None, "{bad:?}");
        }
    }
}
