//! Python literals, which Python SDKs write where they meant JSON: `{'city': 'Paris', 'ok': True}`.

use serde_json::{Map, Number, Value};

/// Deepest nesting read; beyond it the text is not taken for a literal. Real ones nest less than ten deep.
const DEPTH_MAX: usize = 64;

/// The list, tuple or dict that `text` spells; `None` unless all of it is one.
pub(crate) fn literal(text: &str) -> Option<Value> {
    let mut reader = ReprReader {
        bytes: text.as_bytes(),
        text,
        at: 0,
    };
    let value = reader.value(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

struct ReprReader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl ReprReader<'_> {
    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.blanks();
        match self.peek()? {
            _ if depth > DEPTH_MAX => None,
            b'{' => self.dict(depth),
            b'[' => self.list(depth, b']'),
            b'(' => self.list(depth, b')'),
            b'\'' | b'"' => self.string().map(Value::String),
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn list(&mut self, depth: usize, close: u8) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            if self.next_is(close) {
                return Some(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            if !self.next_is(b',') {
                return self.next_is(close).then_some(Value::Array(items));
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut map = Map::new();
        loop {
            if self.next_is(b'}') {
                return Some(Value::Object(map));
            }
            let key = match self.value(depth + 1)? {
                Value::String(key) => key,
                other => other.to_string(),
            };
            if !self.next_is(b':') {
                return None;
            }
            map.insert(key, self.value(depth + 1)?);
            if !self.next_is(b',') {
                return self.next_is(b'}').then_some(Value::Object(map));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.peek()?;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..)?;
            let stop = rest
                .bytes()
                .position(|byte| byte == quote || byte == b'\\')?;
            out.push_str(&rest[..stop]);
            self.at += stop + 1;
            if rest.as_bytes()[stop] == quote {
                return Some(out);
            }
            self.escape(&mut out)?;
        }
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let escaped = self.text.get(self.at..)?.chars().next()?;
        self.at += escaped.len_utf8();
        match escaped {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'x' => self.code_point(2, out)?,
            'u' => self.code_point(4, out)?,
            'U' => self.code_point(8, out)?,
            '\n' => {}
            other => out.push(other),
        }
        Some(())
    }

    fn code_point(&mut self, digits: usize, out: &mut String) -> Option<()> {
        let hex = self.text.get(self.at..self.at + digits)?;
        self.at += digits;
        let code = u32::from_str_radix(hex, 16).ok()?;
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        Some(())
    }

    fn number(&mut self) -> Option<Value> {
        let rest = &self.text[self.at..];
        let end = rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"+-._".contains(&byte)))
            .unwrap_or(rest.len());
        self.at += end;
        let digits = rest[..end].replace('_', "");
        if let Ok(integer) = digits.parse::<i64>() {
            return Some(integer.into());
        }
        digits
            .parse::<f64>()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
    }

    fn word(&mut self) -> Option<Value> {
        const WORDS: [(&str, Value); 7] = [
            ("None", Value::Null),
            ("True", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("nan", Value::Null),
        ];
        let rest = &self.bytes[self.at..];
        let (word, value) = WORDS
            .iter()
            .find(|(word, _)| rest.starts_with(word.as_bytes()))?;
        self.at += word.len();
        Some(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_python_prints() {
        let text = r#"[{'role': "user", 'content': 'it\'s\n\u00e9', 'n': -1.5, 'ok': True, 'no': None, 't': (1, 2,)}]"#;
        assert_eq!(
            literal(text),
            Some(
                json!([{"role": "user", "content": "it's\né", "n": -1.5, "ok": true, "no": null, "t": [1, 2]}])
            )
        );
    }

    #[test]
    fn refuses_objects_cut_text_and_endless_nesting() {
        for text in [
            "{'a': <object at 0x7f>}",
            "{'a': 'b",
            "{'a' 'b'}",
            "{'a': 1} trailing",
            "",
            "'\\",
        ] {
            assert_eq!(literal(text), None, "{text}");
        }
        assert_eq!(literal(&"[".repeat(100_000)), None);
    }
}
