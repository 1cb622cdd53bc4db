//! Who and what took part: agent, tool, provider, user, environment, instrumentation.

use super::Draft;
use crate::limits::Limits;
use crate::normalise::values::bounds;
use crate::normalise::values::fields::{Fields, text_in, text_of};
use crate::raw::Attributes;
use crate::span::{Operation, User};

const USER_ID: [&str; 17] = [
    "user.id",
    "enduser.id",
    "langfuse.user.id",
    "sentry.user.id",
    "traceloop.association.properties.user_id",
    "lmnr.association.properties.user_id",
    "ai.telemetry.metadata.userId",
    "ai.telemetry.metadata.user_id",
    "ai.settings.context.userId",
    "ai.settings.context.user_id",
    "langsmith.metadata.user_id",
    "mlflow.trace.user",
    "litellm.end_user.id",
    "gen_ai.user",
    "llm.user",
    "metadata#user_id",
    "voltagent.user_id",
];
const USER_EMAIL: [&str; 3] = ["user.email", "sentry.user.email", "user_email"];
const USER_NAME: [&str; 4] = [
    "user.name",
    "user.username",
    "sentry.user.username",
    "user.full_name",
];
const USER_IP: [&str; 3] = ["user.ip_address", "user.ip", "sentry.user.ip"];

pub(crate) fn user(fields: &Fields, limits: &Limits) -> User {
    let text = |names: &[&str]| {
        let mut text = fields.text(names)?;
        bounds::short(&mut text, limits);
        Some(text)
    };
    User {
        id: text(&USER_ID),
        email: text(&USER_EMAIL),
        name: text(&USER_NAME),
        ip_address: text(&USER_IP),
    }
}

pub(crate) fn environment(fields: &Fields, resource: &Attributes) -> Option<String> {
    const NAMES: [&str; 4] = [
        "deployment.environment.name",
        "deployment.environment",
        "sentry.environment",
        "langfuse.environment",
    ];
    fields.text(&NAMES).or_else(|| text_in(resource, &NAMES))
}

/// The agent's name: by attribute, or by the name of the span where the dialect names agents so.
pub(crate) fn agent(draft: &Draft, span_name: &str) -> Option<String> {
    if let Some(name) = draft.text(|names| names.agent) {
        return Some(name);
    }
    if draft.operation != Operation::InvokeAgent {
        return None;
    }
    let name = match draft.dialect {
        "openllmetry" => return draft.fields.text(&["traceloop.entity.name"]),
        "openinference" | "smolagents" => span_name,
        // 1.x: `agent_run [travel_agent]`.
        "adk" => span_name
            .strip_prefix("agent_run [")
            .and_then(|name| name.strip_suffix(']'))?,
        _ => span_name.strip_prefix("invoke_agent ")?,
    };
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The tool's name: by attribute, else what is left of the span's name.
pub(crate) fn tool(draft: &Draft, span_name: &str) -> String {
    if let Some(name) = draft.text(|names| names.tool_name) {
        return name;
    }
    if let Some(name) = draft.fields.text(&["traceloop.entity.name"]) {
        return name;
    }
    ["execute_tool ", "running tool: ", "Tool: ", "tools/call "]
        .iter()
        .find_map(|prefix| span_name.strip_prefix(prefix))
        .unwrap_or(span_name)
        .trim()
        .to_owned()
}

/// The provider, unless the attribute names the framework: `openai.chat` is cut at the dot, old spellings are renewed.
pub(crate) fn provider(draft: &Draft) -> Option<String> {
    let is_useful = |name: &String| {
        !matches!(
            name.to_ascii_lowercase().as_str(),
            "strands-agents" | "langchain" | "langgraph" | "vercel" | "unknown"
        )
    };
    let name = draft
        .names(|names| names.provider)
        .filter_map(|name| draft.fields.text(&[name]))
        .find(is_useful)?
        .to_ascii_lowercase();
    let known = match name.as_str() {
        "az.ai.openai" | "azure" | "azure_openai" => "azure.ai.openai",
        "az.ai.inference" => "azure.ai.inference",
        "vertex_ai" | "vertexai" => "gcp.vertex_ai",
        "gemini" => "gcp.gemini",
        "google_genai" => "gcp.gen_ai",
        "xai" => "x_ai",
        "bedrock" | "aws" => "aws.bedrock",
        "mistralai" | "mistral" => "mistral_ai",
        // AI SDK: provider and kind of model, such as `openai.chat` or `google.generative-ai`.
        name if draft.dialect == "vercel" => name.split('.').next().unwrap_or(name),
        name => name
            .strip_suffix(".chat")
            .or_else(|| name.strip_suffix(".responses"))
            .or_else(|| name.strip_suffix(".messages"))
            .unwrap_or(name),
    };
    Some(known.to_owned())
}

/// Dialect and scope: `openinference/openinference.instrumentation.openai`.
pub(crate) fn instrumentation(dialect: &str, scope: &str, fields: &Fields) -> String {
    let scope = match scope {
        "" => sentry_sdk(fields).unwrap_or_default(),
        scope => scope.to_owned(),
    };
    if scope.is_empty() {
        dialect.to_owned()
    } else {
        format!("{dialect}/{scope}")
    }
}

/// The name of the SDK, which stands in for an instrumentation scope.
fn sentry_sdk(fields: &Fields) -> Option<String> {
    ["sentry.sdk.name", "sentry.origin"]
        .iter()
        .find_map(|name| fields.get(name).and_then(text_of))
}
