// Sentry's SDK with OpenAI's client. Run by: node --import ./sentry.mjs
import * as Sentry from "@sentry/node";
import OpenAI from "openai";
import { Chat } from "./chat.mjs";
import { play } from "./script.mjs";
import { inRequest } from "./sentry_request.mjs";

const chat = new Chat(new OpenAI());

await play((question) => inRequest(() => chat.answer(question)));
await Sentry.close();
