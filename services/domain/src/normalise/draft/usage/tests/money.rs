//! Costs in any form.

use super::call;
use serde_json::{Value, json};

#[test]
fn a_cost_is_taken_in_whatever_form_it_is_reported() {
    let cost = |attributes: &Value| {
        let cost = call(attributes).reported_cost?;
        let micros = |nanos: i64| (nanos + 500) / 1_000;
        Some((micros(cost.total), micros(cost.input), micros(cost.output)))
    };
    let total = |micros| Some((micros, 0, 0));
    let parts = Some((300, 100, 200));
    for (attributes, wanted) in [
        (json!({"gen_ai.usage.cost": 0.0123}), total(12_300)),
        (json!({"gen_ai.usage.cost": "0.0123"}), total(12_300)),
        (json!({"gen_ai.usage.cost": "$0.0123"}), total(12_300)),
        (json!({"gen_ai.usage.cost": "0.0123 USD"}), total(12_300)),
        (json!({"gen_ai.usage.cost": "US$ 0.0123"}), total(12_300)),
        (json!({"gen_ai.usage.cost": "1.23e-2"}), total(12_300)),
        (
            json!({"gen_ai.usage.cost": "$1,234.5"}),
            total(1_234_500_000),
        ),
        (
            json!({"gen_ai.usage.cost": {"total": 0.0003, "input": 0.0001, "output": 0.0002}}),
            parts,
        ),
        (
            json!({"gen_ai.usage.cost": "{\"total\": \"$0.0003\", \"input\": 0.0001, \"output\": \"0.0002\"}"}),
            parts,
        ),
        (
            json!({"gen_ai.usage.cost": {"input": 0.0001, "output": 0.0002}}),
            parts,
        ),
        (
            json!({"gen_ai.cost": {"total_cost": 0.0003, "prompt_cost": 0.0001, "completion_cost": 0.0002}}),
            parts,
        ),
        (
            json!({"gen_ai.usage.cost_details": {"totalCost": 0.0003, "inputCost": 0.0001, "outputCost": 0.0002}}),
            parts,
        ),
        (
            json!({"langfuse.observation.cost_details": "{\"input\": 0.0001, \"output\": 0.0002}"}),
            parts,
        ),
        (
            json!({"langfuse.observation.cost_details": "{\"input\": 0.00006, \"cache_read_input_tokens\": 0.00004, \"output\": 0.0002}"}),
            parts,
        ),
        (
            json!({"mlflow.llm.cost": "{\"input_cost\": 0.0001, \"output_cost\": 0.0002, \"total_cost\": 0.0003}"}),
            parts,
        ),
        (
            json!({"gen_ai.usage.input_cost": 0.0001, "gen_ai.usage.output_cost": 0.0002}),
            parts,
        ),
        (
            json!({"gen_ai.usage.input_cost": "$0.0001", "gen_ai.usage.output_cost": "$0.0002", "gen_ai.usage.cost": "$0.0003"}),
            parts,
        ),
        (json!({"llm.cost.total": 0.0123}), total(12_300)),
        (json!({"operation.cost": 0.0123}), total(12_300)),
        (json!({"total_cost_usd": 0.0123}), total(12_300)),
        (
            json!({"gen_ai.cost.amount": "0.0123", "gen_ai.cost.currency": "USD"}),
            total(12_300),
        ),
        (
            json!({"output.value": json!({"type": "result", "result": "Hi", "total_cost_usd": 0.0123, "usage": {"input_tokens": 1}}).to_string()}),
            total(12_300),
        ),
        (
            json!({"response_data": json!({"usage": {"prompt_tokens": 1, "cost": 0.0123}}).to_string()}),
            total(12_300),
        ),
        (
            json!({"langsmith.metadata.usage_metadata": "{\"input_tokens\": 1, \"total_cost\": \"0.0123\"}"}),
            total(12_300),
        ),
        (
            json!({"ai.response.providerMetadata": json!({"gateway": {"cost": "0.0123"}}).to_string()}),
            total(12_300),
        ),
        (
            json!({"ai.response.providerMetadata": json!({"openrouter": {"usage": {"cost": 0.0123}}}).to_string()}),
            total(12_300),
        ),
        (json!({"gen_ai.usage.cost": 0}), None),
        (json!({"gen_ai.usage.cost": -1}), None),
        (json!({"gen_ai.usage.cost": "NaN"}), None),
        (json!({"gen_ai.usage.cost": "free"}), None),
        (json!({"gen_ai.usage.cost": "€0.5"}), None),
        (
            json!({"gen_ai.usage.cost": {"total": 0.5, "currency": "EUR"}}),
            None,
        ),
        (
            json!({"gen_ai.cost.amount": 0.5, "gen_ai.cost.currency": "eur"}),
            None,
        ),
        (
            json!({"gen_ai.usage.cost": "0", "gen_ai.cost": {"total": 0.0123}}),
            total(12_300),
        ),
        (
            json!({"output.value": json!({"cost": 12}).to_string()}),
            None,
        ),
    ] {
        assert_eq!(cost(&attributes), wanted, "{attributes}");
    }
}
