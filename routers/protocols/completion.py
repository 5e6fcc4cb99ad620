"""Completion: what a model said, read from its chat completion or from one chunk of its stream.

Models are not trusted: text, calls and ends of a wrong type are an error, for a guess could pass for the answer. Of
numbers that only describe (tokens, time) what cannot be read is 0. Of several choices the first is read.
Shapes: https://platform.openai.com/docs/api-reference/chat
"""

from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from control_plane.spec.errors import Code, TiermeshError


class Kind(StrEnum):
    """What a piece is a piece of."""

    TEXT = "text"
    REASONING = "reasoning"
    REFUSAL = "refusal"
    CALL = "call"


class Piece(NamedTuple):
    """A run of text of one kind. Of a tool call the text is its arguments, and the first piece has its name."""

    kind: Kind
    text: str
    call: int = 0
    """Which of the calls, as the model counts them."""
    id: str = ""
    name: str = ""


class Usage(NamedTuple):
    """Tokens. `cached` are among `prompt`, `reasoning` among `completion`."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0


class Said(NamedTuple):
    """All of a completion, or what one chunk adds."""

    pieces: tuple[Piece, ...] = ()
    finish: str | None = None
    """Why the model ended (stop, length, tool_calls, content_filter), once it has."""
    stop: str | None = None
    """The stop sequence that ended it, where the model says."""
    usage: Usage | None = None
    created: int = 0
    """Seconds since 1970."""


_TEXTS = (("reasoning", Kind.REASONING), ("reasoning_content", Kind.REASONING), ("content", Kind.TEXT),
          ("refusal", Kind.REFUSAL))  # fmt: skip
"""Field -> what its text is. Some models write their reasoning twice, by both names: the first counts."""


def read_answer(body: bytes) -> Said:
    """A whole chat completion.

    Raises TiermeshError(UPSTREAM_FAILED) where it is none.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise unreadable("it is not JSON") from error
    if not isinstance(fields, dict):
        raise unreadable("it is no JSON object")
    said = _read(fields, "message")
    if said is None:
        raise unreadable("it has no choice")
    return said


def read_chunk(fields: dict[str, Any]) -> Said:
    """One chunk of a stream.

    Raises TiermeshError(UPSTREAM_FAILED) where the model reports an error in it, or it cannot be read.
    """
    return _read(fields, "delta") or Said(usage=_usage(fields), created=_count(fields, "created"))


def unreadable(why: str) -> TiermeshError:
    """The error for an answer that is not as the API says."""
    message = f"The model's answer cannot be read: {why}."
    return TiermeshError(Code.UPSTREAM_FAILED, message, "Try again; if it stays so, look at the model's log.")


def _read(fields: dict[str, Any], holder: str) -> Said | None:
    if (error := fields.get("error")) is not None:
        raise reported(error)
    choices = [_object(choice, "a choice") for choice in _list(fields, "choices")]
    choice = next((choice for choice in choices if not choice.get("index")), None)
    if choice is None:
        return None
    said = _object(choice.get(holder) or {}, holder)
    stop = choice.get("stop_reason")
    return Said(
        (*_texts(said), *_calls(said)),
        _text(choice, "finish_reason") or None,
        stop if isinstance(stop, str) else None,
        _usage(fields),
        _count(fields, "created"),
    )


def reported(error: Any) -> TiermeshError:
    """The error for one that the model reports."""
    said = error.get("message") if isinstance(error, dict) else error
    # Its words are the hint: the message alone is logged, and such words may quote the question.
    hint = said if isinstance(said, str) and said else "Try again; if it stays so, look at the model's log."
    return TiermeshError(Code.UPSTREAM_FAILED, "The model reported an error in place of an answer.", hint)


def _texts(said: dict[str, Any]) -> list[Piece]:
    pieces: dict[Kind, Piece] = {}
    for name, kind in _TEXTS:
        if text := _text(said, name):
            pieces.setdefault(kind, Piece(kind, text))
    return list(pieces.values())


def _calls(said: dict[str, Any]) -> list[Piece]:
    pieces = []
    for position, call in enumerate(_list(said, "tool_calls")):
        call = _object(call, "a tool call")
        function = _object(call.get("function") or {}, "function")
        index = call.get("index")
        index = index if isinstance(index, int) else position
        pieces.append(Piece(Kind.CALL, _text(function, "arguments"), index, _text(call, "id"), _text(function, "name")))
    return pieces


def _usage(fields: dict[str, Any]) -> Usage | None:
    usage = fields.get("usage")
    if not isinstance(usage, dict):
        return None
    cached = _count(usage.get("prompt_tokens_details"), "cached_tokens")
    reasoning = _count(usage.get("completion_tokens_details"), "reasoning_tokens")
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    return Usage(prompt, completion, min(cached, prompt), min(reasoning, completion))


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unreadable(f"{what} is no object")
    return value


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise unreadable(f"{name} is no string")
    return value or ""


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if value is not None and not isinstance(value, list):
        raise unreadable(f"{name} is no list")
    return value or []


def _count(fields: Any, name: str) -> int:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
