"""Anthropic's messages API: whole and streamed."""

from script import SCRIPT, Answer, answer, answering_model, pieces, text_of, unique


def next_answer(request: dict) -> Answer:
    """A tool's result is said by the user here, in a message of its own."""
    messages = request["messages"]
    tool_answered = is_tool_result(messages[-1])
    questions = [m for m in messages if m["role"] == "user" and not is_tool_result(m)]
    return answer(text_of(questions[-1]["content"]), tool_answered)


def is_tool_result(message: dict) -> bool:
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)


def whole(request: dict, said: Answer) -> dict:
    message = head(request)
    return message | {"content": [block(said)], "stop_reason": stop_reason(said), "usage": usage(said)}


def events(request: dict, said: Answer):
    """The stream as (event name, data): output tokens are only known at its end."""
    begun = head(request) | {"content": [], "stop_reason": None, "usage": usage(said) | {"output_tokens": 1}}
    yield named("message_start", message=begun)
    content = block(said)
    if said.tool_call_id:
        yield named("content_block_start", index=0, content_block=content | {"input": {}})
        for piece in pieces(said.arguments):
            yield named("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": piece})
    else:
        yield named("content_block_start", index=0, content_block=content | {"text": ""})
        for piece in pieces(said.text or ""):
            yield named("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield named("content_block_stop", index=0)
    delta = {"stop_reason": stop_reason(said), "stop_sequence": None}
    yield named("message_delta", delta=delta, usage={"output_tokens": said.usage["output"]})
    yield named("message_stop")


def named(kind: str, **fields) -> tuple[str, dict]:
    return kind, {"type": kind} | fields


def head(request: dict) -> dict:
    model = answering_model(request["model"])
    return {"id": unique("msg_"), "type": "message", "role": "assistant", "model": model, "stop_sequence": None}


def block(said: Answer) -> dict:
    if said.tool_call_id:
        tool = SCRIPT["tool"]
        return {"type": "tool_use", "id": said.tool_call_id, "name": tool["name"], "input": tool["arguments"]}
    return {"type": "text", "text": said.text, "citations": None}


def stop_reason(said: Answer) -> str:
    return "tool_use" if said.tool_call_id else "end_turn"


def usage(said: Answer) -> dict:
    """Input is counted without what came from the cache."""
    count = said.usage
    return {
        "input_tokens": count["input"] - count["cached"],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": count["cached"],
        "output_tokens": count["output"],
        "service_tier": "standard",
    }


def refusal(said: Answer) -> dict:
    error = {"type": "rate_limit_error", "message": said.message}
    return {"type": "error", "error": error, "request_id": unique("req_")}
