"""The real `tritonclient` over HTTP, to which a router is an inference server."""

from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.contract.router_process import RouterProcess
from tests.contract.tensors import KINDS, MEASURES, described, in_bytes, in_json, refused
from tests.stub_upstream import StubUpstream, abstain, answer, error


@pytest.fixture
def client(router: RouterProcess) -> Iterator[Any]:
    client = triton.InferenceServerClient(f"127.0.0.1:{router.port}")
    yield client
    client.close()


def measures(binary: bool = True, values: list[float] = MEASURES) -> list[Any]:
    """One flower."""
    found = triton.InferInput("measures", [1, len(values)], "FP32")
    found.set_data_from_numpy(np.array([values], np.float32), binary_data=binary)
    return [found]


def asked(text: str) -> list[Any]:
    """One question."""
    found = triton.InferInput("text_input", [1], "BYTES")
    found.set_data_from_numpy(np.array([text.encode()], np.object_))
    return [found]


@pytest.mark.parametrize("binary", [True, False])
def test_tensors_reach_the_model_byte_for_byte_and_its_answer_the_caller(
    client: Any, upstream: StubUpstream, binary: bool
) -> None:
    upstream.script(in_bytes() if binary else in_json())
    outputs = [triton.InferRequestedOutput("kind", binary_data=binary)]
    result = client.infer("iris", measures(binary), outputs=outputs, request_id="7")
    assert result.as_numpy("kind").tolist() == [KINDS]
    received = upstream.requests[0]
    assert received.path == "/v2/models/iris-7/infer"
    body, length = client.generate_request_body(measures(binary), outputs=outputs, request_id="7")
    assert received.body == body
    assert received.headers.get("inference-header-content-length") == (None if length is None else str(length))


def test_a_chat_route_takes_one_text_and_gives_one(client: Any, upstream: StubUpstream) -> None:
    upstream.script(answer("In two days."))
    parameters = {"max_tokens": 9, "temperature": 0.5}
    result = client.infer("fresh", asked("When?"), request_id="7", parameters=parameters)
    assert result.as_numpy("text_output").tolist() == [b"In two days."]
    assert result.get_response()["id"] == "7"
    sent = upstream.requests[0].fields
    assert sent["messages"] == [{"role": "user", "content": "When?"}]
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("stub", 9, 0.5)


def test_the_server_is_alive_ready_and_says_what_it_is(client: Any) -> None:
    assert client.is_server_live() and client.is_server_ready()
    about = client.get_server_metadata()
    assert (about["name"], about["extensions"]) == ("tiermesh", ["binary_tensor_data"])


def test_a_predictive_model_is_described_by_itself_under_its_routes_name(client: Any, upstream: StubUpstream) -> None:
    upstream.script(described())
    about = client.get_model_metadata("iris")
    assert (about["name"], about["versions"], about["platform"]) == ("iris", ["2"], "onnx")
    assert about["inputs"] == [{"name": "measures", "datatype": "FP32", "shape": [-1, 4]}]
    assert upstream.requests[0].path == "/v2/models/iris-7"


def test_a_chat_is_described_without_asking_a_model(client: Any, upstream: StubUpstream) -> None:
    about = client.get_model_metadata("fresh", model_version="1")
    assert about["outputs"] == [{"name": "text_output", "datatype": "BYTES", "shape": [1]}]
    assert client.is_model_ready("fresh")
    assert not upstream.requests


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_a_predictive_model_is_ready_when_it_says_so(
    client: Any, upstream: StubUpstream, status: int, ready: bool
) -> None:
    upstream.script(answer({}, status))
    assert client.is_model_ready("iris") is ready
    assert upstream.requests[0].path == "/v2/models/iris-7/ready"


def test_a_version_that_there_is_may_be_asked_for(client: Any, upstream: StubUpstream) -> None:
    upstream.script(in_bytes())
    assert client.infer("iris", measures(), model_version="2").as_numpy("kind").tolist() == [KINDS]


@pytest.mark.parametrize(
    ("model", "version", "inputs", "scripted", "status", "said"),
    [
        ("iris", "1", measures(), None, 404, "has no version '1'. It has 2."),
        ("fresh", "9", asked("a"), None, 404, "has no version '9'"),
        ("none", "", measures(), None, 404, "There is no model 'none'."),
        ("iris", "", measures(), refused(400, "four measures, please"), 400, "four measures, please"),
        ("iris", "", measures(), refused(500), 502, "answered HTTP 500"),
        ("iris", "", measures(), answer(b"oops"), 502, "no JSON object"),
        ("fresh", "", measures(), None, 400, "one tensor of BYTES"),
        ("fresh", "", asked("a"), abstain(), 422, "abstained"),
        ("fresh", "", asked("a"), error(429), 429, "queue"),
        ("down", "", asked("a"), None, 503, "starting or down"),
    ],
)
def test_every_error_is_the_clients_own_exception(
    client: Any,
    upstream: StubUpstream,
    model: str,
    version: str,
    inputs: list[Any],
    scripted: Any,
    status: int,
    said: str,
) -> None:
    if scripted is not None:
        upstream.script(scripted)
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, inputs, model_version=version)
    assert caught.value.status() == str(status)
    assert said in caught.value.message()


def test_a_tensor_that_is_not_whole_is_named(router: RouterProcess) -> None:
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [1.0]}]}
    response = httpx2.post(f"http://127.0.0.1:{router.port}/v2/models/iris/infer", json=body, trust_env=False)
    assert response.status_code == 400
    assert response.json() == {
        "error": "inputs[0].data must hold 2 elements for its shape [2], not 1. Correct inputs[0].data."
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/iris/infer", 405),
        ("POST", "/v2/health/live", 405),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/iris/config", 404),
        ("GET", "/v2x", 404),
    ],
)
def test_what_is_not_there_says_so_in_the_protocols_shape(
    router: RouterProcess, method: str, path: str, status: int
) -> None:
    response = httpx2.request(method, f"http://127.0.0.1:{router.port}{path}", trust_env=False)
    assert (response.status_code, list(response.json())) == (status, ["error"])


def test_the_headers_say_how_it_was_answered(router: RouterProcess, upstream: StubUpstream) -> None:
    upstream.script(in_json())
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1.0]}]}
    url = f"http://127.0.0.1:{router.port}/v2/models/iris/infer"
    response = httpx2.post(url, json=body, headers={"x-request-id": "id-7"}, trust_env=False)
    assert response.headers["x-request-id"] == "id-7" == upstream.requests[0].headers["x-request-id"]
    assert (response.headers["x-tiermesh-route"], response.headers["x-tiermesh-model"]) == ("iris", "tensors")
    assert response.headers["x-tiermesh-reasons"] == "route,cache-off,tensors"


def test_tensors_are_not_for_chats_and_chats_not_for_tensors(router: RouterProcess) -> None:
    chat = {"model": "iris", "messages": [{"role": "user", "content": "hi"}]}
    response = httpx2.post(f"{router.base_url}/chat/completions", json=chat, trust_env=False)
    assert response.status_code == 400
    assert "It can do infer." in response.json()["error"]["message"]
