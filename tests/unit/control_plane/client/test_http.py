"""The clients against a control plane that listens, against none, and against something else."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr

from control_plane.client.http import Client, SnapshotFeed
from control_plane.server import Addresses
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.records import Outcome
from tests.unit.control_plane.samples import at, generating, model, parsed, route, shop


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path.endswith("models") else 500)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a web server that is no control plane."""
    server = HTTPServer(("127.0.0.1", 0), _Stranger)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


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


def test_an_unknown_kind_is_refused_before_anything_is_sent(nobody: str) -> None:
    with Client(nobody) as client, pytest.raises(TiermeshError, match="Known kinds are Model, Route"):
        client.list("Deployment")


def test_nobody_there_is_said_with_the_address_and_a_cure(nobody: str) -> None:
    with Client(nobody) as client, pytest.raises(TiermeshError, match=f"{nobody} does not answer") as raised:
        client.list("Model")
    assert raised.value.code is Code.UNAVAILABLE
    assert "tiermesh up" in raised.value.hint


def test_a_stranger_is_not_taken_for_a_control_plane(stranger: str) -> None:
    with Client(stranger) as client:
        with pytest.raises(TiermeshError, match="not a Tiermesh control plane"):
            client.snapshots()
        with pytest.raises(TiermeshError, match="shape this client does not know"):
            client.list("Model")


@pytest.mark.parametrize("url", ["localhost:8090", "", "ftp://h", "http://", "http://h:port"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(TiermeshError, match=r"Write it as http://127\.0\.0\.1:8090"):
        Client(url)


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


async def test_a_feed_with_nobody_there_says_so(nobody: str) -> None:
    feed = SnapshotFeed(nobody)
    with pytest.raises(TiermeshError) as raised:
        await feed.latest(None, 0)
    assert raised.value.code is Code.UNAVAILABLE
    await feed.aclose()


def test_a_client_with_a_token_says_no_name_and_its_token_is_shown_nowhere() -> None:
    seen: list[bytes] = []
    secret = SecretStr("tmt-hidden\n")

    async def feed(url: str) -> None:
        following = SnapshotFeed(url, token=secret)
        with pytest.raises(TiermeshError):
            await following.latest(None, 0)
        assert "hidden" not in repr(following) + str(vars(following))
        await following.aclose()

    with _recording(seen) as url:
        with Client(url, token=secret) as client:
            with pytest.raises(TiermeshError):
                client.apply(parsed(model()), "alice", "because")
            assert "hidden" not in repr(client) + str(vars(client))
        asyncio.run(feed(url))
    assert b"authorization: bearer tmt-hidden\r\n" in seen[0].lower()
    assert b'"reason":"because"' in seen[0]
    assert b"alice" not in seen[0]
    assert b"authorization: bearer tmt-hidden\r\n" in seen[1].lower()


@pytest.mark.parametrize("token", ["", " ", "a b", "a\r\nx-evil: 1", "é", "a\x00"])
def test_what_cannot_be_a_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(TiermeshError, match="characters that no token has") as raised:
        Client(token=SecretStr(token))
    assert "evil" not in str(raised.value)


@contextmanager
def _recording(seen: list[bytes]) -> Iterator[str]:
    """A server that keeps what it is sent and answers nothing of use."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(65536)
                    length = re.search(rb"content-length: (\d+)", head.lower())
                    while length and len(head.split(b"\r\n\r\n", 1)[1]) < int(length[1]):
                        head += connection.recv(65536)
                    seen.append(head)
                    connection.sendall(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()
