"""Strands Agents, which reports spans by itself. Messages are sent by default, as span events."""

import os

os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")

from script import MODELS, SYSTEM, conversation_id, get_weather, play, user_id
from strands import Agent, tool
from strands.models.openai import OpenAIModel
from strands.telemetry import StrandsTelemetry
from strands.types.exceptions import ModelThrottledException

telemetry = StrandsTelemetry().setup_otlp_exporter()

agent = Agent(
    name="travel_agent",
    model=OpenAIModel(model_id=MODELS["openai"]),
    system_prompt=SYSTEM,
    tools=[tool(get_weather)],
    trace_attributes={"session.id": conversation_id, "user.id": user_id},
    callback_handler=None,
    retry_strategy=None,
)

play(lambda question: str(agent(question)), ModelThrottledException)
telemetry.tracer_provider.shutdown()
