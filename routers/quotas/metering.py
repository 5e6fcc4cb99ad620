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
_USAGE_BYTES = 1000
_COUNTS = re.compile(rb'"(prompt|completion)_tokens"\s*:\s*(\d{1,9})(?!\d)')
_END = re.compile(rb"\n\n|\r\n\r\n|\r\r")
_DATA = re.compile(rb"(?:^|[\r\n])data:([^\r\n]*)")


@record
class Usage:
    """Tokens, as the Model counted them."""

    prompt: int
    answer: int


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; None where it does not say."""
    if not _USAGE.search(body):
        return None
    try:
        return _usage(orjson.loads(body))
    except orjson.JSONDecodeError:
        return None


def _usage(fields: Any) -> Usage | None:
    said = fields.get("usage") if isinstance(fields, dict) else None
    if not isinstance(said, dict):
        return None
    prompt, answer = said.get("prompt_tokens"), said.get("completion_tokens", 0)
    if type(prompt) is int and type(answer) is int and 0 <= prompt <= MOST_TOKENS and 0 <= answer <= MOST_TOKENS:
        return Usage(prompt, answer)
    return None


def glance(body: bytes) -> Usage | None:
    """The same from the end of the answer alone, where usage stands: for who counts much and is paid by nobody."""
    at = body.rfind(b'"usage"')
    counts = dict(_COUNTS.findall(body, at, at + _USAGE_BYTES)) if at >= 0 else {}
    return Usage(int(counts[b"prompt"]), int(counts.get(b"completion", 0))) if b"prompt" in counts else None


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
