"""HPACK's Huffman code, by the examples of RFC 7541."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.http2.huffman import decode


@pytest.mark.parametrize(
    ("coded", "text"),
    [
        ("", b""),
        ("f1e3c2e5f23a6ba0ab90f4ff", b"www.example.com"),
        ("a8eb10649cbf", b"no-cache"),
        ("25a849e95bb8e8b4bf", b"custom-value"),
        ("d07abe941054d444a8200595040b8166e082a62d1bff", b"Mon, 21 Oct 2013 20:13:21 GMT"),
    ],
)
def test_a_string_is_read(coded: str, text: bytes) -> None:
    assert decode(bytes.fromhex(coded)) == text


@pytest.mark.parametrize(
    "coded",
    [
        "ff",  # padding of more than 7 bits
        "00",  # 00000 is "0"; the padding behind it is not of ones
        "fffffffc",  # the end itself
        "1f1f1f1e",
    ],
)
def test_what_is_none_is_an_error(coded: str) -> None:
    with pytest.raises(ValueError, match="a string"):
        decode(bytes.fromhex(coded))


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_a_string_or_an_error(coded: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert len(decode(coded)) <= 8 * len(coded) // 5
