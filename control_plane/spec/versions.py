"""Versions: what the model registry knows, in the shapes its API answers with and its client reads."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.gates import Gate
from control_plane.spec.uris import ModelSource, Sha256, reference

RegisteredName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A model's name in the registry."""


_RESERVED = "^([Ll][Aa][Tt][Ee][Ss][Tt]|[Vv][0-9]+)$"


def _not_reserved(alias: str) -> str:
    if re.fullmatch(_RESERVED, alias):
        raise ValueError(f"{alias!r} is reserved by MLflow: name a version, or an alias that somebody moves")
    return alias


AliasName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$", json_schema_extra={"not": {"pattern": _RESERVED}}),
    AfterValidator(_not_reserved),
]
"""A name for one version, which moves: `production`."""
VersionNumber = Annotated[int, Field(ge=1, lt=2**31)]
_Line = Annotated[str, Field(max_length=500)]


def _weights(source: str) -> str:
    if reference(source) or source.startswith("bundled://"):
        raise ValueError("must say where the weights are: hf://, file:// or https://")
    return source


Weights = Annotated[ModelSource, AfterValidator(_weights)]


class Lineage(Spec):
    """Where a version comes from."""

    base: _Line | None = None
    """The model that an adapter changes, or that was trained on: `models:/qwen/3`, `hf://Qwen/Qwen3-8B`."""
    parent: VersionNumber | None = None
    """The version of the same model that it was made from."""
    data: _Line | None = None
    """What it was trained on: a URI, or a name that the team knows."""
    commit: _Line | None = None
    """The code that made it."""


class Registration(Spec):
    """A version to be."""

    source: Weights
    """Where its weights are, for good: a registered version is never changed."""
    sha256: Sha256
    """As in a Model document: of the archive or manifest at a URL, of a folder's manifest otherwise."""
    description: Annotated[str, Field(max_length=5000)] = ""
    lineage: Lineage = Lineage()


class Counted(Spec):
    """How many of some questions were passed."""

    passed: int = Field(ge=0)
    asked: int = Field(ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _no_more_than_asked(self) -> Self:
        if self.passed > self.asked:
            raise ValueError(f"{self.passed} of {self.asked} cannot have been passed")
        return self


class Failure(Spec):
    """A question that was not passed."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    why: Annotated[str, Field(max_length=1000)]
    answer: Annotated[str, Field(max_length=2000)] = ""
    """How the answer began."""


class Result(Spec):
    """How weights did on an evaluation file."""

    sha256: Sha256
    """Of the weights."""
    evaluation: Sha256
    """Of the file with the questions."""
    against: Annotated[str, Field(max_length=500)]
    """Where the questions were asked."""
    verified: bool = False
    """Whether what answered there said that it has these weights."""
    all: Counted
    tags: dict[str, Counted] = Field(default_factory=dict, max_length=100)
    failures: tuple[Failure, ...] = Field(default=(), max_length=100)
    """The first of them."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not self.all.asked:
            raise ValueError("all.asked: nothing was asked")
        if any(counted.asked > self.all.asked for counted in self.tags.values()):
            raise ValueError("tags: more questions carry a tag than were asked")
        if len(self.failures) > self.all.asked - self.all.passed:
            raise ValueError("failures: more are named than there were")
        return self


class Evaluation(Result):
    """The same, as the registry keeps it."""

    by: str
    at: datetime


class Promotion(Spec):
    """That an alias came to stand for a version."""

    alias: str
    by: str
    """Who moved it."""
    approved_by: str | None = None
    """Who said that it may be moved, where that takes somebody else."""
    reason: str = ""
    at: datetime


class ModelVersion(Registration):
    """A version as the registry has it."""

    name: str
    version: int
    registered_by: str = ""
    created_at: datetime
    aliases: tuple[str, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    promotions: tuple[Promotion, ...] = ()

    @property
    def pinned(self) -> "PinnedModel":
        """What a Model that names this version serves."""
        return PinnedModel(name=self.name, version=self.version, source=self.source, sha256=self.sha256)


class RegisteredModel(Spec):
    """All versions under one name."""

    name: str
    aliases: dict[str, int] = Field(default_factory=dict)
    versions: tuple[ModelVersion, ...] = ()
    """Newest first."""


class Promoted(Spec):
    """What moving an alias did."""

    name: str
    alias: str
    version: int
    before: int | None
    """The version that it stood for; None where it was new."""
    gates: tuple[str, ...] = ()
    """The Models whose gates it passed; none where no Model has one."""
    snapshot: int | None
    """In force now."""
    published: bool
    rollouts: tuple[str, ...] = ()
    """What Rollouts make of it rather than that it holds at once, in words."""


class ModelView(RegisteredModel):
    """A registered model, and what its versions have to show."""

    gates: tuple["GateInForce", ...] = ()


class GateInForce(Gate):
    """A gate, and the Model document that has it."""

    model: str
    alias: str | None = None
    """The alias that the document follows; None where it names one version."""


class PinnedModel(Spec):
    """One immutable version of a model, by its content."""

    name: RegisteredName
    version: VersionNumber
    source: Weights
    sha256: Sha256


class PinnedWeights(PinnedModel):
    """The version that a Model serves, and how its document names it."""

    reference: str


ModelPins = Mapping[str, PinnedModel]
"""By reference, as documents write it: `models:/NAME@ALIAS` -> the version it stands for now."""
