"""Wire: what routers tell each other of the semantic cache, as fields of bytes. Pure.

What is read is untrusted, whoever wrote it: each field has its bounds, slots and answers are read anew from the texts
that they are of, and a record that is not whole is none.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.models import Tier
from control_plane.spec.routes import SemanticCache as Policy
from routers.cache import questions, slots
from routers.cache.answers import Meaning
from routers.cache.evidence import NEIGHBOURS, Neighbours
from routers.cache.exact import Answer
from routers.cache.learner import Outcome
from routers.cache.partitions import Scope
from routers.cache.questions import Owner
from routers.cache.slots import Slots
from routers.encoder import Vectors

Fields = dict[bytes, bytes]

MOST_ANSWER_BYTES = 64 * 1024
"""Of an answer that is shared; a larger one stays with its router."""
LEARNED_SECONDS = 7 * 24 * 3600.0
"""How long an outcome may lie in Redis. It says nothing of what was asked or answered."""
_MOST_META_BYTES = 16 * 1024
_HEADERS = re.compile(rb"(?:(?:content-type|content-encoding|x-tiermesh-confidence): [\x20-\x7e]{0,200}\r\n){0,3}")
_UNIT = 0.01
"""How far from 1 the length of a vector in half precision may be."""
_Name = Annotated[str, Field(max_length=512)]


@dataclass(frozen=True, slots=True)
class Kept:
    """A question and its answer."""

    scope: Scope
    question: str
    slots: Slots
    vector: Vectors
    text: str
    """What the answer says."""
    meaning: Meaning | None
    """Where the Route compares answers by it."""
    answer: Answer
    expires_at: float
    """In Unix seconds."""
    kind: int | None = None
    """The number of its answer, where a judge compares answers: nobody else could tell."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a request that explored has shown."""

    scope: Scope
    outcome: Outcome
    expires_at: float


@dataclass(frozen=True, slots=True)
class Purged:
    """A Route's answers are to be forgotten, or with None all."""

    route: str | None
    expires_at: float


Record = Kept | Learned | Purged


class _Scope(Spec):
    partition: str = Field(pattern=r"^[0-9a-f]{64}$")
    tenant: _Name
    route: _Name
    revision: _Name
    arm: _Name
    policy: Policy
    expires_at: float = Field(gt=0)

    @classmethod
    def fields_of(cls, scope: Scope, expires_at: float) -> dict[str, object]:
        return {
            "partition": scope.key.hex(),
            **scope.owner._asdict(),
            "policy": scope.policy.model_dump(),
            "expiresAt": expires_at,
        }

    @property
    def scope(self) -> Scope:
        owner = Owner(self.tenant, self.route, self.revision, self.arm)
        return Scope(bytes.fromhex(self.partition), owner, self.policy)

    def ends(self, now: float, seconds: float) -> float:
        return min(self.expires_at, now + seconds)


class _Kept(_Scope):
    question: str = Field(min_length=1, max_length=questions.MOST_CHARACTERS)
    model: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,200}$")
    tier: Tier
    score: float | None
    stream: bool
    answer_kind: int | None = Field(default=None, ge=0, lt=2**63, exclude_if=lambda number: number is None)

    @model_validator(mode="after")
    def _as_a_judge_said(self) -> Self:
        if (self.answer_kind is None) != (self.policy.judge is None):
            raise ValueError("a kind that no judge has said, or none")
        return self

    @classmethod
    def of(cls, kept: Kept) -> Self:
        answer = kept.answer
        said = {"question": kept.question, "model": answer.model, "tier": answer.tier.value, "score": answer.score}
        told = {**cls.fields_of(kept.scope, kept.expires_at), **said, "stream": answer.stream}
        told["answerKind"] = kept.kind
        return cls.model_validate(told)


class _Learned(_Scope):
    truth: int = Field(ge=0, lt=2**63)
    examines: bool
    judged: bool
    wrong: bool


class _Purged(Spec):
    route: _Name | None
    expires_at: float = Field(gt=0)


def write(record: Record) -> Fields:
    """As fields. Raises ValueError for what is too large to be shared."""
    if isinstance(record, Purged):
        purged = _Purged.model_validate({"route": record.route, "expiresAt": record.expires_at})
        return {b"kind": b"purged", b"meta": _dump(purged)}
    if isinstance(record, Learned):
        outcome = record.outcome
        said = {"truth": outcome.truth, "examines": outcome.examines, "judged": outcome.judged, "wrong": outcome.wrong}
        learned = _Learned.model_validate({**_Scope.fields_of(record.scope, record.expires_at), **said})
        return {b"kind": b"learned", b"meta": _dump(learned), b"near": _write_row(outcome.neighbours)}
    answer = record.answer
    if len(answer.body) > MOST_ANSWER_BYTES:
        raise ValueError("a large answer")
    given = {b"vector": _write_vector(record.vector), b"headers": answer.headers, b"body": answer.body}
    if record.meaning is not None:
        given[b"said"] = _write_vector(record.meaning.vector)
    return {b"kind": b"kept", b"meta": _dump(_Kept.of(record)), **given}


