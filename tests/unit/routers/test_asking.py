"""The commit point is the first content, whatever the model says before it."""

import json
from typing import Any, cast

import pytest

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.asking import first_content
from routers.exchange import Exchange
from routers.protocols.events import WholeEvents

ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
TEXT = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
LENGTH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}


class Pieces:
    """A model's stream of which so many pieces have come; one more breaks it."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.taken = 0

    async def next_piece(self) -> bytes:
        self.taken += 1
        if self.taken > len(self.pieces):
            raise TiermeshError(Code.UPSTREAM_FAILED, "cut")
        return self.pieces[self.taken - 1]


def event(fields: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps(fields).encode()


async def taken(*pieces: bytes, operation: Operation = Operation.CHAT) -> int:
    """How many pieces it takes to the first content."""
    stream = Pieces(*pieces)
    passed = await first_content(WholeEvents(operation), cast(Exchange, stream))
    assert passed == b"".join(pieces[: stream.taken])
    return stream.taken


@pytest.mark.parametrize(
    ("pieces", "count"),
    [
        ((event(TEXT), event(TEXT)), 1),
        ((event(ROLE), event(TEXT)), 2),
        ((event(ROLE) + event(TEXT),), 1),
        ((event(TEXT) + event(TEXT),), 1),
        ((event(TEXT)[:9], event(TEXT)[9:]), 2),
        ((b": hello\n\n", event(ROLE), event(LENGTH)), 3),
        ((event(ROLE), b"data: [DONE]\n\n"), 2),
    ],
)
async def test_what_comes_before_the_first_content_is_waited_through(pieces: tuple[bytes, ...], count: int) -> None:
    assert await taken(*pieces) == count


async def test_the_text_of_a_completion_is_content_too() -> None:
    assert await taken(event({"choices": [{"text": "a"}]}), operation=Operation.COMPLETIONS) == 1


@pytest.mark.parametrize(
    "piece",
    [
        event({"error": {"message": "boom"}}),
        event({**TEXT, "error": {"message": "boom"}}),
        event({"choices": [{"delta": {"content": ["a"]}}]}),
        b"data: {no json}\n\n",
        b"data: [1]\n\n",
        event(ROLE),
    ],
)
async def test_an_error_and_an_end_before_it_are_failures(piece: bytes) -> None:
    with pytest.raises(TiermeshError) as raised:
        await taken(piece)
    assert raised.value.code is Code.UPSTREAM_FAILED
