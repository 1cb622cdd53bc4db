//! Numbers as producers write them: JSON numbers, and text with signs, separators and units.

use serde_json::Value;

/// Longest text that is taken for a number.
const NUMBER_BYTES_MAX: usize = 64;

/// A number, also one written as text: `" 7 "`, `"12.0"`, `"1,234"`, `"1_234"`, `"1e-5"`. Not NaN, not infinite.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => parsed(text)?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A number that counts something: whole after rounding, not negative. A unit may follow it (`"12 tokens"`).
pub(crate) fn count(value: &Value) -> Option<u64> {
    if let Some(count) = value.as_u64() {
        return Some(count);
    }
    // Beyond this no count of tokens is meant, and sums would overflow.
    const COUNT_MAX: f64 = 1e15;
    let counted = match value {
        Value::String(text) => {
            let text = text.trim();
            let bare = ["tokens", "token"]
                .iter()
                .find_map(|unit| text.strip_suffix(unit))
                .unwrap_or(text);
            parsed(bare).filter(|number| number.is_finite())
        }
        value => number(value),
    };
    counted
        .filter(|number| (0.0..=COUNT_MAX).contains(number))
        .map(|number| number.round() as u64)
}

/// US dollars: a number, or text with the sign or name of the currency. `None` for any other currency.
pub(crate) fn dollars(value: &Value) -> Option<f64> {
    let Value::String(text) = value else {
        return number(value);
    };
    if text.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let bare: String = ["us$", "usd", "dollars", "dollar", "$"]
        .iter()
        .fold(lower, |text, sign| text.replace(sign, " "));
    let bare = bare.trim();
    // "- 0.5" is what is left of "-$0.5".
    let joined = bare
        .strip_prefix('-')
        .map(|rest| format!("-{}", rest.trim()));
    parsed(joined.as_deref().unwrap_or(bare)).filter(|number| number.is_finite())
}

fn parsed(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() || text.len() > NUMBER_BYTES_MAX {
        return None;
    }
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    without_separators(text)?.parse().ok()
}

/// `1,234,567.8`, `1 234`, `1_234` without what separates thousands; `0,5` with a point. `None` where a separator
/// stands anywhere else, as in a list of numbers.
fn without_separators(text: &str) -> Option<String> {
    const SEPARATORS: [char; 6] = [',', '_', ' ', '\'', '\u{a0}', '\u{202f}'];
    let separator = text.chars().find(|letter| SEPARATORS.contains(letter))?;
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
    let is_grouped = !rest.is_empty()
        && first.trim_start_matches(['-', '+']).len() <= 3
        && rest.iter().all(|group| group.len() == 3 && digits(group));
    // No thousands begin with a zero.
    let is_decimal = separator == ',' && fraction.is_none() && rest.len() == 1;
    if is_grouped && !(is_decimal && first == "0") {
        let whole = format!("{first}{}", rest.concat());
        return Some(match fraction {
            Some(fraction) => format!("{whole}.{fraction}"),
            None => whole,
        });
    }
    (is_decimal && !rest[0].is_empty() && digits(&rest[0])).then(|| format!("{first}.{}", rest[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_come_in_many_forms() {
        for (written, count_of) in [
            (json!(5), Some(5)),
            (json!(5.0), Some(5)),
            (json!(" 7 "), Some(7)),
            (json!("12.0"), Some(12)),
            (json!("1,234"), Some(1_234)),
            (json!("1,234,567"), Some(1_234_567)),
            (json!("1_234"), Some(1_234)),
            (json!("1 234"), Some(1_234)),
            (json!("1\u{a0}234"), Some(1_234)),
            (json!("1'234"), Some(1_234)),
            (json!("1,234.0"), Some(1_234)),
            (json!("+12"), Some(12)),
            (json!("1.2e3"), Some(1_200)),
            (json!("12 tokens"), Some(12)),
            (json!("1,234 tokens"), Some(1_234)),
            (json!("0"), Some(0)),
            (json!("-1"), None),
            (json!(-1), None),
            (json!("1,2,3"), None),
            (json!("1234,567,8"), None),
            (json!("five"), None),
            (json!("NaN"), None),
            (json!("inf"), None),
            (json!(""), None),
            (json!("1e300"), None),
            (json!(true), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(count(&written), count_of, "{written}");
        }
    }

    #[test]
    fn dollars_come_with_signs_and_names() {
        for (written, dollars_of) in [
            (json!(0.25), Some(0.25)),
            (json!("0.25"), Some(0.25)),
            (json!("$0.0123"), Some(0.0123)),
            (json!(" $ 0.0123 "), Some(0.0123)),
            (json!("US$1.5"), Some(1.5)),
            (json!("1.5 USD"), Some(1.5)),
            (json!("USD 1.5"), Some(1.5)),
            (json!("2 dollars"), Some(2.0)),
            (json!("$1,234.50"), Some(1_234.5)),
            (json!("1.2e-05"), Some(0.000_012)),
            (json!("0,0123"), Some(0.0123)),
            (json!("0,012"), Some(0.012)),
            (json!("-$0.5"), Some(-0.5)),
            (json!("€0.5"), None),
            (json!("0.5 EUR"), None),
            (json!("£1"), None),
            (json!("free"), None),
            (json!("$"), None),
            (json!({}), None),
        ] {
            assert_eq!(dollars(&written), dollars_of, "{written}");
        }
    }
}
