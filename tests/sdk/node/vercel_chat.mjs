// A chat by Vercel's AI SDK, which runs the tools. The farewell is streamed.
import { openai } from "@ai-sdk/openai";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { farewell, getWeather, model, script } from "./script.mjs";

const tools = {
  [script.tool.name]: tool({
    description: script.tool.description,
    inputSchema: z.object({ city: z.string(), unit: z.enum(["celsius", "fahrenheit"]) }),
    execute: getWeather,
  }),
};

export class VercelChat {
  /** `settings` go into each call. */
  constructor(settings) {
    const limits = { stopWhen: isStepCount(5), maxRetries: 0 };
    this.settings = { model: openai.chat(model), instructions: script.system, tools, ...limits, ...settings };
    this.messages = [];
  }

  async answer(question) {
    this.messages.push({ role: "user", content: question });
    const call = { ...this.settings, messages: this.messages };
    const result = question === farewell ? streamText(call) : await generateText(call);
    const text = await result.text;
    this.messages.push(...(await result.responseMessages));
    return text;
  }
}
