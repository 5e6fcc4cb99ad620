"""Streams of models and what encoders make of them, for the tests of the protocols."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import strategies as st

from control_plane.spec.errors import TiermeshError
from routers.http import Request
from routers.protocols.dialect import StreamEncoder

Fields = dict[str, Any]

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9, "prompt_tokens_details": {"cached_tokens": 3}}


def request(fields: Any, headers: dict[bytes, bytes] | None = None) -> Request:
    """A POST with this body."""
    return Request(b"POST", "/", headers or {}, fields if isinstance(fields, bytes) else orjson.dumps(fields))


def answer(message: Fields, finish: str = "stop", **fields: Any) -> bytes:
    """A whole chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return orjson.dumps({"id": "c-1", "created": 5, "model": "light", "choices": [choice], "usage": USAGE, **fields})


def call(arguments: str | None = None, index: int = 0, id: str | None = None, name: str | None = None) -> Fields:
    """A tool call, or a fragment of one."""
    return {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def data(fields: Any) -> bytes:
    """One event of a model's stream."""
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def delta(fields: Fields | str, finish: str | None = None) -> bytes:
    """One chunk of a chat stream: text, or these fields."""
    said = {"content": fields} if isinstance(fields, str) else fields
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    return data({"id": "c-1", "created": 5, "model": "light", "choices": [choice]})


def stream(*said: Fields | str, finish: str = "stop") -> bytes:
    """A whole chat stream with its usage."""
    begun = delta({"role": "assistant", "content": ""})
    usage = data({"id": "c-1", "created": 5, "model": "light", "choices": [], "usage": USAGE})
    return begun + b"".join(map(delta, said)) + delta({}, finish) + usage + DONE


def encoded(encoder: StreamEncoder, *pieces: bytes) -> list[Fields]:
    """The events of a stream that came in these pieces and then ended."""
    written = b""
    try:
        for piece in pieces:
            written += encoder.encode(piece)
        written += encoder.end()
    except TiermeshError as error:
        written += encoder.error(error)
    return events(written)


def events(written: bytes) -> list[Fields]:
    """Events as they went out; the name of each is its type."""
    read = []
    for each in written.split(b"\n\n")[:-1]:
        name, _, line = each.partition(b"\n")
        fields = orjson.loads(line.removeprefix(b"data: "))
        assert name == b"event: " + fields["type"].encode()
        read.append(fields)
    return read


def types(events: Sequence[Fields]) -> list[str]:
    """What happened, in order."""
    return [event["type"] for event in events]


def cut(whole: bytes, at: Sequence[int]) -> list[bytes]:
    """The same bytes in several pieces."""
    ends = [0, *sorted(place % (len(whole) + 1) for place in at), len(whole)]
    return [whole[start:end] for start, end in pairwise(ends)]


CUTS = st.lists(st.integers(0, 2**16), max_size=12)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def disturbed(draw: st.DrawFn, valid: Fields) -> Fields:
    """Valid JSON in which something is replaced, left out or added, at any depth."""
    fields: Fields = orjson.loads(orjson.dumps(valid))
    for _ in range(draw(st.integers(1, 2))):
        holder: Any = fields
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = draw(st.sampled_from(keys)) if keys else None
            inner = None if key is None else holder[key]
            if not (isinstance(inner, dict | list) and inner and draw(st.booleans())):
                break
            holder = inner
        _disturb(draw, holder, key)
    return fields


def _disturb(draw: st.DrawFn, holder: Any, key: Any) -> None:
    if key is not None and draw(st.booleans()):
        del holder[key]
    elif key is not None:
        holder[key] = draw(JSON)
    elif isinstance(holder, dict):
        holder[draw(st.text())] = draw(JSON)
    else:
        holder.append(draw(JSON))


def pieces_of(said: Sequence[tuple[str, str]]) -> list[Fields]:
    """Deltas for (kind, text): a text, a thought, a refusal, or a call in two fragments, numbered as they come."""
    deltas: list[Fields] = []
    calls = 0
    for kind, text in said:
        if kind == "call":
            middle = len(text) // 2
            deltas.append({"tool_calls": [call(text[:middle], calls, f"c{calls}", f"tool{calls}")]})
            deltas.append({"tool_calls": [call(text[middle:], calls)]})
            calls += 1
        else:
            deltas.append({kind: text})
    return deltas


TEXT = st.text(min_size=1, max_size=20)
SAID = st.lists(
    st.tuples(st.sampled_from(["content", "refusal", "reasoning_content"]), TEXT)
    | st.tuples(st.just("call"), st.dictionaries(st.text(), JSON, max_size=3).map(lambda o: orjson.dumps(o).decode())),
    min_size=1,
    max_size=8,
)
"""(Kind, text) of what a model may say, in any order."""
