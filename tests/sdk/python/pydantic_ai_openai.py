"""Pydantic AI, which reports spans by itself; sent by OTLP/gRPC. Messages are sent by default."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from script import MODELS, SYSTEM, conversation_id, get_weather, play

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
trace.set_tracer_provider(provider)
Agent.instrument_all()

agent = Agent(f"openai-chat:{MODELS['openai']}", name="travel_agent", instructions=SYSTEM, tools=[get_weather])
history = []


def answer(question: str) -> str:
    result = agent.run_sync(question, message_history=history, conversation_id=conversation_id)
    history.extend(result.new_messages())
    return result.output


play(answer, ModelHTTPError)
provider.shutdown()