def read(fields: Fields, width: int, now: float) -> Record:
    """A record, with vectors of `width` numbers; `now` in Unix seconds.

    Raises ValueError for what is none, or too old.
    """
    meta = fields.get(b"meta", b"")
    if len(meta) > _MOST_META_BYTES:
        raise ValueError("too large")
    try:
        record = _record(fields, meta, width, now)
    except KeyError:
        raise ValueError("without a field") from None
    except ValidationError as error:
        raise ValueError(str(error)) from error
    if record.expires_at <= now:
        raise ValueError("too old")
    return record


def _record(fields: Fields, meta: bytes, width: int, now: float) -> Record:
    match fields[b"kind"]:
        case b"kept":
            return _read_kept(fields, meta, width, now)
        case b"learned":
            return _read_learned(fields, meta, now)
        case b"purged":
            told = _Purged.model_validate_json(meta)
            return Purged(told.route, min(told.expires_at, now + LEARNED_SECONDS))
    raise ValueError("of an unknown kind")


def _read_kept(fields: Fields, meta: bytes, width: int, now: float) -> Kept:
    told = _Kept.model_validate_json(meta)
    asked, headers, body = slots.read(told.question), fields[b"headers"], fields[b"body"]
    if asked is None or len(body) > MOST_ANSWER_BYTES or not _HEADERS.fullmatch(headers):
        raise ValueError("a question or an answer that cannot be")
    answer = Answer(headers, body, told.stream, told.model, told.tier, told.score)
    text = questions.text_of(answer)
    if text is None:
        raise ValueError("an answer that is for nobody else")
    ends = told.ends(now, told.policy.ttl_seconds)
    vector, meaning = _read_vector(fields[b"vector"], width), _meaning(fields.get(b"said"), text, width)
    return Kept(told.scope, told.question, asked, vector, text, meaning, answer, ends, told.answer_kind)


def _meaning(vector: bytes | None, text: str, width: int) -> Meaning | None:
    said = slots.read(text) if vector is not None else None
    return None if vector is None or said is None else Meaning(_read_vector(vector, width), said)


def _read_learned(fields: Fields, meta: bytes, now: float) -> Learned:
    told = _Learned.model_validate_json(meta)
    if told.wrong and not told.judged:
        raise ValueError("an error of nobody")
    outcome = Outcome(_read_row(fields[b"near"]), told.truth, told.examines, told.judged, told.wrong)
    return Learned(told.scope, outcome, told.ends(now, LEARNED_SECONDS))


def _write_row(row: Neighbours) -> bytes:
    near, answer, compatible = row.similarity[0], row.answer[0], row.compatible[0]
    return b"".join((near.astype("<f4").tobytes(), answer.astype("<i8").tobytes(), compatible.astype("<u1").tobytes()))


def _read_row(data: bytes) -> Neighbours:
    if len(data) != 13 * NEIGHBOURS:
        raise ValueError("neighbours of another number")
    near = np.frombuffer(data, "<f4", NEIGHBOURS).astype(np.float64)
    answer = np.frombuffer(data, "<i8", NEIGHBOURS, 4 * NEIGHBOURS).astype(np.int64)
    flags = np.frombuffer(data, "<u1", NEIGHBOURS, 12 * NEIGHBOURS)
    count = int((answer >= 0).sum())
    if not (np.abs(near) <= 1 + _UNIT).all() or (flags > 1).any():
        raise ValueError("neighbours that cannot be")
    if (answer[:count] < 0).any() or (answer[count:] != -1).any() or (np.diff(near[:count]) > 0).any():
        raise ValueError("neighbours in another order")
    return Neighbours(near[None, :], answer[None, :], flags.astype(np.bool_)[None, :])


def _write_vector(vector: Vectors) -> bytes:
    return vector.astype("<f2").tobytes()


def _read_vector(data: bytes, width: int) -> Vectors:
    if len(data) != 2 * width:
        raise ValueError("a vector of another width")
    vector = np.frombuffer(data, "<f2").astype(np.float32)
    length = float(np.linalg.norm(vector))
    if not abs(length - 1) <= _UNIT:
        raise ValueError("no unit vector")
    unit: Vectors = vector / np.float32(length)
    return unit


def _dump(told: Spec) -> bytes:
    return told.model_dump_json().encode()
