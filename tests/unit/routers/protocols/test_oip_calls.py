"""Requests of the Open Inference Protocol as calls."""

from typing import Any

import orjson
import pytest

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.cache import exact
from routers.call import Call
from routers.http import Request
from routers.protocols import oip_grpc, oip_http
from routers.protocols.oip_calls import Target, TensorDialect, from_grpc, from_http
from routers.protocols.oip_forms import HTTP
from routers.protocols.tensors import Tensor, TensorRequest
from routers.runtime import Runtime
from tests.unit.routers.protocols.tensor_samples import iris
from tests.unit.routers.samples import model, route, snapshot

ASKED = TensorRequest([iris()], id="7")
TEXT = TensorRequest([Tensor("text_input", "BYTES", [1], ["hi"])])


@pytest.fixture
def runtime() -> Runtime:
    """A chat Route and a predictive one."""
    served = model("tensors", engine="kserve", url="http://h:9", version="2")
    routes = [route("shop", heavy=[]), route("iris", light=["tensors"], heavy=[])]
    documents: list[Document] = [model("light"), served, *routes]
    return Runtime.build(snapshot(documents))


def over_http(name: str, asked: TensorRequest, runtime: Runtime, version: str = "", **headers: str) -> Call:
    """As it comes over HTTP."""
    form, body = oip_http.render_request(asked)
    given = {key.replace("_", "-").encode(): value.encode() for key, value in headers.items()}
    length = form.rpartition(b": ")[2].rstrip()
    request = Request(b"POST", "", {oip_http.HEADER_LENGTH: length, **given}, body)
    return from_http(Target(name, version), request, runtime, "id-1", "default")


def over_grpc(name: str, asked: TensorRequest, runtime: Runtime, stream: bool = False) -> Call:
    """As it comes over gRPC."""
    request = Request(b"POST", "", {}, oip_grpc.render_request(asked, name))
    return from_grpc(request, stream, runtime, "id-1", "default")


def test_a_predictive_route_gets_tensors_and_the_bytes_as_they_came(runtime: Runtime) -> None:
    for call in (
        over_http("iris", ASKED, runtime),
        over_grpc("iris", ASKED, runtime),
        over_grpc("iris", ASKED, runtime, True),
    ):
        assert (call.operation, call.model, call.stream, call.fields) == (Operation.INFER, "iris", False, {})
        assert call.tensors is not None and call.tensors.request.id == "7"
    assert over_grpc("iris", ASKED, runtime).body == oip_grpc.render_request(ASKED, "iris")


def test_a_chat_route_gets_a_chat(runtime: Runtime) -> None:
    for call, stream in (
        (over_http("shop", TEXT, runtime), False),
        (over_grpc("shop", TEXT, runtime), False),
        (over_grpc("shop", TEXT, runtime, True), True),
    ):
        assert (call.operation, call.stream, call.tensors) == (Operation.CHAT, stream, None)
        assert call.fields["messages"] == [{"role": "user", "content": "hi"}]
        assert orjson.loads(call.body) == call.fields


def test_the_version_and_the_wish_for_a_fresh_answer_are_kept(runtime: Runtime) -> None:
    call = over_http("iris", ASKED, runtime, "2", cache_control="no-cache")
    assert (call.version, call.fresh) == ("2", True)


def test_an_unknown_model_is_told_before_the_tensors_are_read(runtime: Runtime) -> None:
    request = Request(b"POST", "", {}, b"oops")
    with pytest.raises(TiermeshError) as caught:
        from_http(Target("none"), request, runtime, "id-1", "default")
    assert caught.value.code is Code.UNKNOWN_MODEL


def test_requests_share_an_answer_only_where_bytes_form_and_version_are_the_same(runtime: Runtime) -> None:
    first = over_http("iris", ASKED, runtime)
    others: list[Any] = [
        over_http("iris", ASKED, runtime, "2"),
        over_http("iris", ASKED._replace(id="8"), runtime),
        over_grpc("iris", ASKED, runtime),
    ]
    keys = {exact.key(call, "r", "a") for call in (first, over_http("iris", ASKED, runtime), *others)}
    assert len(keys) == 4


def test_tensors_that_come_as_a_stream_are_the_models_fault() -> None:
    with pytest.raises(TiermeshError) as caught:
        TensorDialect(HTTP, ASKED).stream("iris", "id-1")
    assert caught.value.code is Code.UPSTREAM_FAILED
