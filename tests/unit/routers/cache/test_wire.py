"""What routers tell each other of the semantic cache comes out as it went in; whatever else comes is none of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.models import Tier
from control_plane.spec.routes import SemanticCache as Policy
from routers.cache import slots, wire
from routers.cache.answers import Meaning
from routers.cache.evidence import NEIGHBOURS, Neighbours
from routers.cache.exact import Answer
from routers.cache.learner import Outcome
from routers.cache.partitions import Scope
from routers.cache.questions import Owner
from routers.cache.wire import Kept, Learned, Purged, Record

WIDTH, NOW = 8, 1000.0
SCOPE = Scope(bytes(range(32)), Owner("acme", "shop", "r1", "default"), Policy(maxErrorRate=0.02, ttlSeconds=60))
QUESTION = "Where is order 1041?"


def body(text: str = "There.", finish: str = "stop") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return orjson.dumps({"choices": [choice]})


def kept() -> Kept:
    asked = slots.read(QUESTION)
    assert asked is not None
    vector = np.full(WIDTH, WIDTH**-0.5, dtype=np.float32)
    answer = Answer(b"content-type: application/json\r\n", body(), False, "faq", Tier.LIGHT, 0.25)
    return Kept(SCOPE, QUESTION, asked, vector, "There.", None, answer, NOW + 50)


def learned(count: int = 3) -> Learned:
    near, answer = np.zeros((1, NEIGHBOURS)), np.full((1, NEIGHBOURS), -1, dtype=np.int64)
    near[0, :count], answer[0, :count] = np.linspace(0.9, 0.5, count, dtype=np.float32), range(count)
    row = Neighbours(near, answer, answer > 0)
    return Learned(SCOPE, Outcome(row, 2**62, True, True, False), NOW + 50)


def told(record: Record) -> Record:
    """What another router reads."""
    return wire.read(wire.write(record), WIDTH, NOW)


def test_an_entry_comes_as_it_went() -> None:
    found = told(kept())
    assert isinstance(found, Kept)
    assert np.allclose(found.vector, kept().vector, atol=1e-3)
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)
    same = ("scope", "question", "slots", "text", "answer", "expires_at")
    assert [getattr(found, name) for name in same] == [getattr(kept(), name) for name in same]


def test_what_an_answer_means_comes_with_it() -> None:
    said = slots.read("There.")
    assert said is not None
    found = told(replace(kept(), meaning=Meaning(kept().vector, said)))
    assert isinstance(found, Kept) and found.meaning is not None
    assert found.meaning.slots == said
    assert np.allclose(found.meaning.vector, kept().vector, atol=1e-3)


def test_an_outcome_comes_as_it_went() -> None:
    found = told(learned())
    assert isinstance(found, Learned)
    row, sent = found.outcome.neighbours, learned().outcome.neighbours
    assert all(
        np.array_equal(getattr(row, name), getattr(sent, name)) for name in ("similarity", "answer", "compatible")
    )
    assert found.outcome[1:] == learned().outcome[1:]


@pytest.mark.parametrize("route", ["shop", None])
def test_a_purge_comes_as_it_went(route: str | None) -> None:
    assert told(Purged(route, NOW + 9)) == Purged(route, NOW + 9)


def test_nothing_lives_longer_than_its_route_allows() -> None:
    found = told(replace(kept(), expires_at=NOW + 10**6))
    assert found.expires_at == NOW + 60
    assert told(replace(learned(), expires_at=NOW + 10**9)).expires_at == NOW + wire.LEARNED_SECONDS


def test_what_is_too_old_is_not_read() -> None:
    with pytest.raises(ValueError, match="too old"):
        told(replace(kept(), expires_at=NOW))


def test_a_large_answer_is_not_shared() -> None:
    answer = kept().answer._replace(body=body("x" * wire.MOST_ANSWER_BYTES))
    with pytest.raises(ValueError, match="large"):
        wire.write(replace(kept(), answer=answer))


def meta(record: Record, **changes: Any) -> bytes:
    """Of a record, with something else in it."""
    return orjson.dumps({**orjson.loads(wire.write(record)[b"meta"]), **changes})


LOOSE = {"maxErrorRate": 0.9, "confidence": 0.95, "ttlSeconds": 60}
_BAD: dict[str, dict[bytes, bytes]] = {
    "another kind": {b"kind": b"other"},
    "no meta": {b"meta": b""},
    "no JSON": {b"meta": b"{"},
    "large": {b"meta": b" " * 20_000 + meta(kept())},
    "another field": {b"meta": meta(kept(), more=1)},
    "no question": {b"meta": meta(kept(), question="")},
    "a long question": {b"meta": meta(kept(), question="x" * 2001)},
    "a model that is none": {b"meta": meta(kept(), model="faq\r\nset-cookie: a=b")},
    "another promise than there can be": {b"meta": meta(kept(), policy=LOOSE)},
    "a partition that is none": {b"meta": meta(kept(), partition="00")},
    "another header": {b"headers": b"set-cookie: a=b\r\n"},
    "a header in a header": {b"headers": b"content-type: text/plain\r\n\r\nHTTP/1.1 200"},
    "a cut answer": {b"body": body(finish="length")},
    "no answer": {b"body": b"<html>"},
    "another width": {b"vector": b"\0" * (2 * WIDTH + 2)},
    "no unit vector": {b"vector": b"\0" * (2 * WIDTH)},
    "an answer's vector that is none": {b"said": b"1"},
    "no number": {b"vector": np.full(WIDTH, np.nan, dtype="<f2").tobytes()},
}


@pytest.mark.parametrize("change", _BAD.values(), ids=_BAD.keys())
def test_an_entry_that_is_not_whole_is_none(change: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError):
        wire.read({**wire.write(kept()), **change}, WIDTH, NOW)


@pytest.mark.parametrize("missing", [b"kind", b"meta", b"vector", b"headers", b"body"])
def test_an_entry_without_a_field_is_none(missing: bytes) -> None:
    fields = {name: value for name, value in wire.write(kept()).items() if name != missing}
    with pytest.raises(ValueError):
        wire.read(fields, WIDTH, NOW)


def row(**changes: Any) -> bytes:
    """Neighbours with something else in their first places."""
    columns = learned().outcome.neighbours
    for name, values in changes.items():
        getattr(columns, name)[0, : len(values)] = values
    return wire.write(replace(learned(), outcome=learned().outcome._replace(neighbours=columns)))[b"near"]


@pytest.mark.parametrize(
    "change",
    [
        {b"near": b""},
        {b"near": row(similarity=[0.1, 0.2])},
        {b"near": row(similarity=[np.inf])},
        {b"near": row(similarity=[np.nan])},
        {b"near": row(similarity=[2.0])},
        {b"near": row(answer=[-1])},
        {b"near": row(answer=[-7])},
        {b"near": row()[:-1] + b"\x07"},
        {b"meta": meta(learned(), truth=-1)},
        {b"meta": meta(learned(), truth=2**63)},
        {b"meta": meta(learned(), judged=False, wrong=True)},
    ],
)
def test_an_outcome_that_cannot_be_is_none(change: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError):
        wire.read({**wire.write(learned()), **change}, WIDTH, NOW)


_NAMES = st.sampled_from([b"kind", b"meta", b"vector", b"headers", b"body", b"near", b"by"])


@given(st.sampled_from([kept(), learned(), Purged(None, NOW + 9)]), st.dictionaries(_NAMES, st.binary(max_size=300)))
def test_whatever_bytes_come_are_a_record_or_none(record: Record, changes: dict[bytes, bytes]) -> None:
    try:
        found = wire.read({**wire.write(record), **changes}, WIDTH, NOW)
    except ValueError:
        return
    assert found.expires_at > NOW


def of_judge() -> Kept:
    policy = Policy(compare="judge", judge="jury", ttlSeconds=60)
    return replace(kept(), scope=SCOPE._replace(policy=policy), kind=2**62)


def test_what_a_judge_said_comes_with_an_answer() -> None:
    found = told(of_judge())
    assert isinstance(found, Kept)
    assert (found.kind, found.scope) == (2**62, of_judge().scope)


@pytest.mark.parametrize(
    "wrong", [replace(kept(), kind=7), replace(of_judge(), kind=None), replace(of_judge(), kind=-1)]
)
def test_a_kind_without_a_judge_or_none_with_one_is_no_entry(wrong: Kept) -> None:
    with pytest.raises(ValueError, match="kind|greater than"):
        wire.write(wrong)
    meta = orjson.loads(wire.write(of_judge())[b"meta"])
    said = {**meta, "policy": wrong.scope.policy.model_dump(mode="json"), "answerKind": wrong.kind}
    with pytest.raises(ValueError):
        wire.read({**wire.write(of_judge()), b"meta": orjson.dumps(said)}, WIDTH, NOW)
