"""A stream goes out in whole, sound events, wherever it is cut on its way."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code
from control_plane.spec.models import Operation
from routers.protocols.events import WholeEvents
from routers.protocols.sse import MAX_EVENT_BYTES

CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
DONE = b"data: [DONE]\n\n"

json_objects = st.dictionaries(
    st.text(max_size=5).filter(lambda key: key != "error"), st.text(max_size=20) | st.integers(0, 9), max_size=3
)


@given(st.lists(json_objects, min_size=1, max_size=5), st.sampled_from([b"\n\n", b"\r\n\r\n"]), st.data())
def test_wherever_it_is_cut_all_of_it_goes_out_in_order(
    objects: list[dict[str, object]], end: bytes, data: st.DataObject
) -> None:
    stream = b"".join(b"data: " + orjson.dumps(each) + end for each in objects) + b"data: [DONE]" + end
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    events = WholeEvents(Operation.CHAT)
    pieces = [events.take(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert b"".join(pieces) + events.rest() == stream


def test_half_an_event_is_kept_until_it_is_whole() -> None:
    events = WholeEvents(Operation.CHAT)
    assert events.take(CHUNK + CHUNK[:20]) == CHUNK
    assert events.take(CHUNK[20:] + DONE) == CHUNK + DONE


@pytest.mark.parametrize(
    "broken",
    [
        b'data: {"choices": [{"delta": {"con\n\n',
        b"data: {no json}\n\n",
        b"data: [1, 2]\n\n",
        b"<html>Bad gateway</html>\n\n",
        b'data: {"error": {"message": "boom"}}\n\n',
        b'event: error\ndata: {"message": "boom"}\n\n',
        CHUNK + b'data: {"error": "boom"}\n\n',
        b": comment\n\n" + CHUNK + b"data: {]\n\n",
    ],
)
@pytest.mark.parametrize("cut", [0, 9])
def test_what_is_malformed_or_an_error_never_goes_out(broken: bytes, cut: int) -> None:
    events = WholeEvents(Operation.CHAT)
    assert events.take(CHUNK) == CHUNK
    sound = events.take(broken[:cut]) + events.take(broken[cut:])
    assert sound.removeprefix(b": comment\n\n") in (b"", CHUNK)
    assert events.error is not None and events.error.code is Code.UPSTREAM_FAILED


def test_what_was_sound_before_the_break_goes_out() -> None:
    events = WholeEvents(Operation.CHAT)
    assert events.take(CHUNK + CHUNK + b"data: {]\n\n" + CHUNK) == CHUNK + CHUNK
    assert events.error is not None


def test_what_the_model_says_of_its_error_is_the_hint() -> None:
    events = WholeEvents(Operation.CHAT)
    assert events.take(b'data: {"error": {"message": "out of memory"}}\n\n') == b""
    assert events.error is not None and events.error.hint == "out of memory"


def test_an_event_without_an_end_is_not_held_for_ever() -> None:
    events = WholeEvents(Operation.CHAT)
    for _ in range(5):
        assert events.take(b"x" * (MAX_EVENT_BYTES // 4)) == b""
    assert events.error is not None and "longer" in events.error.message


def test_the_last_event_may_lack_its_blank_line() -> None:
    events = WholeEvents(Operation.CHAT)
    assert events.take(CHUNK + b"data: [DONE]") == CHUNK
    assert events.rest() == b"data: [DONE]"


def test_comments_names_and_mixed_line_ends_break_no_sound_stream() -> None:
    pieces = [
        CHUNK + b": ping\n\n" + CHUNK,
        b"event: chunk\n" + CHUNK + b"id: 3\n" + CHUNK,
        b'data: {"a":1}\nid: 1\n\ndata: {"a":2}\n\n',
        b'data: {"a":\ndata: 1}\n\n',
        b'data: {"a":1}\r\n\ndata: {"a":1}\n\r\ndata: {"a":1}\r\r\r',
    ]
    events = WholeEvents(Operation.CHAT)
    assert [events.take(piece) for piece in pieces] == pieces
    assert events.error is None


def test_a_line_end_inside_an_event_is_none_of_json_s_blanks() -> None:
    events = WholeEvents(Operation.CHAT)
    assert events.take(b'data: {"a":\n1}\n\n') == b""
    assert events.error is not None


@pytest.mark.parametrize("after", [CHUNK, b"junk\n\n", b"data: {]\n\n"])
def test_what_follows_the_end_does_not_go_out(after: bytes) -> None:
    for pieces in ([CHUNK + DONE + after], [CHUNK + DONE, after], [CHUNK + DONE + after[:3], after[3:]]):
        events = WholeEvents(Operation.CHAT)
        assert b"".join([events.take(piece) for piece in pieces]) == CHUNK + DONE
        assert (events.done, events.error, events.rest()) == (True, None, b"")


def test_half_an_event_at_the_end_does_not_go_out() -> None:
    events = WholeEvents(Operation.CHAT)
    assert events.take(CHUNK + b'data: {"a":1}\n') == CHUNK
    assert events.rest() == b""


def test_an_event_that_comes_byte_by_byte_costs_no_more_than_its_length() -> None:
    events, size = WholeEvents(Operation.CHAT), 100_000
    for byte in b'data: {"a":"' + b"x" * size:
        assert events.take(bytes([byte])) == b""
    assert len(events.take(b'"}\n\n')) == size + 16
