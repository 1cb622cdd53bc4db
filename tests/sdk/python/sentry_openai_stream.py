"""The Sentry SDK with the OpenAI client, sending spans as they end."""

import openai
import sentry_sdk
from chat import OpenAIChat
from script import conversation_id, play, user_id

sentry_sdk.init(traces_sample_rate=1.0, send_default_pii=True, trace_lifecycle="stream")
sentry_sdk.set_user({"id": user_id})
sentry_sdk.ai.set_conversation_id(conversation_id)

chat = OpenAIChat(openai.OpenAI())


def handle(question: str) -> str:
    with sentry_sdk.traces.start_span(name="POST /chat", attributes={"sentry.op": "http.server"}):
        return chat.answer(question)


play(handle, openai.RateLimitError)
