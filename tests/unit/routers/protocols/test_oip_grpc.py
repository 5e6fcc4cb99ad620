"""The Open Inference Protocol over gRPC: messages read and written, and errors as statuses."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.oip_grpc import (
    UNKNOWN,
    answer_message,
    parse_answer,
    parse_request,
    renamed,
    render_request,
    status_of,
)
from routers.protocols.tensors import TensorAnswer, TensorRequest
from tests.unit.routers.protocols.tensor_samples import ANSWERS, NAMES, REQUESTS, iris, same

RAW = struct.pack("<4f", 5.0, 3.5, 1.5, 0.25)


def message(datatype: str = "FP32", shape: tuple[int, ...] = (1, 4), raw: Any = (RAW,), **contents: Any) -> bytes:
    """A request with one input."""
    request = messages.ModelInferRequest(model_name="iris", raw_input_contents=raw)
    entry = request.inputs.add(name="x", datatype=datatype, shape=shape)
    if contents:
        entry.contents.CopyFrom(messages.InferTensorContents(**contents))
    return bytes(request.SerializeToString())


def test_a_request_with_raw_inputs_is_read() -> None:
    model, version, request = parse_request(message())
    assert (model, version) == ("iris", "")
    assert same(request, TensorRequest([iris(RAW)]))


@pytest.mark.parametrize(
    ("datatype", "field", "values"),
    [
        ("BOOL", "bool_contents", [True, False]),
        ("UINT8", "uint_contents", [0, 255]),
        ("UINT32", "uint_contents", [0, 2**32 - 1]),
        ("UINT64", "uint64_contents", [0, 2**64 - 1]),
        ("INT16", "int_contents", [-1, 1]),
        ("INT64", "int64_contents", [-(2**63), 1]),
        ("FP32", "fp32_contents", [0.5, -1.5]),
        ("FP64", "fp64_contents", [0.1, -1e300]),
        ("BYTES", "bytes_contents", [b"a", b"\xff"]),
    ],
)
def test_elements_may_stand_in_the_list_of_their_datatype(datatype: str, field: str, values: list[Any]) -> None:
    _, _, request = parse_request(message(datatype, (2,), (), **{field: values}))
    assert request.inputs[0].content == values


@pytest.mark.parametrize(
    ("sent", "param", "said"),
    [
        (b"\xff", None, "no ModelInferRequest"),
        (b"", "inputs", "at least one"),
        (message(raw=(RAW, RAW)), "raw_input_contents", "1, not 2"),
        (message(fp32_contents=[1.0]), "inputs[0].contents", "must not stand beside"),
        (message(raw=(), fp32_contents=[1.0]), "inputs[0].data", "4 elements"),
        (message(raw=(), int_contents=[1, 2, 3, 4]), "inputs[0].contents", "FP32 in fp32_contents"),
        (message("FP16", raw=(), fp32_contents=[1.0] * 4), "inputs[0].contents", "raw bytes"),
        (message("FP33"), "inputs[0].datatype", "FP32"),
        (message(shape=(1, -1)), "inputs[0].shape[1]", "whole number"),
        (message(shape=(1, 3)), "inputs[0]", "12 bytes"),
        (message("UINT8", (1,), (), uint_contents=[256]), "inputs[0].data", "UINT8"),
    ],
)
def test_a_wrong_request_names_the_field(sent: bytes, param: str | None, said: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        render_request(parse_request(sent)[2], "iris")
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, param)
    assert said in caught.value.message


@given(REQUESTS, NAMES)
def test_a_request_is_read_as_it_was_written(request: TensorRequest, model: str) -> None:
    name, version, read = parse_request(render_request(request, model))
    assert (name, version) == (model, "")
    assert same(read, request)


@given(ANSWERS)
def test_an_answer_is_read_as_it_was_written(answer: TensorAnswer) -> None:
    assert same(parse_answer(answer_message(answer).SerializeToString()), answer)


@given(REQUESTS, NAMES, NAMES | st.integers(100, 300).map("x".__mul__))
def test_a_renamed_request_differs_in_its_name_alone(request: TensorRequest, model: str, other: str) -> None:
    sent = render_request(request, model)
    name, _, read = parse_request(renamed(sent, other))
    assert name == other
    assert same(read, request)
    assert renamed(sent, other).startswith(sent)


def test_a_parameter_of_an_unknown_kind_is_left_out() -> None:
    request = messages.ModelInferRequest.FromString(message())
    request.parameters["later"].SetInParent()
    request.parameters["now"].double_param = 0.5
    assert parse_request(request.SerializeToString())[2].parameters == {"now": 0.5}


def test_a_size_that_means_something_of_http_alone_is_left_out() -> None:
    request = messages.ModelInferRequest.FromString(message())
    request.inputs[0].parameters["binary_data_size"].int64_param = 16
    assert parse_request(request.SerializeToString())[2].inputs[0].parameters == {}


def test_a_number_of_more_than_64_bits_has_no_place() -> None:
    with pytest.raises(TiermeshError) as caught:
        render_request(TensorRequest([iris()], parameters={"big": 2**64}), "iris")
    assert caught.value.param == "parameters.big"


def test_an_answer_that_is_none_is_the_models_fault() -> None:
    wrong = messages.ModelInferResponse(raw_output_contents=[b"a"])
    for sent in (b"\xff", wrong.SerializeToString()):
        with pytest.raises(TiermeshError, match="not one of the Open Inference Protocol") as caught:
            parse_answer(sent)
        assert caught.value.code is Code.UPSTREAM_FAILED


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_a_request_or_an_error(sent: bytes) -> None:
    for data in (sent, message() + sent):
        try:
            render_request(parse_request(data)[2], "iris")
        except TiermeshError as error:
            assert error.status == 400


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.INVALID_JSON, 3),
        (Code.UNKNOWN_MODEL, 5),
        (Code.METHOD_NOT_ALLOWED, 12),
        (Code.BODY_TOO_LARGE, 8),
        (Code.ABSTAINED, 9),
        (Code.QUEUE_FULL, 8),
        (Code.UPSTREAM_FAILED, 14),
        (Code.MODEL_STARTING, 14),
        (Code.DEADLINE_EXCEEDED, 4),
        (Code.INTERNAL, 13),
    ],
)
def test_an_error_has_the_status_that_grpc_knows_it_by(code: Code, status: int) -> None:
    assert status_of(TiermeshError(code, "m")) == status


def test_every_error_of_a_caller_has_a_status() -> None:
    assert [code for code in Code if status_of(TiermeshError(code, "m")) == UNKNOWN] == []
