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
from routers.cache.answers import answer_number
from routers.cache.exact import ENTRY_OVERHEAD_BYTES, Answer
from routers.cache.guard import Promise
from routers.cache.inspection import Explanation, Standing
from routers.cache.partition import Look, Partition
from routers.cache.questions import Owner, Question
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


class Owned(NamedTuple):
    """A partition, and whose it is."""

    owner: Owner
    partition: Partition[Answer]


class SemanticCache:
    """Bounded in bytes, partitions and age. What is done with entries is done in its thread."""

    def __init__(self, max_bytes: int, load: Callable[[], Encoder]) -> None:
        """`load` makes the encoder once the first question comes."""
        self._max_bytes = max_bytes
        self._load = load
        self._encoder: Encoder | None = None
        self._partitions: OrderedDict[bytes, Owned] = OrderedDict()
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

    async def standings(self) -> list[Standing]:
        """How each partition is doing."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._standings)

    async def purge(self, route: str | None) -> int:
        """Forget all that was kept and learned of a Route, or with None of all. Returns how many answers that were."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._purge, route)

    async def explain(self, question: Question, policy: Policy) -> Explanation:
        """What would become of a question; leaves everything as it is. Raises as `look`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._explain, question, policy)

    def close(self) -> None:
        """Let go of the thread; what waits is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def size_bytes(self) -> int:
        """Of all entries."""
        return sum(owned.partition.size_bytes for owned in tuple(self._partitions.values()))

    @property
    def entries(self) -> int:
        """In all partitions."""
        return sum(len(owned.partition) for owned in tuple(self._partitions.values()))

    @property
    def error_bound(self) -> float:
        """The largest upper confidence bound of the share of wrong hits, over partitions that answer; 0 for none."""
        learners = [owned.partition.learner for owned in tuple(self._partitions.values())]
        return max((learner.watch.upper_bound for learner in learners if learner.answers), default=0.0)

    def _read(self, text: str) -> tuple[Slots, Vectors] | None:
        """A question's slots and vector; None where the encoder cannot read it, or it is too long."""
        encoder = self._encoder = self._encoder or self._load()
        asked = slots.read(text)
        if asked is None or not encoder.knows(text):
            return None
        return asked, encoder.embed([text])[0]

    def _look(self, question: Question, policy: Policy) -> Found | None:
        read = self._read(question.text)
        if read is None:
            return None
        asked, vector = read
        partition = self._partition(question, policy, len(vector))
        return Found(partition.look(vector, asked, time.monotonic()), question, policy, asked, vector)

    def _tell(self, found: Found, text: str, answer: Answer) -> None:
        owned = self._partitions.get(found.question.partition)
        if owned is None:
            return
        number = answer_number(text)
        owned.partition.learn(found.look, number)
        expires_at = time.monotonic() + found.policy.ttl_seconds
        size = len(answer.body) + len(found.question.text) + ENTRY_OVERHEAD_BYTES + _VECTOR_BYTES
        owned.partition.keep(found.vector, found.slots, number, answer, expires_at, size)
        while self.size_bytes > self._max_bytes and len(self._partitions) > 1:
            self._partitions.popitem(last=False)

    def _partition(self, question: Question, policy: Policy, width: int) -> Partition[Answer]:
        key = question.partition
        owned = self._partitions.get(key)
        if owned is None:
            promise = Promise(policy.max_error_rate, policy.confidence)
            made: Partition[Answer] = Partition(promise, width, zlib.crc32(key), self._max_bytes)
            owned = self._partitions[key] = Owned(question.owner, made)
            if len(self._partitions) > MOST_PARTITIONS:
                self._partitions.popitem(last=False)
        self._partitions.move_to_end(key)
        return owned.partition

    def _standings(self) -> list[Standing]:
        return [Standing.of(key, *owned) for key, owned in self._partitions.items()]

    def _purge(self, route: str | None) -> int:
        named = [key for key, owned in self._partitions.items() if route in (None, owned.owner.route)]
        return sum(len(self._partitions.pop(key).partition) for key in named)

    def _explain(self, question: Question, policy: Policy) -> Explanation:
        read = self._read(question.text) if len(question.text) <= MOST_CHARACTERS else None
        owned = self._partitions.get(question.partition)
        if read is None or owned is None:
            return Explanation(read[0] if read else None, None, None)
        asked, vector = read
        seen = owned.partition.view(vector, asked, time.monotonic())
        return Explanation(asked, Standing.of(question.partition, *owned), seen)


def _failed(future: "Future[None]") -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _LOG.error("The semantic cache failed to learn from an answer.", exc_info=error)
