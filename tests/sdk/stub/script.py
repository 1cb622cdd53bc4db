"""What the stub answers: a function of the history that a request carries."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

SCRIPT = json.loads((Path(__file__).parent.parent / "script.json").read_text())


@dataclass(frozen=True)
class Answer:
    """One scripted model call: a text, a tool call, or a refusal."""

    text: str | None
    tool_call_id: str | None
    usage: dict[str, int]
    status: int
    message: str

    @property
    def arguments(self) -> str:
        return json.dumps(SCRIPT["tool"]["arguments"])


def answer(question: str, tool_answered: bool) -> Answer:
    """The call that comes after `question`, the last thing a user said, and perhaps a tool's result."""
    turn = next((turn for turn in SCRIPT["turns"] if turn["user"] == question.strip()), None)
    if turn is None:
        raise ValueError(f"the script has no turn in which the user says {question!r}")
    call = turn["calls"][1 if tool_answered else 0]
    return Answer(
        text=call.get("text"),
        tool_call_id=unique("call_") if call.get("tool") else None,
        usage=call.get("usage", {}),
        status=call.get("status", 200),
        message=call.get("message", ""),
    )


def answering_model(requested: str) -> str:
    """Real APIs answer with the dated name of the model."""
    return SCRIPT["answering"].get(requested, requested)


def unique(prefix: str) -> str:
    return prefix + secrets.token_hex(12)


def text_of(content: str | list[dict]) -> str:
    """The text of a message, which is given as such or in parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def pieces(text: str) -> list[str]:
    """A text as it is streamed: word by word."""
    words = text.split(" ")
    return [word if i == 0 else f" {word}" for i, word in enumerate(words)]
