"""OpenLLMetry (traceloop-sdk) with the OpenAI client. Messages are sent by default."""

import os

import openai
from chat import OpenAIChat
from script import conversation_id, play, user_id
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import workflow

Traceloop.init(app_name="travel", api_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"], telemetry_enabled=False)
chat = OpenAIChat(openai.OpenAI())


@workflow(name="chat")
def handle(question: str) -> str:
    Traceloop.set_association_properties({"session_id": conversation_id, "user_id": user_id})
    return chat.answer(question)


play(handle, openai.RateLimitError)

