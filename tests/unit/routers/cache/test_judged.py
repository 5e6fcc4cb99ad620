"""Answers that a judge compares: never equal ones, and a "no" where it said nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from control_plane.spec.models import Tier
from control_plane.spec.routes import SemanticCache as Policy
from routers.cache import wire
from routers.cache.answers import Kind, answer_number
from routers.cache.exact import Answer
from routers.cache.partition import Partition
from routers.cache.questions import Owner, Question
from routers.cache.semantic import Found, SemanticCache
from routers.cache.shared import Seen
from tests.unit.routers.cache.test_tenants import asked
from tests.unit.routers.cache.test_tenants import kept as shared
from tests.unit.routers.cache.test_wire import body
from tests.unit.routers.test_serving_semantic import TOPICS, Words

JUDGED = Policy.model_validate({"maxErrorRate": 0.2, "confidence": 0.9, "compare": "judge", "judge": "jury"})
ME = Owner("t", "r", "v", "a")


async def look(cache: SemanticCache, topic: str) -> Found:
    found = await cache.look(Question(f"about my {topic}", b"p" * 32, ME), JUDGED)
    assert found is not None
    return found


def tell(cache: SemanticCache, found: Found, text: str, same: Kind | None = None) -> None:
    cache.tell(found, text, Answer(b"", body(text), False, "m", Tier.LIGHT, None), same)


@asynccontextmanager
async def taught(count: int = 1000) -> AsyncIterator[tuple[SemanticCache, Partition[Answer]]]:
    """A cache whose judge found all answers about one topic the same, in whatever words."""
    cache = SemanticCache(2**22, Words)
    for number in range(count):
        topic = TOPICS[number % len(TOPICS)]
        found = await look(cache, topic)
        text = f"{number} times: it is {topic}"
        kinds = [kind for kind in found.to_compare(text) if kind.text is not None and topic in kind.text]
        tell(cache, found, text, kinds[0] if kinds else None)
    partition = (await look(cache, "parcel")).partition
    yield cache, partition
    await cache.close()


async def look_that(cache: SemanticCache, explores: bool) -> Found:
    """One of those that come by chance."""
    while True:
        found = await look(cache, "parcel")
        if found.look.explores == explores:
            return found


async def test_what_a_judge_finds_the_same_is_one_kind_and_leads_to_hits() -> None:
    async with taught() as (cache, partition):
        found = await look_that(cache, explores=False)
        assert found.look.hit is not None and b"it is parcel" in found.look.hit.payload.body
        kinds = {entry.kind for entry in partition._entries.values()}
        assert {kind.text for kind in kinds if kind.text} >= {
            f"{place} times: it is {TOPICS[place]}" for place in (0, 1)
        }
        assert partition.learner.watch.wrong == 0


async def test_what_would_be_answered_is_compared_first_and_then_what_is_near_and_may_answer() -> None:
    async with taught() as (cache, _):
        found = await look_that(cache, explores=True)
        assert found.look.would_be is not None
        rival = Kind(7, None, "nearer, and not what would be answered")
        asked_about = found._replace(look=found.look._replace(known=(rival, *found.look.known[1:])))
        assert asked_about.to_compare("in words that nobody used")[:2] == (found.look.would_be.kind, rival)
        found.look.neighbours.compatible[:] = False
        assert found._replace(look=found.look._replace(would_be=None)).to_compare("words") == ()


async def test_equal_texts_are_not_compared() -> None:
    async with taught() as (cache, _):
        exploring = await look_that(cache, explores=True)
        assert exploring.to_compare("other words")
        assert exploring.look.would_be is not None
        assert exploring.to_compare(f"  {exploring.look.would_be.kind.text} ") == ()


async def test_an_answer_that_could_not_be_judged_counts_as_wrong() -> None:
    async with taught() as (cache, partition):
        found = await look_that(cache, explores=True)
        before = partition.learner.watch
        tell(cache, found, "words that no judge has seen")
        await cache.standings()
        assert (partition.learner.watch.seen, partition.learner.watch.wrong) == (before.seen + 1, before.wrong + 1)
        own = next(reversed(partition._entries.values())).kind
        assert own == Kind(answer_number("words that no judge has seen"), None, "words that no judge has seen")


@pytest.mark.parametrize("first_comes", [True, False])
async def test_what_another_routers_judge_said_is_believed(first_comes: bool) -> None:
    """Also where the first of the kind is not known here: then the next is compared with the one that is."""
    mine = asked(ME, {})
    record = shared(mine)
    record = replace(record, scope=record.scope._replace(policy=JUDGED), kind=answer_number("There."))
    other = replace(record, answer=record.answer._replace(body=body("Over there.")), text="Over there.")
    cache = SemanticCache(2**20, Words)
    records = [record, other] if first_comes else [other]
    assert None not in await cache.absorb([Seen(wire.write(each), own=False, old=False) for each in records])
    found = await cache.look(mine, JUDGED)
    assert found is not None
    (kind,) = set(found.look.known)
    assert found.to_compare("At that place.") == (kind,)
    assert kind == Kind(answer_number("There."), None, "There." if first_comes else "Over there.")
    await cache.close()
