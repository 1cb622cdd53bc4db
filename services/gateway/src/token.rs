//! The tokens of `gateway.tokens`.

use runtime::token::hash;

/// Lets secret scanners recognise a token that was published by mistake.
pub const PREFIX: &str = "clq_";

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
}
