"""The clients against a control plane that listens."""

import asyncio

import pytest

from control_plane.client.http import Client, SnapshotFeed
from control_plane.server import Addresses
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.records import Outcome
from tests.unit.control_plane.samples import at, generating, model, parsed, route, shop


def test_what_was_applied_is_listed_and_got(client: Client) -> None:
    applied = client.apply(parsed(*shop()), "alice", "opening")
    assert [change.outcome for change in applied.changes] == [Outcome.CREATED] * 3
    assert (applied.snapshot, applied.published, applied.dry_run) == (1, True, False)
    assert client.list("Model") == parsed(*at(1, generating(), model()))
    assert [client.get("Route", "shop")] == parsed(*at(1, route()))
    assert client.snapshot().reason == "opening"
    assert [summary.number for summary in client.snapshots()] == [1]


def test_the_servers_error_arrives_whole(client: Client) -> None:
    with pytest.raises(TiermeshError) as raised:
        client.apply(parsed(route()), "alice")
    assert raised.value.code is Code.INVALID_DOCUMENT
    assert [wrong.field for wrong in raised.value.errors] == [
        "Route/shop.spec.tiers.light[0]",
        "Route/shop.spec.tiers.heavy[0]",
    ]
    assert raised.value.hint


async def test_a_feed_waits_for_the_first_snapshot_and_then_for_the_next(addresses: Addresses) -> None:
    feed = SnapshotFeed(addresses.api)
    with Client(addresses.api) as client:
        first = asyncio.create_task(feed.latest(None, 30))
        await asyncio.to_thread(client.apply, parsed(*shop()), "alice")
        one = await first
        assert one is not None
        assert one.number == 1
        second = asyncio.create_task(feed.latest(1, 30))
        await asyncio.to_thread(client.apply, parsed(route(complexity={"threshold": 0.1})), "alice")
        two = await second
    assert two is not None
    assert (two.number, two.parent, two.content.routes[0].threshold) == (2, 1, 0.1)
    await feed.aclose()


async def test_a_feed_says_none_where_nothing_new_came(addresses: Addresses) -> None:
    feed = SnapshotFeed(addresses.api)
    assert await feed.latest(None, 0) is None
    with Client(addresses.api) as client:
        await asyncio.to_thread(client.apply, parsed(*shop()), "alice")
    assert await feed.latest(1, 0.05) is None
    await feed.aclose()


async def test_a_feed_that_knows_a_higher_number_gets_what_is_in_force(addresses: Addresses) -> None:
    feed = SnapshotFeed(addresses.api)
    with Client(addresses.api) as client:
        await asyncio.to_thread(client.apply, parsed(*shop()), "alice")
    found = await feed.latest(41, 30)
    assert found is not None
    assert found.number == 1
    await feed.aclose()


async def test_an_acknowledgement_is_seen_in_the_snapshot(addresses: Addresses) -> None:
    feed = SnapshotFeed(addresses.api)
    with Client(addresses.api) as client:
        await asyncio.to_thread(client.apply, parsed(*shop()), "alice")
        await feed.acknowledge(1, "router-1", None)
        await feed.acknowledge(1, "router-2", "x" * 100_000)
        view = await asyncio.to_thread(client.snapshot, 1)
        (summary,) = await asyncio.to_thread(client.snapshots)
    assert [(ack.router, ack.error and ack.error[:3]) for ack in view.acks] == [("router-1", None), ("router-2", "xxx")]
    assert (summary.acknowledged, summary.refused) == (1, 1)
    await feed.aclose()
