//! JSON as languages write it: Python's literals (`{'city': 'Paris', 'ok': True}`) and what it prints of its objects, and
//! JSON with what JSON has not (NaN, halves of surrogate pairs, raw line feeds, commas too many). One odd value is read
//! as its text, so that it does not cost the rest.

use super::salvage::MARK;
use serde_json::{Map, Number, Value};

/// Deepest nesting read; beyond it the text is not taken for a literal. Real ones nest less than ten deep.
const DEPTH_MAX: usize = 64;

/// The list, tuple or dict that `text` spells; `None` unless all of it is one.
pub(crate) fn literal(text: &str) -> Option<Value> {
    let mut reader = ReprReader::new(text, false);
    let value = reader.value(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

/// The text of a string literal in double quotes.
pub(crate) fn string_literal(text: &str) -> Option<String> {
    let mut reader = ReprReader::new(text, false);
    let string = reader.string()?;
    (reader.at == text.len()).then_some(string)
}

/// What a literal that ends too early says up to its end; a text that was cut within is marked.
pub(crate) fn beginning(text: &str) -> Option<Value> {
    let mut reader = ReprReader::new(text, true);
    let value = reader.value(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

struct ReprReader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    /// Whether the text may end before its literal does.
    is_cut: bool,
}

impl<'a> ReprReader<'a> {
    fn new(text: &'a str, is_cut: bool) -> Self {
        Self {
            bytes: text.as_bytes(),
            text,
            at: 0,
            is_cut,
        }
    }

    /// Whether the cut was here: everything that is open closes.
    fn is_over(&mut self) -> bool {
        self.blanks();
        self.is_cut && self.at == self.text.len()
    }

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
        let Some(first) = self.peek() else {
            return self.is_cut.then_some(Value::Null);
        };
        match first {
            _ if depth > DEPTH_MAX => None,
            b'{' => self.dict(depth),
            b'[' => self.list(depth, b']'),
            b'(' => self.list(depth, b')'),
            b'\'' | b'"' => self.string().map(Value::String),
            b'<' => self.object(depth),
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number(),
            _ => self.word(depth),
        }
    }

    fn list(&mut self, depth: usize, close: u8) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            if self.next_is(close) || self.is_over() {
                return Some(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            if !self.next_is(b',') && !self.is_over() {
                return self.next_is(close).then_some(Value::Array(items));
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut map = Map::new();
        loop {
            if self.next_is(b'}') || self.is_over() {
                return Some(Value::Object(map));
            }
            let key = match self.bare_key() {
                Some(key) => key,
                None => match self.value(depth + 1)? {
                    Value::String(key) => key,
                    other => other.to_string(),
                },
            };
            if !self.next_is(b':') && !self.arrow() {
                // A key that the cut reached has no value.
                return self.is_over().then_some(Value::Object(map));
            }
            if self.is_over() {
                return Some(Value::Object(map));
            }
            map.insert(key, self.value(depth + 1)?);
            if !self.next_is(b',') && !self.is_over() {
                return self.next_is(b'}').then_some(Value::Object(map));
            }
        }
    }

    /// A key without quotes, as JavaScript (`{ role: 'user' }`) and Ruby (`{:role=>"user"}`, `{role: "user"}`) print it.
    fn bare_key(&mut self) -> Option<String> {
        self.blanks();
        let rest = &self.text[self.at..];
        let symbol = rest.strip_prefix(':');
        let name = symbol.unwrap_or(rest);
        let end = name
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))?;
        let (key, after) = name.split_at(end);
        let after = after.trim_start();
        let is_key = key.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
            && match symbol {
                Some(_) => after.starts_with("=>"),
                None => after.starts_with(':'),
            };
        is_key.then(|| {
            self.at += end + usize::from(symbol.is_some());
            key.to_owned()
        })
    }

    /// What Ruby has in place of a colon.
    fn arrow(&mut self) -> bool {
        self.blanks();
        let found = self.bytes[self.at..].starts_with(b"=>");
        self.at += 2 * usize::from(found);
        found
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.peek()?;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..)?;
            let Some(stop) = rest.bytes().position(|byte| byte == quote || byte == b'\\') else {
                out.push_str(rest);
                return self.cut_string(out);
            };
            out.push_str(&rest[..stop]);
            self.at += stop + 1;
            if rest.as_bytes()[stop] == quote {
                return Some(out);
            }
            if self.escape(&mut out).is_none() {
                return self.cut_string(out);
            }
        }
    }

    fn cut_string(&mut self, mut out: String) -> Option<String> {
        self.at = self.text.len();
        out.push_str(MARK);
        self.is_cut.then_some(out)
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let escaped = self.text.get(self.at..)?.chars().next()?;
        self.at += escaped.len_utf8();
        match escaped {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'x' => self.code_point(2, out)?,
            'u' => self.code_point(4, out)?,
            'U' => self.code_point(8, out)?,
            '\n' => {}
            other => out.push(other),
        }
        Some(())
    }

    /// A character by its number. Two halves of a surrogate pair are one; half a pair alone is none.
    fn code_point(&mut self, digits: usize, out: &mut String) -> Option<()> {
        let mut code = self.hex(digits)?;
        if (0xd800..0xdc00).contains(&code) && self.bytes[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            match self.hex(4) {
                Some(low @ 0xdc00..0xe000) => {
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
                _ => self.at = before,
            }
        }
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        Some(())
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let hex = self.text.get(self.at..self.at + digits)?;
        let code = u32::from_str_radix(hex, 16).ok()?;
        self.at += digits;
        Some(code)
    }

    /// A number; one that JSON does not have is its text.
    fn number(&mut self) -> Option<Value> {
        let rest = &self.text[self.at..];
        let end = rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"+-._".contains(&byte)))
            .unwrap_or(rest.len());
        let digits = rest[..end].replace('_', "");
        if matches!(&*digits, "-Infinity" | "-inf") {
            self.at += end;
            return Some("-Infinity".into());
        }
        // Dates without quotes and the like are no numbers.
        let number = digits.parse::<f64>().ok();
        if number.is_none() && !self.is_cut {
            return None;
        }
        self.at += end;
        if let Ok(integer) = digits.parse::<i64>() {
            return Some(integer.into());
        }
        Some(match number.and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => Value::String(digits),
        })
    }

    fn word(&mut self, depth: usize) -> Option<Value> {
        let rest = &self.text[self.at..];
        let end = rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"_.".contains(&byte)))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        let after = rest.as_bytes().get(end);
        if matches!(word, "b" | "u" | "r" | "rb" | "br") && matches!(after, Some(b'\'' | b'"')) {
            self.at += end;
            return self.string().map(Value::String);
        }
        if !word.is_empty() && after == Some(&b'(') {
            self.at += end;
            return self.call(word, depth);
        }
        let value = match word {
            "None" | "null" | "undefined" | "nil" => Value::Null,
            "True" | "true" => true.into(),
            "False" | "false" => false.into(),
            // As protobuf writes in JSON the numbers that JSON does not have.
            "NaN" | "nan" => "NaN".into(),
            "Infinity" | "inf" => "Infinity".into(),
            _ if self.is_cut && end == rest.len() => Value::Null,
            _ => return None,
        };
        self.at += end;
        Some(value)
    }

    /// An object as Python prints it: `HumanMessage(content='Hi')` is its fields and its type, `Decimal('1.5')` what it
    /// is made of.
    fn call(&mut self, class: &str, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut fields = Map::new();
        let mut plain = Vec::new();
        while !self.next_is(b')') && !self.is_over() {
            match self.field_name() {
                Some(name) => {
                    let value = self.value(depth + 1)?;
                    fields.insert(name, value);
                }
                None => plain.push(self.value(depth + 1)?),
            }
            if !self.next_is(b',') && !self.is_over() {
                if !self.next_is(b')') {
                    return None;
                }
                break;
            }
        }
        if fields.is_empty() {
            return match plain.len() {
                1 if class.ends_with("OrderedDict") => plain.pop().map(of_pairs),
                1 => plain.pop(),
                _ => Some(Value::Array(plain)),
            };
        }
        let class = class.rsplit('.').next().unwrap_or(class);
        fields.entry("type").or_insert_with(|| class.into());
        Some(Value::Object(fields))
    }

    fn field_name(&mut self) -> Option<String> {
        self.blanks();
        let rest = &self.text[self.at..];
        let end = rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))?;
        let is_name = end > 0 && rest.as_bytes()[end] == b'=';
        is_name.then(|| {
            self.at += end + 1;
            rest[..end].to_owned()
        })
    }

    /// `<Role.USER: 'user'>` is its value; any other object (`<Agent object at 0x7f>`) the text that was printed of it.
    fn object(&mut self, depth: usize) -> Option<Value> {
        let rest = &self.text[self.at..];
        let is_name = |text: &str| {
            let mut bytes = text.bytes();
            !text.is_empty()
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
        };
        if let Some((name, _)) = rest[1..].split_once(": ")
            && is_name(name)
        {
            self.at += 1 + name.len() + 2;
            let value = self.value(depth + 1)?;
            return self.next_is(b'>').then_some(value);
        }
        let end = rest.find('>')?;
        let printed = &rest[..=end];
        let is_object = printed.contains(" at 0x") || printed.starts_with("<class '");
        self.at += printed.len();
        is_object.then(|| printed.into())
    }
}

/// A list of pairs as the dict that it makes.
fn of_pairs(pairs: Value) -> Value {
    let pair = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
        Some([Value::String(key), value]) => Some((key.clone(), value.clone())),
        _ => None,
    };
    let fields = pairs
        .as_array()
        .and_then(|pairs| pairs.iter().map(pair).collect());
    fields.map_or(pairs, Value::Object)
}

#[cfg(test)]
mod tests;
