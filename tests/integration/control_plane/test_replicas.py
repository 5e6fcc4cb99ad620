"""Control planes on one PostgreSQL: what one publishes all have, one leads, and a killed one takes nothing with it."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest

from benchmarks import registry
from benchmarks.harness import replicas
from benchmarks.harness.replicas import Ledger, Replica, Writer
from control_plane.client.http import Client, SnapshotFeed
from control_plane.spec.errors import Code, TiermeshError
from control_plane.store.database import Database
from tests.unit.control_plane.samples import at, parsed, route, shop

_LONG_WAIT_SECONDS = 50.0


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> str:
    """The database that both share."""
    server = request.getfixturevalue("postgres_server")
    return str(server.empty())


@pytest.fixture(scope="module")
def pair(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    """Two control planes that start at the same time, on an empty database."""
    folder = tmp_path_factory.mktemp("replicas")
    made = [Replica(name, folder, core=None, database=url) for name in ("one", "other")]
    with contextlib.ExitStack() as life:
        for replica in made:
            life.enter_context(replica)
        for replica in made:
            replica.wait()
        yield made


async def test_what_one_publishes_wakes_who_waits_at_the_other(pair: list[Replica]) -> None:
    with Client(pair[0].url) as client:
        first = (await asyncio.to_thread(client.apply, parsed(*shop()), "alice")).snapshot
        feed = SnapshotFeed(pair[1].url, timeout_seconds=30)
        waiting = asyncio.create_task(feed.latest(first, _LONG_WAIT_SECONDS))
        tuned = parsed(route(complexity={"threshold": 0.1}))
        second = (await asyncio.to_thread(client.apply, tuned, "alice")).snapshot
        found = await waiting
        await feed.aclose()
    assert found is not None
    assert (found.number, found.has_its_hash) == (second, True)


def test_a_version_that_one_gave_out_is_refused_by_the_other(pair: list[Replica]) -> None:
    with Client(pair[0].url) as one, Client(pair[1].url) as other:
        one.apply(parsed(*shop()), "alice")
        (head, *_) = other.revisions("Route", "shop")
        one.apply(parsed(route(complexity={"threshold": 0.3})), "alice")
        with pytest.raises(TiermeshError, match="by alice") as raised:
            other.apply(parsed(*at(head.generation, route(complexity={"threshold": 0.4}))), "bob")
    assert (raised.value.code, raised.value.stale) == (Code.CONFLICT, True)


def test_one_leads_and_both_say_so(pair: list[Replica]) -> None:
    leading = replicas.leader(pair)
    (following,) = (replica for replica in pair if replica is not leading)
    assert (leading.leads(), following.leads()) == (True, False)


def test_a_leader_that_is_killed_under_writes_takes_nothing_with_it(pair: list[Replica], url: str) -> None:
    ledger, stop = Ledger(), threading.Event()
    with Client(pair[0].url) as client:
        client.apply(replicas.documents(2), "alice")
    before = len(ledger.acknowledged)
    writers = [Writer([replica.url for replica in pair], f"route-{number}", ledger, stop) for number in range(2)]
    for writer in writers:
        writer.start()
    leading = replicas.leader(pair)
    while len(ledger.acknowledged) < before + 5:
        assert all(writer.is_alive() for writer in writers)
        stop.wait(0.02)
    leading.kill()
    (left,) = (replica for replica in pair if replica is not leading)
    assert replicas.leader([left]) is left
    after = len(ledger.acknowledged)
    while len(ledger.acknowledged) < after + 5:
        assert all(writer.is_alive() for writer in writers)
        stop.wait(0.02)
    stop.set()
    for writer in writers:
        writer.join()
    assert [writer.error for writer in writers] == [None, None]
    leading.start()
    leading.wait()
    written = registry.checked(Database(url), ledger)
    assert (written.missing, written.doubled, written.lost, written.gaps) == (0, 0, 0, 0)
    assert leading.leads() is False
