"""OpenAI's chat completions: whole and streamed."""

import time

from script import SCRIPT, Answer, answer, answering_model, pieces, text_of, unique


def next_answer(request: dict) -> Answer:
    messages = request["messages"]
    last = max(i for i, message in enumerate(messages) if message["role"] == "user")
    tool_answered = any(message["role"] == "tool" for message in messages[last:])
    return answer(text_of(messages[last]["content"]), tool_answered)


def whole(request: dict, said: Answer) -> dict:
    message = {"role": "assistant", "content": said.text, "refusal": None}
    if said.tool_call_id:
        message["tool_calls"] = [tool_call(said)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(said)}
    return head(request, "chat.completion") | {"choices": [choice], "usage": usage(said)}


def events(request: dict, said: Answer):
    """The chunks of a stream, as (event name, data); the protocol names no events."""
    chunk = head(request, "chat.completion.chunk")

    def with_delta(delta: dict, reason: str | None = None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return None, chunk | {"choices": [choice], "usage": None}

    yield with_delta({"role": "assistant", "content": "" if said.text else None})
    if said.tool_call_id:
        call = tool_call(said)
        arguments = call["function"]["arguments"]
        call["function"]["arguments"] = ""
        yield with_delta({"tool_calls": [{"index": 0} | call]})
        for piece in pieces(arguments):
            yield with_delta({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    for piece in pieces(said.text or ""):
        yield with_delta({"content": piece})
    yield with_delta({}, finish_reason(said))
    if (request.get("stream_options") or {}).get("include_usage"):
        yield None, chunk | {"choices": [], "usage": usage(said)}
    yield None, "[DONE]"


def head(request: dict, kind: str) -> dict:
    return {
        "id": unique("chatcmpl-"),
        "object": kind,
        "created": int(time.time()),
        "model": answering_model(request["model"]),
        "service_tier": "default",
        "system_fingerprint": "fp_stub",
    }


def tool_call(said: Answer) -> dict:
    function = {"name": SCRIPT["tool"]["name"], "arguments": said.arguments}
    return {"id": said.tool_call_id, "type": "function", "function": function}


def finish_reason(said: Answer) -> str:
    return "tool_calls" if said.tool_call_id else "stop"


def usage(said: Answer) -> dict:
    count = said.usage
    return {
        "prompt_tokens": count["input"],
        "completion_tokens": count["output"],
        "total_tokens": count["input"] + count["output"],
        "prompt_tokens_details": {"cached_tokens": count["cached"], "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": count["reasoning"], "audio_tokens": 0},
    }


def refusal(said: Answer) -> dict:
    error = {"message": said.message, "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    return {"error": error}
