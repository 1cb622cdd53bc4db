//! Each SDK set-up that is tested: how it is run, what one sets, and what its SDK leaves out.

use crate::script::{self, Tokens};
use crate::transcript::cost_text;
use std::fmt::Write as _;

/// One SDK with one client or framework, on one exporter.
#[derive(Clone, Copy)]
pub struct Setup {
    /// Also in the conversation's id.
    pub name: &'static str,
    pub title: &'static str,
    pub runtime: Runtime,
    pub program: &'static str,
    /// The packages that make the set-up, as their lock file names them.
    pub packages: &'static [&'static str],
    /// What to set beside the address, so that messages and the conversation's id are sent. In Markdown.
    pub set: &'static str,
    pub sends: &'static str,
    pub by_grpc: bool,
    pub environment: &'static [(&'static str, &'static str)],
    pub model: Model,
    /// The name of an agent, where the SDK knows agents.
    pub agent: Option<&'static str>,
    /// What it calls the refusal with status 429.
    pub error: &'static str,
    pub leaves_out: &'static [Omission],
}

#[derive(Clone, Copy)]
pub enum Runtime {
    /// The name of a lock file in `python/locks`.
    Python { environment: &'static str },
    /// A file that Node loads before the program.
    Node { import: Option<&'static str> },
}

/// Which of the stub's models answers.
#[derive(Clone, Copy)]
pub enum Model {
    Gpt4oMini,
    ClaudeSonnet45,
}

/// What an SDK does not report, although it happened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Omission {
    /// The client does not run tools, and nothing else reports that they ran.
    ToolRuns,
    /// Nor does the history hold what the tool gave.
    ToolResults,
    CachedTokens,
    ReasoningTokens,
    /// Only of calls that are streamed.
    StreamedReasoningTokens,
    User,
}

impl Omission {
    pub fn as_text(self) -> &'static str {
        match self {
            Self::ToolRuns => {
                "when and how long a tool ran: calls and results come from the messages"
            }
            Self::ToolResults => {
                "tools' results, also from the messages: a tool call stays pending"
            }
            Self::CachedTokens => "cached tokens, so cost counts them in full",
            Self::ReasoningTokens => "reasoning tokens",
            Self::StreamedReasoningTokens => "reasoning tokens of streamed calls",
            Self::User => "the user",
        }
    }
}

impl Model {
    /// Anthropic's API counts output only as a whole.
    fn counts_reasoning(self) -> bool {
        matches!(self, Self::Gpt4oMini)
    }

    /// Dollars per million tokens: input, cached input, output.
    fn price(self) -> [f64; 3] {
        match self {
            Self::Gpt4oMini => [0.15, 0.075, 0.60],
            Self::ClaudeSonnet45 => [3.00, 0.30, 15.00],
        }
    }
}

impl Setup {
    pub fn conversation_id(&self) -> String {
        format!("chat-{}", self.name)
    }

    fn leaves_out(&self, omission: Omission) -> bool {
        self.leaves_out.contains(&omission)
    }

    /// The script as this set-up tells it, in the words of [`crate::transcript::of`].
    pub fn expected(&self) -> String {
        let mut lines = format!("system: {}\n", script::system());
        for turn in script::turns() {
            let _ = writeln!(lines, "user: {}", turn.question);
            for call in turn.calls {
                self.expect_call(&mut lines, call);
            }
        }
        let calls = script::calls().count();
        let tokens = self.tokens();
        let Tokens {
            input,
            cached,
            output,
            reasoning,
        } = tokens;
        let tool_calls = u8::from(!self.leaves_out(Omission::ToolResults));
        let _ = writeln!(
            lines,
            "{calls} LLM calls, {tool_calls} tool calls, 1 errors"
        );
        let _ = writeln!(
            lines,
            "{input} tokens in, {cached} of them cached; {output} out, {reasoning} of them reasoning"
        );
        let _ = writeln!(lines, "cost {}", cost_text(Some(self.cost(tokens))));
        let user = match self.leaves_out(Omission::User) {
            true => "unknown",
            false => script::user(),
        };
        let _ = writeln!(lines, "user {user}");
        let agents: Vec<_> = self.agent.into_iter().collect();
        let _ = writeln!(lines, "agents {agents:?}");
        lines
    }

    fn expect_call(&self, lines: &mut String, call: &serde_json::Value) {
        if let Some(text) = call["text"].as_str() {
            let _ = writeln!(lines, "assistant: {text}");
        } else if call["tool"] == true {
            let tool = script::tool();
            let name = tool["name"].as_str().unwrap_or_default();
            let arguments = &tool["arguments"];
            let result = match self.leaves_out(Omission::ToolResults) {
                true => &serde_json::Value::Null,
                false => &tool["result"],
            };
            let seen = match self.leaves_out(Omission::ToolRuns) {
                true => "(as the model was told)",
                false => "(as it ran)",
            };
            let _ = writeln!(
                lines,
                "assistant: \n  {name} {arguments} -> {result} {seen}"
            );
        } else {
            let _ = writeln!(lines, "assistant: failed with {}", self.error);
        }
    }

