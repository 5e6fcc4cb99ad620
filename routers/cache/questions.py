"""Questions: what of a chat is compared by meaning, and with what its answer may be shared. Pure."""

import hashlib
from typing import NamedTuple

import orjson

from control_plane.spec.errors import TiermeshError
from control_plane.spec.models import Operation
from routers.cache.exact import Answer
from routers.call import Call
from routers.protocols import completion
from routers.protocols.completion import Kind, Said
from routers.protocols.sse import ChunkReader

MOST_CHARACTERS = 2000
"""Of a question that is embedded: the encoder reads 512 tokens, and takes longer the more it reads."""
_BEFORE = ("system", "developer")
_END = "stop"


class Owner(NamedTuple):
    """Whose a partition is."""

    tenant: str
    route: str
    revision: str
    arm: str


class Question(NamedTuple):
    """The text that is compared, and the partition of those whose answers it may have."""

    text: str
    partition: bytes
    owner: Owner


def read(call: Call, owner: Owner, versions: tuple[str, ...]) -> Question | None:
    """The question of a chat of one turn; None for any other request, which only the exact cache can answer.

    `versions` are those of all that may answer. Whatever else the request says is part of its partition: prompts,
    sampling, limits, form. So is the owner, before anything that callers write.
    """
    messages = call.fields.get("messages")
    if call.operation is not Operation.CHAT or not isinstance(messages, list) or not messages:
        return None
    *before, last = messages
    if not isinstance(last, dict) or last.get("role") != "user" or call.fields.get("n") not in (None, 1):
        return None
    text = last.get("content")
    if not isinstance(text, str) or not text.strip():
        return None
    if any(not isinstance(message, dict) or message.get("role") not in _BEFORE for message in before):
        return None
    rest = {**call.fields, "messages": [*before, {**last, "content": None}]}
    scope = [*owner, call.operation, call.version, list(versions), rest]
    return Question(text, hashlib.sha256(orjson.dumps(scope, option=orjson.OPT_SORT_KEYS)).digest(), owner)


def text_of(answer: Answer) -> str | None:
    """What an answer says; None where it may not be given to another question: it calls tools, refuses, was cut by a
    limit or a filter, says nothing, or cannot be read."""
    try:
        parts = _events(answer.body) if answer.stream else [completion.read_answer(answer.body)]
    except (TiermeshError, orjson.JSONDecodeError):
        return None
    pieces = [piece for part in parts for piece in part.pieces]
    ends = {part.finish for part in parts if part.finish is not None}
    if ends != {_END} or any(piece.kind in (Kind.CALL, Kind.REFUSAL) for piece in pieces):
        return None
    return "".join(piece.text for piece in pieces if piece.kind is Kind.TEXT).strip() or None


def _events(body: bytes) -> list[Said]:
    return [completion.read_chunk(fields) for fields in ChunkReader().read(body)]
