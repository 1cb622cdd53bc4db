//! What is wrong with a piece, and in which field, in words.

use domain::text::prefix;
use serde::de::DeserializeOwned;
use serde_json::Error;

/// Values can be nested deeply; the beginning of the way to them tells enough.
const PATH_BYTES_MAX: usize = 120;

/// Why a text is no such message, which was found out before: this time the fields on the way are noted. `above` is the
/// field that holds it, if any.
pub(super) fn explain<M: DeserializeOwned>(above: &str, text: &str) -> String {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, M>(&mut deserializer) else {
        return format!("`{above}`: it cannot be read");
    };
    let path = match error.path().to_string().as_str() {
        "." => above.to_owned(),
        path if above.is_empty() => path.to_owned(),
        path => format!("{above}.{path}"),
    };
    let cause = cause(error.inner());
    let shown = prefix(&path, PATH_BYTES_MAX);
    match path.len() {
        0 => cause,
        length if length > shown.len() => format!("`{shown}…`: {cause}"),
        _ => format!("`{shown}`: {cause}"),
    }
}

/// The cause in the words of JSON. Positions are left out: they would be those in the piece.
pub(super) fn cause(error: &Error) -> String {
    let text = error.to_string();
    let cause = text
        .rsplit_once(" at line ")
        .map_or(&*text, |(cause, _)| cause);
    let Some(types) = cause.strip_prefix("invalid type: ") else {
        return cause.to_owned();
    };
    let (found, wanted) = types.rsplit_once(", expected ").unwrap_or((types, ""));
    let found = match found {
        "sequence" => "a list",
        "map" => "an object",
        found => found,
    };
    let wanted = match wanted {
        "a sequence" => "a list",
        "a map" => "an object",
        wanted if wanted.starts_with("struct ") => "an object",
        wanted => wanted,
    };
    format!("{found} where {wanted} belongs")
}
