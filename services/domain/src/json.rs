//! JSON as producers really write it, read without ever giving up a whole record for one odd character.
//!
//! Beyond the standard reader: invalid UTF-8 and lone surrogate escapes become U+FFFD (JavaScript emits the latter when
//! it cuts a text inside an emoji), a byte order mark is skipped, and values nested deeper than [`DEPTH_MAX`] are
//! replaced by a visible mark instead of refusing the document.

use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Deepest nesting that is kept. The parser itself stops at 128 levels, and everything that walks a value by recursion
/// relies on this bound.
pub const DEPTH_MAX: usize = 112;

/// Documents of one record. Producers put one in, file exporters some hundreds, one a line.
pub const DOCUMENTS_MAX: usize = 10_000;

/// What stands where something was nested too deep.
pub const TOO_DEEP: &str = "… [cut, nested too deep]";

/// Why bytes are not JSON. The text says where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Syntax(String),
    #[error("more than {DOCUMENTS_MAX} JSON documents in one record")]
    TooManyDocuments,
}

/// Reads one or more documents separated by white space, as file exporters and some collectors write them.
pub fn documents(bytes: &[u8]) -> Result<Vec<Value>, Error> {
    let text = text_of(bytes);
    match read_all(&text) {
        Err(Error::Syntax(reason)) => match without_lone_surrogates(&text) {
            Some(mended) => read_all(&mended),
            None => Err(Error::Syntax(reason)),
        },
        outcome => outcome,
    }
}

/// Reads exactly one document.
pub fn document(bytes: &[u8]) -> Result<Value, Error> {
    let mut documents = documents(bytes)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document),
        (None, _) => Err(Error::Syntax("no JSON document".to_owned())),
        (Some(_), false) => Err(Error::Syntax(format!(
            "{} JSON documents where one is expected",
            documents.len() + 1
        ))),
    }
}

/// Reads one document into a declared type, for readers that need no tree. The type bounds the depth.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = text_of(bytes);
    let syntax = |error: serde_json::Error| Error::Syntax(error.to_string());
    serde_json::from_str(&text).or_else(|error| match without_lone_surrogates(&text) {
        Some(mended) => serde_json::from_str(&mended).map_err(syntax),
        None => Err(syntax(error)),
    })
}

/// The text of a document as any reader of JSON can take it: invalid UTF-8 and lone surrogate escapes mended, the byte
/// order mark gone. For readers that read it piece by piece.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    let text = text_of(bytes);
    match without_lone_surrogates(&text) {
        Some(mended) => Cow::Owned(mended),
        None => text,
    }
}

/// Whether the bytes can only be JSON text: after an optional byte order mark and white space, an object or an array.
pub fn looks_like_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

fn read_all(text: &str) -> Result<Vec<Value>, Error> {
    let mut documents = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Bounded>() {
        let Bounded(document) = document.map_err(|error| Error::Syntax(error.to_string()))?;
        if documents.len() == DOCUMENTS_MAX {
            return Err(Error::TooManyDocuments);
        }
        documents.push(document);
    }
    Ok(documents)
}

/// The text with every `\uD800`-`\uDFFF` escape that lacks its other half turned into `\uFFFD`; `None` if it has none.
fn without_lone_surrogates(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match (unicode_escape(bytes, at), unicode_escape(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
            (Some(0xD800..=0xDFFF), _) => {
                let mended = mended.get_or_insert_with(|| bytes.to_vec());
                mended[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            (Some(_), _) => at += 6,
            // Any other escape is two bytes, the second of which may be a backslash.
            (None, _) => at += 2,
        }
    }
    mended.and_then(|bytes| String::from_utf8(bytes).ok())
}

fn unicode_escape(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

struct Bounded(Value);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested(0).deserialize(deserializer).map(Bounded)
    }
}

/// Builds a [`Value`] that hangs this many levels below the root.
#[derive(Clone, Copy)]
struct Nested(usize);

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0 < DEPTH_MAX {
            return deserializer.deserialize_any(self);
        }
        // Skipping keeps no stack per level in serde_json, so a bomb of brackets costs nothing here.
        IgnoredAny::deserialize(deserializer)?;
        Ok(Value::from(TOO_DEEP))
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Nested(self.0 + 1))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            object.insert(key, entries.next_value_seed(Nested(self.0 + 1))?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn reads_several_documents_and_a_byte_order_mark() {
        let bytes = b"\xef\xbb\xbf{\"a\":1}\n{\"a\":2.5}\n\n[null,true]\n";
        assert_eq!(
            documents(bytes),
            Ok(vec![
                json!({"a": 1}),
                json!({"a": 2.5}),
                json!([null, true])
            ])
        );
        assert_eq!(documents(b" \n"), Ok(vec![]));
        assert!(document(b"{} {}").is_err() && document(b"").is_err());
    }

    #[test]
    fn odd_characters_cost_themselves_only() {
        assert_eq!(
            document(b"{\"a\":\"x\xffy\"}"),
            Ok(json!({"a": "x\u{fffd}y"}))
        );
        let cut_emoji = br#"{"a":"\ud83d\ude00 \ud83d","b":"\\ud83d","c":"\udc00\\"}"#;
        assert_eq!(
            document(cut_emoji),
            Ok(json!({"a": "😀 \u{fffd}", "b": "\\ud83d", "c": "\u{fffd}\\"}))
        );
    }

    #[test]
    fn a_bomb_of_brackets_is_cut_with_a_mark() {
        let bomb = format!(
            "{{\"good\":1,\"bad\":{}{}}}",
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        let read = document(bomb.as_bytes()).expect("readable");
        assert_eq!(read["good"], 1);
        let mut deepest = &read["bad"];
        let mut depth = 1;
        while let Some(inner) = deepest.get(0) {
            deepest = inner;
            depth += 1;
        }
        assert_eq!((deepest, depth), (&Value::from(TOO_DEEP), DEPTH_MAX));
    }

    #[test]
    fn an_error_says_where() {
        let error = document(b"{\"a\": [1, 2,, 3]}").expect_err("bad");
        assert!(error.to_string().contains("line 1 column 13"), "{error}");
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_and_never_panics(text in r#"[\{\}\[\]",:\\u0dD8a1 .eEn-]{0,40}"#) {
            let ours = documents(text.as_bytes());
            if let Ok(theirs) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(ours, Ok(vec![theirs]));
            }
        }
    }
}
