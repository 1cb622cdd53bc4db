"""OpenTelemetry's instrumentations of the OpenAI Agents SDK and of the client below it."""

import openai
from agents import set_trace_processors, trace
from agents_chat import AgentsChat
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor
from otel import provider
from script import conversation_id, play

set_trace_processors([])  # the Agents SDK would send traces to OpenAI too
OpenAIAgentsInstrumentor().instrument()
OpenAIInstrumentor().instrument()

chat = AgentsChat()


def handle(question: str) -> str:
    with trace("chat", group_id=conversation_id):
        return chat.answer(question)


play(handle, openai.RateLimitError)
provider.shutdown()
