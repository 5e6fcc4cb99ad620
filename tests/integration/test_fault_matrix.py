"""Every fault, at every moment, in every protocol: what the caller sees. `pytest -s` shows the tables.

The router is a process as people run it, and its Routes have the resilience that they have by default.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import NamedTuple

import grpc
import httpx2
import pytest

from control_plane.spec.documents import Document
from tests.contract.router_process import RouterProcess
from tests.faults import OTHER, WHOLE, Fault, Moment, behave, misbehave, nobody
from tests.integration.fault_callers import Callers, Seen
from tests.stub_upstream import StubUpstream
from tests.unit.routers.samples import model, route

DOCUMENTED = Path(__file__).parents[2] / "docs" / "faults.md"
PROTOCOLS = ("chat", "responses", "messages", "oip-grpc")

# What the caller of a Route with this one Model sees, as in docs/faults.md. `-`: there is no such case.
ALONE: Mapping[Fault, tuple[str, ...]] = {
    # by Moment:     first-byte               first-token              one-token            five-tokens
    Fault.REFUSED: ("503 model_starting", "-", "-", "-"),
    Fault.RESET: ("502 upstream_failed", "502 upstream_failed", "stream_cut", "stream_cut"),
    Fault.STALL: ("504 deadline_exceeded", "504 deadline_exceeded", "deadline_exceeded", "deadline_exceeded"),
    Fault.CUT: ("502 upstream_failed", "502 upstream_failed", "stream_cut", "stream_cut"),
    Fault.SHORT: ("502 upstream_failed", "502 upstream_failed", "stream_cut", "stream_cut"),
    Fault.MALFORMED: ("502 upstream_failed", "502 upstream_failed", "stream_cut", "stream_cut"),
    Fault.ERROR: ("502 upstream_failed", "502 upstream_failed", "stream_cut", "stream_cut"),
    Fault.FULL: ("429 queue_full", "-", "-", "-"),
    Fault.FAILED: ("502 upstream_failed", "-", "-", "-"),
    Fault.SLOW: ("whole", "whole", "whole", "whole"),
}

DEADLINE_SECONDS, STALL_SECONDS = 15.0, 1.5
"""Of a Route, and of one whose Model stalls."""
SLACK_SECONDS = 5.0
"""Beyond the deadline, for a machine that is busy. Who hangs would hang for the clients' own ten minutes."""
AT_ONCE = 24


class Case(NamedTuple):
    """One Route of its own: what one case does to its breaker is nothing to another."""

    fault: Fault
    moment: Moment
    protocol: str
    fallback: bool

    @property
    def name(self) -> str:
        return f"{self.protocol}-{self.fault}-{self.moment}-{'fallback' if self.fallback else 'alone'}"

    @property
    def deadline_seconds(self) -> float:
        return STALL_SECONDS if self.fault is Fault.STALL else DEADLINE_SECONDS

    @property
    def expected(self) -> str:
        """Before the first token the fallback takes over, if there is one; after it nobody can."""
        alone = ALONE[self.fault][list(Moment).index(self.moment)]
        if self.fallback and alone[0].isdigit():
            return "other"
        # The errors of a gRPC stream are messages in it: there is no status.
        return alone.rpartition(" ")[2] if self.protocol == "oip-grpc" else alone

    def documents(self, upstream: StubUpstream, refusing: int) -> list[Document]:
        port = refusing if self.fault is Fault.REFUSED else upstream.port
        faulty = model(f"faulty-{self.name}", url=f"http://127.0.0.1:{port}/{self.fault}/{self.moment}/v1")
        resilience = {"deadlineSeconds": self.deadline_seconds, "fallbacks": ["healthy"] if self.fallback else []}
        cache = {"exact": {"enabled": False}}
        return [faulty, route(self.name, [faulty.metadata.name], [], resilience=resilience, cache=cache)]

    def read(self, seen: Seen) -> str:
        """What was seen, in the table's words."""
        if not seen.code:
            return {WHOLE: "whole", OTHER: "other"}.get(seen.text, f"whole: {seen.text!r}")
        if seen.text != self.moment.said:
            return f"{seen.code} after {seen.text!r}"
        return seen.code if seen.status == 200 else f"{seen.status} {seen.code}"


CASES = [Case(*each) for each in product(Fault, Moment, PROTOCOLS, (True, False))]


@pytest.fixture
async def callers(tmp_path: Path) -> AsyncIterator[Callers]:
    async with StubUpstream(misbehave) as upstream, StubUpstream(behave) as healthy:
        with nobody() as refusing:
            documents: list[Document] = [model("healthy", url=healthy.url)]
            documents += [each for case in CASES for each in case.documents(upstream, refusing)]
            with RouterProcess(tmp_path, documents) as router:
                limits = httpx2.Limits(max_connections=None)
                async with (
                    httpx2.AsyncClient(timeout=600, trust_env=False, limits=limits) as http,
                    grpc.aio.insecure_channel(f"127.0.0.1:{router.grpc_port}") as channel,
                ):
                    yield Callers(router.port, http, channel)


async def test_every_fault_ends_as_it_is_documented(callers: Callers) -> None:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def see(case: Case) -> str:
        if case.expected == "-":
            return "-"
        found = []
        for ask in callers.by_protocol[case.protocol]:
            async with at_once:
                try:
                    async with asyncio.timeout(case.deadline_seconds + SLACK_SECONDS):
                        found.append(case.read(await ask(case.name)))
                except TimeoutError:
                    found.append("hangs")
        return " / ".join(dict.fromkeys(found))

    seen = dict(zip(CASES, await asyncio.gather(*map(see, CASES)), strict=True))
    sys.stdout.write("\n\n".join(["", *tables(seen), ""]))
    wrong = [f"{case.name}: {seen[case]}, not {case.expected}" for case in CASES if seen[case] != case.expected]
    assert wrong == []


def test_the_documentation_says_the_same() -> None:
    lines = DOCUMENTED.read_text(encoding="utf-8").splitlines()
    assert [f"| {' | '.join((fault, *ALONE[fault]))} |" for fault in Fault if fault in ALONE] == [
        line for line in lines if line.startswith(tuple(f"| {fault} |" for fault in Fault))
    ]


def tables(seen: Mapping[Case, str]) -> Iterator[str]:
    """One for each protocol, with and without a fallback."""
    for protocol, fallback in product(PROTOCOLS, (True, False)):
        rows = [[f"{protocol}, {'with a' if fallback else 'no'} fallback", *Moment]]
        rows += [[fault, *(seen[Case(fault, moment, protocol, fallback)] for moment in Moment)] for fault in Fault]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
