"""The Open Inference Protocol over HTTP: JSON and the binary extension, read and written."""

import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.oip_http import (
    BINARY,
    JSON,
    parse_answer,
    parse_metadata,
    parse_request,
    render_answer,
    render_request,
)
from routers.protocols.tensors import NONE, Output, Tensor, TensorAnswer, TensorRequest
from tests.unit.routers.protocols.tensor_samples import ANSWERS, REQUESTS, iris, same

RAW = struct.pack("<4f", 5.0, 3.5, 1.5, 0.25)


def body(**changes: Any) -> bytes:
    """A request as JSON, with parts of its first input replaced; None takes a part away."""
    entry = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [5.0, 3.5, 1.5, 0.25], **changes}
    return orjson.dumps({"inputs": [{name: value for name, value in entry.items() if value is not None}]})


def lengths(headers: bytes) -> bytes | None:
    """What the headers say of the JSON part."""
    name, _, value = headers.removeprefix(BINARY).removeprefix(JSON).partition(b": ")
    assert name in (b"", b"inference-header-content-length")
    return value.rstrip() or None


def binary(content: bytes, size: int, **fields: Any) -> tuple[bytes, bytes]:
    """A binary request, and the length of its JSON."""
    entry = {"name": "x", "datatype": "FP32", "shape": [1, 4], "parameters": {"binary_data_size": size}}
    head = orjson.dumps({"inputs": [entry], **fields})
    return head + content, b"%d" % len(head)


def test_a_request_in_json_is_read() -> None:
    text = orjson.dumps(
        {"id": "7", "parameters": {"a": 1}, "outputs": [{"name": "y", "parameters": {"binary_data": True}}]}
        | orjson.loads(body())
    )
    read = parse_request(text, None)
    assert same(read, TensorRequest([iris()], [Output("y", {"binary_data": True})], "7", {"a": 1}))


def test_a_request_with_raw_bytes_is_read() -> None:
    read = parse_request(*binary(RAW, 16))
    assert same(read, TensorRequest([iris(RAW)]))


def test_raw_inputs_and_json_may_stand_side_by_side() -> None:
    first = {"name": "a", "datatype": "INT8", "shape": [2], "parameters": {"binary_data_size": 2}}
    second = {"name": "b", "datatype": "BOOL", "shape": [1], "data": [True]}
    third = {"name": "c", "datatype": "INT8", "shape": [1], "parameters": {"binary_data_size": 1}}
    head = orjson.dumps({"inputs": [first, second, third]})
    read = parse_request(head + b"\1\2\3", b"%d" % len(head))
    assert [tensor.content for tensor in read.inputs] == [b"\1\2", [True], b"\3"]


@pytest.mark.parametrize(
    ("text", "param", "said"),
    [
        (b"{}", "inputs", "at least one"),
        (b'{"inputs": []}', "inputs", "at least one"),
        (b'{"inputs": {}}', "inputs", "list"),
        (b'{"inputs": [7]}', "inputs[0]", "object"),
        (b"[]", None, "JSON object"),
        (body(name=7), "inputs[0].name", "string"),
        (body(datatype=None), "inputs[0].datatype", "FP32"),
        (body(shape=None), "inputs[0].data", "1 elements"),
        (body(shape=4), "inputs[0].shape", "list"),
        (body(shape=[4.0]), "inputs[0].shape[0]", "whole number"),
        (body(data=None), "inputs[0].data", "must be a list, unless"),
        (body(data={}), "inputs[0].data", "must be a list"),
        (body(parameters=[]), "inputs[0].parameters", "object"),
        (body(parameters={"a": [1]}), "inputs[0].parameters.a", "a boolean, a number or a string"),
        (body(parameters={"binary_data_size": 1}, data=None), "inputs[0].parameters.binary_data_size", "at most the 0"),
        (body(parameters={"binary_data_size": 0}), "inputs[0].data", "must not stand beside"),
        (orjson.dumps({"outputs": 7, **orjson.loads(body())}), "outputs", "list"),
        (orjson.dumps({"outputs": ["y"], **orjson.loads(body())}), "outputs[0]", "object"),
        (orjson.dumps({"id": 7, **orjson.loads(body())}), "id", "string"),
    ],
)
def test_a_wrong_request_names_the_field(text: bytes, param: str | None, said: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse_request(text, None)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, param)
    assert said in caught.value.message


def test_what_is_not_json_says_where() -> None:
    with pytest.raises(TiermeshError, match="line 2, column") as caught:
        parse_request(b'{"inputs":\n oops}', None)
    assert caught.value.code is Code.INVALID_JSON


@pytest.mark.parametrize("length", [b"", b"-1", b"1.5", b"99999", b"9" * 30, "٣".encode()])
def test_a_header_length_that_is_none_is_refused(length: bytes) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse_request(body(), length)
    assert caught.value.param == "inference-header-content-length"


