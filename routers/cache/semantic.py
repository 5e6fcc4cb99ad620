"""The semantic cache: partitions by what may share answers, and one thread in which all of it happens.

Embedding takes 10 ms, learning as long, and the event loop must not wait: questions go to a thread of the cache's own,
one after the other. Where too many wait, or the encoder cannot read one, a model answers as if there were no cache.
"""

import asyncio
import logging
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from control_plane.spec.routes import SemanticCache as Policy
from routers.cache import slots
from routers.cache.exact import ENTRY_OVERHEAD_BYTES, Answer
from routers.cache.guard import Promise
from routers.cache.partition import Look, Partition
from routers.cache.questions import Question
from routers.cache.slots import Slots
from routers.encoder import Encoder, Vectors

_LOG = logging.getLogger(__name__)
MOST_WAITING = 64
"""Questions in the thread's queue; with more, the next is answered by a model."""
MOST_PARTITIONS = 64
"""Whoever varies what a partition is made of, say `max_tokens`, makes new ones; the least recently used go first."""
MOST_CHARACTERS = 2000
"""Of a question that is embedded: the encoder reads 512 tokens, and takes longer the more it reads."""
_VECTOR_BYTES = 1600
"""Of an entry in the index, as measured."""


class Found(NamedTuple):
    """A question that was looked up, and what it takes to learn from its answer."""

    look: Look[Answer]
    question: Question
    policy: Policy
    slots: Slots
    vector: Vectors


class SemanticCache:
    """Bounded in bytes, partitions and age. All but `look`, `tell` and `close` happens in its thread."""

    def __init__(self, max_bytes: int, load: Callable[[], Encoder]) -> None:
        """`load` makes the encoder once the first question comes."""
        self._max_bytes = max_bytes
        self._load = load
        self._encoder: Encoder | None = None
        self._partitions: OrderedDict[bytes, Partition[Answer]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "semantic")
        self._waiting = 0

    async def look(self, question: Question, policy: Policy) -> Found | None:
        """What the cache makes of a question; None where it does not know, and a model is to answer.

        Raises TiermeshError(SETUP) where the encoder is not installed.
        """
        if self._waiting >= MOST_WAITING or len(question.text) > MOST_CHARACTERS:
            return None
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._look, question, policy)
        finally:
            self._waiting -= 1

    def tell(self, found: Found, text: str, answer: Answer) -> None:
        """What a model answered, for good: learned from and kept, some time soon."""
        if self._waiting < MOST_WAITING:
            self._thread.submit(self._tell, found, text, answer).add_done_callback(_failed)

    def close(self) -> None:
        """Let go of the thread; what waits is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def size_bytes(self) -> int:
        """Of all entries."""
        return sum(partition.size_bytes for partition in tuple(self._partitions.values()))

    @property
    def entries(self) -> int:
        """In all partitions."""
        return sum(len(partition) for partition in tuple(self._partitions.values()))

    @property
    def error_bound(self) -> float:
        """The largest upper confidence bound of the share of wrong hits, over partitions that answer; 0 for none."""
        answering = [partition for partition in tuple(self._partitions.values()) if partition.answers]
        return max((partition.watch.upper_bound for partition in answering), default=0.0)

    def _look(self, question: Question, policy: Policy) -> Found | None:
        encoder = self._encoder = self._encoder or self._load()
        asked = slots.read(question.text)
        if asked is None or not encoder.knows(question.text):
            return None
        vector = encoder.embed([question.text])[0]
        partition = self._partition(question.partition, policy, len(vector))
        return Found(partition.look(vector, asked, time.monotonic()), question, policy, asked, vector)

    def _tell(self, found: Found, text: str, answer: Answer) -> None:
        partition = self._partitions.get(found.question.partition)
        if partition is None:
            return
        partition.learn(found.look, text)
        expires_at = time.monotonic() + found.policy.ttl_seconds
        size = len(answer.body) + len(found.question.text) + ENTRY_OVERHEAD_BYTES + _VECTOR_BYTES
        partition.keep(found.vector, found.slots, text, answer, expires_at, size)
        while self.size_bytes > self._max_bytes and len(self._partitions) > 1:
            self._partitions.popitem(last=False)

    def _partition(self, key: bytes, policy: Policy, width: int) -> Partition[Answer]:
        partition = self._partitions.get(key)
        if partition is None:
            promise = Promise(policy.max_error_rate, policy.confidence)
            partition = self._partitions[key] = Partition(promise, width, zlib.crc32(key), self._max_bytes)
            if len(self._partitions) > MOST_PARTITIONS:
                self._partitions.popitem(last=False)
        self._partitions.move_to_end(key)
        return partition


def _failed(future: "Future[None]") -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _LOG.error("The semantic cache failed to learn from an answer.", exc_info=error)
