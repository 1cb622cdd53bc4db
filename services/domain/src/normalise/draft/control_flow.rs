//! Exceptions by which frameworks steer: they end a step and are no failure of it.

/// What a framework meant by an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlFlow {
    /// The run stops until somebody answers, approves or resumes.
    Pause,
    /// The run goes on elsewhere, or ends as it should.
    Handover,
}

/// Names that no failure has, whatever module they stand in. Guardrails that stop a run (OpenAI Agents' tripwires, Mastra's
/// `TripWire`) are not among them: the caller gets no answer. Neither is a cancellation, nor Pydantic AI's `ModelRetry`, by which
/// a tool says that it failed.
const NAMES: [(&str, ControlFlow); 24] = [
    // LangGraph, Python and JavaScript.
    ("GraphBubbleUp", ControlFlow::Pause),
    ("GraphInterrupt", ControlFlow::Pause),
    ("NodeInterrupt", ControlFlow::Pause),
    ("Interrupt", ControlFlow::Pause),
    ("ParentCommand", ControlFlow::Handover),
    ("Command", ControlFlow::Handover),
    ("GraphDelegate", ControlFlow::Handover),
    // Pydantic AI: deferred tools, and hooks that answer in place of what they wrap.
    ("CallDeferred", ControlFlow::Pause),
    ("ApprovalRequired", ControlFlow::Pause),
    ("SkipModelRequest", ControlFlow::Handover),
    ("SkipToolValidation", ControlFlow::Handover),
    ("SkipToolExecution", ControlFlow::Handover),
    // CrewAI's flows, Strands, Microsoft's Agent Framework, Haystack's pipelines.
    ("HumanFeedbackPending", ControlFlow::Pause),
    ("InterruptException", ControlFlow::Pause),
    ("UserInputRequiredException", ControlFlow::Pause),
    ("MiddlewareTermination", ControlFlow::Handover),
    ("BreakpointException", ControlFlow::Pause),
    // LlamaIndex' workflows, Vercel's workflows, Mastra's workflows where they throw.
    ("WaitingForEvent", ControlFlow::Pause),
    ("WorkflowSuspension", ControlFlow::Pause),
    ("WorkflowSuspendedError", ControlFlow::Pause),
    // Temporal.
    ("ContinueAsNew", ControlFlow::Handover),
    ("ContinueAsNewError", ControlFlow::Handover),
    // Next.js throws to redirect.
    ("NEXT_REDIRECT", ControlFlow::Handover),
    ("NEXT_NOT_FOUND", ControlFlow::Handover),
];

/// What the name of an exception stands for, with or without its module; `None` for a failure.
pub(crate) fn of_name(name: &str) -> Option<ControlFlow> {
    let name = name.trim().rsplit(['.', ':']).next()?;
    let known = NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, meaning)| *meaning)
}

/// What a message stands for that begins with such a name (`GraphInterrupt((Interrupt(…),))`, `ParentCommand: …`), or that
/// is a stack trace which ends in one.
pub(crate) fn of_message(message: &str) -> Option<ControlFlow> {
    let starts = |line: &str| {
        // The last dot or colon of a module's path is followed by a letter, that of a message by none.
        let is_end = |(at, c): (usize, char)| match c {
            '(' | ';' => true,
            ':' => !line[at + 1..].starts_with(|next: char| next.is_alphanumeric() || next == ':'),
            _ => false,
        };
        let end = line.char_indices().find(|at| is_end(*at));
        of_name(&line[..end.map_or(line.len(), |(at, _)| at)])
    };
    let message = message.trim();
    starts(message).or_else(|| {
        let is_trace = message.starts_with(super::errors::TRACEBACK);
        let last = message.lines().rev().find(|line| !line.trim().is_empty())?;
        is_trace.then(|| starts(last.trim())).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_flow_is_told_by_the_name_alone() {
        for (message, meaning) in [
            (
                "GraphInterrupt((Interrupt(value={'a': 1}, id='i'),))",
                Some(ControlFlow::Pause),
            ),
            (
                "langgraph.errors.GraphInterrupt: (Interrupt(...),)",
                Some(ControlFlow::Pause),
            ),
            ("NodeInterrupt('Which city?')", Some(ControlFlow::Pause)),
            (
                "ParentCommand(Command(goto='b'))",
                Some(ControlFlow::Handover),
            ),
            ("Command(graph='p')", Some(ControlFlow::Handover)),
            (
                "Traceback (most recent call last):\n  File \"x.py\", line 1\n\nlanggraph.errors.GraphInterrupt: (Interrupt(),)\n",
                Some(ControlFlow::Pause),
            ),
            ("NEXT_REDIRECT;replace;/login", Some(ControlFlow::Handover)),
            ("CallDeferred", Some(ControlFlow::Pause)),
            ("KeyboardInterrupt", None),
            ("InterruptedError: Interrupt", None),
            ("Command failed with exit code 1", None),
            ("Command failed: exit code 1", None),
            ("a tool raised GraphInterrupt", None),
            ("InputGuardrailTripwireTriggered: off topic", None),
            ("CancelledError", None),
            ("ModelRetry: no such city", None),
            ("", None),
        ] {
            assert_eq!(of_message(message), meaning, "{message}");
        }
    }
}
