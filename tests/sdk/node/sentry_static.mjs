// As sentry.mjs, but the spans of a request are sent together, when it ends.
import * as Sentry from "@sentry/node";

Sentry.init({ dsn: process.env.SENTRY_DSN, tracesSampleRate: 1.0, traceLifecycle: "static" });
