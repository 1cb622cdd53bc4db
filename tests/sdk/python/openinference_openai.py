"""OpenInference's instrumentation of the OpenAI client. Messages are sent by default."""

import openai
from chat import OpenAIChat
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from otel import provider
from script import conversation_id, play, user_id

OpenAIInstrumentor().instrument()
chat = OpenAIChat(openai.OpenAI())


def handle(question: str) -> str:
    with using_attributes(session_id=conversation_id, user_id=user_id):
        return chat.answer(question)


play(handle, openai.RateLimitError)
provider.shutdown()
