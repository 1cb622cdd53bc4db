//! New tokens: made here, kept by the client, known to the gateway by their hash alone.

use std::fmt::Write as _;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Lets secret scanners recognise a token that was published by mistake.
const PREFIX: &str = "clq_";
/// As many as the hash has: no shorter than what it could be guessed by.
const RANDOM_BYTES: usize = 32;

/// A token that nobody has had before.
pub fn generate() -> anyhow::Result<String> {
    let mut bytes = [0u8; RANDOM_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the system gives no random numbers")?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What the configuration holds of a token: SHA-256 in hex.
pub fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The entry for `gateway.tokens`.
pub fn config_line(name: &str, token: &str, projects: &[String]) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let projects: Vec<String> = projects.iter().map(|project| text(project)).collect();
    format!(
        "{{ name = {}, sha256 = \"{}\", projects = [{}] }}",
        text(name),
        hash(token),
        projects.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (a, b) = (generate().expect("random"), generate().expect("random"));
        assert_ne!(a, b);
        assert!(a.starts_with(PREFIX) && a.len() > 40, "{a}");
    }

    #[test]
    fn the_printed_entry_is_what_the_configuration_reads() {
        let line = config_line("a \"b\"", "token", &["shop".to_owned()]);
        let variable = ("COLLOQUY_GATEWAY__TOKENS".to_owned(), format!("[{line}]"));
        let loaded = runtime::config::load_from::<crate::config::Config>(None, [variable])
            .expect("is valid");
        let token = &loaded.config.gateway.tokens[0];
        assert_eq!(token.name, "a \"b\"");
        assert_eq!(token.projects, ["shop"]);
        assert_eq!(token.sha256, hash("token"));
    }

    #[test]
    fn the_hash_is_the_one_that_other_tools_compute() {
        assert_eq!(
            hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
