"""Models are asked in order, again where that helps and is allowed, and never where a breaker is open."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
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
from tests.unit.routers.samples import HARD, call, chat, model, route, runtime

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


async def test_the_first_model_that_answers_is_the_only_one_that_is_asked() -> None:
    mesh = Mesh()
    assert (await mesh.ask()).backend.name == "light"
    assert (mesh.models.asked, mesh.codes) == (["light"], [])


async def test_a_model_that_fails_is_followed_by_the_next_one() -> None:
    mesh = Mesh()
    mesh.models.script["light"] = [Code.UPSTREAM_FAILED]
    assert (await mesh.ask()).backend.name == "heavy"
    assert (mesh.models.asked, mesh.codes) == (["light", "heavy"], ["failed"])


async def test_fallbacks_come_last_and_are_told_as_such() -> None:
    mesh = Mesh(
        model("light", url="http://light"),
        model("heavy", "heavy", "http://heavy"),
        model("spare", url="http://spare"),
        fallbacks=["spare", "light"],
    )
    mesh.models.script = {name: [Code.MODEL_STARTING] for name in ("light", "heavy", "spare")}
    await mesh.refusal()
    assert mesh.models.asked == ["light", "heavy", "spare"]
    mesh.models.asked.clear()
    mesh.models.script = {name: [Code.MODEL_STARTING] for name in ("heavy", "spare")}
    assert (await mesh.ask(HARD)).backend.name == "light"
    assert mesh.models.asked == ["heavy", "spare", "light"]
    assert mesh.codes == ["failed", "fallback", "failed", "fallback"]


async def test_a_model_whose_breaker_is_open_is_not_asked() -> None:
    mesh = Mesh()
    mesh.open("light")
    assert (await mesh.ask()).backend.name == "heavy"
    assert (mesh.models.asked, mesh.codes) == (["heavy"], ["breaker-open"])


async def test_where_all_are_left_alone_the_caller_hears_when_the_next_probe_is() -> None:
    mesh = Mesh(breaker={"openSeconds": 25})
    mesh.open("light", "heavy")
    error = await mesh.refusal()
    assert (error.code, error.status) == (Code.UNAVAILABLE, 503)
    assert error.retry_after_seconds in (25, 26)
    assert mesh.models.asked == []


async def test_where_the_route_says_so_the_least_bad_is_asked_all_the_same_and_its_breaker_hears_nothing() -> None:
    mesh = Mesh(breaker={"whenAllOpen": "try-least-bad", "openSeconds": 25})
    mesh.open("light", "heavy")
    mesh.model("heavy").breaker.record(0, 0, Verdict.BAD, 0)
    assert (await mesh.ask()).backend.name == "light"
    assert mesh.codes == ["breaker-open", "breaker-open", "least-bad"]
    assert mesh.model("light").breaker.state is State.OPEN


async def test_a_failure_is_tried_again_at_another_endpoint_before_another_model() -> None:
    mesh = Mesh(model("light", url=None, urls=["http://a", "http://b"]), model("heavy", "heavy", "http://heavy"))
    mesh.models.script = {"a": [Code.MODEL_STARTING], "b": [Code.MODEL_STARTING]}
    assert (await mesh.ask()).backend.name == "heavy"
    assert sorted(mesh.models.asked[:2]) == ["a", "b"]
    assert mesh.codes == ["retried", "failed"]


@pytest.mark.parametrize(
    ("code", "asked"), [(Code.UPSTREAM_FAILED, 2), (Code.MODEL_STARTING, 1), (Code.QUEUE_FULL, 1), (Code.ABSTAINED, 1)]
)
async def test_the_last_resort_is_the_same_endpoint_once_more_where_that_may_help(code: Code, asked: int) -> None:
    mesh = Mesh(model("light", url="http://light"), retries={"backoffSeconds": 0.001, "maxBackoffSeconds": 0.001})
    mesh.models.script["light"] = [code, code]
    assert (await mesh.refusal()).code is code
    assert len(mesh.models.asked) == asked


async def test_nothing_is_tried_again_that_could_not_be_over_before_the_deadline() -> None:
    mesh = Mesh(model("light", url="http://light"), retries={"backoffSeconds": 60, "maxBackoffSeconds": 60})
    mesh.models.script["light"] = [Code.UPSTREAM_FAILED]
    assert (await mesh.refusal(seconds=0)).code is Code.UPSTREAM_FAILED
    assert len(mesh.models.asked) == 1


async def test_what_is_left_of_the_deadline_goes_along_with_each_try() -> None:
    mesh = Mesh()
    mesh.models.script["light"] = [Code.UPSTREAM_FAILED]
    await mesh.ask(seconds=7)
    first, second = mesh.models.seconds_left
    assert 6 < second <= first <= 7


async def test_a_model_that_stalls_leaves_time_for_the_next_one_and_is_blamed() -> None:
    mesh = Mesh(breaker={"consecutiveFailures": 1})
    mesh.models.script["light"] = [asyncio.get_running_loop().create_future()]
    assert (await mesh.ask(seconds=0.2)).backend.name == "heavy"
    assert mesh.codes == ["failed"]
    assert "said nothing within 0." in mesh.outcome.reasons[-1].text
    assert mesh.model("light").breaker.state is State.OPEN
    assert 0 < mesh.models.seconds_left[1] <= 0.1


@pytest.mark.parametrize("retries", [{}, {"tryShare": 1}], ids=["nobody else", "not wanted"])
async def test_where_nobody_else_can_be_asked_a_model_has_all_the_time(retries: dict[str, Any]) -> None:
    mesh = Mesh(retries=retries)
    if not retries:
        mesh.open("heavy")
    late: asyncio.Future[Begun] = asyncio.get_running_loop().create_future()
    mesh.models.script["light"] = [late]
    asyncio.get_running_loop().call_later(0.15, late.set_result, ANSWER)
    assert (await mesh.ask(seconds=0.2)).backend.name == "light"
    assert mesh.codes == []


async def test_beyond_its_budget_no_request_is_tried_again() -> None:
    mesh = Mesh(retries={"burst": 1, "ratio": 0, "perSecond": 0})
    mesh.models.script["light"] = [Code.UPSTREAM_FAILED, Code.QUEUE_FULL]
    assert (await mesh.ask()).backend.name == "heavy"
    assert (await mesh.refusal()).code is Code.QUEUE_FULL
    assert mesh.models.asked == ["light", "heavy", "light"]
    assert mesh.codes == ["failed", "retry-budget"]


async def test_an_abstention_is_the_routes_plan_and_takes_no_budget() -> None:
    mesh = Mesh(retries={"burst": 0, "ratio": 0, "perSecond": 0})
    mesh.models.script["light"] = [Code.ABSTAINED, Code.INVALID_REQUEST]
    for _ in range(2):
        assert (await mesh.ask()).backend.name == "heavy"
    assert mesh.model("light").breaker.state is State.CLOSED


async def test_a_budget_that_is_spent_gives_a_probes_permit_back() -> None:
    mesh = Mesh(retries={"burst": 0, "ratio": 0, "perSecond": 0}, breaker={"openSeconds": 0.001})
    mesh.open("heavy")
    await asyncio.sleep(0.002)
    mesh.models.script["light"] = [Code.UPSTREAM_FAILED]
    await mesh.refusal()
    assert (await mesh.ask(HARD)).backend.name == "heavy"


async def test_a_probe_that_only_found_a_full_queue_leaves_the_next_probe_to_whom_the_budget_allows() -> None:
    mesh = replicas(2, retries={"burst": 0, "ratio": 0, "perSecond": 0}, breaker={"openSeconds": 0.001})
    mesh.open("light")
    await asyncio.sleep(0.002)
    mesh.models.script = {"a": [Code.QUEUE_FULL], "b": [Code.QUEUE_FULL]}
    await mesh.refusal()
    mesh.models.script.clear()
    await mesh.ask()
    assert mesh.model("light").breaker.state is State.CLOSED


async def test_a_probe_is_over_at_its_commit_point_however_long_its_answer_is() -> None:
    mesh = Mesh(breaker={"openSeconds": 0.001})
    mesh.open("light")
    await asyncio.sleep(0.002)
    attempt = await mesh.begin()
    assert mesh.model("light").breaker.state is State.CLOSED
    attempt.end(Verdict.BAD)
    assert mesh.model("light").breaker.state is State.CLOSED


@pytest.mark.parametrize(
    ("code", "opens"),
    [
        (Code.UPSTREAM_FAILED, True),
        (Code.MODEL_STARTING, True),
        (Code.QUEUE_FULL, False),
        (Code.ABSTAINED, False),
        (Code.INVALID_REQUEST, False),
    ],
)
async def test_only_what_a_model_cannot_help_is_held_against_it(code: Code, opens: bool) -> None:
    mesh = Mesh(breaker={"consecutiveFailures": 3})
    mesh.models.script["light"] = [code] * 3
    for _ in range(3):
        await mesh.ask()
    assert (mesh.model("light").breaker.state is State.OPEN) is opens


async def test_while_a_probe_is_out_all_others_go_elsewhere() -> None:
    mesh = Mesh(breaker={"openSeconds": 0.001})
    mesh.open("light")
    await asyncio.sleep(0.002)
    probe: asyncio.Future[Begun] = asyncio.get_running_loop().create_future()
    mesh.models.script["light"] = [probe]
    probing = asyncio.create_task(mesh.ask())
    await mesh.models.arrived.wait()
    for _ in range(5):
        assert (await mesh.ask()).backend.name == "heavy"
    assert mesh.models.asked.count("light") == 1
    probe.set_result(ANSWER)
    assert (await probing).backend.name == "light"
    assert mesh.model("light").breaker.state is State.CLOSED


@asynccontextmanager
async def left(mesh: Mesh, seconds: float) -> AsyncIterator[Callable[[], object]]:
    """A request that is given up, with so many seconds left to its deadline."""
    mesh.models.script["light"] = [asyncio.get_running_loop().create_future()]
    asking = asyncio.create_task(mesh.ask(seconds=seconds))
    await mesh.models.arrived.wait()
    yield asking.cancel
    with suppress(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(("seconds", "state"), [(60, State.CLOSED), (0, State.OPEN)])
async def test_a_caller_who_leaves_says_nothing_of_the_model_and_a_silence_to_the_deadline_does(
    seconds: float, state: State
) -> None:
    mesh = Mesh(breaker={"consecutiveFailures": 1})
    async with left(mesh, seconds) as give_up:
        give_up()
    assert mesh.model("light").breaker.state is state


async def test_an_endpoint_that_is_left_out_is_not_asked_and_told_of() -> None:
    mesh = replicas(2, outliers={"consecutiveFailures": 1}, retries={"attempts": 2})
    mesh.models.script["a"] = [Code.UPSTREAM_FAILED]
    while "a" not in mesh.models.asked:
        await mesh.ask()
    mesh.models.asked.clear()
    for _ in range(20):
        await mesh.ask()
    assert set(mesh.models.asked) == {"b"}
    assert mesh.codes == ["endpoint-ejected"]


HEDGED = {"minimumSamples": 1, "quantile": 0.5, "maxExtraLoad": 1}


async def hedging(**policy: Any) -> Mesh:
    """Two replicas that have answered at once so far."""
    mesh = replicas(2, hedging={**HEDGED, **policy}, breaker={"openSeconds": 0.01})
    for _ in range(3):
        await mesh.ask()
    mesh.models.asked.clear()
    return mesh


def late(mesh: Mesh) -> dict[str, asyncio.Future[Begun]]:
    """Both answer when the test says so."""
    loop = asyncio.get_running_loop()
    answers = {name: loop.create_future() for name in "ab"}
    mesh.models.script = {name: [answer] for name, answer in answers.items()}
    return answers


def under_way(mesh: Mesh) -> list[int]:
    """Of both endpoints, beside the call that this takes to see it."""
    endpoints = mesh.model("light").endpoints
    return [endpoints.choose(0, lambda: 0.0, [other]).under_way - 1 for other in (1, 0)]


async def both_asked(mesh: Mesh) -> None:
    while len(mesh.models.asked) < 2:
        await asyncio.sleep(0)


@pytest.mark.parametrize("second_wins", [False, True])
async def test_a_late_answer_is_asked_for_at_a_second_endpoint_and_the_loser_is_cancelled(second_wins: bool) -> None:
    mesh = await hedging()
    answers = late(mesh)
    asking = asyncio.create_task(mesh.ask())
    await both_asked(mesh)
    winner, loser = mesh.models.asked[::-1] if second_wins else mesh.models.asked
    answers[winner].set_result(ANSWER)
    attempt = await asking
    assert "ab"[attempt.endpoint.index] == winner
    await asyncio.sleep(0)
    assert answers[loser].cancelled()
    assert mesh.codes == (["hedged", "hedge-won"] if second_wins else ["hedged"])
    assert under_way(mesh) == [0, 0]


async def test_where_both_answer_at_the_same_moment_one_is_let_go() -> None:
    mesh = await hedging()
    answers = late(mesh)
    asking = asyncio.create_task(mesh.ask())
    await both_asked(mesh)
    for answered in answers.values():
        answered.set_result(ANSWER)
    await asking
    assert under_way(mesh) == [0, 0]


async def test_a_probe_is_not_hedged() -> None:
    mesh = await hedging()
    guard = mesh.model("light")
    mesh.open("light")
    await asyncio.sleep(guard.breaker.retry_at(0) - asyncio.get_running_loop().time())
    answers = late(mesh)
    asking = asyncio.create_task(mesh.ask())
    await asyncio.sleep(0.01)
    (probed,) = mesh.models.asked
    answers[probed].set_result(ANSWER)
    await asking
    assert guard.breaker.state is State.CLOSED


async def test_where_the_first_fails_the_second_answers_and_where_both_fail_the_error_goes_out() -> None:
    mesh = await hedging()
    answers = late(mesh)
    asking = asyncio.create_task(mesh.ask())
    await both_asked(mesh)
    first, second = mesh.models.asked
    answers[first].set_exception(TiermeshError(Code.UPSTREAM_FAILED, "broken"))
    await asyncio.sleep(0)
    answers[second].set_result(ANSWER)
    assert "ab"[(await asking).endpoint.index] == second


@pytest.mark.parametrize(
    ("policy", "fields"),
    [({}, {"tools": [{"type": "function"}]}), ({"enabled": False}, {}), ({"maxExtraLoad": 0}, {})],
)
async def test_no_second_endpoint_is_asked_for_tools_where_it_is_switched_off_or_beyond_the_extra_load(
    policy: dict[str, Any], fields: dict[str, Any]
) -> None:
    mesh = await hedging(**policy)
    answers = late(mesh)
    asking = asyncio.create_task(mesh.ask("a question", **fields))
    await asyncio.sleep(0.01)
    (only,) = mesh.models.asked
    answers[only].set_result(ANSWER)
    await asking
    assert "hedged" not in mesh.codes


async def test_every_request_to_a_model_is_counted_with_what_it_said() -> None:
    mesh = Mesh()
    mesh.models.script["light"] = [Code.UPSTREAM_FAILED, Code.QUEUE_FULL]
    for _ in range(3):
        await mesh.ask()
    text = "".join(mesh.metrics.exposition())
    for model_name, verdict, count in (
        ("light", "bad", 1),
        ("light", "none", 1),
        ("light", "good", 1),
        ("heavy", "good", 2),
    ):
        assert f'tiermesh_router_attempts_total{{model="{model_name}",verdict="{verdict}"}} {count}.0' in text
