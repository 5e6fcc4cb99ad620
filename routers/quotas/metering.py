"""Metering: what a Model says that its answer took."""

import itertools
import re
from typing import Any

import orjson

from control_plane.spec.models import Operation
from routers.call import Call
from routers.record import record

MOST_TOKENS = 10**9
"""A Model that says more is not believed."""

_STREAMS = (Operation.CHAT, Operation.COMPLETIONS)
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_END = re.compile(rb"\n\n|\r\n\r\n|\r\r")
_DATA = re.compile(rb"(?:^|[\r\n])data:([^\r\n]*)")


@record
class Usage:
    """Tokens, as the Model counted them."""

    prompt: int
    answer: int


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; None where it does not say.

    What stands from the last `"usage"` on, which is little, is an object of its own with a brace before it, unless that
    is deeper in the answer: then all of it is read.
    """
    at = body.rfind(b'"usage"')
    if at < 0:
        return None
    for text in (b"{%b" % body[at:], body):
        try:
            return _usage(orjson.loads(text))
        except orjson.JSONDecodeError:
            continue
    return None


def _usage(fields: Any) -> Usage | None:
    said = fields.get("usage") if isinstance(fields, dict) else None
    if not isinstance(said, dict):
        return None
    prompt, answer = said.get("prompt_tokens"), said.get("completion_tokens", 0)
    if type(prompt) is int and type(answer) is int and 0 <= prompt <= MOST_TOKENS and 0 <= answer <= MOST_TOKENS:
        return Usage(prompt, answer)
    return None


def of_stream(call: Call) -> tuple["Meter", dict[str, Any]] | None:
    """What reads the usage of a call's stream, and the fields by which the call asks for it; None where there is
    none."""
    if not call.stream or call.operation not in _STREAMS:
        return None
    options = call.fields.get("stream_options")
    options = options if isinstance(options, dict) else {}
    hides = options.get("include_usage") is not True
    return Meter(hides), {"stream_options": {**options, "include_usage": True}}


class Meter:
    """Reads one stream as it passes."""

    __slots__ = ("_hides", "events", "usage")

    def __init__(self, hides: bool) -> None:
        """`hides`: the event with the usage is not for the caller, who did not ask for it."""
        self._hides = hides
        self.events = 0
        self.usage: Usage | None = None

    def read(self, events: bytes) -> bytes:
        """What of these whole events goes on to the caller."""
        self.events += events.count(b"data:")
        if events.find(b'"usage"') < 0 or not _USAGE.search(events):
            return events
        ends = [match.end() for match in _END.finditer(events)]
        each = [events[begin:end] for begin, end in itertools.pairwise([0, *ends, len(events)])]
        return b"".join([event for event in each if not (self._is_usage(event) and self._hides)])

    def _is_usage(self, event: bytes) -> bool:
        """Whether the event holds the usage and nothing else; keeps it in any case."""
        found = _DATA.search(event) if _USAGE.search(event) else None
        try:
            fields: Any = orjson.loads(found[1]) if found else None
        except orjson.JSONDecodeError:
            return False
        said = _usage(fields)
        self.usage = said or self.usage
        return said is not None and not fields.get("choices")
