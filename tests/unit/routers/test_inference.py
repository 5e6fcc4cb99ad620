"""The paths of the Open Inference Protocol, and the answers that have to wait for a Model."""

import asyncio

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.directory import Directory
from routers.inference import Action, Asked, Inference, parse
from routers.protocols.oip_calls import Target
from routers.protocols.tensors import Metadata
from routers.runtime import Runtime
from tests.unit.routers.raw import Heard
from tests.unit.routers.samples import runtime


def unheard(error: Exception) -> None:
    """Where no error is expected."""
    raise error


class Slow(Directory):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def ready(self, target: Target, runtime: Runtime) -> bool:
        self.asked.set_result(None)
        return await self.answer

    async def metadata(self, target: Target, runtime: Runtime) -> Metadata:
        raise TiermeshError(Code.MODEL_STARTING, "Not yet.")


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v2", Asked(Action.SERVER, Target(""))),
        ("/v2/", Asked(Action.SERVER, Target(""))),
        ("/v2/health/live", Asked(Action.LIVE, Target(""))),
        ("/v2/health/ready", Asked(Action.READY, Target(""))),
        ("/v2/models/iris", Asked(Action.MODEL, Target("iris"))),
        ("/v2/models/iris/versions/2", Asked(Action.MODEL, Target("iris", "2"))),
        ("/v2/models/team/iris/versions/2/infer", Asked(Action.INFER, Target("team/iris", "2"))),
        ("/v2/models/iris/ready", Asked(Action.MODEL_READY, Target("iris"))),
        ("/v2/models/iris/infer", Asked(Action.INFER, Target("iris"))),
        ("/v2/models/org/iris:7/versions/1.0/infer", Asked(Action.INFER, Target("org/iris:7", "1.0"))),
    ],
)
def test_a_path_says_what_is_asked_of_whom(path: str, asked: Asked) -> None:
    assert parse(path) == asked


@pytest.mark.parametrize("path", ["/v2x", "/v2/models", "/v2/models/", "/v2/health", "/v2//health/live"])
def test_what_is_no_path_is_not_found(path: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse(path)
    assert caught.value.code is Code.NOT_FOUND


@given(st.text(max_size=40))
def test_whatever_stands_in_a_path_is_a_name_or_not_found(rest: str) -> None:
    try:
        assert parse(f"/v2/models/{rest}").target.model
    except TiermeshError as error:
        assert error.code is Code.NOT_FOUND


async def test_a_router_without_a_snapshot_is_alive_and_not_ready() -> None:
    inference, reply = Inference(Directory({})), Heard()
    inference.probe(Action.LIVE, None, reply, b"x-request-id: 1\r\n")
    assert (await reply.status, orjson.loads(reply.body)) == (200, {"live": True})
    assert b"x-request-id: 1\r\n" in reply.headers
    with pytest.raises(TiermeshError) as caught:
        inference.probe(Action.READY, None, Heard(), b"")
    assert caught.value.status == 503


async def test_an_answer_that_needs_a_model_comes_later() -> None:
    directory, reply = Slow(), Heard()
    Inference(directory).answer(Asked(Action.MODEL_READY, Target("shop")), runtime(), reply, b"", unheard)
    assert not reply.status.done()
    directory.answer.set_result(True)
    assert (await reply.status, orjson.loads(reply.body)) == (200, {"name": "shop", "ready": True})
    await asyncio.sleep(0)
    assert reply.on_disconnect is None


async def test_a_model_that_is_not_ready_or_fails_is_an_error() -> None:
    directory = Slow()
    inference, heard = Inference(directory), asyncio.Queue[Exception]()
    directory.answer.set_result(False)
    for action, code in ((Action.MODEL_READY, Code.UNAVAILABLE), (Action.MODEL, Code.MODEL_STARTING)):
        inference.answer(Asked(action, Target("shop")), runtime(), Heard(), b"", heard.put_nowait)
        error = await heard.get()
        assert isinstance(error, TiermeshError) and error.code is code


async def test_a_caller_who_leaves_is_waited_for_no_longer() -> None:
    directory, reply = Slow(), Heard()
    Inference(directory).answer(Asked(Action.MODEL_READY, Target("shop")), runtime(), reply, b"", unheard)
    await directory.asked
    assert reply.on_disconnect is not None
    reply.on_disconnect()
    with pytest.raises(asyncio.CancelledError):
        await directory.answer
