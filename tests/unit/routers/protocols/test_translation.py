"""Translation: steps come in order, nothing comes before content, and only a whole stream ends as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.completion import Kind
from routers.protocols.translation import Translation
from routers.protocols.turn import Block, Turn
from tests.unit.routers.protocols.streams import CUTS, DONE, SAID, call, cut, data, delta, pieces_of, stream

ERROR = TiermeshError(Code.DEADLINE_EXCEEDED, "Too late.")


class Steps:
    """Frames that write each step as a word."""

    def begun(self, turn: Turn) -> bytes:
        return b"begun "

    def opened(self, block: Block) -> bytes:
        return b"open:%b " % block.kind.encode()

    def grew(self, block: Block, text: str) -> bytes:
        return b"grew:%b " % text.encode()

    def closed(self, turn: Turn, block: Block) -> bytes:
        return b"closed:%b " % block.text.encode()

    def ended(self, turn: Turn) -> bytes:
        return b"ended:%b" % (turn.finish or "").encode()

    def failed(self, turn: Turn, error: TiermeshError) -> bytes:
        return b"failed:%b" % error.code.encode()


def translation(*hidden: Kind) -> Translation:
    return Translation(Steps(), Turn("r1", hidden))


def written(*pieces: bytes, hidden: tuple[Kind, ...] = ()) -> str:
    """All that a caller gets of a stream in these pieces."""
    encoder = translation(*hidden)
    out = b""
    try:
        for piece in pieces:
            out += encoder.encode(piece)
    except TiermeshError as error:
        return (out + encoder.error(error)).decode()
    return (out + encoder.end()).decode()


def test_blocks_are_opened_and_closed_one_after_the_other() -> None:
    said = stream("hel", "lo", {"tool_calls": [call("{}", 0, "a", "one")]}, finish="tool_calls")
    assert written(said) == "begun open:text grew:hel grew:lo closed:hello open:call grew:{} closed:{} ended:tool_calls"


def test_a_call_that_begins_without_arguments_grows_by_nothing_yet() -> None:
    said = stream({"tool_calls": [call("", 0, "a", "one")]}, {"tool_calls": [call("{}")]})
    assert written(said) == "begun open:call grew:{} closed:{} ended:stop"


def test_nothing_is_written_before_the_first_content() -> None:
    encoder = translation(Kind.REASONING)
    assert encoder.encode(delta({"role": "assistant", "content": ""}) + delta({"reasoning": "hm"})) == b""
    assert encoder.encode(delta("a")).startswith(b"begun open:text grew:a")


def test_an_error_before_content_is_alone() -> None:
    encoder = translation()
    encoder.encode(delta({"role": "assistant", "content": ""}))
    assert encoder.error(ERROR) == b"failed:deadline_exceeded"


def test_an_empty_answer_is_whole_once_the_model_says_why_it_ended() -> None:
    assert written(delta({}, "stop") + DONE) == "begun ended:stop"


def test_a_model_that_ends_without_a_reason_has_ended() -> None:
    assert written(delta("a") + DONE) == "begun open:text grew:a closed:a ended:"


CUT = [b"", delta({"role": "assistant", "content": ""}), delta({}, "stop"), b"data: {", b"data: [DON"]
BROKEN = [
    data({"error": {"message": "x"}}) + DONE,
    b"event: error\ndata: {}\n\n" + DONE,
    b"data: {oops\n\n" + DONE,
    b"garbage\n" + DONE,
    delta({"content": 7}) + DONE,
    delta({"tool_calls": [call("{}")]}) + DONE,
]


@pytest.mark.parametrize("begun", [b"", delta("a")], ids=["at once", "later"])
@pytest.mark.parametrize(
    ("said", "code"), [*((cut, "stream_cut") for cut in CUT), *((broken, "upstream_failed") for broken in BROKEN)]
)
def test_what_is_cut_malformed_or_an_error_ends_as_an_error(begun: bytes, said: bytes, code: str) -> None:
    out = written(begun + said)
    assert out == ("begun open:text grew:a " if begun else "") + "failed:" + code


@pytest.mark.parametrize("said", [DONE, delta({"role": "assistant", "content": ""}) + DONE])
def test_a_model_that_ends_and_has_said_nothing_was_cut(said: bytes) -> None:
    assert written(said) == "failed:stream_cut"


def test_after_the_end_nothing_is_written() -> None:
    for end in (Translation.end, lambda encoder: encoder.error(ERROR)):
        encoder = translation()
        encoder.encode(stream("a"))
        assert end(encoder)
        assert encoder.encode(delta("b")) == encoder.end() == encoder.error(ERROR) == b""


def test_what_came_with_a_malformed_frame_is_not_lost() -> None:
    encoder = translation()
    with pytest.raises(TiermeshError, match="malformed") as caught:
        encoder.encode(delta("a") + b"garbage\n")
    assert encoder.error(caught.value) == b"begun open:text grew:a failed:upstream_failed"


@given(SAID, CUTS, st.sampled_from([b"", b"data: oops\n\n", data({"error": "x"})]))
def test_where_the_bytes_are_cut_makes_no_difference(said: list[tuple[str, str]], at: list[int], extra: bytes) -> None:
    whole = stream(*pieces_of(said)).replace(DONE, extra + DONE)
    assert written(*cut(whole, at)) == written(whole)


@given(SAID, st.integers(0, 2**16))
def test_a_stream_that_is_cut_anywhere_never_ends_as_a_whole_one(said: list[tuple[str, str]], at: int) -> None:
    whole = stream(*pieces_of(said))
    before_the_end = whole.index(b"[DONE]") + len(b"[DONE")
    out = written(whole[: at % (before_the_end + 1)])
    assert out.endswith("failed:stream_cut")


@given(st.binary(), CUTS)
def test_any_bytes_end_as_an_error(garbage: bytes, at: list[int]) -> None:
    assert "failed" in written(*cut(garbage, at))
