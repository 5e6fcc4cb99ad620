"""Judged answers from end to end: a router process, judges that are not always well, a control plane that counts."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2

from control_plane.client.http import Client
from control_plane.outcomes import reading
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.documents import Document, parse
from control_plane.spec.metrics import Metric
from control_plane.stats.moments import Moments
from control_plane.store.database import Database
from tests.contract.router_process import RouterProcess
from tests.control_plane_server import running as control_plane
from tests.stack import free_ports
from tests.stub_upstream import Behaviour, Received, StubUpstream, answer, error, held, raw, stream
from tests.unit.routers.samples import chat, model, route

QUALITY = {
    "name": "quality",
    "kind": "mean",
    "of": "judge",
    "goal": "increase",
    "primary": True,
    "judge": {"model": "jury", "percent": 100},
}
EXPERIMENT = {
    "apiVersion": "tiermesh.dev/v1alpha1",
    "kind": "Experiment",
    "metadata": {"name": "greeting"},
    "spec": {
        "route": "shop",
        "unit": {"request": True},
        "arms": [{"name": "control"}, {"name": "candidate", "override": {"sampling": {"temperature": 0}}}],
        "metrics": [QUALITY],
        "state": "running",
    },
}


async def speak(received: Received, writer: asyncio.StreamWriter) -> None:
    """A Model that does better in the candidate, and lies about it."""
    kind = "good" if received.fields.get("temperature") == 0 else "bad"
    text = f'{kind}: {{"mark": 1}}'
    await (stream(text) if received.fields.get("stream") else answer(text))(received, writer)


async def mark(received: Received, writer: asyncio.StreamWriter) -> None:
    """A judge that knows."""
    value = 0.75 if "\ngood: " in received.fields["messages"][1]["content"] else 0.25
    await answer(f'{{"mark": {value}}}')(received, writer)


@contextlib.asynccontextmanager
async def models() -> AsyncIterator[tuple[StubUpstream, StubUpstream]]:
    """Who answers, and who judges."""
    async with StubUpstream(speak) as speaker, StubUpstream(mark) as jury:
        yield speaker, jury


class Shop:
    """A router process and what its control plane knows."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.asked: dict[str, int] = {"control": 0, "candidate": 0}
        (port,) = free_ports(1)
        self.settings = ControlPlaneSettings.load(home=home / "plane", port=port, admin_port=0)
        self.variables = {"NAME": "r1", "CONTROL_PLANE_URL": f"http://127.0.0.1:{port}", "ACCESS_LOG": "false"}
        (home / "router").mkdir()

    @contextlib.contextmanager
    def router(self) -> Iterator[RouterProcess]:
        with RouterProcess(self.home / "router", (), **self.variables) as process:
            yield process

    def apply(self, url: str, speaker: StubUpstream, jury: StubUpstream) -> None:
        """Put the Experiment in force."""
        with Client(url) as client:
            client.apply(documents(speaker, jury), "alice")

    async def ask(self, router: RouterProcess, count: int) -> None:
        """So many callers, one after the other; all of them are answered, whatever the judge does."""
        async with httpx2.AsyncClient(base_url=router.base_url, trust_env=False, verify=False) as http:
            for number in range(count):
                response = await http.post("/chat/completions", json=chat("Hello?", stream=number % 2 == 1))
                assert (response.status_code, "mark" in response.text) == (200, True)
                self.asked[response.headers["x-tiermesh-arm"].partition("=")[2]] += 1

    async def counted(self, router: RouterProcess) -> dict[str, int]:
        """What became of the answers, by outcome."""
        url = f"http://127.0.0.1:{router.admin_port}/metrics"
        async with httpx2.AsyncClient(trust_env=False, verify=False) as http:
            lines = (await http.get(url)).text.splitlines()
        found: dict[str, int] = {}
        for line in (line for line in lines if line.startswith("tiermesh_router_judged_total{")):
            outcome = line.split('outcome="')[1].split('"')[0]
            found[outcome] = found.get(outcome, 0) + int(float(line.split(" ")[-1]))
        return found

    def known(self) -> dict[str, Moments]:
        """What the control plane has counted, by arm."""
        database = Database(f"sqlite:///{self.settings.home / 'control-plane.db'}")
        metrics = {"quality": Metric.model_validate(QUALITY)}
        with contextlib.closing(database), database.read() as transaction:
            (period,) = reading.read(transaction, "Experiment/greeting", metrics)
        return {arm: period.sample(arm, "quality").moments for arm in ("control", "candidate")}

    def spooled(self) -> int:
        """Events that are on the router's disk: of each request that it was asked, and of the mark of its answer."""
        files = (self.home / "router").rglob("*.jsonl")
        return sum(path.read_bytes().count(b'"kind"') for path in files)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.05)


