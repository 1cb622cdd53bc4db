//! Values to stored bytes and back: JSON, compressed where that pays. The first byte tells which.
//!
//! A version that writes what older ones would misread takes another first byte: they leave such values alone, so that
//! nothing is lost when a deployment is rolled back.
//!
//! Entries are small and alike, so they are compressed against a fixed text of what they have in common, without which
//! zstd finds nothing to refer to in a value of some hundred bytes.

use crate::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::sync::LazyLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// Largest JSON of one value: a full conversation in one entry with every character escaped stays below.
const JSON_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Deepest nesting. Producers' values come out of parsers that stop at 128; ours nest a few of them into each other.
const JSON_DEPTH_MAX: usize = 512;

const PLAIN: u8 = b'0';
const ZSTD_WITH_DICTIONARY_1: u8 = b'1';

/// Stored values depend on every byte of this file: it never changes, a better one gets the next number.
static DICTIONARY_1: &[u8] = include_bytes!("dictionary-v1.txt");
static ENCODER_1: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, LEVEL));
static DECODER_1: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

/// Chosen by measurement on chat turns; see `tests/size.rs`.
const LEVEL: i32 = 6;

thread_local! {
    // Contexts are large and reusable; a thread encodes one value at a time.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(value).map_err(|error| Error::Unwritable(error.to_string()))?;
    if json.len() > JSON_BYTES_MAX {
        return Err(Error::TooLarge {
            what: "bytes of an entry",
            size: json.len(),
            max: JSON_BYTES_MAX,
        });
    }
    let depth = depth(&json);
    if depth > JSON_DEPTH_MAX {
        return Err(Error::TooLarge {
            what: "nesting of an entry",
            size: depth,
            max: JSON_DEPTH_MAX,
        });
    }
    let frame = compress(&json).map_err(|error| Error::Unwritable(error.to_string()))?;
    let (codec, body) = if frame.len() < json.len() {
        (ZSTD_WITH_DICTIONARY_1, frame)
    } else {
        (PLAIN, json)
    };
    let mut stored = Vec::with_capacity(1 + body.len());
    stored.push(codec);
    stored.extend_from_slice(&body);
    Ok(stored)
}

/// `key` names the value in the error.
pub(crate) fn decode<T: DeserializeOwned>(stored: &[u8], key: &str) -> Result<T, Error> {
    match stored.split_first() {
        Some((&PLAIN, json)) => parse(json, key),
        Some((&ZSTD_WITH_DICTIONARY_1, frame)) => {
            let json = decompress(frame).map_err(|error| Error::corrupt(key, error))?;
            parse(&json, key)
        }
        Some((codec, _)) => Err(Error::Newer {
            key: key.to_owned(),
            what: format!("codec {codec} is unknown to this version; a newer one has written it"),
        }),
        None => Err(Error::corrupt(key, "it is empty")),
    }
}

fn parse<T: DeserializeOwned>(json: &[u8], key: &str) -> Result<T, Error> {
    match serde_json::from_slice(json) {
        Ok(value) => Ok(value),
        // The parser's own bound on nesting is below ours; it cannot be raised, only lifted.
        Err(_) if (127..=JSON_DEPTH_MAX).contains(&depth(json)) => {
            let mut deserializer = serde_json::Deserializer::from_slice(json);
            deserializer.disable_recursion_limit();
            T::deserialize(&mut deserializer).map_err(|error| Error::corrupt(key, error))
        }
        Err(error) => Err(Error::corrupt(key, error)),
    }
}

fn compress(json: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| match slot {
        Some(compressor) => compressor.compress(json),
        None => slot
            .insert(Compressor::with_prepared_dictionary(&ENCODER_1)?)
            .compress(json),
    })
}

fn decompress(frame: &[u8]) -> Result<Vec<u8>, String> {
    // The size that the frame states is what is allocated, so it is checked before.
    let size = zstd::zstd_safe::get_frame_content_size(frame)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= JSON_BYTES_MAX)
        .ok_or("the compressed value states no acceptable size")?;
    DECOMPRESSOR
        .with_borrow_mut(|slot| match slot {
            Some(decompressor) => decompressor.decompress(frame, size),
            None => slot
                .insert(Decompressor::with_prepared_dictionary(&DECODER_1)?)
                .decompress(frame, size),
        })
        .map_err(|error| error.to_string())
}

/// How deep arrays and objects nest.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0usize, 0, false, false);
    for byte in json {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_encoded_is_decoded() {
        for value in [
            json!(null),
            json!("x"),
            json!({"a": ["ä", 1.5, true]}),
            json!("word ".repeat(10_000)),
        ] {
            let stored = encode(&value).unwrap();
            assert_eq!(decode::<Value>(&stored, "key").unwrap(), value);
        }
        assert_eq!(
            encode(&json!(1)).unwrap(),
            b"01",
            "what does not shrink stays plain"
        );
        assert!(encode(&json!("word ".repeat(10_000))).unwrap().len() < 200);
    }

    #[test]
    fn deep_values_come_back_and_deeper_ones_are_refused() {
        let nested = |levels: usize| (0..levels).fold(json!("[[\"]"), |inner, _| json!([inner]));
        let stored = encode(&nested(JSON_DEPTH_MAX)).unwrap();
        assert_eq!(
            decode::<Value>(&stored, "key").unwrap(),
            nested(JSON_DEPTH_MAX)
        );
        assert!(matches!(
            encode(&nested(JSON_DEPTH_MAX + 1)),
            Err(Error::TooLarge { .. })
        ));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic_or_a_huge_allocation() {
        let stored = encode(&json!("word ".repeat(1_000))).unwrap();
        for end in 0..stored.len() {
            assert!(
                matches!(
                    decode::<Value>(&stored[..end], "key"),
                    Err(Error::Corrupt { .. })
                ),
                "{end}"
            );
        }
        let mut bomb = vec![ZSTD_WITH_DICTIONARY_1, 0x28, 0xb5, 0x2f, 0xfd, 0xe0];
        bomb.extend_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(
            decode::<Value>(&bomb, "key"),
            Err(Error::Corrupt { .. })
        ));
    }

    /// As damage it would have the conversation removed that it was to be added to, over and over.
    #[test]
    fn what_has_no_stored_form_is_not_damage() {
        let unwritable = std::collections::BTreeMap::from([(vec![1], 2)]);
        let error = encode(&unwritable).unwrap_err();
        assert_eq!(error.remedy(), crate::Remedy::SetApart, "{error}");
    }

    #[test]
    fn what_a_newer_version_has_written_is_not_damage() {
        let error = decode::<Value>(b"9", "key").unwrap_err();
        assert_eq!(error.remedy(), crate::Remedy::Upgrade, "{error}");
    }

    #[test]
    fn the_dictionary_never_changes() {
        let digest = domain::ids::Digest::of(&[DICTIONARY_1]).to_string();
        assert_eq!(
            digest, "83f9da4dccf3010c10ea0c46162abdbd",
            "add dictionary-v2.txt under a new codec byte instead"
        );
    }
}
