//! What the total tells.

use super::check;
use serde_json::{Value, json};

#[test]
fn the_total_tells_what_stands_beside() {
    let counted = |more: Value| {
        let mut all =
            json!({"gen_ai.usage.input_tokens": 1_000, "gen_ai.usage.output_tokens": 100});
        for (key, value) in more.as_object().expect("an object") {
            all[format!("gen_ai.usage.{key}")] = value.clone();
        }
        all
    };
    let gemini = |more: Value| {
        let mut all = counted(more);
        all["gen_ai.request.model"] = json!("gemini-2.5-pro");
        all
    };
    check(&[
        (
            "cache within",
            counted(json!({"cached_tokens": 600, "total_tokens": 1_100})),
            (1_000, 600, 0, 100, 0),
        ),
        (
            "cache beside",
            counted(json!({"cached_tokens": 600, "total_tokens": 1_700})),
            (1_600, 600, 0, 100, 0),
        ),
        (
            "read and written beside",
            counted(json!({"cached_tokens": 600, "cache_write_tokens": 50, "total_tokens": 1_750})),
            (1_650, 600, 50, 100, 0),
        ),
        (
            "read within, written beside",
            counted(json!({"cached_tokens": 600, "cache_write_tokens": 50, "total_tokens": 1_150})),
            (1_050, 600, 50, 100, 0),
        ),
        (
            "reasoning within",
            counted(json!({"reasoning_tokens": 40, "total_tokens": 1_100})),
            (1_000, 0, 0, 100, 40),
        ),
        (
            "reasoning beside (Grok, Vertex AI)",
            counted(json!({"reasoning_tokens": 40, "total_tokens": 1_140})),
            (1_000, 0, 0, 140, 40),
        ),
        (
            "both beside",
            counted(json!({"cached_tokens": 600, "reasoning_tokens": 40, "total_tokens": 1_740})),
            (1_600, 600, 0, 140, 40),
        ),
        (
            "cache within, reasoning beside",
            counted(json!({"cached_tokens": 600, "reasoning_tokens": 40, "total_tokens": 1_140})),
            (1_000, 600, 0, 140, 40),
        ),
        (
            "equal counts are the cache's",
            counted(json!({"cached_tokens": 40, "reasoning_tokens": 40, "total_tokens": 1_140})),
            (1_040, 40, 0, 100, 40),
        ),
        (
            "equal counts are Gemini's thoughts",
            gemini(json!({"cached_tokens": 40, "reasoning_tokens": 40, "total_tokens": 1_140})),
            (1_000, 40, 0, 140, 40),
        ),
        (
            "no total, cache smaller",
            counted(json!({"cached_tokens": 600})),
            (1_000, 600, 0, 100, 0),
        ),
        (
            "no total, cache larger",
            counted(json!({"cached_tokens": 6_000})),
            (7_000, 6_000, 0, 100, 0),
        ),
        (
            "cache larger whatever the total says",
            counted(json!({"cached_tokens": 6_000, "total_tokens": 1_100})),
            (7_000, 6_000, 0, 100, 0),
        ),
        (
            "reasoning larger",
            counted(json!({"reasoning_tokens": 400})),
            (1_000, 0, 0, 500, 400),
        ),
        (
            "more than the parts: input",
            counted(json!({"total_tokens": 5_100})),
            (5_000, 0, 0, 100, 0),
        ),
        (
            "more than the parts, cache known",
            counted(json!({"cached_tokens": 600, "total_tokens": 5_100})),
            (5_000, 600, 0, 100, 0),
        ),
        (
            "more than the parts: Gemini's thoughts",
            gemini(json!({"total_tokens": 1_600})),
            (1_000, 0, 0, 600, 500),
        ),
        (
            "Gemini's thoughts and prompts of tools",
            gemini(
                json!({"details.thoughts_tokens": 500, "tool_use_prompt_tokens": 60, "total_tokens": 1_660}),
            ),
            (1_060, 0, 0, 600, 500),
        ),
        (
            "less than the parts",
            counted(json!({"total_tokens": 10, "cached_tokens": 600})),
            (1_000, 600, 0, 100, 0),
        ),
        (
            "a total of nothing",
            counted(json!({"total_tokens": 0, "cached_tokens": 600})),
            (1_000, 600, 0, 100, 0),
        ),
        (
            "total as text",
            counted(json!({"total_tokens": "5,100"})),
            (5_000, 0, 0, 100, 0),
        ),
    ]);
    check(&[
        (
            "total alone",
            json!({"gen_ai.usage.total_tokens": 30}),
            (30, 0, 0, 0, 0),
        ),
        (
            "no output",
            json!({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.total_tokens": 30}),
            (10, 0, 0, 20, 0),
        ),
        (
            "output of zero",
            json!({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 0, "gen_ai.usage.total_tokens": 30}),
            (10, 0, 0, 20, 0),
        ),
        (
            "no output, cache beside",
            json!({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cached_tokens": 900, "gen_ai.usage.total_tokens": 930}),
            (910, 900, 0, 20, 0),
        ),
        (
            "no input",
            json!({"gen_ai.usage.output_tokens": 10, "gen_ai.usage.total_tokens": 30}),
            (20, 0, 0, 10, 0),
        ),
        (
            "no input, reasoning beside",
            json!({"gen_ai.usage.output_tokens": 10, "gen_ai.usage.reasoning_tokens": 15, "gen_ai.usage.total_tokens": 45}),
            (20, 0, 0, 25, 15),
        ),
        (
            "all from the cache",
            json!({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 5, "gen_ai.usage.cache_read_input_tokens": 900}),
            (900, 900, 0, 5, 0),
        ),
        (
            "zeros",
            json!({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0, "gen_ai.usage.total_tokens": 0}),
            (0, 0, 0, 0, 0),
        ),
        (
            "Claude on Vertex AI",
            json!({"gen_ai.request.model": "claude-x", "gen_ai.provider.name": "gcp.vertex_ai", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5, "gen_ai.usage.total_tokens": 115}),
            (110, 0, 0, 5, 0),
        ),
    ]);
}
