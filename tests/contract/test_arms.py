"""Whoever is asked for, over whichever protocol: real clients say it in a header or a field, and hear of the arm."""

from collections.abc import Iterator
from typing import Any

import anthropic
import grpc
import httpx2
import openai
import pytest
from tritonclient.grpc import service_pb2

from control_plane.spec.documents import Document, parse
from tests.contract.router_process import RouterProcess
from tests.contract.tensors import MEASURES, in_json
from tests.stub_upstream import StubUpstream, stream
from tests.unit.control_plane.samples import experiment
from tests.unit.routers.samples import model, route

_UNIT = {"x-tiermesh-unit": "ann"}
_HELLO: list[Any] = [{"role": "user", "content": "hi"}]
_TEXT = {"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["hi"]}
_FLOWER = {"name": "measures", "shape": [1, 4], "datatype": "FP32", "data": MEASURES}


def _testing(name: str, of: str, unit: dict[str, Any], layer: str) -> Document:
    """An Experiment in which Ann has the candidate, and everybody else the control."""
    arms = [{"name": "control"}, {"name": "candidate", "weight": 0}]
    spec = {"route": of, "unit": unit, "traffic": {"layer": layer}, "arms": arms, "forced": {"candidate": ["ann"]}}
    return parse(experiment(name, **spec))


@pytest.fixture(scope="module")
def armed(_model: StubUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterProcess]:
    """A router with a chat and a predictive Route; on each, one Experiment by a header and one by a field."""
    documents: list[Document] = [
        model("stub", url=_model.url),
        model("tensors", engine="kserve", url=_model.url.removesuffix("/v1"), servedName="iris-7"),
        route("shop", light=["stub"], heavy=[]),
        route("iris", light=["tensors"], heavy=[]),
    ]
    for of in ("shop", "iris"):
        documents.append(_testing(f"{of}-header", of, {"header": "x-tiermesh-unit"}, "one"))
        documents.append(_testing(f"{of}-field", of, {"field": "user"}, "two"))
    with RouterProcess(tmp_path_factory.mktemp("armed"), documents) as process:
        yield process


@pytest.fixture
def asking(armed: RouterProcess, upstream: StubUpstream) -> openai.OpenAI:
    """OpenAI's client."""
    return openai.OpenAI(base_url=armed.base_url, api_key="none", max_retries=0)


def arms(said: Any, of: str = "shop") -> tuple[str, str]:
    """What the unit of the header has, and the unit of the field."""
    pairs = dict(one.split("=") for one in said["x-tiermesh-arm"].split(",") if "=" in one)
    return pairs.get(f"{of}-header", ""), pairs.get(f"{of}-field", "")


def test_over_chat_completions(asking: openai.OpenAI) -> None:
    ask = asking.chat.completions.with_raw_response.create
    assert arms(ask(model="shop", messages=_HELLO, extra_headers=_UNIT).headers) == ("candidate", "")
    assert arms(ask(model="shop", messages=_HELLO, user="ann").headers) == ("", "candidate")
    both = ask(model="shop", messages=_HELLO, user="ann", extra_headers={"x-tiermesh-unit": "bob"})
    assert arms(both.headers) == ("control", "candidate")
    assert arms(ask(model="shop", messages=_HELLO).headers) == ("", "")


def test_over_completions(asking: openai.OpenAI) -> None:
    ask = asking.completions.with_raw_response.create
    assert arms(ask(model="shop", prompt="hi", user="ann", extra_headers=_UNIT).headers) == ("candidate", "candidate")


def test_over_responses(asking: openai.OpenAI) -> None:
    said = asking.responses.with_raw_response.create(model="shop", input="hi", user="ann", extra_headers=_UNIT)
    assert arms(said.headers) == ("candidate", "candidate")


def test_over_anthropics_messages(armed: RouterProcess, upstream: StubUpstream) -> None:
    base_url = armed.base_url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=base_url, api_key="none", max_retries=0) as client:
        said = client.messages.with_raw_response.create(
            model="shop", max_tokens=5, messages=_HELLO, metadata={"user_id": "ann"}, extra_headers=_UNIT
        )
    assert arms(said.headers) == ("candidate", "candidate")


@pytest.mark.parametrize(("of", "tensor"), [("shop", _TEXT), ("iris", _FLOWER)])
def test_over_the_open_inference_protocol(
    armed: RouterProcess, upstream: StubUpstream, of: str, tensor: dict[str, Any]
) -> None:
    if of == "iris":
        upstream.script(in_json())
    url = f"{armed.base_url.removesuffix('/v1')}/v2/models/{of}/infer"
    body = {"inputs": [tensor], "parameters": {"user": "ann"}}
    said = httpx2.post(url, json=body, headers=_UNIT, trust_env=False)
    assert (said.status_code, arms(said.headers, of)) == (200, ("candidate", "candidate"))


def _question() -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name="shop")
    request.parameters["user"].string_param = "ann"
    request.inputs.add(name="prompt", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"hi")
    return request


_SERVICE = "/inference.GRPCInferenceService/"
_WRITE = service_pb2.ModelInferRequest.SerializeToString


def test_over_grpc_the_headers_are_the_metadata(armed: RouterProcess, upstream: StubUpstream) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{armed.grpc_port}") as channel:
        infer = channel.unary_unary(f"{_SERVICE}ModelInfer", _WRITE, service_pb2.ModelInferResponse.FromString)
        _, call = infer.with_call(_question(), metadata=list(_UNIT.items()))
        assert arms(dict(call.initial_metadata())) == ("candidate", "candidate")


def test_over_a_stream_of_grpc_each_message_has_the_streams_metadata(
    armed: RouterProcess, upstream: StubUpstream
) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{armed.grpc_port}") as channel:
        read = service_pb2.ModelStreamInferResponse.FromString
        infer = channel.stream_stream(f"{_SERVICE}ModelStreamInfer", _WRITE, read)
        metadata = [*_UNIT.items(), ("x-request-id", "stream-7")]
        upstream.script(stream("yes"))
        said = list(infer(iter([_question()]), metadata=metadata))
    assert {answer.error_message for answer in said} == {""}
    url = f"http://127.0.0.1:{armed.admin_port}/decisions/stream-7"
    (record,) = httpx2.get(url, trust_env=False).json()["items"]
    assert record["arm"] == "shop-field=candidate,shop-header=candidate"
    assert "ann" not in str(record)
