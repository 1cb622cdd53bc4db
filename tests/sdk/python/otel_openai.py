"""OpenTelemetry's instrumentation of the OpenAI client."""

import openai
from chat import OpenAIChat
from script import conversation_id, play

# [connect]
import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.genai.handler import get_telemetry_handler

# Without it, no messages are sent.
os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")

provider = TracerProvider()  # OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 in the environment
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()
# [end]

chat = OpenAIChat(openai.OpenAI())


def handle(question: str) -> str:
    # [connect]
    # Around what belongs to one request:
    with get_telemetry_handler().workflow("chat", conversation_id=conversation_id):
        answer = chat.answer(question)
    # [end]
    return answer


play(handle, openai.RateLimitError)
provider.shutdown()
