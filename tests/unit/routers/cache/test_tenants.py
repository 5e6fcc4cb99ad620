"""No tenant ever sees another's answer, whatever it writes, and whatever other routers say."""

import asyncio
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.spec.models import Operation, Tier
from control_plane.spec.routes import SemanticCache as Policy
from routers.cache import questions, slots, wire
from routers.cache.exact import Answer
from routers.cache.partitions import Scope
from routers.cache.questions import Owner, Question
from routers.cache.semantic import SemanticCache
from routers.cache.shared import Seen
from routers.cache.wire import Kept
from routers.call import Call
from routers.protocols import openai
from tests.unit.routers.cache.test_wire import body
from tests.unit.routers.test_serving_semantic import Words

TEXT = "Where is my parcel"
POLICY = Policy()
_NAMES = st.text(alphabet='a"\\,[]{}:\0 é包', max_size=5)
"""With what separates names from each other wherever they are written."""
_OWNERS = st.builds(Owner, _NAMES, _NAMES, _NAMES, _NAMES)
_FIELDS = st.fixed_dictionaries({}, optional={"user": _NAMES, "tenant": _NAMES, "model": _NAMES})


def asked(owner: Owner, fields: dict[str, Any]) -> Question:
    """The same words, from somebody."""
    said = {"model": "shop", "messages": [{"role": "user", "content": TEXT}], **fields}
    call = Call(Operation.CHAT, "shop", False, b"", said, "id", owner.tenant, False, openai.DIALECT)
    found = questions.read(call, owner, ("m 1",))
    assert found is not None
    return found


def kept(question: Question) -> Kept:
    """What another router has kept of it."""
    read = slots.read(TEXT)
    assert read is not None
    answer = Answer(b"content-type: application/json\r\n", body(), False, "m", Tier.LIGHT, None)
    scope = Scope(question.partition, question.owner, POLICY)
    return Kept(scope, TEXT, read, Words().embed([TEXT])[0], "There.", None, answer, 2.0**40)


async def neighbours(record: Kept, question: Question) -> int:
    """How many entries somebody's question finds, once the record has come."""
    cache = SemanticCache(2**20, Words)
    try:
        assert (await cache.absorb([Seen(wire.write(record), own=False, old=False)]))[0] is not None
        found = await cache.look(question, POLICY)
        assert found is not None
        return int((found.look.neighbours.answer >= 0).sum())
    finally:
        await cache.close()


@settings(max_examples=60, deadline=None)
@given(_OWNERS, _OWNERS, _FIELDS, _FIELDS)
def test_a_question_finds_its_own_owners_entries_alone(
    one: Owner, other: Owner, ones: dict[str, Any], others: dict[str, Any]
) -> None:
    mine, theirs = asked(one, ones), asked(other, others)
    found = asyncio.run(neighbours(kept(theirs), mine))
    assert found == ((one, ones) == (other, others))


@settings(max_examples=30, deadline=None)
@given(_OWNERS, _OWNERS)
def test_a_record_that_is_said_to_be_of_another_owners_partition_is_not_believed(one: Owner, other: Owner) -> None:
    mine = asked(one, {})
    record = kept(mine)
    forged = replace(record, scope=record.scope._replace(owner=other))
    assert asyncio.run(neighbours(forged, mine)) == (one == other)
