"""The Sentry SDK with the OpenAI Agents SDK, which uses the Responses API."""

import openai
import sentry_sdk
from agents import set_trace_processors
from agents_chat import AgentsChat
from script import conversation_id, play, user_id

set_trace_processors([])  # the Agents SDK would send traces to OpenAI too
sentry_sdk.init(traces_sample_rate=1.0, send_default_pii=True)
sentry_sdk.set_user({"id": user_id})
sentry_sdk.ai.set_conversation_id(conversation_id)

play(AgentsChat().answer, openai.RateLimitError)
