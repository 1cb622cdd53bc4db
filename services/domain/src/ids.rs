//! Identifiers: traces and spans as bytes, conversations as free text within a project.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

/// Longest conversation id kept verbatim. Longer ids are cut and completed by a digest, so that they stay distinct.
pub const CONVERSATION_ID_BYTES_MAX: usize = 256;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Reads lower- or upper-case hex of the exact length; `None` for anything else and for all zeros,
            /// which the OpenTelemetry specification defines as invalid.
            pub fn parse_hex(text: &str) -> Option<Self> {
                let text = text.as_bytes();
                if text.len() != $len * 2 {
                    return None;
                }
                let mut bytes = [0u8; $len];
                for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
                    let high = (pair[0] as char).to_digit(16)?;
                    let low = (pair[1] as char).to_digit(16)?;
                    *byte = (high * 16 + low) as u8;
                }
                Self::from_bytes(&bytes)
            }

            /// `None` unless the slice has the exact length and is not all zeros.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; $len] = bytes.try_into().ok()?;
                (bytes != [0; $len]).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse_hex(&text).ok_or_else(|| D::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    };
}

hex_id!(
    /// 16 bytes, shown as 32 hex characters. Never all zeros.
    TraceId, 16);
hex_id!(
    /// 8 bytes, shown as 16 hex characters. Never all zeros.
    SpanId, 8);
hex_id!(
    /// The first 16 bytes of a BLAKE3 hash of a canonical form: names a content, a node of a history, a message.
    Digest, 16);

impl Digest {
    /// Hashes the parts with their lengths, so that no two lists of parts collide by concatenation.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self::from_hasher(&hasher)
    }

    pub(crate) fn from_hasher(hasher: &blake3::Hasher) -> Self {
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(bytes)
    }
}

/// What makes a span unique: its trace and its id within it.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct SpanKey {
    #[serde(rename = "t")]
    pub trace: TraceId,
    #[serde(rename = "s")]
    pub span: SpanId,
}

impl fmt::Display for SpanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.trace, self.span)
    }
}

/// A conversation within the project that owns it. The same id in two projects names two conversations.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ConversationKey {
    pub project: String,
    pub id: String,
}

impl ConversationKey {
    /// A fixed-size name of the pair, used in store keys and for routing. Stable across versions and machines:
    /// stored data depends on it, so it must never change.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.project.as_bytes(), self.id.as_bytes()])
    }
}

impl fmt::Display for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.id)
    }
}

/// A trace within the project whose spans it has. What another project knows of the same trace is another trace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TraceKey {
    pub project: String,
    pub trace: TraceId,
}

impl TraceKey {
    /// Likewise. It never changes either.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.project.as_bytes(), &self.trace.0])
    }
}

/// Makes a usable conversation id of what a span carried: trims, refuses blanks, the words `null`, `none`,
/// `undefined` and all-zero ids, removes control characters, and cuts beyond [`CONVERSATION_ID_BYTES_MAX`]
/// (the cut id ends in a digest of the whole, so two long ids never become one).
pub fn clean_conversation_id(raw: &str) -> Option<String> {
    let id: String = raw.trim().chars().filter(|c| !c.is_control()).collect();
    let id = id.trim();
    let meaningless = ["null", "none", "undefined"]
        .iter()
        .any(|word| id.eq_ignore_ascii_case(word))
        || id.chars().all(|c| c == '0' || c == '-');
    if meaningless {
        return None;
    }
    if id.len() <= CONVERSATION_ID_BYTES_MAX {
        return Some(id.to_owned());
    }
    let digest = Digest::of(&[id.as_bytes()]).to_string();
    let room = CONVERSATION_ID_BYTES_MAX - digest.len() - "…".len();
    Some(format!("{}…{digest}", crate::text::prefix(id, room)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_ids_read_what_they_write_and_refuse_zeros() {
        let id = SpanId::parse_hex("00F067aa0ba902b7").expect("valid");
        assert_eq!(id.to_string(), "00f067aa0ba902b7");
        for bad in [
            "",
            "00f067aa0ba902b",
            "0000000000000000",
            "zzf067aa0ba902b7",
            "00f067aa0ba902b7ff",
        ] {
            assert_eq!(SpanId::parse_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn blank_and_placeholder_conversation_ids_are_none() {
        for raw in [
            "",
            "   ",
            "\n\t",
            "null",
            "None",
            "undefined",
            "0000",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(clean_conversation_id(raw), None, "{raw:?}");
        }
        assert_eq!(
            clean_conversation_id(" slack:1234 ").as_deref(),
            Some("slack:1234")
        );
    }

    #[test]
    fn long_conversation_ids_are_cut_but_stay_distinct() {
        let long = "x".repeat(1_000_000);
        let a = clean_conversation_id(&format!("{long}a")).expect("an id");
        let b = clean_conversation_id(&format!("{long}b")).expect("an id");
        assert!(a.len() <= CONVERSATION_ID_BYTES_MAX && b.len() <= CONVERSATION_ID_BYTES_MAX);
        assert_ne!(a, b);
    }

    #[test]
    fn the_routing_digest_never_changes() {
        let key = ConversationKey {
            project: "shop".into(),
            id: "conv-1".into(),
        };
        assert_eq!(key.digest().to_string(), "e84224603cfd4a34040ab851c6509159");
    }
}
