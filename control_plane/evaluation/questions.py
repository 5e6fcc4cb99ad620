"""Questions: an evaluation file, read. Pure: bytes in, questions out."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.documents import field_errors
from control_plane.spec.errors import Code, FieldError, TiermeshError

MOST_BYTES = 8 * 2**20
_MOST_YAML_BYTES = 2**19
"""YAML takes PyYAML 10 s a megabyte; JSON lines take none to speak of."""
MOST_QUESTIONS = 10_000
_MOST_FLOW_LEVELS = 64

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Served = Annotated[str, Field(min_length=1, max_length=200)]
"""The `model` that a request names: a Route of the mesh, or a Model."""


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return value


class Similarity(Spec):
    """The answer means what one of these texts means: the cosine of their embeddings says so."""

    to: tuple[Text, ...] = Field(min_length=1, max_length=20)
    at_least: float = Field(gt=-1, le=1)
    """Thresholds do not carry from one embedding model to another."""
    by: Served
    """Who embeds: something of operation embeddings."""


class Judged(Spec):
    """Another model says whether the answer is good."""

    rubric: Annotated[str, Field(min_length=1, max_length=4000)]
    """What a good answer does."""
    by: Served
    """Who judges."""


class Expectation(Spec):
    """What an answer has to be: exactly one of these."""

    exact: Text | None = None
    """This text; runs of white space count as one space."""
    regex: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_pattern)] | None = None
    """Somewhere in it, this regular expression of Python's."""
    similarity: Similarity | None = None
    judged: Judged | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.exact, self.regex, self.similarity, self.judged)) != 1:
            raise ValueError("exactly one of exact, regex, similarity and judged must be given")
        return self


class Turn(Spec):
    """One message of a longer chat."""

    role: Literal["system", "user", "assistant"]
    content: Text


class Question(Spec):
    """What is asked, and what is expected."""

    id: Annotated[str, Field(pattern=r"^[\w][\w .:/-]{0,199}$")]
    """By which results name it."""
    ask: Text | None = None
    """One message of the user; or `messages`."""
    messages: tuple[Turn, ...] | None = Field(default=None, min_length=1, max_length=64)
    expect: Expectation
    tags: tuple[Annotated[str, Field(pattern=r"^[\w-]{1,50}$")], ...] = Field(default=(), max_length=20)
    """Thresholds may be set for a tag."""
    max_tokens: int = Field(default=256, ge=1, le=32_768)

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if (self.ask is None) == (self.messages is None):
            raise ValueError("exactly one of ask and messages must be given")
        return self

    @property
    def chat(self) -> list[dict[str, str]]:
        """The messages, as the OpenAI API takes them."""
        turns = self.messages or (Turn.model_construct(role="user", content=self.ask or ""),)
        return [{"role": turn.role, "content": turn.content} for turn in turns]


@dataclass(frozen=True, slots=True)
class Questions:
    """A file's questions, and the checksum of its bytes."""

    items: tuple[Question, ...]
    sha256: str


def read(content: bytes, name: str) -> Questions:
    """The questions of a file: JSON lines where `name` ends in `.jsonl`, else a YAML list.

    Raises TiermeshError(INVALID_REQUEST) that names the question and the field.
    """
    lines = name.endswith(".jsonl")
    if len(content) > (MOST_BYTES if lines else _MOST_YAML_BYTES):
        raise _wrong(name, f"it has {len(content)} bytes", "Write it as JSON lines (.jsonl), which may have 8 MiB.")
    items = tuple(_json_lines(content, name) if lines else _yaml(content, name))
    if not 0 < len(items) <= MOST_QUESTIONS:
        raise _wrong(name, f"it holds {len(items)} questions", f"Write 1 to {MOST_QUESTIONS}.")
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise _wrong(name, f"two questions have the id {item.id!r}", "Give each its own.")
        seen.add(item.id)
    return Questions(items, hashlib.sha256(content).hexdigest())


def _json_lines(content: bytes, name: str) -> Iterator[Question]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield Question.model_validate_json(line)
            except ValidationError as error:
                raise _invalid(name, f"line {number}", error) from error


def _yaml(content: bytes, name: str) -> Iterator[Question]:
    try:
        value: Any = yaml.load(content.decode(), _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _wrong(name, f"it is not YAML: {' '.join(str(error).split())[:300]}", "Correct it there.") from error
    if not isinstance(value, list):
        raise _wrong(name, "it is no list", "Write a list: - id: …, ask: …, expect: …")
    for number, item in enumerate(value):
        try:
            yield Question.model_validate(item)
        except ValidationError as error:
            raise _invalid(name, f"question {number + 1}", error) from error


class _Loader(yaml.SafeLoader):
    """Without what lets a small file take very long: aliases, which can stand in each other, and deep brackets."""

    def fetch_alias(self) -> None:
        raise yaml.scanner.ScannerError(None, None, "aliases are not taken: write it out", self.get_mark())

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        if self.flow_level >= _MOST_FLOW_LEVELS:
            raise yaml.scanner.ScannerError(None, None, "brackets nest too deep", self.get_mark())
        super().fetch_flow_collection_start(TokenClass)


def _invalid(name: str, where: str, error: ValidationError) -> TiermeshError:
    wrong = field_errors(error)
    errors = tuple(FieldError(f"{where}: {each.field}", each.message) for each in wrong)
    message = f"The evaluation {name!r} cannot be used: {where}: {wrong[0].field}: {wrong[0].message}."
    return TiermeshError(Code.INVALID_REQUEST, message, "Correct the fields named in errors.", errors=errors)


def _wrong(name: str, why: str, cure: str) -> TiermeshError:
    return TiermeshError(Code.INVALID_REQUEST, f"The evaluation {name!r} cannot be used: {why}.", cure)
