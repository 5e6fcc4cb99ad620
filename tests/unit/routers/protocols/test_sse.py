"""Server-sent events: every whole chunk is read, wherever the bytes are cut; what is malformed is an error."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols import sse
from tests.unit.routers.protocols.streams import CUTS, DONE, JSON, cut, data


def read(*pieces: bytes) -> tuple[list[dict[str, Any]], bool]:
    """The chunks, and whether the end came."""
    reader = sse.ChunkReader()
    chunks = [chunk for piece in pieces for chunk in reader.read(piece)]
    reader.finish()
    return chunks, reader.done


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_read(end: bytes) -> None:
    lines = (b'data: {"a":1}', b"", b'data:{"a":2}', b"", b"data: [DONE]", b"", b"")
    assert read(end.join(lines)) == ([{"a": 1}, {"a": 2}], True)


def test_comments_ids_and_retries_are_passed_over() -> None:
    assert read(b': ping\nid: 7\nretry: 10\n\nevent: chunk\ndata: {"a":1}\n:\n\n') == ([{"a": 1}], False)


def test_an_event_of_several_data_lines_is_one_chunk() -> None:
    assert read(b'data: {"a":\ndata: 1}\n\n') == ([{"a": 1}], False)


def test_a_line_end_of_two_bytes_may_be_cut_between_them() -> None:
    assert read(b'data: {"a":\r', b"\n", b"data: 1}\r", b"\n\r", b"\n") == ([{"a": 1}], False)
    assert read(b'data: {"a":\r', b"", b"\ndata: 1}\r\n\r\n") == ([{"a": 1}], False)
    assert read(b":\rdata: {}", b"\n\r") == ([{}], False)


def test_nothing_is_read_after_the_end() -> None:
    assert read(DONE + b"data: oops\n\ngarbage\n", b"x" * (sse.MAX_EVENT_BYTES + 1)) == ([], True)


@pytest.mark.parametrize("last", [b"data: [DONE]", b"data:[DONE]", b"data: [DONE]\n", b"data: [DONE]\r\r"])
def test_the_end_needs_no_blank_line(last: bytes) -> None:
    assert read(data({"a": 1}), last) == ([{"a": 1}], True)


def test_a_chunk_whose_own_end_has_not_come_is_not_read() -> None:
    assert read(b'data: {"a":1}\n') == ([], False)
    assert read(b'data: {"a":1}') == ([], False)


def test_an_event_named_error_is_one_whatever_it_says() -> None:
    assert read(b'event: error\ndata: {"message":"x"}\n\n')[0] == [{"error": {"message": "x"}}]
    assert read(b'event: error\ndata: {"error":"x"}\n\n' + data({"a": 1}))[0] == [{"error": "x"}, {"a": 1}]


@pytest.mark.parametrize(
    ("malformed", "why"),
    [
        (b"data: {oops\n\n", "not JSON"),
        (b'data: {"a":"\xff"}\n\n', "not JSON"),
        (b"data: [1]\n\n", "no JSON object"),
        (b"data: null\n\n", "no JSON object"),
        (b"data: [DONE] \n\n", "not JSON"),
        (b'data: {"a":\ndata: [DONE]\n\n', "not JSON"),
        (b"garbage\n", "no field"),
        (b'{"error":"not an event at all"}\n', "no field"),
        (b"<html>\n", "no field"),
        (b"data: " + b"x" * sse.MAX_EVENT_BYTES + b"\n\n", "longer than"),
        (b"data: x\n" * (sse.MAX_EVENT_BYTES // 7 + 1), "longer than"),
        (b"x" * (sse.MAX_EVENT_BYTES + 1), "longer than"),
    ],
    ids=lambda value: value[:16],
)
def test_what_is_malformed_is_an_error_after_the_chunks_before_it(malformed: bytes, why: str) -> None:
    reader = sse.ChunkReader()
    chunks = reader.read(data({"a": 1}) + malformed)
    assert next(chunks) == {"a": 1}
    with pytest.raises(TiermeshError, match=why) as caught:
        list(chunks)
    assert caught.value.code is Code.UPSTREAM_FAILED
    assert not reader.done


def test_a_last_line_that_is_cut_is_no_more_than_that() -> None:
    assert read(data({"a": 1}) + b"dat") == ([{"a": 1}], False)


def test_comments_without_end_take_no_room() -> None:
    reader = sse.ChunkReader()
    for _ in range(5):
        assert list(reader.read(b":" + b"x" * (sse.MAX_EVENT_BYTES // 2) + b"\n")) == []


@given(
    st.lists(st.dictionaries(st.text(), JSON, min_size=1, max_size=2).filter(lambda chunk: "error" not in chunk)),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    CUTS,
)
def test_where_the_bytes_are_cut_makes_no_difference(chunks: list[dict[str, Any]], end: bytes, at: list[int]) -> None:
    whole = b"".join(map(data, chunks)) + DONE
    assert read(*cut(whole.replace(b"\n", end), at)) == (orjson.loads(orjson.dumps(chunks)), True)


@given(
    st.binary() | st.from_regex(re.compile(rb"((data|event|id|):? ?(\{\}|\[DONE\]|x|)[\r\n]{0,2})*", re.DOTALL)), CUTS
)
def test_any_bytes_give_chunks_or_an_error_however_they_are_cut(stream: bytes, at: list[int]) -> None:
    results = []
    for pieces in ([stream], cut(stream, at)):
        try:
            results.append(str(read(*pieces)))
        except TiermeshError as error:
            results.append(str(error))
    assert results[0] == results[1]


def test_an_event_is_named_as_its_type_and_its_text_stays_on_its_line() -> None:
    assert sse.event({"type": "a.b", "text": "x\n\nevent: y"}) == (
        b'event: a.b\ndata: {"type":"a.b","text":"x\\n\\nevent: y"}\n\n'
    )
