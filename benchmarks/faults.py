"""`python -m benchmarks.faults`: what callers notice when processes are killed and restarted under load.

    python -m benchmarks.faults [--quick] [--json]

First a Model's process is killed and started again every five seconds, with a healthy fallback beside it. Then two
routers are restarted in turns, while callers send to whichever says that it is ready.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import uvloop

from benchmarks.harness import command, restarts
from benchmarks.harness.callers import READY_SECONDS, Callers, Ending, Site, Tally, at_rate
from benchmarks.harness.gateways import free_port
from benchmarks.harness.processes import Cores
from benchmarks.harness.restarts import Restartable
from benchmarks.harness.tiermesh import document
from benchmarks.report import Bar, Report
from control_plane.spec.errors import Code, TiermeshError

RATE = 200.0
"""Requests a second."""
SECONDS, _QUICK_SECONDS = 60.0, 15.0
_KILL_EVERY_SECONDS, _DOWN_SECONDS = 5.0, 1.0
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """What became of the callers' requests while something was ended and started so many times."""

    tally: Tally
    restarts: int


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser("faults", "What callers notice when processes are killed and restarted under load.")
    options = parser.parse_args(arguments)
    return command.report(lambda: uvloop.run(run(options)), options)


async def run(options: argparse.Namespace) -> Report:
    """Both parts, one after the other. Raises TiermeshError where something does not start or nothing was tried."""
    seconds = _QUICK_SECONDS if options.quick else SECONDS
    cores = Cores.available()
    ports = [free_port() for _ in range(6)]
    fragile, steady = ports[:2]
    one, other = Site(*ports[2:4]), Site(*ports[4:])
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backend = stack.enter_context(restarts.upstream(fragile, cores))
        stack.enter_context(restarts.upstream(steady, cores))
        routers = {site: restarts.router(site, documents(fragile, steady), folder, cores) for site in (one, other)}
        for router in routers.values():
            stack.enter_context(router)
        killed = await _kill(backend, one, seconds)
        rolled = await _roll(routers, seconds)
    return Report("faults", bars(killed, rolled), notes=notes(seconds))


def documents(fragile: int, steady: int) -> list[Mapping[str, object]]:
    """A Route to the Model that will be killed, and its fallback; nothing is answered from a cache."""
    ports = {"fragile": fragile, "steady": steady}
    models = [
        document("Model", name, {"engine": "openai", "tier": "light", "url": f"http://127.0.0.1:{port}/v1"})
        for name, port in ports.items()
    ]
    cache = {"exact": {"enabled": False}}
    route = {"tiers": {"light": ["fragile"]}, "resilience": {"fallbacks": ["steady"]}, "cache": cache}
    return [*models, document("Route", "bench", route)]


async def _kill(backend: Restartable, site: Site, seconds: float) -> Part:
    async with _callers([site]) as callers:
        part = asyncio.create_task(at_rate(RATE, seconds, callers.ask))
        kills = 0
        while not (await asyncio.wait([part], timeout=_KILL_EVERY_SECONDS - _DOWN_SECONDS))[0]:
            await asyncio.to_thread(backend.kill)
            kills += 1
            await asyncio.wait([part], timeout=_DOWN_SECONDS)
            await asyncio.to_thread(backend.start)
            command.say(f"model killed {kills} times: {callers.tally}")
        await part
    if not callers.tally.models["steady"]:
        raise TiermeshError(Code.INTERNAL, "The fallback answered nothing.", "Nothing was killed: look why.")
    return Part(callers.tally, kills)


async def _roll(routers: Mapping[Site, Restartable], seconds: float) -> Part:
    sites = list(routers)
    async with _callers(sites) as callers:
        part = asyncio.create_task(at_rate(RATE, seconds, callers.ask))
        times = 0
        while not part.done():
            site = sites[times % len(sites)]
            await asyncio.to_thread(routers[site].stop)
            await asyncio.to_thread(routers[site].start)
            await _until_ready(callers, [site])
            times += 1
            command.say(f"routers restarted {times} times: {callers.tally}")
        await part
    return Part(callers.tally, times)


@contextlib.asynccontextmanager
async def _callers(sites: list[Site]) -> AsyncIterator[Callers]:
    """Callers of routers that are all ready."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(timeout=120, trust_env=False, limits=limits) as http:
        callers = Callers(http, sites)
        await _until_ready(callers, sites)
        watching = asyncio.create_task(callers.watch())
        try:
            yield callers
        finally:
            watching.cancel()


async def _until_ready(callers: Callers, sites: Sequence[Site]) -> None:
    for _ in range(round(_START_SECONDS / READY_SECONDS)):
        if all(await asyncio.gather(*map(callers.is_ready, sites))):
            return
        await asyncio.sleep(READY_SECONDS)
    message = f"A router is not ready after {_START_SECONDS:g} seconds."
    raise TiermeshError(Code.SETUP, message, "Start one by hand: python -m routers.")


def bars(killed: Part, rolled: Part) -> list[Bar]:
    """The figures and their limits."""
    return [
        *_part("model killed", killed),
        Bar("model killed: answers by the fallback", killed.tally.models["steady"], "", better="higher"),
        *_part("routers restarted", rolled),
        Bar("routers restarted: streams cut", rolled.tally.endings[Ending.CUT], "", limit=0),
    ]


def _part(what: str, part: Part) -> list[Bar]:
    endings = part.tally.endings
    return [
        Bar(f"{what}: times", part.restarts, "", limit=2, better="higher"),
        Bar(f"{what}: requests", endings.total(), "", better="higher"),
        Bar(f"{what}: errors before the first token", endings[Ending.REFUSED], "", limit=0),
        Bar(f"{what}: answers broken without an error", endings[Ending.LOST], "", limit=0),
        *([Bar(f"{what}: streams cut, each with an error", endings[Ending.CUT], "")] if what == "model killed" else []),
    ]


def notes(seconds: float) -> list[str]:
    """What a reader must know to believe the bars."""
    return [
        f"{RATE:g} requests a second for {seconds:g} s each, every other one a stream of 0.2 s, as scheduled.",
        f"The model is down for {_DOWN_SECONDS:g} s of every {_KILL_EVERY_SECONDS:g}; streams under way are cut then.",
    ]


if __name__ == "__main__":
    sys.exit(main())
