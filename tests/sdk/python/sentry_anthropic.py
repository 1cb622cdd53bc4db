"""The Sentry SDK with the Anthropic client, in a script without requests."""

import anthropic
import sentry_sdk
from chat import AnthropicChat
from script import conversation_id, play, user_id

sentry_sdk.init(traces_sample_rate=1.0, send_default_pii=True)
sentry_sdk.set_user({"id": user_id})
sentry_sdk.ai.set_conversation_id(conversation_id)

chat = AnthropicChat(anthropic.Anthropic())
play(chat.answer, anthropic.RateLimitError)
