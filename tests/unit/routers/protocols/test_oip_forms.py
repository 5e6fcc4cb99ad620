"""The forms of answers: what goes out as it came, and what is written anew."""

import struct

import orjson
import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols import oip_grpc, oip_http
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.oip_forms import HTTP, STREAMED, UNARY, read_answer
from routers.protocols.tensors import Tensor, TensorAnswer, TensorRequest

RAW = struct.pack("<2f", 0.5, 0.25)
ANSWER = TensorAnswer([Tensor("y", "FP32", (2,), RAW)], "m", "1")
MESSAGE = bytes(oip_grpc.answer_message(ANSWER).SerializeToString())
BUSY = TiermeshError(Code.QUEUE_FULL, "Full.", "Wait.", retry_after_seconds=7)


def test_an_answer_of_http_goes_out_over_http_as_it_came() -> None:
    headers, body = oip_http.form_of(b"2"), b"{}whatever"
    assert HTTP.passed(headers, body) == (headers, body)
    assert HTTP.passed(oip_grpc.PROTOBUF, MESSAGE) is None


def test_an_answer_of_grpc_goes_out_over_grpc_as_it_came() -> None:
    headers = oip_grpc.PROTOBUF + b"x-tiermesh-confidence: 1\r\n"
    assert UNARY.passed(headers, MESSAGE) == (headers, MESSAGE)
    assert UNARY.passed(oip_http.JSON, b"{}") is None
    assert STREAMED.passed(oip_http.JSON, b"{}") is None


@pytest.mark.parametrize("binary", [True, False])
def test_an_answer_of_any_form_is_read(binary: bool) -> None:
    asks = TensorRequest([], parameters={"binary_data_output": binary})
    for headers, body in (oip_http.render_answer(ANSWER, asks), (oip_grpc.PROTOBUF, MESSAGE)):
        read = read_answer(headers, body)
        assert (read.model, read.outputs[0].name, list(read.outputs[0].shape)) == ("m", "y", [2])


def parsed(framed: bytes) -> messages.ModelStreamInferResponse:
    """The one message of a frame."""
    assert framed[0] == 0 and int.from_bytes(framed[1:5], "big") == len(framed) - 5
    found: messages.ModelStreamInferResponse = messages.ModelStreamInferResponse.FromString(framed[5:])
    return found


def test_each_answer_of_a_stream_is_a_frame_of_its_own() -> None:
    passed = STREAMED.passed(oip_grpc.PROTOBUF, MESSAGE)
    assert passed is not None
    _, written = STREAMED.write(ANSWER, TensorRequest([]))
    for framed in (passed[1], written, STREAMED.piece(ANSWER)):
        assert parsed(framed).infer_response.raw_output_contents == [RAW]
        assert not parsed(framed).error_message


def test_a_whole_answer_over_grpc_is_a_message() -> None:
    assert UNARY.write(ANSWER, TensorRequest([])) == (oip_grpc.PROTOBUF, MESSAGE)


def test_an_error_has_the_shape_of_each_form() -> None:
    headers, body = HTTP.error(BUSY)
    assert (headers, orjson.loads(body)) == (oip_http.JSON + b"retry-after: 7\r\n", {"error": "Full. Wait."})
    assert UNARY.error(BUSY) == (b"grpc-status: 8\r\nretry-after: 7\r\n", b"Full. Wait.")
    for framed in (STREAMED.error(BUSY)[1], STREAMED.broken(BUSY)):
        assert parsed(framed).error_message == "Full. Wait."
        assert not parsed(framed).HasField("infer_response")
