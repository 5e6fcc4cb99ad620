"""An address that speaks HTTP/2: its start and its end."""

import asyncio
import socket

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.http2.frames import MAX_STREAM, Fault, Kind
from routers.http2.server import Http2Server
from routers.limits import ServerLimits
from tests.unit.routers.http2.client import HEAD, TRAILERS, Desk, site


async def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Http2Server(lambda headers, stream: Desk(), ServerLimits())
        with pytest.raises(TiermeshError, match="cannot be opened") as caught:
            await server.start("127.0.0.1", taken.getsockname()[1])
    assert caught.value.code is Code.SETUP


async def test_who_is_told_of_the_end_is_still_answered() -> None:
    async with site() as there, there.connected() as client:
        client.ask()
        await there.desks.get()
        there.server.drain()
        notice = await client.frame(Kind.GOAWAY)
        assert notice.payload == MAX_STREAM.to_bytes(4, "big") + bytes(4)
        client.ask(3)
        await (await there.desks.get()).ended.wait()


async def test_an_answer_under_way_is_finished_and_a_new_request_is_refused() -> None:
    async with site() as there, there.connected() as client:
        client.ask()
        desk = await there.desks.get()
        await desk.ended.wait()
        stopping = asyncio.create_task(there.server.stop(30))
        assert (await client.frame(Kind.GOAWAY)).payload[:4] == (1).to_bytes(4, "big")
        client.ask(3)
        assert (await client.frame(Kind.RST_STREAM)).payload[3] == Fault.REFUSED_STREAM
        desk.stream.respond(HEAD, b"answer", TRAILERS)
        assert (await client.frame(Kind.DATA)).payload == b"answer"
        await stopping
        assert not there.server.connections


async def test_what_takes_longer_than_the_grace_period_is_cut() -> None:
    async with site() as there, there.connected() as client:
        client.ask()
        desk = await there.desks.get()
        await there.server.stop(0.01)
        assert desk.left.is_set()
