"""Tensors: what makes one whole, and what its elements are."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.tensors import DATATYPES, Tensor, check, elements, raw
from tests.unit.routers.protocols.tensor_samples import iris, tensor


def refused(found: Tensor) -> TiermeshError:
    """The error for a tensor that is not whole."""
    with pytest.raises(TiermeshError) as caught:
        check(found, "inputs[1]")
        raw(found, "inputs[1]")
    assert caught.value.code is Code.INVALID_REQUEST
    return caught.value


@pytest.mark.parametrize(
    ("found", "param", "said"),
    [
        (Tensor("x", "fp32", [1], [1]), "inputs[1].datatype", "FP32"),
        (Tensor("x", "FP32", b"1", [1]), "inputs[1].shape", "list"),
        (Tensor("x", "FP32", [1] * 65, [1]), "inputs[1].shape", "64 dimensions"),
        (Tensor("x", "FP32", [1, -1], [1]), "inputs[1].shape[1]", "from 0 on"),
        (Tensor("x", "FP32", [True], [1]), "inputs[1].shape[0]", "whole number"),
        (Tensor("x", "FP32", [2**63], [1]), "inputs[1].shape[0]", "whole number"),
        (Tensor("x", "FP32", [3], [1, 2]), "inputs[1].data", "3 elements for its shape [3], not 2"),
        (Tensor("x", "FP32", [2, 2], [[1, 2], [3]]), "inputs[1].data", "nested as its shape"),
        (Tensor("x", "FP32", [2, 2], [[1, 2], 3]), "inputs[1].data", "nested as its shape"),
        (Tensor("x", "FP32", [3], [[1, 2, 3]]), "inputs[1].data", "nested as its shape"),
        (Tensor("x", "FP32", [], [[1]]), "inputs[1].data", "must hold elements of FP32"),
        (Tensor("x", "FP32", [2], b"\0" * 7), "inputs[1]", "must hold 8 bytes for FP32 of shape [2], not 7"),
        (Tensor("x", "FP32", [1], ["1"]), "inputs[1].data", "must hold elements of FP32"),
        (Tensor("x", "INT8", [1], [128]), "inputs[1].data", "must hold elements of INT8"),
        (Tensor("x", "UINT8", [1], [1.5]), "inputs[1].data", "must hold elements of UINT8"),
        (Tensor("x", "FP16", [1], [1.5]), "inputs[1].data", "as raw bytes"),
        (Tensor("x", "BF16", [1], [1.5]), "inputs[1].data", "as raw bytes"),
        (Tensor("x", "BYTES", [2], ["a", 7]), "inputs[1].data[1]", "string"),
        (Tensor("x", "BYTES", [1], b"\2\0\0\0a"), "inputs[1]", "element 0 is cut off"),
        (Tensor("x", "BYTES", [1], b"\2\0"), "inputs[1]", "element 0 is cut off"),
        (Tensor("x", "BYTES", [2], b"\1\0\0\0a"), "inputs[1]", "2 elements for its shape [2], not 1"),
    ],
)
def test_a_tensor_that_is_not_whole_names_its_place_and_what_is_wrong(found: Tensor, param: str, said: str) -> None:
    error = refused(found)
    assert error.param == param
    assert said in error.message


@pytest.mark.parametrize("content", [[1.0, 2.0, 3.0, 4.0], [[1.0, 2.0], [3.0, 4.0]], struct.pack("<4f", 1, 2, 3, 4)])
def test_elements_may_be_flat_nested_or_raw(content: Any) -> None:
    found = Tensor("x", "FP32", [2, 2], content)
    check(found, "x")
    assert elements(found, "x") == [1.0, 2.0, 3.0, 4.0]
    assert raw(found, "x") == struct.pack("<4f", 1, 2, 3, 4)


def test_a_scalar_has_no_dimensions_and_one_element() -> None:
    scalar = Tensor("x", "INT32", [], [7])
    check(scalar, "x")
    assert raw(scalar, "x") == struct.pack("<i", 7)


def test_a_dimension_of_none_has_no_elements() -> None:
    contents: tuple[list[Any], bytes] = ([], b"")
    for content in contents:
        check(Tensor("x", "FP64", [0, 2**40], content), "x")


def test_texts_and_bytes_are_the_same_when_raw() -> None:
    assert raw(Tensor("x", "BYTES", [2], ["é", b"\xff"]), "x") == b"\2\0\0\0\xc3\xa9\1\0\0\0\xff"


def test_a_bf16_is_the_upper_half_of_an_fp32() -> None:
    assert elements(Tensor("x", "BF16", [2], struct.pack("<f", 1.5)[2:] + struct.pack("<f", -2.0)[2:]), "x") == [
        1.5,
        -2,
    ]


@given(tensor())
def test_raw_elements_come_back_as_they_were(found: Tensor) -> None:
    check(found, "x")
    flat = elements(found, "x")
    assert len(flat) == math.prod(found.shape)
    if found.datatype not in ("FP16", "BF16"):  # raw alone
        again = found._replace(content=flat)
        check(again, "x")
        assert raw(again, "x") == found.content


@given(
    st.sampled_from([*DATATYPES, "FP8"]),
    st.lists(st.integers(-1, 3) | st.sampled_from([2**70, None, "2", [2]]), max_size=3),
    st.binary(max_size=40) | st.recursive(st.none() | st.integers() | st.text(max_size=2), st.lists, max_leaves=9),
)
def test_whatever_claims_to_be_a_tensor_is_whole_or_an_error(datatype: str, shape: list[Any], content: Any) -> None:
    found = Tensor("x", datatype, shape, content if isinstance(content, bytes | list) else [content])
    try:
        check(found, "x")
        assert isinstance(raw(found, "x"), bytes)
    except TiermeshError as error:
        assert error.param is not None and error.param.startswith("x")


def test_one_deep_nest_is_an_error_and_no_overflow() -> None:
    nest: list[Any] = []
    for _ in range(100_000):
        nest = [nest]
    assert refused(iris(nest)).param == "inputs[1].data"
    while nest:
        nest = nest.pop()
