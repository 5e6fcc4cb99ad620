"""Upward: documents go to the control plane in batches, and what it says of each is known here.

A batch is one write: it happens as a whole or not at all. Where it is refused, those that the refusal names are set
aside and the others sent again; where it names none of them, halves are sent, until who is at fault stands alone.
What was refused for what others say is tried again once something changed.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key, qualified
from control_plane.spec.records import Applied, Outcome
from operators.observed import Standing
from operators.resource import digest

logger = logging.getLogger(__name__)

ORDER = ("Prompt", "Model", "Route", "Tenant", "ScalingPolicy", "Experiment", "Rollout")
"""What is named comes before what names it."""
MOST_AT_ONCE = 500
GATHER_SECONDS = 0.1
"""A hundred documents that come together are one write, and one snapshot."""
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 15.0
AGAIN_SECONDS = 10.0
"""Between two tries of what is refused, where nothing changes."""
_FOR_ALL = frozenset({Code.UNAUTHENTICATED})
"""Refusals that say nothing about what was sent."""


class Door(Protocol):
    """Where documents go."""

    async def apply(self, documents: Sequence[dict[str, Any]], deleted: Sequence[Key], reason: str) -> Applied:
        """Write all and delete the others, or do nothing. Raises TiermeshError."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the control plane is to have under a key."""

    document: Mapping[str, Any] | None
    """None: nothing."""
    digest: str | None


