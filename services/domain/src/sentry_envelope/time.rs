//! Timestamps as SDKs write them: Unix seconds, or ISO 8601 text with or without a zone.

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde_json::Value;

/// Unix seconds; `None` for anything else and for times before 1970, which no clock that works gives.
pub(super) fn seconds(value: Option<&Value>) -> Option<f64> {
    let seconds = match value? {
        Value::Number(seconds) => seconds.as_f64()?,
        Value::String(text) => from_text(text.trim())?,
        _ => return None,
    };
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

fn from_text(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let zoned = text.parse::<Timestamp>();
    // Old SDKs leave the zone away and mean UTC.
    let timestamp = zoned
        .or_else(|_| Offset::UTC.to_timestamp(text.parse::<DateTime>()?))
        .ok()?;
    Some(timestamp.as_microsecond() as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_spellings_of_one_instant_agree() {
        for spelling in [
            json!(1_795_415_018.276_906),
            json!("1795415018.276906"),
            json!("2026-11-23T06:23:38.276906Z"),
            json!("2026-11-23T06:23:38.276906"),
            json!("2026-11-23T07:23:38.276906+01:00"),
        ] {
            assert_eq!(
                seconds(Some(&spelling)),
                Some(1_795_415_018.276_906),
                "{spelling}"
            );
        }
        for nonsense in [
            json!("yesterday"),
            json!(-1.0),
            json!(null),
            json!("NaN"),
            json!([]),
        ] {
            assert_eq!(seconds(Some(&nonsense)), None, "{nonsense}");
        }
    }
}
