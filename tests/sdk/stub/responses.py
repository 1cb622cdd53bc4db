"""OpenAI's Responses API: whole and streamed."""

import time

from script import SCRIPT, Answer, answer, answering_model, pieces, text_of, unique

# Errors have the same form in both of OpenAI's APIs.
from chat_completions import refusal as refusal


def next_answer(request: dict) -> Answer:
    items = request["input"]
    if isinstance(items, str):
        return answer(items, tool_answered=False)
    last = max(i for i, item in enumerate(items) if item.get("role") == "user")
    tool_answered = any(item.get("type") == "function_call_output" for item in items[last:])
    return answer(text_of(items[last]["content"]), tool_answered)


def whole(request: dict, said: Answer) -> dict:
    return body(request) | {"status": "completed", "output": [output_item(said)], "usage": usage(said)}


def events(request: dict, said: Answer):
    """The stream as (event name, data), numbered as the real one is."""
    started = body(request) | {"status": "in_progress", "output": [], "usage": None}
    item = output_item(said)
    plan = [("response.created", {"response": started}), ("response.in_progress", {"response": started})]
    plan += tool_call_events(item) if said.tool_call_id else message_events(item)
    done = {"output_index": 0, "item": item}
    finished = started | {"status": "completed", "output": [item], "usage": usage(said)}
    plan += [("response.output_item.done", done), ("response.completed", {"response": finished})]
    for number, (name, data) in enumerate(plan):
        yield name, {"type": name, "sequence_number": number} | data


def tool_call_events(item: dict) -> list[tuple[str, dict]]:
    at = {"item_id": item["id"], "output_index": 0}
    begun = item | {"arguments": "", "status": "in_progress"}
    return [
        ("response.output_item.added", {"output_index": 0, "item": begun}),
        *(("response.function_call_arguments.delta", at | {"delta": piece}) for piece in pieces(item["arguments"])),
        ("response.function_call_arguments.done", at | {"arguments": item["arguments"], "name": item["name"]}),
    ]


def message_events(item: dict) -> list[tuple[str, dict]]:
    part = item["content"][0]
    at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    begun = item | {"content": [], "status": "in_progress"}
    return [
        ("response.output_item.added", {"output_index": 0, "item": begun}),
        ("response.content_part.added", at | {"part": part | {"text": ""}}),
        *(("response.output_text.delta", at | {"delta": piece, "logprobs": []}) for piece in pieces(part["text"])),
        ("response.output_text.done", at | {"text": part["text"], "logprobs": []}),
        ("response.content_part.done", at | {"part": part}),
    ]


def output_item(said: Answer) -> dict:
    if said.tool_call_id:
        return {
            "id": unique("fc_"),
            "type": "function_call",
            "call_id": said.tool_call_id,
            "name": SCRIPT["tool"]["name"],
            "arguments": said.arguments,
            "status": "completed",
        }
    part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
    return {"id": unique("msg_"), "type": "message", "role": "assistant", "status": "completed", "content": [part]}


def body(request: dict) -> dict:
    return {
        "id": unique("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "model": answering_model(request["model"]),
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": request.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
    }


def usage(said: Answer) -> dict:
    count = said.usage
    return {
        "input_tokens": count["input"],
        "input_tokens_details": {"cached_tokens": count["cached"], "cache_write_tokens": 0},
        "output_tokens": count["output"],
        "output_tokens_details": {"reasoning_tokens": count["reasoning"]},
        "total_tokens": count["input"] + count["output"],
    }