    fn tokens(&self) -> Tokens {
        let mut tokens = script::tokens();
        if self.leaves_out(Omission::CachedTokens) {
            tokens.cached = 0;
        }
        if self.leaves_out(Omission::ReasoningTokens) || !self.model.counts_reasoning() {
            tokens.reasoning = 0;
        }
        if self.leaves_out(Omission::StreamedReasoningTokens) {
            tokens.reasoning -= script::streamed().reasoning;
        }
        tokens
    }

    fn cost(&self, tokens: Tokens) -> f64 {
        let [input, cached, output] = self.model.price();
        let dollars = (tokens.input - tokens.cached) as f64 * input
            + tokens.cached as f64 * cached
            + tokens.output as f64 * output;
        dollars / 1e6
    }
}

const SENTRY_PYTHON: &str = "`traces_sample_rate`; `send_default_pii=True` for messages; `sentry_sdk.ai.set_conversation_id`";
const SENTRY_NODE: &str = "`tracesSampleRate`; messages are sent unless `dataCollection.genAI` says otherwise; `Sentry.setConversationId`; `node --import`";
const ENVELOPES: &str = "Sentry envelopes";
const OTLP_HTTP: &str = "OTLP/HTTP";
const CAPTURE: (&str, &str) = (
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
    "SPAN_ONLY",
);

/// What most set-ups have in common.
const BASE: Setup = Setup {
    name: "",
    title: "",
    runtime: Runtime::Node { import: None },
    program: "",
    packages: &[],
    set: "",
    sends: OTLP_HTTP,
    by_grpc: false,
    environment: &[],
    model: Model::Gpt4oMini,
    agent: None,
    error: "RateLimitError",
    leaves_out: &[],
};

const fn python(environment: &'static str) -> Runtime {
    Runtime::Python { environment }
}

const fn node(import: Option<&'static str>) -> Runtime {
    Runtime::Node { import }
}

