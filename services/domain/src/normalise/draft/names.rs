//! The table of names that each dialect is.

pub(crate) type List = &'static [&'static str];

/// Attribute names by meaning, the best first. Those of every other dialect follow, so a row is read wherever it stands.
///
/// - `attribute#key.key` is a value within the JSON of an attribute.
/// - `attribute.N` is a list that was spread over attributes: `attribute.0.role`, `attribute.0.content`, …
/// - `attribute_ref` is the address of content that is kept elsewhere.
/// - A name without a dot, colon or `#` tells an id, a model or a count in its own dialect only: `model` of any span may
///   be a car's.
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
    /// Question and answer in one value.
    pub(crate) talk: List,
    /// Answers of which each piece has an attribute of its own.
    pub(crate) answers: &'static [Answer],
}

/// One answer that is spread over attributes.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The answer as a message, or as its text.
    pub(crate) messages: List,
    /// The words, whatever they look like.
    pub(crate) text: List,
    /// JSON that stands in place of the text.
    pub(crate) object: List,
    pub(crate) reasoning: List,
    pub(crate) calls: List,
}

impl Answer {
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let lists = [
            self.messages,
            self.text,
            self.object,
            self.reasoning,
            self.calls,
        ];
        lists.into_iter().flatten().copied()
    }
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
        talk: &[],
        answers: &[],
    };

    /// All lists of names that tell what was said.
    pub(crate) fn of_content(&self) -> impl Iterator<Item = &'static str> {
        let answers = self.answers.iter().flat_map(Answer::names);
        [self.input, self.output, self.talk]
            .into_iter()
            .flatten()
            .copied()
            .chain(answers)
    }

    /// Every name of the table.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static str> {
        let scalars = [
            self.agent,
            self.tool_name,
            self.tool_call_id,
            self.tool_arguments,
            self.tool_result,
            self.request_model,
            self.response_model,
            self.provider,
            self.response_id,
            self.previous_response_id,
            self.finish_reason,
            self.input_tokens,
            self.output_tokens,
            self.total_tokens,
            self.cached_tokens,
            self.cache_write_tokens,
            self.reasoning_tokens,
            self.cost_total,
            self.cost_input,
            self.cost_output,
            self.system,
        ];
        let scalars = scalars.into_iter().flatten().copied();
        scalars.chain(self.of_content())
    }
}

/// The attribute that a name is looked for under: without the path into its JSON, or the number in a list.
pub(crate) fn attribute(name: &str) -> &str {
    let name = name
        .split_once('#')
        .map_or(name, |(attribute, _)| attribute);
    name.strip_suffix(".N").unwrap_or(name)
}

/// Whether a name means the same on spans of any dialect.
pub(crate) fn is_namespaced(name: &str) -> bool {
    // Datadog's and others' names for something else.
    const AMBIGUOUS: [&str; 2] = ["resource.name", "entity.name"];
    name.contains(['.', ':', '#']) && !AMBIGUOUS.contains(&name)
}
