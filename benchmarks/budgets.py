"""`python -m benchmarks.budgets`: what a budget lets through when 4,000 callers at 8 routers want its last 5%.

    python -m benchmarks.budgets [--quick] [--json]

Needs redis-server. The upstream keeps its own books of what its answers cost, and they alone decide: a budget is
overspent by what the upstream has booked beyond it, whatever the routers believe.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.harness import command, fleet
from benchmarks.harness.crowd import Crowd
from benchmarks.harness.processes import Cores
from benchmarks.harness.spender import ALL, INPUT_MICRODOLLARS, OUTPUT_MICRODOLLARS
from benchmarks.report import Bar, Report
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.tenants import MICRODOLLARS

ROUTERS, CALLERS = 8, 500
_QUICK_CALLERS = 50
_TENANT = "crowd"
_ANSWER_TOKENS = 200
_PROMPT_TOKENS = 1000
"""More than a question of the crowd is reserved for."""
_SHARE_BEFORE = 0.95
_DOLLARS_LEFT_A_CALLER = 0.0002
"""Of the last 5%, for each caller: about half of what one answer costs, so that not all can have one."""
_LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Books:
    """What the tenant cost, in microdollars, and what its callers heard."""

    budget: int
    before: int
    """What the upstream had booked when the crowd came, …"""
    spent: int
    """… and when it had gone."""
    most_at_once: int
    """Requests under way at the upstream."""
    booked: int
    """What Redis has: spent, …"""
    held: int
    """… and still set aside."""
    heard: Mapping[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser("budgets", "What a budget lets through when thousands of callers want its last 5%.")
    options = parser.parse_args(arguments)
    return command.report(lambda: uvloop.run(run(options)), options)


async def run(options: argparse.Namespace) -> Report:
    """Start everything, let the crowd in. Raises TiermeshError where something does not start or answer."""
    callers = _QUICK_CALLERS if options.quick else CALLERS
    budget = round(ROUTERS * callers * _DOLLARS_LEFT_A_CALLER * MICRODOLLARS / (1 - _SHARE_BEFORE))
    cores = Cores.available()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(fleet.redis(cores, folder))
        spender = stack.enter_context(fleet.spender(cores))
        documents = fleet.documents(spender, _TENANT, budget / MICRODOLLARS)
        ports = stack.enter_context(fleet.routers(cores, folder, documents, redis, ROUTERS))
        books = await _let_in(spender, redis, ports, callers, budget)
        script_microseconds = redis.microseconds_a_script()
    return Report("budgets", bars(books, script_microseconds), notes=notes(books, callers))


async def _let_in(spender: int, redis: fleet.RedisServer, ports: Sequence[int], callers: int, budget: int) -> Books:
    crowd = Crowd(_TENANT, _ANSWER_TOKENS, asyncio.get_running_loop().time() + _LONGEST_SECONDS)
    # One answer that takes what 95% of the budget pays for.
    most = round(_SHARE_BEFORE * budget / OUTPUT_MICRODOLLARS)
    if (outcome := await crowd.ask(ports[0], ALL, most)) != "answered":
        hint = "Ask for the same by hand and read the error."
        raise TiermeshError(Code.UPSTREAM_FAILED, f"The first request was answered with {outcome}.", hint)
    before = fleet.told(spender)["microdollars"]
    await crowd.gather(ports, callers)
    spent, held = await _settled(redis)
    told = fleet.told(spender)
    return Books(budget, before, told["microdollars"], told["most_at_once"], spent, held, crowd.codes)


async def _settled(redis: fleet.RedisServer) -> tuple[int, int]:
    """What the tenant has spent and still holds, once it holds nothing any more, or after a while."""
    for _ in range(100):
        spent, held = redis.account(_TENANT)
        if not held:
            break
        await asyncio.sleep(0.1)
    return spent, held


def bars(books: Books, script_microseconds: float) -> list[Bar]:
    """The figures and their limits."""
    reservation = _PROMPT_TOKENS * INPUT_MICRODOLLARS + _ANSWER_TOKENS * OUTPUT_MICRODOLLARS
    left = books.budget - books.booked
    return [
        Bar("overspent", _dollars(max(0, books.spent - books.budget)), "$", limit=0),
        Bar("spent but not booked", _dollars(max(0, books.spent - books.booked)), "$", limit=0),
        Bar("still reserved at the end", _dollars(books.held), "$", limit=0),
        Bar("left unspent, less than one reservation", _dollars(left), "$", limit=_dollars(reservation)),
        Bar("spent before the crowd came", books.before / books.budget * 100, "%", limit=94, better="higher"),
        Bar("answers to the crowd", books.heard.get("answered", 0), "", limit=1, better="higher"),
        Bar("requests at the model at once, most", books.most_at_once, "", better="higher"),
        Bar("one script in Redis, CPU", script_microseconds, "µs"),
    ]


def _dollars(microdollars: int) -> float:
    return microdollars / MICRODOLLARS


def notes(books: Books, callers: int) -> list[str]:
    """What a reader must know to believe the bars."""
    heard = ", ".join(f"{count} {code}" for code, count in sorted(books.heard.items()))
    return [
        f"{ROUTERS} routers, {callers} callers at each, a hard budget of ${_dollars(books.budget):.2f} a day.",
        f"The crowd heard: {heard}. 'left' are streams whose callers hung up: they count in full.",
    ]


if __name__ == "__main__":
    sys.exit(main())