@pytest.mark.parametrize(
    ("content", "size", "param"),
    [
        (RAW, 17, "inputs[0].parameters.binary_data_size"),
        (RAW, -1, "inputs[0].parameters.binary_data_size"),
        (RAW, 12, "inputs[0]"),
        (RAW + b"rest", 16, "inputs"),
    ],
)
def test_raw_bytes_that_do_not_add_up_are_refused(content: bytes, size: int, param: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse_request(*binary(content, size))
    assert caught.value.param == param


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request: TensorRequest) -> None:
    headers, text = render_request(request)
    assert headers.startswith(BINARY)
    asks_raw = request._replace(parameters={**request.parameters, "binary_data_output": True})
    assert same(parse_request(text, lengths(headers)), asks_raw)


@given(ANSWERS)
def test_a_raw_answer_is_read_as_it_was_written(answer: TensorAnswer) -> None:
    headers, text = render_answer(answer, TensorRequest([], parameters={"binary_data_output": True}))
    assert same(parse_answer(text, lengths(headers)), answer)


def test_an_output_is_raw_only_where_that_is_asked_for() -> None:
    answer = TensorAnswer([iris(RAW), iris(RAW)._replace(name="y")], "m", "2", "7")
    request = TensorRequest([], [Output("x"), Output("y", {"binary_data": True})])
    headers, text = render_answer(answer, request)
    read = parse_answer(text, lengths(headers))
    assert [tensor.content for tensor in read.outputs] == [[5.0, 3.5, 1.5, 0.25], RAW]
    assert read[1:4] == ("m", "2", "7")
    one_in_json = TensorRequest([], [Output("x", {"binary_data": False})], parameters={"binary_data_output": True})
    headers, text = render_answer(answer, one_in_json)
    assert [type(tensor.content) for tensor in parse_answer(text, lengths(headers)).outputs] == [list, bytes]


def test_an_answer_without_raw_outputs_is_plain_json() -> None:
    headers, text = render_answer(TensorAnswer([Tensor("y", "BYTES", [1], b"\2\0\0\0hi")], "m"), TensorRequest([]))
    assert headers == JSON
    outputs = [{"name": "y", "datatype": "BYTES", "shape": [1], "data": ["hi"]}]
    assert orjson.loads(text) == {"model_name": "m", "outputs": outputs}


def test_bytes_that_are_no_text_cannot_be_json() -> None:
    with pytest.raises(TiermeshError, match="binary_data") as caught:
        render_answer(TensorAnswer([Tensor("y", "BYTES", [1], b"\1\0\0\0\xff")]), TensorRequest([]))
    assert caught.value.param == "outputs[0]"


def test_an_answer_that_is_none_is_the_models_fault() -> None:
    for text in (b"oops", b"[]", b"{}", b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [2], "data": [1]}]}'):
        with pytest.raises(TiermeshError, match="not one of the Open Inference Protocol") as caught:
            parse_answer(text, None)
        assert caught.value.code is Code.UPSTREAM_FAILED


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["x", "FP32", "BYTES", "binary_data_size"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["inputs", "outputs", "name", "datatype", "shape", "data", "parameters", "id"])
            | st.just("binary_data_size"),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSONS.map(orjson.dumps), st.none() | st.binary(max_size=3) | st.integers(0, 99))
def test_arbitrary_bytes_are_a_request_or_an_error(text: bytes, length: bytes | int | None) -> None:
    try:
        read = parse_request(text, b"%d" % length if isinstance(length, int) else length)
        assert read.inputs and read.parameters is not None
        render_request(read)
    except TiermeshError as error:
        assert error.status == 400


def test_null_says_nothing() -> None:
    fields = {"id": None, "model_version": None, "parameters": None}
    output = {"name": "y", "datatype": "BOOL", "shape": [1], "data": [True], "parameters": None}
    read = parse_answer(orjson.dumps({**fields, "model_name": "m", "outputs": [output]}), None)
    assert same(read, TensorAnswer([Tensor("y", "BOOL", [1], [True])], "m"))


def test_nothing_said_is_nothing_kept() -> None:
    read = parse_request(body(), None)
    assert read.parameters is NONE and read.inputs[0].parameters == {}


def metadata(**changes: Any) -> bytes:
    """What a Model says of itself, with parts replaced."""
    entry = {"name": "x", "datatype": "FP32", "shape": [-1, 4]}
    return orjson.dumps({"name": "m", "versions": ["1", "2"], "inputs": [entry], "outputs": [], **changes})


def test_what_a_model_says_of_itself_is_read() -> None:
    read = parse_metadata(metadata(versions=None))
    assert (read.versions, read.platform, read.inputs[0].shape) == ([], "", [-1, 4])
    assert parse_metadata(metadata()).versions == ["1", "2"]


@pytest.mark.parametrize(
    "changes", [{"versions": True}, {"versions": "1"}, {"name": 1}, {"inputs": {"x": []}}, {"outputs": [1]}]
)
def test_what_says_nothing_of_a_model_is_the_models_failure(changes: dict[str, Any]) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse_metadata(metadata(**changes))
    assert caught.value.code is Code.UPSTREAM_FAILED
