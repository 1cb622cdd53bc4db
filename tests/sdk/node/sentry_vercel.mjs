// Sentry's SDK with Vercel's AI SDK. Run by: node --import ./sentry.mjs
import * as Sentry from "@sentry/node";
import { play } from "./script.mjs";
import { inRequest } from "./sentry_request.mjs";
import { VercelChat } from "./vercel_chat.mjs";

const chat = new VercelChat({});

await play((question) => inRequest(() => chat.answer(question)));
await Sentry.close();
