export interface Snippet {
  readonly name: string;
  readonly note: string;
  readonly code: string;
}

/** Ways to send conversations to an installation with its default addresses. */
export const SNIPPETS: readonly Snippet[] = [
  {
    name: 'Sentry, Python',
    note: 'The DSN’s key and project may be any; the project’s number names the project here.',
    code: `import sentry_sdk
from sentry_sdk.ai import set_conversation_id

sentry_sdk.init(
    dsn="http://any@127.0.0.1:4318/1",
    traces_sample_rate=1.0,
    send_default_pii=True,  # captures what was said
)

# once per conversation, before calling the model
set_conversation_id("order-4711")`,
  },
  {
    name: 'Sentry, Node',
    note: 'Load this before the library that calls the model.',
    code: `import * as Sentry from "@sentry/node";

Sentry.init({
  dsn: "http://any@127.0.0.1:4318/1",
  tracesSampleRate: 1.0,
  sendDefaultPii: true, // captures what was said
});

// once per conversation, before calling the model
Sentry.setConversationId("order-4711");`,
  },
  {
    name: 'OpenTelemetry',
    note: 'Any language and any GenAI instrumentation: send OTLP over HTTP, and set gen_ai.conversation.id.',
    code: `export OTEL_SERVICE_NAME=my-agent
export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true

# in the code, around a turn of the conversation
with tracer.start_as_current_span("turn") as span:
    span.set_attribute("gen_ai.conversation.id", "order-4711")`,
  },
  {
    name: 'Vercel AI SDK',
    note: 'With OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 and any OpenTelemetry set-up for Node.',
    code: `import { generateText } from "ai";

const { text } = await generateText({
  model,
  messages,
  experimental_telemetry: {
    isEnabled: true,
    functionId: "concierge",
    metadata: { conversationId: "order-4711" },
  },
});`,
  },
  {
    name: 'Collector to Kafka',
    note: 'When an OpenTelemetry Collector is there already: its Kafka exporter writes what is read here.',
    code: `exporters:
  kafka:
    brokers: ["127.0.0.1:9092"]
    traces:
      topic: otlp_spans
      encoding: otlp_proto
    partition_traces_by_id: true

service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [kafka]`,
  },
];
