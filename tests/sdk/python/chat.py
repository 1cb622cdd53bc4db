"""A chat as applications write it straight on a client: the history is theirs, and they run the tools."""

import json

from script import FAREWELL, MODELS, SCRIPT, SYSTEM, get_weather

TOOL = {key: SCRIPT["tool"][key] for key in ("name", "description", "parameters")}


class OpenAIChat:
    """By chat completions. The farewell is streamed."""

    def __init__(self, client):
        self.client = client
        self.messages = [{"role": "system", "content": SYSTEM}]

    def answer(self, question: str) -> str:
        self.messages.append({"role": "user", "content": question})
        while True:
            message = self.streamed() if question == FAREWELL else self.whole()
            self.messages.append(message)
            if not message.get("tool_calls"):
                return message["content"]
            for call in message["tool_calls"]:
                result = get_weather(**json.loads(call["function"]["arguments"]))
                self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})

    def whole(self) -> dict:
        completion = self.client.chat.completions.create(**self.request())
        return completion.choices[0].message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)

    def streamed(self) -> dict:
        stream = self.client.chat.completions.create(
            **self.request(), stream=True, stream_options={"include_usage": True}
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        return {"role": "assistant", "content": text}

    def request(self) -> dict:
        tools = [{"type": "function", "function": TOOL}]
        return {"model": MODELS["openai"], "messages": self.messages, "tools": tools}


class AnthropicChat:
    """By messages. The farewell is streamed."""

    def __init__(self, client):
        self.client = client
        self.messages = []

    def answer(self, question: str) -> str:
        self.messages.append({"role": "user", "content": question})
        while True:
            message = self.streamed() if question == FAREWELL else self.client.messages.create(**self.request())
            content = [block.model_dump(exclude_none=True) for block in message.content]
            self.messages.append({"role": "assistant", "content": content})
            calls = [block for block in content if block["type"] == "tool_use"]
            if not calls:
                return "".join(block["text"] for block in content)
            results = [
                {"type": "tool_result", "tool_use_id": call["id"], "content": get_weather(**call["input"])}
                for call in calls
            ]
            self.messages.append({"role": "user", "content": results})

    def streamed(self):
        with self.client.messages.stream(**self.request()) as stream:
            return stream.get_final_message()

    def request(self) -> dict:
        tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}
        model = MODELS["anthropic"]
        return {"model": model, "max_tokens": 500, "system": SYSTEM, "messages": self.messages, "tools": [tool]}
