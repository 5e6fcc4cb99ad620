"""Serving goes on with what was published last, even where the documents no longer compile."""

import asyncio
import json
import logging
import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from control_plane.client.http import Client
from control_plane.server import Addresses, serve
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import TiermeshError
from tests.control_plane_server import running
from tests.unit.control_plane.samples import model, parsed, route, shop


def test_documents_that_a_newer_program_refuses_leave_the_last_snapshot_in_force(
    settings: ControlPlaneSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with running(settings) as addresses, Client(addresses.api) as client:
        client.apply(parsed(*shop()), "alice")
    with closing(sqlite3.connect(settings.home / "control-plane.db")) as database:
        database.execute("DROP TRIGGER revisions_refuse_update")
        broken = json.dumps(route(tiers={"light": ["gone"]}))
        database.execute("UPDATE revisions SET document = ? WHERE kind = 'Route'", (broken,))
        database.commit()
    with caplog.at_level(logging.ERROR), running(settings) as addresses, Client(addresses.api) as client:
        assert client.snapshot().number == 1
        client.apply(parsed(route(complexity={"threshold": 0.1})), "alice")
        assert client.snapshot().number == 2
    assert "documents in force do not compile" in caplog.messages


def test_a_new_address_of_ray_serve_is_published_at_the_start(settings: ControlPlaneSettings) -> None:
    with running(settings) as addresses, Client(addresses.api) as client:
        client.apply(parsed(model()), "alice")
    moved = settings.model_copy(update={"serve_url": "http://127.0.0.1:9000"})
    with running(moved) as addresses, Client(addresses.api) as client:
        snapshot = client.snapshot()
    assert (snapshot.number, snapshot.author) == (2, "control-plane")
    assert snapshot.content.backends[0].urls[0] == "http://127.0.0.1:9000/faq/v1"


def test_the_end_of_an_answer_does_not_wait_until_its_beginning_has_arrived(addresses: Addresses) -> None:
    host, port = addresses.api.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert caller.recv(1)
        connections = psutil.Process().net_connections("tcp")
        (accepted,) = [one.fd for one in connections if one.raddr == caller.getsockname()]
        with socket.socket(fileno=os.dup(accepted)) as server:
            assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("setting", ["port", "admin_port"])
async def test_a_port_in_use_is_named_with_the_cure(settings: ControlPlaneSettings, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TiermeshError) as raised:
            await serve(settings.model_copy(update={setting: port}), asyncio.Event())
    assert raised.value.message == f"Port {port} on 127.0.0.1 cannot be used: Address already in use."
    assert f"TIERMESH_CONTROL_PLANE_{setting.upper()}" in raised.value.hint


async def test_a_home_that_cannot_be_made_is_named(settings: ControlPlaneSettings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    with pytest.raises(TiermeshError, match=f"The folder {home} cannot be made"):
        await serve(settings.model_copy(update={"home": home}), asyncio.Event())
