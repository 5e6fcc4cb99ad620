"""Witnesses ask real routers' addresses, and write down what each answer says."""

import asyncio

from benchmarks.harness.callers import Site
from benchmarks.harness.witnesses import Claim, Witnesses
from tests.unit.routers.mesh import mesh


async def test_what_an_answer_says_of_itself_is_written_down_with_its_time() -> None:
    async with mesh() as whole:
        witnesses = Witnesses([Site(whole.port, 0)], ["shop"], connections=2, rate=500)
        asking = asyncio.create_task(witnesses.ask())
        await witnesses.heard(5)
        witnesses.stopped.set()
        await asking
        assert whole.router.runtime is not None
        revision = whole.router.runtime.routes["shop"].revision
    assert set(witnesses.claims) == {Claim(200, 1, revision, "ok")}
    assert witnesses.claims.total() == len(witnesses.seconds) >= 5
    assert min(witnesses.seconds) > 0


async def test_what_is_no_answer_counts_by_its_status() -> None:
    async with mesh() as whole:
        witnesses = Witnesses([Site(whole.port, 0)], ["nobody"], connections=1, rate=500)
        asking = asyncio.create_task(witnesses.ask())
        await witnesses.heard(1)
        witnesses.stopped.set()
        await asking
    assert set(witnesses.claims) == {Claim(404, 0, "", "")}
