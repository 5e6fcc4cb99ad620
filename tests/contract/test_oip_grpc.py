"""The real `tritonclient` over gRPC, with gRPC's own health checks and reflection."""

import asyncio
import queue
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from tests.contract.router_process import RouterProcess
from tests.contract.tensors import KINDS, MEASURES, described, in_bytes, in_json, refused
from tests.stub_upstream import Steps, StubUpstream, abstain, answer, error, event, held, stream


@pytest.fixture
def client(router: RouterProcess) -> Iterator[Any]:
    client = triton.InferenceServerClient(f"127.0.0.1:{router.grpc_port}")
    yield client
    client.close()


@pytest.fixture
def channel(router: RouterProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{router.grpc_port}") as channel:
        yield channel


def measures() -> list[Any]:
    """One flower."""
    found = triton.InferInput("measures", [1, 4], "FP32")
    found.set_data_from_numpy(np.array([MEASURES], np.float32))
    return [found]


def asked(text: str) -> list[Any]:
    """One question."""
    found = triton.InferInput("text_input", [1], "BYTES")
    found.set_data_from_numpy(np.array([text.encode()], np.object_))
    return [found]


class Streaming:
    """A stream of a client's, answers and errors in the order in which they come."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._heard: queue.Queue[tuple[Any, Any]] = queue.Queue()

    def __enter__(self) -> "Streaming":
        self._client.start_stream(lambda result, error: self._heard.put((result, error)))
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_stream(cancel_requests=True)

    def ask(self, model: str, inputs: list[Any], **parameters: Any) -> None:
        self._client.async_stream_infer(model, inputs, **parameters)

    def text(self) -> str:
        """The next piece of text."""
        result, error = self._heard.get(timeout=30)
        assert error is None, error
        return str(result.as_numpy("text_output")[0].decode())

    def next(self) -> tuple[Any, Any]:
        """The next answer or error."""
        return self._heard.get(timeout=30)


@pytest.mark.parametrize("scripted", [in_bytes(), in_json()], ids=["bytes", "json"])
def test_tensors_go_to_a_model_over_http_and_come_back(client: Any, upstream: StubUpstream, scripted: Any) -> None:
    upstream.script(scripted)
    result = client.infer("iris", measures(), request_id="7")
    assert result.as_numpy("kind").tolist() == [KINDS]
    received = upstream.requests[0]
    length = int(received.headers["inference-header-content-length"])
    assert np.frombuffer(received.body[length:], np.float32).tolist() == MEASURES
    assert b'"id":"7"' in received.body[:length]


def test_a_chat_route_takes_one_text_and_gives_one(client: Any, upstream: StubUpstream) -> None:
    upstream.script(answer("In two days."))
    result = client.infer("fresh", asked("When?"), request_id="7", parameters={"max_tokens": 9, "temperature": 0.5})
    assert result.as_numpy("text_output").tolist() == [b"In two days."]
    assert result.get_response().id == "7"
    assert result.get_response().parameters["finish_reason"].string_param == "stop"
    sent = upstream.requests[0].fields
    assert (sent["messages"], sent["max_tokens"]) == ([{"role": "user", "content": "When?"}], 9)


def test_a_chat_streams_one_answer_for_each_piece(client: Any, upstream: StubUpstream) -> None:
    steps = Steps([event("In "), event("two days.")])
    steps.step()
    upstream.script(steps)
    with Streaming(client) as streaming:
        streaming.ask("fresh", asked("When?"), request_id="7", enable_empty_final_response=True)
        assert streaming.text() == "In "
        upstream.loop.call_soon_threadsafe(steps.step, 2)
        assert streaming.text() == "two days."
        last, _ = streaming.next()
        assert last.get_response().parameters["triton_final_response"].bool_param is True
        assert (last.get_response().id, len(last.get_response().outputs)) == ("7", 0)


def test_one_stream_carries_many_requests_and_goes_on_after_an_error(client: Any, upstream: StubUpstream) -> None:
    upstream.script(stream("one"), in_bytes(), stream("two"))
    with Streaming(client) as streaming:
        streaming.ask("fresh", asked("1"))
        streaming.ask("iris", measures())
        streaming.ask("none", asked("?"))
        streaming.ask("fresh", asked("2"))
        assert streaming.text() == "one"
        assert streaming.next()[0].as_numpy("kind").tolist() == [KINDS]
        assert "There is no model 'none'." in str(streaming.next()[1])
        assert streaming.text() == "two"


def test_a_stream_that_breaks_ends_in_an_error_message(client: Any, upstream: StubUpstream) -> None:
    steps = Steps([event("hel")], None)
    steps.go()
    upstream.script(steps)
    with Streaming(client) as streaming:
        streaming.ask("fresh", asked("hi"), enable_empty_final_response=True)
        assert streaming.text() == "hel"
        result, error = streaming.next()
        assert result is None and "cut off" in str(error)


def test_a_client_that_closes_its_stream_stops_the_model(client: Any, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), event("lo")])
    steps.step()
    upstream.script(steps)
    with Streaming(client) as streaming:
        streaming.ask("fresh", asked("hi"))
        assert streaming.text() == "hel"
    left(upstream)


def left(upstream: StubUpstream) -> None:
    """Wait until the model has been left."""
    asyncio.run_coroutine_threadsafe(upstream.requests[0].left.wait(), upstream.loop).result(30)


def test_a_client_that_cancels_stops_the_model(channel: grpc.Channel, upstream: StubUpstream) -> None:
    waiting = held()
    upstream.script(waiting)
    call = infer(channel).future(message())
    received(upstream)
    call.cancel()
    left(upstream)


def test_a_clients_deadline_stops_the_model(channel: grpc.Channel, upstream: StubUpstream) -> None:
    upstream.script(held())
    with pytest.raises(grpc.RpcError) as caught:
        infer(channel)(message(), timeout=0.3)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    left(upstream)


def received(upstream: StubUpstream) -> None:
    """Wait until a request has come."""
    asyncio.run_coroutine_threadsafe(upstream.received(), upstream.loop).result(30)


def infer(channel: grpc.Channel) -> Any:
    """ModelInfer, bytes in and out."""
    return channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")


def message() -> bytes:
    """A request for a flower's kind."""
    request = service_pb2.ModelInferRequest(model_name="iris", raw_input_contents=[b"\0" * 16])
    request.inputs.add(name="measures", datatype="FP32", shape=[1, 4])
    return bytes(request.SerializeToString())


def test_the_metadata_says_how_it_was_answered(channel: grpc.Channel, upstream: StubUpstream) -> None:
    upstream.script(in_bytes())
    _, call = infer(channel).with_call(message(), metadata=[("x-request-id", "id-7")])
    said = dict(call.initial_metadata())
    assert said["x-request-id"] == "id-7" == upstream.requests[0].headers["x-request-id"]
    assert (said["x-tiermesh-route"], said["x-tiermesh-model"]) == ("iris", "tensors")
    assert "content-type" not in said


def test_what_is_no_message_is_an_invalid_argument(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        infer(channel)(b"\xff")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert dict(caught.value.trailing_metadata())["x-request-id"]


def test_a_message_over_the_limit_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        infer(channel)(b"\0" * 3_000_000)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("model", "version", "inputs", "scripted", "status", "said"),
    [
        ("iris", "1", measures(), None, "NOT_FOUND", "has no version '1'. It has 2."),
        ("none", "", measures(), None, "NOT_FOUND", "There is no model 'none'."),
        ("iris", "", measures(), refused(400, "four measures, please"), "INVALID_ARGUMENT", "four measures, please"),
        ("iris", "", measures(), refused(500), "UNAVAILABLE", "answered HTTP 500"),
        ("iris", "", measures(), answer({"outputs": 7}), "UNAVAILABLE", "Open Inference Protocol"),
        ("fresh", "", measures(), None, "INVALID_ARGUMENT", "one tensor of BYTES"),
        ("fresh", "", asked("a"), abstain(), "FAILED_PRECONDITION", "abstained"),
        ("fresh", "", asked("a"), error(429, headers={"retry-after": "7"}), "RESOURCE_EXHAUSTED", "queue"),
        ("down", "", asked("a"), None, "UNAVAILABLE", "starting or down"),
        ("hasty", "", asked("a"), held(), "DEADLINE_EXCEEDED", "0.2 seconds"),
    ],
)
def test_every_error_is_a_status(
    client: Any,
    upstream: StubUpstream,
    model: str,
    version: str,
    inputs: list[Any],
    scripted: Any,
    status: str,
    said: str,
) -> None:
    if scripted is not None:
        upstream.script(scripted)
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, inputs, model_version=version)
    assert caught.value.status() == f"StatusCode.{status}"
    assert said in caught.value.message()


def test_the_server_and_its_models_say_what_they_are(client: Any, upstream: StubUpstream) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.get_server_metadata().name == "tiermesh"
    assert client.is_model_ready("fresh")
    upstream.script(described(), answer({}), answer({}, 503))
    about = client.get_model_metadata("iris")
    assert (about.name, about.versions, about.inputs[0].shape) == ("iris", ["2"], [-1, 4])
    assert client.is_model_ready("iris") is True
    assert client.is_model_ready("iris") is False
    with pytest.raises(InferenceServerException, match="no model 'none'") as caught:
        client.get_model_metadata("none")
    assert caught.value.status() == "StatusCode.NOT_FOUND"


def test_grpcs_own_health_check_says_that_it_serves(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "inference.GRPCInferenceService"):
        found = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert found.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_tells_the_services_and_their_messages(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="inference.GRPCInferenceService"),
    ]
    services, file = stub.ServerReflectionInfo(iter(asked))
    assert {service.name for service in services.list_services_response.service} >= {
        "inference.GRPCInferenceService",
        "grpc.health.v1.Health",
    }
    assert b"ModelStreamInfer" in file.file_descriptor_response.file_descriptor_proto[0]
