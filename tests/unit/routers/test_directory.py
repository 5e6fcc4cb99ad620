"""The directory: who is ready and what it is, asked of the Models or known."""

from collections.abc import Sequence

import pytest

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Protocol
from routers.asking import Begun
from routers.call import Call
from routers.directory import Directory
from routers.protocols.oip_calls import Target
from routers.protocols.tensors import Metadata, Signature
from routers.runtime import Backend, Endpoint, Runtime
from tests.unit.routers.samples import model, route, snapshot

ABOUT = Metadata("theirs", ["9"], "onnx", [Signature("x", "FP32", [-1])], [])
AWAY = TiermeshError(Code.MODEL_STARTING, "Nothing answers.")


class Scripted:
    """Models whose endpoints answer as they are told, by their URLs."""

    def __init__(self, **answers: bool | TiermeshError) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        raise NotImplementedError

    async def ready(self, backend: Backend, endpoint: Endpoint) -> bool:
        self.asked.append(endpoint.origin.host)
        answer = self._answers[endpoint.origin.host]
        if isinstance(answer, TiermeshError):
            raise answer
        return answer

    async def metadata(self, backend: Backend, endpoint: Endpoint) -> Metadata:
        await self.ready(backend, endpoint)
        return ABOUT


def runtime(urls: Sequence[str] = ("http://a", "http://b")) -> Runtime:
    """A predictive Route over two Models, the first with replicas, a chat Route, and one that only embeds."""
    documents: list[Document] = [
        model("first", engine="kserve", url=None, urls=list(urls), version="1"),
        model("second", "heavy", engine="kserve", url="http://c", version="2"),
        model("chat", version="3"),
        route("iris", light=["first"], heavy=["second"]),
        route("shop", light=["chat"], heavy=[]),
    ]
    return Runtime.build(snapshot(documents))


@pytest.mark.parametrize(
    ("answers", "version", "ready", "asked"),
    [
        ({"a": True}, "", True, ["a"]),
        ({"a": False, "b": AWAY, "c": True}, "", True, ["a", "b", "c"]),
        ({"a": False, "b": False, "c": AWAY}, "", False, ["a", "b", "c"]),
        ({"c": True}, "2", True, ["c"]),
    ],
)
async def test_a_route_is_ready_when_one_endpoint_of_its_models_is(
    answers: dict[str, bool | TiermeshError], version: str, ready: bool, asked: list[str]
) -> None:
    models = Scripted(**answers)
    assert await Directory({Protocol.OIP_HTTP: models}).ready(Target("iris", version), runtime()) is ready
    assert models.asked == asked


async def test_the_first_model_that_answers_describes_the_route_under_its_name_and_versions() -> None:
    models = Scripted(a=AWAY, b=True)
    about = await Directory({Protocol.OIP_HTTP: models}).metadata(Target("iris"), runtime())
    assert about == ABOUT._replace(name="iris", versions=["1", "2"])


async def test_where_no_model_answers_its_error_is_the_answer() -> None:
    models = Scripted(c=AWAY)
    with pytest.raises(TiermeshError) as caught:
        await Directory({Protocol.OIP_HTTP: models}).metadata(Target("iris", "2"), runtime())
    assert caught.value is AWAY


async def test_a_chat_is_known_without_asking() -> None:
    directory = Directory({})
    assert await directory.ready(Target("shop"), runtime())
    assert (await directory.metadata(Target("shop"), runtime())).versions == ["3"]


@pytest.mark.parametrize(
    ("target", "said"),
    [(Target("none"), "no model 'none'"), (Target("iris", "3"), "It has 1, 2."), (Target("shop", "1"), "3")],
)
async def test_what_is_not_there_is_unknown(target: Target, said: str) -> None:
    for asking in (Directory({}).ready, Directory({}).metadata):
        with pytest.raises(TiermeshError, match="no") as caught:
            await asking(target, runtime())
        assert (caught.value.code, caught.value.status) == (Code.UNKNOWN_MODEL, 404)
        assert said in str(caught.value)
