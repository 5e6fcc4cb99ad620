"""The semantic cache: partitions by what may share answers, and one thread in which all of it happens.

Embedding takes 10 ms, learning as long, and the event loop must not wait: questions go to a thread of the cache's own,
one after the other. Where too many wait, or the encoder cannot read one, a model answers as if there were no cache.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from control_plane.spec.routes import SemanticCache as Policy
from routers.cache import slots, wire
from routers.cache.answers import Kind, Meaning, answer_number, kind_of
from routers.cache.exact import ENTRY_OVERHEAD_BYTES, Answer
from routers.cache.inspection import Explanation, Standing
from routers.cache.partition import Look, Partition
from routers.cache.partitions import Partitions, Scope
from routers.cache.questions import MOST_CHARACTERS, Question
from routers.cache.slots import Slots
from routers.cache.wire import Kept, Learned, Purged, Record
from routers.encoder import Encoder, Vectors

if TYPE_CHECKING:
    from routers.cache.shared import Seen, SharedStream

_LOG = logging.getLogger(__name__)
MOST_WAITING = 64
"""Questions in the thread's queue; with more, the next is answered by a model."""
_VECTOR_BYTES = 1600
"""Of an entry in the index, as measured."""


class Found(NamedTuple):
    """A question that was looked up, and what it takes to learn from its answer."""

    look: Look[Answer]
    text: str
    slots: Slots
    vector: Vectors
    scope: Scope
    partition: Partition[Answer]

    def to_compare(self, text: str) -> tuple[Kind, ...]:
        """The kinds that a judge is to compare a model's answer with; none where it need not: texts that are equal are
        the same."""
        if any(kind.number == answer_number(text) for kind in self.look.known):
            return ()
        return self.look.candidates


