// OpenTelemetry's SDK, set up before anything else is loaded.
// [connect]
import { register } from "node:module";
import { OpenAIInstrumentation } from "@opentelemetry/instrumentation-openai";
import { NodeSDK } from "@opentelemetry/sdk-node";

register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);
export const sdk = new NodeSDK({
  instrumentations: [new OpenAIInstrumentation({ captureMessageContent: true })],
});
sdk.start();
// [end]
