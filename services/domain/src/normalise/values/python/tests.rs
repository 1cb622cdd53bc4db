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
fn reads_what_json_does_not_have() {
    for (text, value) in [
        (
            r#"{"a": NaN, "b": [1, -Infinity, Infinity]}"#,
            json!({"a": "NaN", "b": [1, "-Infinity", "Infinity"]}),
        ),
        (
            "{'a': nan, 'b': -inf}",
            json!({"a": "NaN", "b": "-Infinity"}),
        ),
        (
            r#"{"a": "\ud83d", "b": "\ud83d\udcc8", "c": "\udcc8!"}"#,
            json!({"a": "\u{fffd}", "b": "📈", "c": "\u{fffd}!"}),
        ),
        (r#"{"a": "\ud83d\n\/"}"#, json!({"a": "\u{fffd}\n/"})),
        ("{\"a\": \"two\nlines\"}", json!({"a": "two\nlines"})),
        (
            r#"{"a": 1e999, "b": undefined}"#,
            json!({"a": "1e999", "b": null}),
        ),
        (r#"{"a": [1, 2,],}"#, json!({"a": [1, 2]})),
    ] {
        assert_eq!(literal(text), Some(value), "{text}");
    }
}

#[test]
fn reads_objects_as_python_prints_them() {
    for (text, value) in [
        (
            "{'a': <Agent object at 0x7f>, 'b': 1}",
            json!({"a": "<Agent object at 0x7f>", "b": 1}),
        ),
        (
            "[{'role': <MessageRole.USER: 'user'>}]",
            json!([{"role": "user"}]),
        ),
        (
            "{'n': Decimal('1.5'), 'at': datetime.date(2026, 1, 2)}",
            json!({"n": "1.5", "at": [2026, 1, 2]}),
        ),
        (
            "[HumanMessage(content='Hi', additional_kwargs={})]",
            json!([{"content": "Hi", "additional_kwargs": {}, "type": "HumanMessage"}]),
        ),
        (
            "{'a': OrderedDict([('role', 'user'), ('n', 1)]), 'b': OrderedDict([1])}",
            json!({"a": {"role": "user", "n": 1}, "b": [1]}),
        ),
        ("{'b': b'\\x41', 'u': u'x'}", json!({"b": "A", "u": "x"})),
    ] {
        assert_eq!(literal(text), Some(value), "{text}");
    }
}

#[test]
fn reads_objects_as_javascript_and_ruby_print_them() {
    let value = json!([{"role": "user", "content": "Hi: {a}", "n": null, "at": {"x": 1}}]);
    for text in [
        "[ { role: 'user', content: 'Hi: {a}', n: undefined, at: { x: 1 } } ]",
        "[{:role=>\"user\", :content=>\"Hi: {a}\", :n=>nil, :at=>{:x=>1}}]",
        "[{role: \"user\", content: \"Hi: {a}\", n: nil, at: {x: 1}}]",
        "[{\"role\" => \"user\", \"content\" => \"Hi: {a}\", \"n\" => nil, \"at\" => {\"x\" => 1}}]",
    ] {
        assert_eq!(literal(text), Some(value.clone()), "{text}");
    }
}

#[test]
fn refuses_words_cut_text_and_endless_nesting() {
    for text in [
        "[Filtered]",
        "[<b>]",
        "{placeholder}",
        "{name: Bob}",
        "{:a}",
        "[2026-01-01]",
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

#[test]
fn a_cut_literal_says_what_stood_before_the_cut() {
    let whole = r#"[{'role': 'user', 'content': "it's \u00e9", 'n': [1.5, None]}, HumanMessage(content='x')]"#;
    for end in 1..whole.len() {
        assert!(beginning(&whole[..end]).is_some(), "{}", &whole[..end]);
    }
    assert_eq!(
        beginning("[{'role': 'user', 'content': 'hel"),
        Some(json!([{"role": "user", "content": format!("hel{MARK}")}]))
    );
}
