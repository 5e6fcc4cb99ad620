"""What is not plain HTTP/1.1 beyond what the parser refuses."""

import pytest

from routers import framing


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/v1/models", b"/v1/models"),
        (b"/v1/models?a=http://b/c", b"/v1/models"),
        (b"http://anything:80/v1/models?a=b", b"/v1/models"),
        (b"http://anything", b"/"),
        (b"*", b"*"),
        (b"/http://a/b", b"/http://a/b"),
    ],
)
def test_the_path_is_the_same_whichever_form_the_target_has(target: bytes, path: bytes) -> None:
    assert framing.path_of(target) == path


@pytest.mark.parametrize(
    ("coding", "version", "known"),
    [
        (b"chunked", "1.1", True),
        (b"Chunked", "1.1", True),
        (b"chunked", "1.0", False),
        (b"gzip, chunked", "1.1", False),
        (b"identity", "1.1", False),
    ],
)
def test_only_chunked_is_a_transfer_encoding_and_only_in_http_1_1(coding: bytes, version: str, known: bool) -> None:
    assert framing.is_chunked(coding, version) is known


def test_a_head_without_its_offer_says_all_else_as_before() -> None:
    headers = {b"host": b"h", b"upgrade": b"h2c", b"connection": b"close, upgrade", b"expect": b"100-continue"}
    head = framing.without_offer(b"POST", b"/a?b", "1.0", headers)
    assert head == b"POST /a?b HTTP/1.0\r\nhost: h\r\nconnection: close, upgrade\r\n\r\n"
