// A chat as applications write it straight on OpenAI's client: the history is theirs, and they run the tools.
import { farewell, getWeather, model, script } from "./script.mjs";

const { name, description, parameters } = script.tool;
const tools = [{ type: "function", function: { name, description, parameters } }];

/** By chat completions. The farewell is streamed. */
export class Chat {
  constructor(client) {
    this.client = client;
    this.messages = [{ role: "system", content: script.system }];
  }

  async answer(question) {
    this.messages.push({ role: "user", content: question });
    for (;;) {
      const message = question === farewell ? await this.streamed() : await this.whole();
      this.messages.push(message);
      if (!message.tool_calls) return message.content;
      for (const call of message.tool_calls) {
        const content = getWeather(JSON.parse(call.function.arguments));
        this.messages.push({ role: "tool", tool_call_id: call.id, content });
      }
    }
  }

  async whole() {
    const completion = await this.client.chat.completions.create({ model, tools, messages: this.messages });
    return completion.choices[0].message;
  }

  async streamed() {
    const options = { stream: true, stream_options: { include_usage: true } };
    const stream = await this.client.chat.completions.create({ model, tools, messages: this.messages, ...options });
    let content = "";
    for await (const chunk of stream) content += chunk.choices[0]?.delta.content ?? "";
    return { role: "assistant", content };
  }
}
