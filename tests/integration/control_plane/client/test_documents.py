"""The client of programs that keep documents in step, against a control plane that listens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from control_plane.client.documents import DocumentsClient
from control_plane.client.http import SnapshotFeed
from control_plane.server import Addresses
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Outcome
from tests.unit.control_plane.samples import experiment, model, rollout, shop


@asynccontextmanager
async def _client(addresses: Addresses) -> AsyncIterator[DocumentsClient]:
    client = DocumentsClient("kubernetes", addresses.api)
    try:
        yield client
    finally:
        await client.aclose()


async def test_it_writes_reads_and_deletes_as_its_manager(addresses: Addresses) -> None:
    owned = model()
    owned["metadata"]["managedBy"] = "kubernetes"
    async with _client(addresses) as client:
        assert (await client.apply([owned], [], "")).snapshot == 1
        assert await client.documents() == [owned]
        gone = await client.apply([], [Key("Model", "faq")], "")
        assert [change.outcome for change in gone.changes] == [Outcome.DELETED]


async def test_it_sees_which_routers_are_alive_and_what_they_serve(addresses: Addresses) -> None:
    async with _client(addresses) as client:
        assert (await client.presence()).snapshot is None
        await client.apply(shop(), [], "")
        feed = SnapshotFeed(addresses.api)
        await feed.acknowledge(1, "one", None)
        await feed.aclose()
        found = await client.presence()
        assert (found.snapshot, [(one.name, one.snapshot) for one in found.items]) == (1, [("one", 1)])


async def test_it_sees_how_far_experiments_and_rollouts_are(addresses: Addresses) -> None:
    async with _client(addresses) as client:
        await client.apply([*shop(), experiment(), rollout()], [], "")
        assert (await client.results(Key("Experiment", "wording"))).name == "wording"
        assert (await client.rollout(Key("Rollout", "heavier"))).route == "shop"
        served = await client.served_models()
        assert [one.metadata.name for one in served] == ["assistant", "faq"]
        with pytest.raises(TiermeshError) as caught:
            await client.rollout(Key("Rollout", "no", "team"))
        assert caught.value.code is Code.NOT_FOUND
