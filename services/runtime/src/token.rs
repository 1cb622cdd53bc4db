//! Tokens of clients: made here, kept by the client, known to a service by their hash alone.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// As many as the hash has: no shorter than what it could be guessed by.
const RANDOM_BYTES: usize = 32;

type Hash = [u8; 32];

/// A token that nobody has had before. The prefix lets secret scanners recognise one that was published by mistake.
///
/// # Errors
/// When the system gives no random numbers.
pub fn generate(prefix: &str) -> anyhow::Result<String> {
    let random = URL_SAFE_NO_PAD.encode(random::<RANDOM_BYTES>()?);
    Ok(format!("{prefix}{random}"))
}

/// # Errors
/// When the system gives no random numbers.
pub fn random<const LENGTH: usize>() -> anyhow::Result<[u8; LENGTH]> {
    let mut bytes = [0u8; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the system gives no random numbers")?;
    Ok(bytes)
}

/// What a configuration holds of a token: SHA-256 in hex.
pub fn hash(token: &str) -> String {
    hex(&digest(token))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a configured text is what [`hash`] makes.
pub fn is_hash(hex: &str) -> bool {
    parse_hash(hex).is_some()
}

fn digest(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

fn parse_hash(hex: &str) -> Option<Hash> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0u8; 32];
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(position * 2..position * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Whom each token lets in.
#[derive(Clone)]
pub struct Tokens<T>(Vec<(Hash, T)>);

impl<T> Tokens<T> {
    /// Of pairs of a hash in hex and whom it stands for. What is no hash is left out.
    pub fn new<'a>(entries: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        let entries = entries.into_iter();
        let known = entries.filter_map(|(hex, who)| Some((parse_hash(hex)?, who)));
        Self(known.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes as long for a wrong token as for a right one: every hash is compared in full.
    pub fn find(&self, token: &str) -> Option<&T> {
        let hash = digest(token);
        let mut found = u32::MAX;
        for (position, (known, _)) in (0u32..).zip(&self.0) {
            let is_same: Choice = known.ct_eq(&hash);
            found = u32::conditional_select(&found, &position, is_same);
        }
        self.0.get(found as usize).map(|(_, who)| who)
    }
}

impl<T: fmt::Debug> fmt::Debug for Tokens<T> {
    /// Without the hashes, which are nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(_, who)| who))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (a, b) = (
            generate("clq_").expect("random"),
            generate("clq_").expect("random"),
        );
        assert_ne!(a, b);
        assert!(a.starts_with("clq_") && a.len() > 40, "{a}");
    }

    #[test]
    fn the_hash_is_the_one_that_other_tools_compute() {
        assert_eq!(
            hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_token_is_found_by_its_hash_and_no_other_is() {
        let (one, two) = (hash("one"), hash("two"));
        let tokens = Tokens::new([(one.as_str(), 1), ("no hash", 0), (two.as_str(), 2)]);
        assert_eq!(
            (tokens.find("one"), tokens.find("two")),
            (Some(&1), Some(&2))
        );
        assert_eq!((tokens.find("three"), tokens.find("no hash")), (None, None));
        assert!(!format!("{tokens:?}").contains(&one[..8]));
    }
}
