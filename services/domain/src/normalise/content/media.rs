//! Images, sounds and files: what they are and how large, never their bytes.

use super::kinds;
use crate::message::Part;
use crate::normalise::values::absent;
use crate::normalise::values::fields::take_text;
use serde_json::{Map, Value};

/// Keys under which SDKs nest what describes the media.
const NESTS: [&str; 17] = [
    "image_url",
    "image",
    "input_audio",
    "audio",
    "audio_url",
    "file",
    "source",
    "document",
    // Mistral.
    "document_url",
    "video",
    "video_url",
    "inlineData",
    "inline_data",
    "fileData",
    "file_data",
    "s3Location",
    "media",
];

/// Deepest such nesting (`{"image":{"source":{"s3Location":{"uri":…}}}}` has three).
const NESTING_MAX: usize = 4;

/// Whether a block without a type is media.
pub(crate) fn is_block(map: &Map<String, Value>) -> bool {
    NESTS.iter().any(|key| {
        absent::get(map, key).is_some_and(|value| value.is_object() || value.is_string())
    })
}

/// Whether a block of whatever type holds bytes or the address of bytes.
pub(crate) fn is_inline(map: &Map<String, Value>) -> bool {
    let has_text = |keys: &[&str]| {
        keys.iter()
            .any(|key| absent::get(map, key).is_some_and(Value::is_string))
    };
    has_text(&MIME_KEYS[..8])
        && (has_text(&["data", "bytes", "base64", "blob"]) || has_text(&URI_KEYS))
}

/// Reads a media part. Inline bytes leave only their size, a reference stays.
pub(crate) fn part(map: Map<String, Value>) -> Part {
    let mut found = Found::default();
    found.read(map, 0, "");
    Part::Media {
        mime_type: found.mime_type,
        uri: found.uri,
        size_bytes: found.size_bytes,
    }
}

/// Replaces inline media anywhere within a value by what and how large it was.
pub(crate) fn forget_bytes(value: &mut Value) {
    forget_at(value, 0);
}

fn forget_at(value: &mut Value, depth: usize) {
    /// Deeper than JSON text can nest.
    const DEPTH_MAX: usize = 130;
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::String(text) if is_data_url(text) => *value = note(text),
        Value::Array(items) => items.iter_mut().for_each(|item| forget_at(item, depth + 1)),
        Value::Object(map) => {
            let is_media = MIME_KEYS.iter().any(|key| map.contains_key(*key));
            for (key, item) in map {
                match item {
                    Value::String(text)
                        if is_media
                            && BYTES_KEYS.contains(&key.as_str())
                            && is_long_base64(text) =>
                    {
                        *item = note(text);
                    }
                    _ => forget_at(item, depth + 1),
                }
            }
        }
        _ => {}
    }
}

/// Replaces whatever looks like bytes, also where nothing says that it is: for what is shown without being understood.
pub(crate) fn forget_all_bytes(value: &mut Value) {
    forget_bytes(value);
    forget_long_at(value, 0);
}

fn forget_long_at(value: &mut Value, depth: usize) {
    const DEPTH_MAX: usize = 130;
    match value {
        _ if depth > DEPTH_MAX => {}
        Value::String(text) if is_long_base64(text) => *value = note(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| forget_long_at(item, depth + 1)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|item| forget_long_at(item, depth + 1)),
        _ => {}
    }
}

fn is_data_url(text: &str) -> bool {
    /// A media type with its parameters is shorter than this.
    const HEAD_BYTES_MAX: usize = 200;
    text.starts_with("data:") && crate::text::prefix(text, HEAD_BYTES_MAX).contains(";base64,")
}

fn is_long_base64(text: &str) -> bool {
    /// Shorter texts are kept whatever they are.
    const LONG_BYTES: usize = 512;
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_\r\n".contains(&byte);
    text.len() >= LONG_BYTES && text.bytes().all(is_digit)
}

/// Whether a text is base64 and no id, path or URL, as LlamaIndex writes bytes where others have an address.
fn are_bytes(text: &str) -> bool {
    /// Ids of files are shorter.
    const BYTES_MIN: usize = 72;
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    text.len() >= BYTES_MIN && text.bytes().all(is_digit)
}

fn note(text: &str) -> Value {
    let mut found = Found::default();
    found.inline(text);
    let mime_type = found.mime_type.map(|mime_type| mime_type + ", ");
    let bytes = found.size_bytes.unwrap_or_default();
    format!("[{}{bytes} bytes]", mime_type.unwrap_or_default()).into()
}

const MIME_KEYS: [&str; 9] = [
    "mime_type",
    "mimeType",
    "media_type",
    "mediaType",
    "contentType",
    // LlamaIndex's blocks.
    "image_mimetype",
    "document_mimetype",
    "mimetype",
    "format",
];

const URI_KEYS: [&str; 8] = [
    "uri", "url", "file_id", "fileId", "fileUri", "file_uri", "file_url", "path",
];

/// Where inline bytes stand, as base64.
const BYTES_KEYS: [&str; 5] = ["data", "content", "bytes", "base64", "blob"];

