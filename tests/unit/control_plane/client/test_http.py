"""The clients where nobody listens, or something else does."""

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
from control_plane.spec.errors import Code, TiermeshError
from tests.unit.control_plane.samples import model, parsed


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
