"""The Sentry SDK with the OpenAI client, in an application with a web framework."""

import openai
from chat import OpenAIChat
from script import conversation_id, play, user_id

# [connect]
import sentry_sdk

sentry_sdk.init(  # SENTRY_DSN=http://colloquy@127.0.0.1:4318/1 in the environment
    traces_sample_rate=1.0,
    send_default_pii=True,  # without it, no messages are sent
)
# [end]

chat = OpenAIChat(openai.OpenAI())


def handle(question: str) -> str:
    # As the integration of a web framework does with each request.
    with sentry_sdk.start_transaction(op="http.server", name="POST /chat"):
        # [connect]
        # In each request:
        sentry_sdk.ai.set_conversation_id(conversation_id)
        sentry_sdk.set_user({"id": user_id})
        # [end]
        return chat.answer(question)


play(handle, openai.RateLimitError)