class Upward:
    """What is wanted in the control plane, what of it is settled, and the way there."""

    def __init__(self, door: Door, on_answer: Callable[[Key], None], reason: str) -> None:
        """`on_answer` hears of each key about which something else is known now."""
        self._door = door
        self._on_answer = on_answer
        self._reason = reason
        self._wishes: dict[Key, _Wish] = {}
        """Still to be said."""
        self._standings: dict[Key, Standing] = {}
        self._refused: dict[Key, _Wish] = {}
        """Said, and refused for now."""
        self._unanswered: Counter[Key] = Counter()
        """How often the control plane could not answer: some may be in need of what is away, and others are not."""
        self._most = MOST_AT_ONCE
        self._some = asyncio.Event()
        self.reachable: bool | None = None
        """Whether the control plane answered last; None before it was asked."""

    def want(self, key: Key, document: Mapping[str, Any] | None) -> None:
        """See that the control plane has this document, or none; what is settled already is not said again."""
        wish = _Wish(document, None if document is None else digest(document))
        standing = self._standings.get(key)
        settled = standing is not None and standing.digest == wish.digest and standing.unreachable is None
        if key in self._wishes:
            self._wishes[key] = wish
        elif not settled:
            self._refused.pop(key, None)
            self._wishes[key] = wish
            self._some.set()

    def standing(self, key: Key) -> Standing | None:
        """What was last said about it; None where nobody was asked."""
        return self._standings.get(key)

    def forget(self, key: Key) -> None:
        """Nobody asks about it any more."""
        for known in (self._wishes, self._standings, self._refused):
            known.pop(key, None)
        del self._unanswered[key]

    def doubt(self, keys: Iterable[Key]) -> None:
        """What was settled about these may hold no longer: whoever wants it says it again."""
        for key in keys:
            if self._standings.pop(key, None) is not None:
                self._on_answer(key)

    def __len__(self) -> int:
        """How much is still to be said."""
        return len(self._wishes)

    async def run(self) -> None:
        """Say what is wanted, for ever."""
        retry = FIRST_RETRY_SECONDS
        while True:
            await self._something()
            await asyncio.sleep(GATHER_SECONDS)
            batch = self._batch()
            try:
                changed = await self._say(batch)
            except TiermeshError as error:
                self._unreachable(batch, error)
                await asyncio.sleep(retry)
                retry = min(2 * retry, LONGEST_RETRY_SECONDS)
            else:
                self.reachable, retry, self._most = True, FIRST_RETRY_SECONDS, min(2 * self._most, MOST_AT_ONCE)
                for key in batch:
                    del self._unanswered[key]
                if changed:
                    self._try_again()

    async def _something(self) -> None:
        while not self._wishes:
            self._some.clear()
            try:
                async with asyncio.timeout(AGAIN_SECONDS if self._refused else None):
                    await self._some.wait()
            except TimeoutError:
                self._try_again()

    def _try_again(self) -> None:
        """What was refused because of others may be right now, or be told more: also what was refused in the batch that
        changed them, as a part of it may have been said before."""
        while self._refused:
            key, wish = self._refused.popitem()
            self._wishes.setdefault(key, wish)

    def _batch(self) -> dict[Key, _Wish]:
        """What is said at once: documents after those that they name, deletions before."""
        ordered = sorted(self._wishes, key=lambda key: (self._unanswered[key], *_order(key, self._wishes[key])))
        return {key: self._wishes[key] for key in ordered[: self._most]}

    async def _say(self, batch: Mapping[Key, _Wish]) -> bool:
        """Say all of it; whether anything changed there. Raises TiermeshError where nobody answers."""
        if not batch:
            return False
        sent = [wish.document for wish in batch.values() if wish.document is not None]
        gone = [key for key, wish in batch.items() if wish.document is None]
        try:
            applied = await self._door.apply([dict(one) for one in sent], gone, self._reason)
        except TiermeshError as error:
            if error.retryable or error.code in _FOR_ALL:
                raise
            return await self._say_apart(batch, error)
        changed = {change.key for change in applied.changes if change.outcome is not Outcome.UNCHANGED}
        for key, wish in batch.items():
            self._settle(key, wish, Standing(wish.digest, applied.snapshot, key in changed))
        return bool(changed)

    async def _say_apart(self, batch: Mapping[Key, _Wish], error: TiermeshError) -> bool:
        blamed = {key: why for key in batch if (why := _blame(key, error))}
        if len(batch) == 1:
            ((key, _),) = batch.items()
            blamed = {key: blamed.get(key) or str(error)}
        for key, why in blamed.items():
            self._refuse(key, batch[key], error, why)
        left = {key: wish for key, wish in batch.items() if key not in blamed}
        if blamed:
            return await self._say(left)
        keys = list(left)
        first, second = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        changed = await self._say({key: left[key] for key in first})
        return await self._say({key: left[key] for key in second}) or changed

    def _refuse(self, key: Key, wish: _Wish, error: TiermeshError, why: str) -> None:
        reason = "".join(part.capitalize() for part in error.code.value.split("_"))
        if self._wishes.get(key) == wish:
            self._refused[key] = wish
        self._settle(key, wish, Standing(wish.digest, refusal=why, reason=reason))

    def _settle(self, key: Key, wish: _Wish, standing: Standing) -> None:
        if self._wishes.get(key) == wish:
            del self._wishes[key]
        self._note(key, standing)

    def _unreachable(self, batch: Mapping[Key, _Wish], error: TiermeshError) -> None:
        self.reachable, self._most = False, max(1, self._most // 8)
        self._unanswered.update(batch.keys())
        logger.warning("the control plane takes nothing", extra={"fields": {"why": str(error), "waiting": len(self)}})
        for key, wish in [*self._wishes.items()]:
            self._note(key, Standing(wish.digest, unreachable=str(error)))

    def _note(self, key: Key, standing: Standing) -> None:
        if self._standings.get(key) != standing:
            self._standings[key] = standing
            self._on_answer(key)


def _order(key: Key, wish: _Wish) -> tuple[bool, int]:
    place = ORDER.index(key.kind) if key.kind in ORDER else len(ORDER)
    return (True, place) if wish.document is not None else (False, -place)


def _blame(key: Key, error: TiermeshError) -> str:
    """What a refusal says about one document: `Route/team/shop.spec.tiers: …`."""
    place = f"{key.kind}/{qualified(key.namespace, key.name)}."
    said = [f"{one.field.removeprefix(place)}: {one.message}" for one in error.errors if one.field.startswith(place)]
    return "; ".join(said)
