"""A chat with an agent of the OpenAI Agents SDK, which keeps the history in a session and runs the tools."""

from agents import Agent, Runner, SQLiteSession, function_tool
from script import MODELS, SYSTEM, conversation_id, get_weather


class AgentsChat:
    def __init__(self):
        tool = function_tool(get_weather)
        self.agent = Agent(name="TravelAgent", instructions=SYSTEM, model=MODELS["openai"], tools=[tool])
        self.session = SQLiteSession(conversation_id)

    def answer(self, question: str) -> str:
        return Runner.run_sync(self.agent, question, session=self.session).final_output
