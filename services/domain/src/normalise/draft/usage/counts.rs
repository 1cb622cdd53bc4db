//! What a producer counted, and what it meant by that.
//!
//! Producers agree that there is an input and an output. Whether cached tokens, thinking and the prompts of tools are
//! within these or beside them differs by provider and SDK; the total, where there is one, tells.

use crate::usage::Usage;

/// Counts as written. A zero tells no more than an absence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) write: Option<u64>,
    pub(super) reasoning: Option<u64>,
    /// Gemini's prompts of its own tools.
    pub(super) tool_prompt: Option<u64>,
    /// Whether the cache's counts are known to stand beside the input.
    pub(super) cache_is_beside: bool,
}

impl Counts {
    /// Takes from `other` what is not told here.
    pub(super) fn fill(&mut self, other: &Self) {
        self.merge(other, |own, more| {
            own.filter(|count| *count > 0).or(more).or(own)
        });
    }

    /// Takes the larger of each count: a stream tells the same counts again as they grow.
    pub(super) fn grow(&mut self, other: &Self) {
        self.merge(other, Option::max);
    }

    fn merge(&mut self, other: &Self, pick: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) {
        for (own, more) in [
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.total, other.total),
            (&mut self.cached, other.cached),
            (&mut self.write, other.write),
            (&mut self.reasoning, other.reasoning),
            (&mut self.tool_prompt, other.tool_prompt),
        ] {
            *own = pick(*own, more);
        }
        // An SDK may have added the cache to the input that it tells elsewhere: then the flag is not about this input.
        self.cache_is_beside |= other.cache_is_beside && self.input == other.input;
    }

    pub(super) fn is_empty(&self) -> bool {
        [
            self.input,
            self.output,
            self.total,
            self.cached,
            self.write,
            self.reasoning,
            self.tool_prompt,
        ]
        .iter()
        .all(|count| count.unwrap_or(0) == 0)
    }

    /// The counts in the meaning of [`Usage`]; `None` when they count nothing. `thinks_beside`: whether what a total
    /// holds beyond its parts is thinking, else it is input.
    pub(super) fn settled(&self, thinks_beside: bool) -> Option<Usage> {
        let told = |count: Option<u64>| count.filter(|count| *count > 0);
        let mut thoughts = 0;
        let (input, output) = match (told(self.input), told(self.output), told(self.total)) {
            (Some(input), Some(output), Some(total)) => {
                let (mut beside, rest) = self.by_total(input, output, total, thinks_beside);
                if thinks_beside && self.reasoning.unwrap_or(0) == 0 {
                    thoughts = rest;
                    beside.reasoning = rest;
                } else {
                    beside.tool_prompt = add(beside.tool_prompt, rest);
                }
                (add(input, beside.input()), add(output, beside.reasoning))
            }
            (Some(input), None, Some(total)) => self.without_output(input, total),
            (None, Some(output), Some(total)) => {
                let output = add(output, self.reasoning_beyond(output));
                (total.saturating_sub(output), output)
            }
            (None, None, Some(total)) => (total, 0),
            (input, output, None) => {
                let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
                let mut beside = self.known_beside(input, output);
                beside.tool_prompt = self.tool_prompt.unwrap_or(0);
                (add(input, beside.input()), add(output, beside.reasoning))
            }
        };
        let usage = Usage {
            input_tokens: input,
            cached_input_tokens: self.cached.unwrap_or(0),
            cache_write_input_tokens: self.write.unwrap_or(0),
            output_tokens: output,
            reasoning_tokens: told(self.reasoning).unwrap_or(thoughts),
        }
        .normalised();
        (!usage.is_empty()).then_some(usage)
    }

    /// What cannot be within, or is known not to be.
    fn known_beside(&self, input: u64, output: u64) -> Beside {
        let cache = add(self.cached.unwrap_or(0), self.write.unwrap_or(0));
        let mut beside = Beside::default();
        if self.cache_is_beside || cache > input {
            beside.cached = self.cached.unwrap_or(0);
            beside.write = self.write.unwrap_or(0);
        }
        beside.reasoning = self.reasoning_beyond(output);
        beside
    }

    fn reasoning_beyond(&self, output: u64) -> u64 {
        self.reasoning.filter(|count| *count > output).unwrap_or(0)
    }

    /// What the total shows to stand beside input and output, and what of it no count explains.
    fn by_total(&self, input: u64, output: u64, total: u64, thinks_beside: bool) -> (Beside, u64) {
        let known = self.known_beside(input, output);
        let Some(difference) = total.checked_sub(add(input, output)) else {
            return (known, 0);
        };
        if difference == 0 {
            return (known, 0);
        }
        match self.adding_up_to(difference, thinks_beside) {
            Some(told) => (known.or(told), 0),
            None => {
                let explained = add(known.input(), known.reasoning);
                (known, difference.saturating_sub(explained))
            }
        }
    }

    /// Those of the counts that together are the difference between a total and its parts, as few as possible.
    fn adding_up_to(&self, difference: u64, thinks_beside: bool) -> Option<Beside> {
        let cache: [fn(&mut Beside, &Self); 2] = [
            |beside, counts| beside.cached = counts.cached.unwrap_or(0),
            |beside, counts| beside.write = counts.write.unwrap_or(0),
        ];
        let others: [fn(&mut Beside, &Self); 2] = [
            |beside, counts| beside.reasoning = counts.reasoning.unwrap_or(0),
            |beside, counts| beside.tool_prompt = counts.tool_prompt.unwrap_or(0),
        ];
        // Of equal counts the likelier comes first.
        let ordered = if thinks_beside {
            [others[0], others[1], cache[0], cache[1]]
        } else {
            [cache[0], cache[1], others[0], others[1]]
        };
        let chosen = |mask: u32| {
            let mut beside = Beside::default();
            for (at, choose) in ordered.iter().enumerate() {
                if mask & (1 << at) != 0 {
                    choose(&mut beside, self);
                }
            }
            beside
        };
        let mut masks: Vec<u32> = (1..1 << ordered.len()).collect();
        masks.sort_by_key(|mask| mask.count_ones());
        masks
            .into_iter()
            .map(chosen)
            .find(|beside| add(beside.input(), beside.reasoning) == difference)
    }

    /// `total = input + thoughts` and the like, where no output is told.
    fn without_output(&self, input: u64, total: u64) -> (u64, u64) {
        let mut beside = self.known_beside(input, u64::MAX);
        let fits = |extra: u64| add(input, extra) <= total;
        beside.tool_prompt = self.tool_prompt.filter(|extra| fits(*extra)).unwrap_or(0);
        let input = add(input, beside.input());
        (input, total.saturating_sub(input))
    }
}

/// Counts that stand beside the input or the output.
#[derive(Clone, Copy, Debug, Default)]
struct Beside {
    cached: u64,
    write: u64,
    reasoning: u64,
    tool_prompt: u64,
}

impl Beside {
    /// What belongs to the input.
    fn input(&self) -> u64 {
        add(add(self.cached, self.write), self.tool_prompt)
    }

    fn or(self, other: Self) -> Self {
        Self {
            cached: self.cached.max(other.cached),
            write: self.write.max(other.write),
            reasoning: self.reasoning.max(other.reasoning),
            tool_prompt: self.tool_prompt.max(other.tool_prompt),
        }
    }
}

fn add(a: u64, b: u64) -> u64 {
    a.saturating_add(b)
}