class SemanticCache:
    """Bounded in bytes, partitions and age. What is done with entries is done in its thread."""

    def __init__(self, max_bytes: int, load: Callable[[], Encoder], stream: "SharedStream | None" = None) -> None:
        """`load` makes the encoder once the first question comes; `stream` shares entries with other routers."""
        self._load = load
        self._encoder: Encoder | None = None
        self._partitions = Partitions(max_bytes)
        self._stream = stream
        self._thread = ThreadPoolExecutor(1, "semantic")
        self._waiting = self._width = 0

    def start(self, purged: Callable[[str | None], object]) -> None:
        """Share from now on, where there is a stream; `purged` hears what other routers were told to forget."""
        if self._stream is not None:
            self._stream.start(self.absorb, purged)

    async def look(self, question: Question, policy: Policy, teaches: bool = True) -> Found | None:
        """What the cache makes of a question; None where it does not know, and a model is to answer. One that does not
        `teach` is answered and kept, and nothing is learned from it.

        Raises TiermeshError(SETUP) where the encoder is not installed.
        """
        if self._waiting >= MOST_WAITING or len(question.text) > MOST_CHARACTERS:
            return None
        self._waiting += 1
        try:
            work = partial(self._look, question, policy, teaches)
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1

    def tell(self, found: Found, text: str, answer: Answer, same: Kind | None = None) -> None:
        """What a model answered, for good: learned from and kept, some time soon. `same` is the kind that a judge said
        it is of."""
        if self._waiting < MOST_WAITING:
            self._thread.submit(self._tell, found, text, answer, same).add_done_callback(_failed)

    async def absorb(self, batch: "Sequence[Seen]") -> Sequence[Record | None]:
        """Take in what other routers have kept and learned. Returns what each was, None for what is none."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._absorb, batch)

    async def standings(self) -> list[Standing]:
        """How each partition is doing."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._standings)

    async def purge(self, route: str | None) -> int:
        """Forget all that was kept and learned of a Route, or with None of all. Returns how many answers that were.

        Raises TiermeshError(UNAVAILABLE) where routers that share cannot be told.
        """
        count = await asyncio.get_running_loop().run_in_executor(self._thread, self._partitions.purge, route)
        if self._stream is not None:
            await self._stream.purge(route)
        return count

    async def explain(self, question: Question) -> Explanation:
        """What would become of a question; leaves everything as it is. Raises as `look`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._explain, question)

    async def close(self) -> None:
        """Let go of the thread; what waits is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._stream is not None:
            await self._stream.close()

    @property
    def size_bytes(self) -> int:
        """Of all entries."""
        return sum(owned.partition.size_bytes for owned in self._partitions)

    @property
    def entries(self) -> int:
        """In all partitions."""
        return sum(len(owned.partition) for owned in self._partitions)

    @property
    def error_bound(self) -> float:
        """The largest upper confidence bound of the share of wrong hits, over partitions that answer; 0 for none."""
        learners = [owned.partition.learner for owned in self._partitions]
        return max((learner.watch.upper_bound for learner in learners if learner.answers), default=0.0)

    def _loaded(self) -> Encoder:
        encoder = self._encoder = self._encoder or self._load()
        return encoder

    def _read(self, text: str) -> tuple[Slots, Vectors] | None:
        """A text's slots and vector; None where the encoder cannot read it, or it is too long."""
        encoder, asked = self._loaded(), slots.read(text) if len(text) <= MOST_CHARACTERS else None
        if asked is None or not encoder.knows(text):
            return None
        return asked, encoder.embed([text])[0]

    def _look(self, question: Question, policy: Policy, teaches: bool) -> Found | None:
        read = self._read(question.text)
        if read is None:
            return None
        asked, vector = read
        scope = Scope(question.partition, question.owner, policy)
        partition = self._partitions.use(scope, len(vector))
        look = partition.look(vector, asked, time.monotonic(), teaches)
        return Found(look, question.text, asked, vector, scope, partition)

    def _tell(self, found: Found, text: str, answer: Answer, same: Kind | None) -> None:
        owned = self._partitions.find(found.scope.key)
        if owned is None or owned.partition is not found.partition:
            return  # purged in the meantime
        policy, now = found.scope.policy, time.time()
        meaning = None if policy.same_from is None else self._meaning(text)
        kind = same or self._kind(text, meaning, found.look.known, policy)
        outcome = owned.partition.learn(found.look, kind.number)
        kept = Kept(
            scope=found.scope,
            question=found.text,
            slots=found.slots,
            vector=found.vector,
            text=text,
            meaning=meaning,
            answer=answer,
            expires_at=now + policy.ttl_seconds,
            kind=None if policy.judge is None else kind.number,
        )
        self._keep(kept, owned.partition, kind, now)
        if self._stream is not None:
            learned = [] if outcome is None else [Learned(found.scope, outcome, now + wire.LEARNED_SECONDS)]
            self._stream.say([kept, *learned])

    def _meaning(self, text: str) -> Meaning | None:
        """What an answer says; None where the encoder cannot read it whole."""
        read = self._read(text)
        return None if read is None else Meaning(read[1], read[0])

    def _kind(self, text: str, meaning: Meaning | None, known: Iterable[Kind], policy: Policy) -> Kind:
        """Of an answer, where no judge has said."""
        kind = kind_of(text, meaning, known, policy.same_from)
        return kind._replace(text=text) if policy.judge is not None and kind.text is None else kind

    def _keep(self, kept: Kept, partition: Partition[Answer], kind: Kind, now: float) -> None:
        expires_at = time.monotonic() + kept.expires_at - now
        size = len(kept.answer.body) + len(kept.question) + ENTRY_OVERHEAD_BYTES + _VECTOR_BYTES
        if kind.first is not None:
            size += kind.first.vector.nbytes + len(kept.text)
        if kind.text is not None:
            size += len(kind.text)
        partition.keep(kept.vector, kept.slots, kind, kept.answer, expires_at, size)
        self._partitions.shrink()

    def _absorb(self, batch: "Sequence[Seen]") -> Sequence[Record | None]:
        now, touched = time.time(), dict[int, Partition[Answer]]()
        width = self._width = self._width or int(self._loaded().embed(["?"]).shape[1])
        records: list[Record | None] = []
        for seen in batch:
            try:
                record = wire.read(seen.fields, width, now)
            except ValueError:
                records.append(None)
                continue
            records.append(record)
            if isinstance(record, Purged):
                # What this router has kept since it started is younger than a purge of before.
                self._partitions.purge(record.route, shared_alone=seen.old)
            elif not seen.own and (partition := self._take_in(record, width, now)) is not None:
                touched[id(partition)] = partition
        for partition in touched.values():
            partition.learner.catch_up()
        return records

    def _take_in(self, record: Kept | Learned, width: int, now: float) -> Partition[Answer] | None:
        """The partition that it is of; None where this router knows better whose that is, and what it promises."""
        owned = self._partitions.find(record.scope.key)
        if owned is not None and owned.scope != record.scope:
            return None
        partition = self._partitions.use(record.scope, width)
        partition.shared = True
        if isinstance(record, Kept):
            self._keep(record, partition, self._kind_told(record, partition), now)
        else:
            partition.learner.told(record.outcome)
        return partition

    def _kind_told(self, record: Kept, partition: Partition[Answer]) -> Kind:
        """Of an answer that another router has kept: as its judge said, where one has."""
        if record.meaning is None and record.kind is None:
            return self._kind(record.text, None, (), record.scope.policy)
        known = partition.known(record.vector, time.monotonic())
        if record.kind is None:
            return self._kind(record.text, record.meaning, known, record.scope.policy)
        own = Kind(record.kind, None, record.text)
        return next((kind for kind in known if kind.number == record.kind), own)

    def _standings(self) -> list[Standing]:
        return [Standing.of(owned) for owned in self._partitions]

    def _explain(self, question: Question) -> Explanation:
        read, owned = self._read(question.text), self._partitions.find(question.partition)
        if read is None or owned is None:
            return Explanation(read[0] if read else None, None, None)
        asked, vector = read
        return Explanation(asked, Standing.of(owned), owned.partition.view(vector, asked, time.monotonic()))


def _failed(future: "Future[None]") -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _LOG.error("The semantic cache failed to learn from an answer.", exc_info=error)