pub const ALL: &[Setup] = &[
    Setup {
        name: "sentry-python-openai",
        title: "Sentry, OpenAI client",
        runtime: python("sentry"),
        program: "sentry_openai.py",
        packages: &["sentry-sdk", "openai"],
        set: SENTRY_PYTHON,
        sends: ENVELOPES,
        leaves_out: &[Omission::ToolRuns],
        ..BASE
    },
    Setup {
        name: "sentry-python-openai-stream",
        title: "Sentry, OpenAI client, spans streamed",
        runtime: python("sentry"),
        program: "sentry_openai_stream.py",
        packages: &["sentry-sdk", "openai"],
        set: "the same and `trace_lifecycle=\"stream\"`",
        sends: ENVELOPES,
        leaves_out: &[Omission::ToolRuns],
        ..BASE
    },
    Setup {
        name: "sentry-python-anthropic",
        title: "Sentry, Anthropic client",
        runtime: python("sentry"),
        program: "sentry_anthropic.py",
        packages: &["sentry-sdk", "anthropic"],
        set: SENTRY_PYTHON,
        sends: ENVELOPES,
        model: Model::ClaudeSonnet45,
        leaves_out: &[Omission::ToolRuns, Omission::ToolResults],
        ..BASE
    },
    Setup {
        name: "sentry-python-agents",
        title: "Sentry, OpenAI Agents SDK",
        runtime: python("sentry-agents"),
        program: "sentry_agents.py",
        packages: &["sentry-sdk", "openai-agents"],
        set: SENTRY_PYTHON,
        sends: ENVELOPES,
        agent: Some("TravelAgent"),
        ..BASE
    },
    Setup {
        name: "otel-python-openai",
        title: "OpenTelemetry, OpenAI client",
        runtime: python("otel"),
        program: "otel_openai.py",
        packages: &["opentelemetry-instrumentation-genai-openai", "openai"],
        set: "`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY` for messages; a workflow with `conversation_id` around the calls",
        leaves_out: &[Omission::ToolRuns, Omission::User],
        ..BASE
    },
    Setup {
        name: "otel-python-agents",
        title: "OpenTelemetry, OpenAI Agents SDK",
        runtime: python("otel"),
        program: "otel_agents.py",
        packages: &[
            "opentelemetry-instrumentation-genai-openai-agents",
            "opentelemetry-instrumentation-genai-openai",
            "openai-agents",
        ],
        set: "`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY` for messages; `trace(…, group_id=…)` of the Agents SDK",
        environment: &[CAPTURE],
        agent: Some("TravelAgent"),
        leaves_out: &[Omission::User],
        ..BASE
    },
    Setup {
        name: "openinference-openai",
        title: "OpenInference, OpenAI client",
        runtime: python("openinference"),
        program: "openinference_openai.py",
        packages: &["openinference-instrumentation-openai", "openai"],
        set: "`using_attributes(session_id=…)` around the calls",
        leaves_out: &[Omission::ToolRuns],
        ..BASE
    },
    Setup {
        name: "traceloop-openai",
        title: "OpenLLMetry, OpenAI client",
        runtime: python("traceloop"),
        program: "traceloop_openai.py",
        packages: &["traceloop-sdk", "openai"],
        set: "`api_endpoint`; `set_association_properties({\"session_id\": …})` in a workflow",
        leaves_out: &[Omission::ToolRuns, Omission::StreamedReasoningTokens],
        ..BASE
    },
    Setup {
        name: "pydantic-ai",
        title: "Pydantic AI",
        runtime: python("pydantic-ai"),
        program: "pydantic_ai_openai.py",
        packages: &["pydantic-ai-slim"],
        set: "`Agent.instrument_all()`; `conversation_id=…` in each run",
        sends: "OTLP/gRPC",
        by_grpc: true,
        agent: Some("travel_agent"),
        error: "ModelRateLimitError",
        leaves_out: &[Omission::User],
        ..BASE
    },
    Setup {
        name: "langchain",
        title: "OpenTelemetry, LangChain",
        runtime: python("langchain"),
        program: "langchain_openai_chat.py",
        packages: &[
            "opentelemetry-instrumentation-genai-langchain",
            "langchain",
            "langgraph",
        ],
        set: "`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY` for messages; LangGraph's `thread_id`",
        environment: &[CAPTURE],
        agent: Some("travel_agent"),
        leaves_out: &[Omission::User],
        error: "OpenAIRateLimitError",
        ..BASE
    },
    Setup {
        name: "strands",
        title: "Strands Agents",
        runtime: python("strands"),
        program: "strands_openai.py",
        packages: &["strands-agents"],
        set: "`OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`; `trace_attributes={\"session.id\": …}`",
        agent: Some("travel_agent"),
        error: "ModelThrottledException",
        leaves_out: &[Omission::ReasoningTokens],
        ..BASE
    },
    Setup {
        name: "sentry-node-openai-stream",
        title: "Sentry, OpenAI client",
        runtime: node(Some("sentry.mjs")),
        program: "sentry_openai.mjs",
        packages: &["@sentry/node", "openai"],
        set: SENTRY_NODE,
        sends: ENVELOPES,
        error: "Error",
        leaves_out: &[Omission::ToolRuns, Omission::StreamedReasoningTokens],
        ..BASE
    },
    Setup {
        name: "sentry-node-openai-static",
        title: "Sentry, OpenAI client, spans of a request together",
        runtime: node(Some("sentry_static.mjs")),
        program: "sentry_openai.mjs",
        packages: &["@sentry/node", "openai"],
        set: "the same and `traceLifecycle: \"static\"`",
        sends: ENVELOPES,
        error: "Error",
        leaves_out: &[Omission::ToolRuns, Omission::StreamedReasoningTokens],
        ..BASE
    },
    Setup {
        name: "sentry-node-vercel-stream",
        title: "Sentry, Vercel AI SDK",
        runtime: node(Some("sentry.mjs")),
        program: "sentry_vercel.mjs",
        packages: &["@sentry/node", "ai"],
        set: SENTRY_NODE,
        sends: ENVELOPES,
        error: "AI_APICallError",
        leaves_out: &[Omission::ReasoningTokens],
        ..BASE
    },
    Setup {
        name: "sentry-node-vercel-static",
        title: "Sentry, Vercel AI SDK, spans of a request together",
        runtime: node(Some("sentry_static.mjs")),
        program: "sentry_vercel.mjs",
        packages: &["@sentry/node", "ai"],
        set: "the same and `traceLifecycle: \"static\"`",
        sends: ENVELOPES,
        error: "AI_APICallError",
        leaves_out: &[Omission::ReasoningTokens],
        ..BASE
    },
    Setup {
        name: "vercel-otel",
        title: "OpenTelemetry, Vercel AI SDK",
        runtime: node(None),
        program: "vercel_otel.mjs",
        packages: &["@ai-sdk/otel", "ai", "@opentelemetry/sdk-node"],
        set: "`registerTelemetry(new OpenTelemetry({ runtimeContext: true }))`; `conversationId` in `runtimeContext` and in `includeRuntimeContext`",
        agent: Some("travel-chat"),
        error: "AI_APICallError",
        leaves_out: &[Omission::ReasoningTokens],
        ..BASE
    },
    Setup {
        name: "otel-node-openai",
        title: "OpenTelemetry, OpenAI client",
        runtime: node(Some("otel.mjs")),
        program: "otel_openai.mjs",
        packages: &[
            "@opentelemetry/instrumentation-openai",
            "openai",
            "@opentelemetry/sdk-node",
        ],
        set: "`captureMessageContent` for messages, which come as log records; `gen_ai.conversation.id` on a span around the calls",
        leaves_out: &[
            Omission::ToolRuns,
            Omission::CachedTokens,
            Omission::ReasoningTokens,
            Omission::User,
        ],
        ..BASE
    },
];