/// Bedrock and OpenAI name a format (`png`, `pdf`, `wav`) where others have a type.
fn whole_mime_type(format: String, modality: &str) -> String {
    const DOCUMENTS: [(&str, &str); 8] = [
        ("pdf", "application/pdf"),
        ("csv", "text/csv"),
        ("html", "text/html"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
        ("doc", "application/msword"),
        (
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ];
    if format.contains('/') {
        return format;
    }
    if let Some((_, mime_type)) = DOCUMENTS.iter().find(|(name, _)| *name == format) {
        return (*mime_type).to_owned();
    }
    match ["image", "audio", "video"]
        .into_iter()
        .find(|family| modality.to_ascii_lowercase().contains(family))
    {
        Some("image") if format == "jpg" => "image/jpeg".to_owned(),
        Some(family) => format!("{family}/{format}"),
        None => format,
    }
}

#[derive(Default)]
struct Found {
    mime_type: Option<String>,
    uri: Option<String>,
    size_bytes: Option<u64>,
}

impl Found {
    /// `nest` is the key that the block stands under.
    fn read(&mut self, mut map: Map<String, Value>, depth: usize, nest: &str) {
        let modality = kinds::of(&map).unwrap_or(nest).to_owned();
        let mime_type = take_text(&mut map, &MIME_KEYS);
        if !mime_type.is_empty() {
            self.mime_type
                .get_or_insert_with(|| whole_mime_type(mime_type, &modality));
        }
        for key in URI_KEYS {
            if let Some(Value::String(text)) = map.remove(key) {
                self.reference(text);
            }
        }
        for key in BYTES_KEYS {
            match map.remove(key) {
                // The AI SDK takes either.
                Some(Value::String(text)) if text.contains("://") => self.reference(text),
                Some(Value::String(text)) => self.inline(&text),
                _ => {}
            }
        }
        for key in NESTS {
            match map.remove(key) {
                Some(Value::Object(inner)) if depth < NESTING_MAX => {
                    self.read(inner, depth + 1, key);
                }
                Some(Value::String(text)) => self.reference(text),
                _ => {}
            }
        }
    }

    /// A URL, a file id, or bytes where a URL was expected.
    fn reference(&mut self, text: String) {
        /// A reference longer than this is content.
        const REFERENCE_BYTES_MAX: usize = 4_096;
        // Scrubbers leave a mark such as `[Filtered]` in its place.
        if text.starts_with('[') {
            return;
        }
        if text.starts_with("data:") || text.len() > REFERENCE_BYTES_MAX || are_bytes(&text) {
            self.inline(&text);
        } else if !text.is_empty() {
            self.uri.get_or_insert(text);
        }
    }

    fn inline(&mut self, text: &str) {
        let data = match text
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(','))
        {
            Some((head, data)) => {
                let mime_type = head.split(';').next().unwrap_or_default();
                if !mime_type.is_empty() {
                    self.mime_type.get_or_insert_with(|| mime_type.to_owned());
                }
                data
            }
            None => text,
        };
        // Scrubbers leave a mark such as `[Filtered]` in place of the bytes.
        if data.starts_with('[') {
            return;
        }
        let padding = data.bytes().rev().take_while(|byte| *byte == b'=').count();
        let digits = data.len().saturating_sub(padding) as u64;
        self.size_bytes.get_or_insert(digits * 3 / 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> (Option<String>, Option<String>, Option<u64>) {
        let Part::Media {
            mime_type,
            uri,
            size_bytes,
        } = part(value.as_object().expect("an object").clone())
        else {
            panic!("media")
        };
        (mime_type, uri, size_bytes)
    }

    #[test]
    fn inline_bytes_leave_their_type_and_size() {
        let png = Some("image/png".to_owned());
        for value in [
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAAAAA="}}),
            json!({"type": "input_image", "image_url": "data:image/png;base64,AAAAAAA="}),
            json!({"type": "blob", "mime_type": "image/png", "modality": "image", "content": "AAAAAAA="}),
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAAAAA="}}),
            json!({"inlineData": {"mimeType": "image/png", "data": "AAAAAAA="}}),
            json!({"type": "file", "mediaType": "image/png", "data": "AAAAAAA="}),
        ] {
            assert_eq!(read(value.clone()), (png.clone(), None, Some(5)), "{value}");
        }
    }

    #[test]
    fn bytes_within_results_leave_a_note() {
        let long = "A".repeat(1_024);
        let mut value = json!([
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": long}},
            {"url": format!("data:image/png;base64,{long}"), "data": long},
            {"mimeType": "text/plain", "data": "not bytes but words"}
        ]);
        forget_bytes(&mut value);
        assert_eq!(
            value,
            json!([
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "[768 bytes]"}},
                {"url": "[image/png, 768 bytes]", "data": long},
                {"mimeType": "text/plain", "data": "not bytes but words"}
            ])
        );
    }

    #[test]
    fn references_stay() {
        let uri = Some("https://example.com/a.png".to_owned());
        for value in [
            json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
            json!({"type": "uri", "modality": "image", "uri": "https://example.com/a.png"}),
            json!({"type": "image", "image": {"image": {"url": "https://example.com/a.png"}}}),
            json!({"image": {"source": {"s3Location": {"uri": "https://example.com/a.png"}}}}),
        ] {
            assert_eq!(read(value.clone()), (None, uri.clone(), None), "{value}");
        }
        assert_eq!(
            read(json!({"type": "blob", "mime_type": "image/png", "content": "[Filtered]"})),
            (Some("image/png".into()), None, None)
        );
    }
}
