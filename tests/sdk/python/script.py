"""The user's part of the script, and the application's: its prompt, its tool, and the chat's id."""

import json
import os
from pathlib import Path

SCRIPT = json.loads((Path(__file__).parent.parent / "script.json").read_text())
SYSTEM = SCRIPT["system"]
user_id = SCRIPT["user"]
MODELS = SCRIPT["models"]
QUESTIONS = [turn["user"] for turn in SCRIPT["turns"]]
FAREWELL = QUESTIONS[2]

conversation_id = os.environ["CONVERSATION_ID"]


def get_weather(city: str, unit: str) -> str:
    """The current weather in a city."""
    assert {"city": city, "unit": unit} == SCRIPT["tool"]["arguments"]
    return SCRIPT["tool"]["result"]


def play(answer, *refusals: type[Exception]):
    """Asks all questions. The last one is refused, with one of `refusals`."""
    for question in QUESTIONS[:-1]:
        print(answer(question))
    try:
        answer(QUESTIONS[-1])
    except refusals as refusal:
        print(f"refused, as it should be: {refusal}")
    else:
        raise AssertionError("the last call should have been refused")
