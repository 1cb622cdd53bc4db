// OpenTelemetry's instrumentation of OpenAI's client. Run by: node --import ./otel.mjs
import { trace } from "@opentelemetry/api";
import OpenAI from "openai";
import { Chat } from "./chat.mjs";
import { sdk } from "./otel.mjs";
import { conversationId, play } from "./script.mjs";

const chat = new Chat(new OpenAI());
const tracer = trace.getTracer("travel");

function handle(question) {
  return tracer.startActiveSpan("POST /chat", async (span) => {
    // [connect]
    // In each request, on any span around the calls:
    trace.getActiveSpan().setAttribute("gen_ai.conversation.id", conversationId);
    // [end]
    try {
      return await chat.answer(question);
    } finally {
      span.end();
    }
  });
}

await play(handle);
await sdk.shutdown();
