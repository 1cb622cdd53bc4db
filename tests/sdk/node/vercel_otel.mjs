// Vercel's AI SDK with its own OpenTelemetry integration.
// [connect]
import { OpenTelemetry } from "@ai-sdk/otel";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { registerTelemetry } from "ai";

const telemetry = new NodeSDK(); // OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
telemetry.start();
registerTelemetry(new OpenTelemetry({ runtimeContext: true })); // messages are sent by default
// [end]
import { conversationId, play, script } from "./script.mjs";
import { VercelChat } from "./vercel_chat.mjs";

const userId = script.user;
// [connect]
// In each call of generateText, streamText or an agent:
const settings = {
  runtimeContext: { conversationId, userId },
  telemetry: { functionId: "travel-chat", includeRuntimeContext: { conversationId: true, userId: true } },
};
// [end]
const chat = new VercelChat(settings);

await play((question) => chat.answer(question));
await telemetry.shutdown();
