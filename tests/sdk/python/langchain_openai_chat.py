"""OpenTelemetry's instrumentation of LangChain, with an agent that LangGraph remembers."""

import openai
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
from otel import provider
from script import MODELS, SYSTEM, conversation_id, get_weather, play

LangChainInstrumentor().instrument()

model = ChatOpenAI(model=MODELS["openai"], max_retries=0)
agent = create_agent(
    model, tools=[get_weather], system_prompt=SYSTEM, checkpointer=InMemorySaver(), name="travel_agent"
)


def answer(question: str) -> str:
    config = {"configurable": {"thread_id": conversation_id}}
    state = agent.invoke({"messages": [{"role": "user", "content": question}]}, config)
    return state["messages"][-1].content


play(answer, openai.RateLimitError)
provider.shutdown()
