//! Lists that may also be given as one text, as environment variables have them.

use serde::{Deserialize, Deserializer};

/// A list, or one text with commas; blanks around items and empty items are left out of a text. For `deserialize_with`.
///
/// # Errors
/// When it is neither.
pub fn list_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ListOrText {
        List(Vec<String>),
        Text(String),
    }
    Ok(match ListOrText::deserialize(deserializer)? {
        ListOrText::List(list) => list,
        ListOrText::Text(text) => text
            .split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect(),
    })
}
