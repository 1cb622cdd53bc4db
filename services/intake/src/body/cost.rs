//! What reading a JSON text costs in memory, told beforehand by counting its values.
//!
//! Two bytes of text can become a value of a hundred. Counting what stands outside of strings is a single pass and
//! bounds it, whatever the text says.

/// Of a value read into a struct that we declared, with the room that growing lists leave.
const TYPED_VALUE_BYTES: usize = 128;
/// Of one value of any kind, and of an object, whose first entry makes room for eleven.
const UNTYPED_VALUE_BYTES: usize = 96;
const UNTYPED_OBJECT_BYTES: usize = 768;

/// Memory for the text and the structs that it is read into, at most.
pub fn typed_json_bytes(text: &[u8]) -> usize {
    let counted = count(text);
    let values = counted.objects + counted.lists + counted.commas;
    text.len() + values * TYPED_VALUE_BYTES
}

/// Memory for the text and the tree of any values that it is read into, at most.
pub fn untyped_json_bytes(text: &[u8]) -> usize {
    let counted = count(text);
    text.len()
        + (counted.lists + counted.commas) * UNTYPED_VALUE_BYTES
        + counted.objects * UNTYPED_OBJECT_BYTES
}

#[derive(Default)]
struct Counted {
    objects: usize,
    lists: usize,
    commas: usize,
}

fn count(text: &[u8]) -> Counted {
    let mut counted = Counted::default();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'{' => counted.objects += 1,
            b'[' => counted.lists += 1,
            b',' => counted.commas += 1,
            b'"' => at = after_string(text, at),
            _ => {}
        }
    }
    counted
}

/// Where the string that begins before `at` has ended.
fn after_string(text: &[u8], mut at: usize) -> usize {
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_outside_of_strings_counts() {
        let plain = br#"{"a": "{[,\"{,", "b": [1, 2]}"#;
        let counted = count(plain);
        assert_eq!((counted.objects, counted.lists, counted.commas), (1, 1, 2));
        assert!(typed_json_bytes(plain) < untyped_json_bytes(plain));
        // Neither a string without an end nor a lone backslash leads out of the text.
        assert_eq!(typed_json_bytes(b"\"abc\\"), 5);
    }

    #[test]
    fn a_text_costs_little_and_a_swarm_of_objects_much() {
        let long = format!("{{\"text\": \"{}\"}}", "word, ".repeat(100_000));
        assert!(untyped_json_bytes(long.as_bytes()) < long.len() + 1_000);
        let swarm = format!("[{}{{}}]", "{\"\":0},".repeat(100_000));
        assert!(untyped_json_bytes(swarm.as_bytes()) > swarm.len() * 100);
    }
}
