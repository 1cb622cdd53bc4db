// What the integration of a web framework does with each request, and what the application adds.
import * as Sentry from "@sentry/node";
import { conversationId, script } from "./script.mjs";

const userId = script.user;

export function inRequest(handle) {
  return Sentry.withIsolationScope(() => {
    // [connect]
    // In each request:
    Sentry.setConversationId(conversationId);
    Sentry.setUser({ id: userId });
    // [end]
    return Sentry.startSpan({ name: "POST /chat", op: "http.server" }, handle);
  });
}
