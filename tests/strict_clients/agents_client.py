"""The openai-agents SDK as a program: a line of JSON asks for one run, a line answers.

The agents' tools run here and write down what they were called with.
"""

import asyncio
import json
import sys
import traceback

import agents
from openai import AsyncOpenAI
from pydantic import BaseModel

agents.set_tracing_disabled(True)
Json = dict[str, object]
ROOMS = {"hall": "a coat", "attic": "a cat and a trunk"}


class Found(BaseModel):
    """What an agent with a form has to answer."""

    thing: str
    room: str


class Run:
    """One agent with two tools, or one that hands over to it."""

    def __init__(self, asked: Json) -> None:
        self.used: list[list[object]] = []
        client = AsyncOpenAI(
            base_url=asked["base_url"], api_key=asked["key"], max_retries=0, timeout=30
        )
        self.model = agents.OpenAIResponsesModel(model="scripted", openai_client=client)
        self.settings = agents.ModelSettings(store=asked["arguments"].get("store"))

    def agent(self, output_type: type | None = None) -> agents.Agent:
        @agents.function_tool
        def look(room: str) -> str:
            """Return what is in a room."""
            self.used.append(["look", room])
            return ROOMS[room]

        @agents.function_tool
        def count(things: list[str]) -> int:
            """Return how many things there are."""
            self.used.append(["count", things])
            return len(things)

        return agents.Agent(
            name="searcher",
            instructions="Look for things.",
            handoff_description="Searches rooms.",
            model=self.model,
            model_settings=self.settings,
            tools=[look, count],
            output_type=output_type,
        )

    async def plain(self, prompt: str) -> Json:
        result = await agents.Runner.run(self.agent(), prompt)
        return self.told(result)

    async def streamed(self, prompt: str) -> Json:
        result = agents.Runner.run_streamed(self.agent(), prompt)
        events = [event async for event in result.stream_events()]
        items = [event.name for event in events if event.type == "run_item_stream_event"]
        deltas = [
            event.data.delta
            for event in events
            if event.type == "raw_response_event"
            and event.data.type == "response.output_text.delta"
        ]
        return self.told(result) | {"items": items, "deltas": deltas}

    async def formed(self, prompt: str) -> Json:
        result = await agents.Runner.run(self.agent(Found), prompt)
        return self.told(result) | {"output": result.final_output.model_dump()}

    async def handed_over(self, prompt: str) -> Json:
        porter = agents.Agent(
            name="porter",
            instructions="Hand over to who can do it.",
            model=self.model,
            model_settings=self.settings,
            handoffs=[self.agent()],
        )
        result = await agents.Runner.run(porter, prompt)
        return self.told(result) | {"last_agent": result.last_agent.name}

    def told(self, result: agents.result.RunResultBase) -> Json:
        usage = result.context_wrapper.usage
        counted = {"requests": usage.requests, "total_tokens": usage.total_tokens}
        return {"output": result.final_output, "used": self.used, "usage": counted}


def answer(asked: Json) -> Json:
    do = getattr(Run(asked), asked["do"])
    try:
        return {"ok": asyncio.run(do(asked["arguments"]["prompt"]))}
    except Exception:
        return {"broken": traceback.format_exc()}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=str), flush=True)
