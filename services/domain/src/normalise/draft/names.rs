//! The table of names that each dialect is.

pub(crate) type List = &'static [&'static str];

/// Attribute names by meaning, the best first. The names of the OpenTelemetry convention follow those of a dialect.
/// `attribute#key.key` names a value within the JSON of an attribute.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) agent: List,
    pub(crate) tool_name: List,
    pub(crate) tool_call_id: List,
    pub(crate) tool_arguments: List,
    pub(crate) tool_result: List,
    pub(crate) request_model: List,
    pub(crate) response_model: List,
    pub(crate) provider: List,
    pub(crate) response_id: List,
    pub(crate) previous_response_id: List,
    pub(crate) finish_reason: List,
    pub(crate) input_tokens: List,
    pub(crate) output_tokens: List,
    pub(crate) total_tokens: List,
    pub(crate) cached_tokens: List,
    pub(crate) cache_write_tokens: List,
    pub(crate) reasoning_tokens: List,
    /// US dollars, like the two below.
    pub(crate) cost_total: List,
    pub(crate) cost_input: List,
    pub(crate) cost_output: List,
    /// Messages, in any shape.
    pub(crate) system: List,
    pub(crate) input: List,
    pub(crate) output: List,
}

impl Names {
    pub(crate) const NONE: Self = Self {
        agent: &[],
        tool_name: &[],
        tool_call_id: &[],
        tool_arguments: &[],
        tool_result: &[],
        request_model: &[],
        response_model: &[],
        provider: &[],
        response_id: &[],
        previous_response_id: &[],
        finish_reason: &[],
        input_tokens: &[],
        output_tokens: &[],
        total_tokens: &[],
        cached_tokens: &[],
        cache_write_tokens: &[],
        reasoning_tokens: &[],
        cost_total: &[],
        cost_input: &[],
        cost_output: &[],
        system: &[],
        input: &[],
        output: &[],
    };
}
