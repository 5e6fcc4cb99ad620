"""The exact cache: the same question gets the same answer. Bounded in bytes and in age; least recently used goes
first."""

import hashlib
from collections import OrderedDict
from typing import NamedTuple

import orjson

from control_plane.spec.models import Tier
from routers.call import Call
from routers.http import Headers

ENTRY_OVERHEAD_BYTES = 600
"""What an entry takes beside its body: keys, tuples and strings, as measured with tracemalloc."""


def key(call: Call, revision: str, arm: str) -> bytes:
    """Of tenant, route revision, arm, operation, version and the canonical body: nothing else may share an answer.

    Tensors have no canonical form: of them the bytes are taken as they came.
    """
    scope = f"{call.tenant}\0{revision}\0{arm}\0{call.operation}\0{call.version}\0".encode()
    if call.tensors is not None:
        return _digest(b"%b%b\0%b" % (scope, call.tensors.form, call.body))
    return _digest(scope + orjson.dumps(call.fields, option=orjson.OPT_SORT_KEYS))


def _digest(data: bytes) -> bytes:
    # Most processors have instructions for it, and none for others that Python knows.
    return hashlib.sha256(data).digest()


class Answer(NamedTuple):
    """A whole answer as it was given: a body, or all the bytes of a stream."""

    headers: Headers
    """The model's own: what is passed on, and of a whole answer its content type."""
    body: bytes
    stream: bool
    model: str
    tier: Tier
    score: float | None
    """The request's, as when it was answered: a hit is not scored again."""


class ExactCache:
    """Answers by key. Survives a change of snapshot: keys hold the route's revision."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, tuple[float, float, Answer, str]] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, now: float) -> Answer | None:
        """The answer, unless it is older than its Route allows. `now` in seconds of any clock that never goes back."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        expires_at, stale_until, answer, _ = entry
        if now >= expires_at:
            if now >= stale_until:
                self._drop(key)
            return None
        self._entries.move_to_end(key)
        return answer

    def stale(self, key: bytes, now: float) -> Answer | None:
        """The answer, also one that is too old for all but an overloaded Route."""
        entry = self._entries.get(key)
        return entry[2] if entry is not None and now < entry[1] else None

    def put(self, key: bytes, answer: Answer, expires_at: float, stale_seconds: float = 0, route: str = "") -> None:
        """Keep an answer until `expires_at`, and so much longer for an overloaded Route. One larger than the whole
        cache is not kept. `route` is the one that it is purged with."""
        size = _size(answer)
        if size > self._max_bytes:
            return
        if key in self._entries:
            self._drop(key)
        self._entries[key] = (expires_at, expires_at + stale_seconds, answer, route)
        self.size_bytes += size
        while self.size_bytes > self._max_bytes:
            _, (_, _, oldest, _) = self._entries.popitem(last=False)
            self.size_bytes -= _size(oldest)

    def purge(self, route: str | None) -> int:
        """Forget all answers of a Route, by its document's name, or with None all there are. Returns how many."""
        keys = [key for key, entry in self._entries.items() if route is None or entry[3] == route]
        for key in keys:
            self._drop(key)
        return len(keys)

    def usage(self) -> dict[str, tuple[int, int]]:
        """Route -> its answers, and their bytes."""
        found: dict[str, tuple[int, int]] = {}
        for _, _, answer, route in self._entries.values():
            entries, size_bytes = found.get(route, (0, 0))
            found[route] = entries + 1, size_bytes + _size(answer)
        return found

    def _drop(self, key: bytes) -> None:
        _, _, answer, _ = self._entries.pop(key)
        self.size_bytes -= _size(answer)


def _size(answer: Answer) -> int:
    return len(answer.body) + ENTRY_OVERHEAD_BYTES
