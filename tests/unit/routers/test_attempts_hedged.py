"""A second endpoint is asked where the first is late, and one answer goes out."""

import asyncio
from typing import Any

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.asking import Begun
from routers.resilience.breaker import State
from tests.unit.routers.tries import ANSWER, Mesh, replicas

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
