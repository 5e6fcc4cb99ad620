"""HPACK, by the examples of RFC 7541 and by what a caller may get wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.http2.hpack import STATUS_200, Decoder, literal

# Appendix C.3 and C.4: three requests on one connection, plain and Huffman-coded.
PLAIN = (
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
)
CODED = (
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
)


@pytest.mark.parametrize("blocks", [PLAIN, CODED])
def test_requests_that_build_on_each_other_are_read(blocks: tuple[str, ...]) -> None:
    decoder = Decoder(1000)
    first, second, third = (decoder.decode(bytes.fromhex(block)) for block in blocks)
    assert first[b":authority"] == second[b":authority"] == third[b":authority"] == b"www.example.com"
    assert (first.get(b"cache-control"), second[b"cache-control"]) == (None, b"no-cache")
    assert (third[b":path"], third[b"custom-key"]) == (b"/index.html", b"custom-value")


def test_a_block_that_comes_again_means_what_the_table_says_then() -> None:
    decoder = Decoder(1000)
    newest = b"\xbe"  # the newest entry of the dynamic table
    decoder.decode(b"\x40\x01a\x011")
    assert decoder.decode(newest) == {b"a": b"1"} == decoder.decode(newest)
    decoder.decode(b"\x40\x01b\x012")
    assert decoder.decode(newest) == {b"b": b"2"}
    decoder.decode(b"\x20")  # the table is emptied
    for _ in range(2):
        with pytest.raises(ValueError, match="no header"):
            decoder.decode(newest)


def test_the_oldest_entries_make_place_for_new_ones() -> None:
    decoder = Decoder(100_000)
    decoder.decode(b"\x40" + literal(b"first", b"1")[1:])
    decoder.decode(b"\x40" + literal(b"large", b"x" * 4030)[1:])
    assert decoder.decode(b"\xbe")[b"large"]
    with pytest.raises(ValueError, match="no header"):
        decoder.decode(b"\xbf")


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (b"\x80", "no header"),
        (b"\xff\x80\x80\x80\x80\x01", "no header|too large"),
        (b"\xbe", "no header"),
        (b"\x00\x01", "cut off"),
        (b"\x00\x05ab", "cut off"),
        (b"\x00\x7f\xff\xff\xff\xff\x0f", "too large"),
        (b"\x3f\xe2\x1f", "larger than allowed"),
        (literal(b"Name", b"v"), "not one of HTTP/2"),
        (literal(b"", b"v"), "not one of HTTP/2"),
        (literal(b"name", b"a\r\nx-evil: 1"), "not one of HTTP/2"),
        (literal(b"name", b"a\0"), "not one of HTTP/2"),
        (literal(b"name", b"x" * 2000), "too large"),
        (literal(b"a", b"") * 60, "too large"),
    ],
)
def test_what_is_no_block_is_an_error(block: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Decoder(1000).decode(block)


@given(st.text("abc-", min_size=1, max_size=200), st.binary(max_size=300))
def test_a_literal_is_read_as_it_was_written(name: str, value: bytes) -> None:
    value = bytes(byte for byte in value if byte not in b"\r\n\0")
    assert Decoder(10_000).decode(STATUS_200 + literal(name.encode(), value)) == {
        b":status": b"200",
        name.encode(): value,
    }


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_arbitrary_bytes_are_headers_or_an_error(blocks: list[bytes]) -> None:
    decoder = Decoder(1000)
    for block in blocks:
        try:
            headers = decoder.decode(block)
        except ValueError:
            return
        assert not any(byte in value for value in headers.values() for byte in b"\r\n\0")
