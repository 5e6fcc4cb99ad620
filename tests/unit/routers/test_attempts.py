"""Models are asked in order, again where that helps and is allowed, and never where a breaker is open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from control_plane.spec.errors import Code
from routers.asking import Begun
from routers.resilience.breaker import State, Verdict
from tests.unit.routers.samples import HARD, model
from tests.unit.routers.tries import ANSWER, Mesh, replicas


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
