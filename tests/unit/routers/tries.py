"""A mesh of scripted models, and the attempts of requests at them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from control_plane.spec.documents import Document, Model
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.asking import Begun
from routers.attempt import Attempt
from routers.attempts import Attempts
from routers.call import Call
from routers.deadlines import Deadlines
from routers.outcome import Outcome
from routers.pipeline import choose, match
from routers.resilience.breaker import State, Verdict
from routers.resilience.guards import Guards, ModelGuard, RouteGuard
from routers.runtime import Backend, Endpoint
from tests.unit.routers.samples import call, chat, model, route, runtime

ANSWER = Begun(b"", b"{}")
Step = Begun | Code | asyncio.Future[Begun]


@dataclass
class ScriptedModels:
    """A `routers.asking.Asker` whose answers are set by URL: an answer, a failure, or one that comes later."""

    script: dict[str, list[Step]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    seconds_left: list[float] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        self.asked.append(endpoint.url.removeprefix("http://"))
        self.seconds_left.append(seconds_left)
        self.arrived.set()
        steps = self.script.get(self.asked[-1], [])
        step = steps.pop(0) if steps else ANSWER
        if isinstance(step, Code):
            raise TiermeshError(step, f"{backend.name} failed.")
        return await step if isinstance(step, asyncio.Future) else step


class Mesh:
    """One Route, its guards, and scripted Models."""

    def __init__(self, *documents: Document, **resilience: Any) -> None:
        models = documents or (model("light", url="http://light"), model("heavy", "heavy", "http://heavy"))
        light, heavy = _tier(models, "light"), _tier(models, "heavy")
        self.runtime = runtime(*models, route("shop", light, heavy, resilience=resilience))
        self.metrics = RouterMetrics()
        self.guards = Guards(self.metrics)
        self.models = ScriptedModels()
        self.outcome: Outcome

    @property
    def guard(self) -> RouteGuard:
        return self.guards.of(self.runtime.routes["shop"])

    def model(self, name: str = "light") -> ModelGuard:
        return self.guard.models[name]

    def open(self, *names: str) -> None:
        """The breakers of these Models open."""
        for name in names:
            breaker = self.model(name).breaker
            while (permit := breaker.allow(0)) is not None and breaker.state is State.CLOSED:
                breaker.record(permit, asyncio.get_running_loop().time(), Verdict.BAD, 0)

    async def ask(self, text: str = "", seconds: float = 60, **fields: Any) -> Attempt:
        """One request; its attempt is over when this returns."""
        attempt = await self.begin(text, seconds, **fields)
        attempt.end(Verdict.GOOD)
        return attempt

    async def begin(self, text: str = "", seconds: float = 60, **fields: Any) -> Attempt:
        """One request, up to its commit point."""
        asked = call(chat(text, **fields) if text or fields else None)
        decision = choose(asked, match(asked, self.runtime))
        self.outcome = Outcome(decision.match, decision.tier, None, decision.reasons)
        deadline = asyncio.get_running_loop().time() + seconds
        askers = {Protocol.OPENAI: self.models}
        attempts = Attempts(asked, decision, self.outcome, self.guard, askers, deadline, Deadlines())
        return await attempts.first_answer()

    async def refusal(self, *args: Any, **fields: Any) -> TiermeshError:
        with pytest.raises(TiermeshError) as raised:
            await self.ask(*args, **fields)
        return raised.value

    @property
    def codes(self) -> list[str]:
        """What was noted after the decision."""
        return [reason.code for reason in self.outcome.reasons][2:]


def _tier(models: Sequence[Document], tier: str) -> list[str]:
    """Names of a tier's Models; a spare one is in none."""
    found = [each for each in models if isinstance(each, Model) and each.spec.tier.value == tier]
    return [each.metadata.name for each in found if each.metadata.name != "spare"]


def replicas(count: int, **resilience: Any) -> Mesh:
    """One Model with so many endpoints: a, b, c…"""
    return Mesh(model("light", url=None, urls=[f"http://{name}" for name in "abcdefg"[:count]]), **resilience)
