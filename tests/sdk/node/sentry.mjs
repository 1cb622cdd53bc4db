// Sentry's SDK, set up before anything else is loaded. It sends spans as they end.
// [connect]
import * as Sentry from "@sentry/node";

Sentry.init({
  dsn: process.env.SENTRY_DSN, // http://colloquy@127.0.0.1:4318/1
  tracesSampleRate: 1.0,
  dataCollection: { genAI: { inputs: true, outputs: true } }, // messages; true is the default
});
// [end]