def documents(speaker: StubUpstream, jury: StubUpstream) -> list[Document]:
    off: dict[str, Any] = {"exact": {"enabled": False}}
    return [
        model("light", url=speaker.url),
        model("jury", "heavy", jury.url),
        route(heavy=[], cache=off),
        parse(EXPERIMENT),
    ]


async def test_marks_arrive_for_their_arms_and_a_bad_judge_harms_nobody(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    async with models() as (speaker, jury):
        with control_plane(shop.settings) as addresses:
            shop.apply(addresses.api, speaker, jury)
            with shop.router() as router:
                await shop.ask(router, 40)
                await until(lambda: sum(arm.d for arm in shop.known().values()) == 40)
                assert {arm: (each.units, each.y / each.d) for arm, each in shop.known().items()} == {
                    "control": (shop.asked["control"], 0.25),
                    "candidate": (shop.asked["candidate"], 0.75),
                }
                async with httpx2.AsyncClient(base_url=addresses.api, trust_env=False, verify=False) as api:
                    (shown,) = (await api.get("/v1/experiments/greeting/results")).json()["comparisons"]
                assert (shown["metric"], shown["control"], shown["treated"]) == ("quality", 0.25, 0.75)

                slow = held(answer("late"))
                bad: list[Behaviour] = [
                    error(500),
                    error(429),
                    raw(b"HTTP/1.1 200 OK\r\n\r\nno"),
                    answer('{"mark": 7}'),
                    answer("It deserves a 1."),
                    slow,
                ]
                jury.script(*bad)
                await shop.ask(router, len(bad))
                await jury.received(40 + len(bad))
                slow.go.set()
                while sum((found := await shop.counted(router)).values()) < 40 + len(bad):
                    await asyncio.sleep(0.05)
                assert found == {"marked": 40, "failed": 3, "unclear": 3}
                await shop.ask(router, 1)
                await until(lambda: sum(arm.d for arm in shop.known().values()) == 41)


async def test_what_is_killed_and_started_again_has_nothing_judged_or_counted_twice(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    async with models() as (speaker, jury):
        with control_plane(shop.settings) as addresses:
            shop.apply(addresses.api, speaker, jury)
            with shop.router() as router:
                await shop.ask(router, 5)
                await until(lambda: sum(arm.d for arm in shop.known().values()) == 5)
        # The control plane is away: marks wait on the router's disk, also while the router is killed.
        with shop.router() as router:
            await shop.ask(router, 20)
            await until(lambda: shop.spooled() == 2 * 20)
            router.terminate(signal.SIGKILL)
        with shop.router() as router:
            await shop.ask(router, 5)
            with control_plane(shop.settings):
                await until(lambda: sum(arm.d for arm in shop.known().values()) == 30)
        with control_plane(shop.settings), shop.router() as router:
            await shop.ask(router, 1)
            await until(lambda: sum(arm.d for arm in shop.known().values()) == 31)
        assert {arm: each.d for arm, each in shop.known().items()} == shop.asked
        assert len(jury.requests) == 31
