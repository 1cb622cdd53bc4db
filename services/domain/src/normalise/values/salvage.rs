//! JSON that a length limit cut off in the middle: what stood before the cut is closed and read.

use super::python;
use serde_json::Value;

/// Deepest nesting repaired; what is deeper is not salvaged.
const DEPTH_MAX: usize = 100;

/// Marks a text that the producer cut.
pub const MARK: &str = "… [cut by the sender]";

/// The value that the beginning of a cut JSON text denotes; `None` when it is not a cut but broken from within.
pub(crate) fn beginning(text: &str) -> Option<Value> {
    let cut = Cut::find(text)?;
    // The last text may be cut within: it is kept with a mark. Else the last complete value is the end.
    cut.close_text(text)
        .and_then(|repaired| parsed(&repaired))
        .or_else(|| parsed(&cut.close_at_last_value(text)))
}

fn parsed(repaired: &str) -> Option<Value> {
    let strict = serde_json::from_str(repaired).ok();
    strict.or_else(|| python::literal(repaired))
}

/// Where a JSON text stands when it ends too early.
struct Cut {
    /// Closers of what is open at the end, innermost last.
    open: Vec<u8>,
    in_text: bool,
    /// An escape sequence that the cut left incomplete starts here.
    escape_from: Option<usize>,
    /// The end of the last complete value or opening bracket, and how many brackets were open there.
    last_value: (usize, usize),
}

impl Cut {
    fn find(text: &str) -> Option<Self> {
        let mut cut = Self {
            open: Vec::new(),
            in_text: false,
            escape_from: None,
            last_value: (0, 0),
        };
        let mut expects_key = false;
        let mut at = 0;
        let bytes = text.as_bytes();
        while at < bytes.len() {
            let byte = bytes[at];
            if cut.in_text {
                match byte {
                    b'\\' => {
                        let length = if bytes.get(at + 1) == Some(&b'u') {
                            6
                        } else {
                            2
                        };
                        if at + length > bytes.len() {
                            cut.escape_from = Some(at);
                        }
                        at += length;
                        continue;
                    }
                    b'"' => {
                        cut.in_text = false;
                        if !expects_key {
                            cut.last_value = (at + 1, cut.open.len());
                        }
                    }
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => cut.in_text = true,
                    b'{' | b'[' => {
                        cut.open.push(if byte == b'{' { b'}' } else { b']' });
                        if cut.open.len() > DEPTH_MAX {
                            return None;
                        }
                        expects_key = byte == b'{';
                        cut.last_value = (at + 1, cut.open.len());
                    }
                    b'}' | b']' => {
                        if cut.open.pop() != Some(byte) {
                            return None;
                        }
                        cut.last_value = (at + 1, cut.open.len());
                    }
                    b':' => expects_key = false,
                    b',' => {
                        // A number or word is complete once a comma follows it.
                        cut.last_value = (at, cut.open.len());
                        expects_key = cut.open.last() == Some(&b'}');
                    }
                    _ => {}
                }
            }
            at += 1;
        }
        (!cut.open.is_empty() || cut.in_text).then_some(cut)
    }

    fn close_text(&self, text: &str) -> Option<String> {
        if !self.in_text {
            return None;
        }
        let kept = &text[..self.escape_from.unwrap_or(text.len())];
        let mut repaired = String::with_capacity(kept.len() + MARK.len() + self.open.len() + 1);
        repaired.push_str(kept);
        repaired.push_str(MARK);
        repaired.push('"');
        self.push_closers(&mut repaired, self.open.len());
        Some(repaired)
    }

    fn close_at_last_value(&self, text: &str) -> String {
        let (end, depth) = self.last_value;
        let mut repaired = text[..end].to_owned();
        // Brackets that opened after the last value stand behind it and fall away with the rest.
        self.push_closers(&mut repaired, depth.min(self.open.len()));
        repaired
    }

    fn push_closers(&self, repaired: &mut String, depth: usize) {
        repaired.extend(self.open[..depth].iter().rev().map(|byte| *byte as char));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn closes_what_was_cut_at_every_place() {
        let whole = r#"[{"role":"user","content":"a \"quoted\" \u00e9 text","n":[1,true,null]},{"role":"x"}]"#;
        for end in 1..whole.len() {
            let value = beginning(&whole[..end]);
            assert!(
                value.is_some_and(|value| value.is_array()),
                "{}",
                &whole[..end]
            );
        }
    }

    #[test]
    fn keeps_the_text_before_the_cut_with_a_mark() {
        assert_eq!(
            beginning(r#"[{"role":"user","content":"hel"#),
            Some(json!([{"role": "user", "content": format!("hel{MARK}")}]))
        );
        assert_eq!(
            beginning(r#"[{"role":"user","content":"whole"},{"ro"#),
            Some(json!([{"role": "user", "content": "whole"}, {}]))
        );
    }

    #[test]
    fn text_that_is_whole_or_broken_within_is_left_alone() {
        for text in [r#"{"a":1}"#, "[}", "{'a': 1}", "hello"] {
            assert_eq!(beginning(text), None, "{text}");
        }
    }
}
