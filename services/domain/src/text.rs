//! Small text helpers that respect character boundaries and leave a visible mark where something was cut.

/// The longest prefix of at most `bytes_max` bytes that ends on a character boundary.
pub fn prefix(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Cuts in place to about `bytes_max` bytes; what was cut is said at the end with the full size.
pub fn cut_with_mark(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let full_bytes = text.len();
        let kept = prefix(text, bytes_max).len();
        text.truncate(kept);
        text.push_str(&format!("… [cut, {full_bytes} bytes in all]"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_on_character_boundaries_and_says_so() {
        assert_eq!(prefix("äöü", 3), "ä");
        let mut text = "äöü".repeat(10);
        cut_with_mark(&mut text, 5);
        assert_eq!(text, "äö… [cut, 60 bytes in all]");
        let mut short = "kept".to_owned();
        cut_with_mark(&mut short, 5);
        assert_eq!(short, "kept");
    }
}
