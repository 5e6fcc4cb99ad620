"""Snapshot: what is in force. Compiled, immutable, numbered, hash-addressed; all that a router needs."""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, field_serializer, model_validator

from control_plane.spec.arms import ArmName, Unit
from control_plane.spec.base import Spec
from control_plane.spec.experiments import Targeting
from control_plane.spec.learned import RouterName
from control_plane.spec.metrics import Marks
from control_plane.spec.models import KeyVariable, Modality, Operation, Protocol, Tier
from control_plane.spec.names import CallersName, QualifiedName, named_by
from control_plane.spec.prompts import CompiledPrompt
from control_plane.spec.resilience import Resilience
from control_plane.spec.routes import Cache, Contract, Promise, SemanticCache
from control_plane.spec.sampling import Sampling
from control_plane.spec.tenants import Key, Quotas
from control_plane.spec.uris import HttpUrl
from control_plane.spec.versions import PinnedWeights

SCHEMA_VERSION = 7
"""Routers accept this and the one before it, so that a rolling upgrade works: routers go first."""


_COMPARED: dict[str, Any] = {"semantic": {"compare": True, "least_similarity": True}}
_ARMS: dict[str, Any] = {"__all__": {"arms": {"__all__": {"cache": _COMPARED}}}}
_ADDED: dict[str, Any] = {"routes": {"__all__": {"router": True, "trials": _ARMS, **_COMPARED}}}
"""What this schema says beyond the one before."""


class CompiledPrice(Spec):
    """A Model's price in whole numbers, and what bounds the tokens of one request to it."""

    input_picodollars_per_token: int = 0
    """$1 for a million tokens makes a million of them."""
    output_picodollars_per_token: int = 0
    output_tokens: int = 1024
    """Of an answer, where the request does not say."""
    context_tokens: int | None = None
    """Of prompt and answer together; None where it is not known."""
    added_tokens: int = 0
    """Most that the Model adds to a prompt by itself: its system prompt, and the passages it finds."""


class Backend(Spec):
    """A Model as a router sees it."""

    name: QualifiedName
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$")
    """With its base's before it, where it is an adapter."""
    tier: Tier
    protocol: Protocol
    urls: tuple[HttpUrl, ...] = Field(min_length=1)
    """As the Model's: each a replica."""
    served_name: str
    operations: frozenset[Operation]
    modalities: frozenset[Modality]
    api_key_from_env: KeyVariable | None = None
    price: CompiledPrice = CompiledPrice()
    weights: PinnedWeights | None = None
    """The version of the model registry that answers; None where its document names none. Routers need it not: it is
    kept for whoever asks what was in force."""

    @model_validator(mode="before")
    @classmethod
    def _from_schema_1(cls, value: Any) -> Any:
        """Databases keep snapshots of schema 1, which knows one `url`, the OpenAI API and text."""
        if not isinstance(value, dict) or "url" not in value:
            return value
        rest = {name: each for name, each in value.items() if name != "url"}
        return {"protocol": Protocol.OPENAI, "modalities": [Modality.TEXT], "urls": [value["url"]], **rest}

    @field_serializer("operations", "modalities")
    def _in_order(self, values: frozenset[str]) -> list[str]:
        return sorted(values)  # a set's order differs between processes


class CompiledArm(Spec):
    """An arm as a router sees it: what is None is as the Route says."""

    name: ArmName
    weight: float = Field(ge=0)
    """In force: of this and the others' sum."""
    revision: str = Field(pattern=r"^[0-9a-f]{0,12}$")
    """Changes exactly when what it does otherwise may give other answers; empty where it does nothing otherwise."""
    light: tuple[str, ...] | None = None
    heavy: tuple[str, ...] | None = None
    threshold: float | None = None
    cache: Cache | None = None
    sampling: Sampling | None = None
    prompt: CompiledPrompt | None = None


class CompiledJudge(Spec):
    """A judged metric as a router sees it."""

    marks: Marks
    """The outcome as which it reports them."""
    model: QualifiedName
    rubric: str
    share: float = Field(ge=0, le=1)
    """Of the answers."""
    constrained: bool = False


class CompiledTrial(Spec):
    """An Experiment or a Rollout that assigns units, as a router sees it."""

    kind: Literal["Experiment", "Rollout"]
    name: QualifiedName
    unit: Unit
    salt: str
    """Deals out arms."""
    layer: str
    """Deals out segments: a salt that all of one layer have."""
    begin: float = Field(ge=0, le=1)
    """Its segment of the layer, from here on and below `end`."""
    end: float = Field(ge=0, le=1)
    holdout: str = ""
    """Deals out the units that no Experiment of the Route takes."""
    held_out: float = Field(default=0, ge=0, le=1)
    """Their share."""
    targeting: Targeting = Targeting()
    """Tenants by their qualified names."""
    forced: dict[str, ArmName] = Field(default_factory=dict)
    """Unit, as events name it -> its arm, whatever else holds."""
    arms: tuple[CompiledArm, ...] = Field(min_length=2)
    """The first is the control."""
    mirror: float = Field(default=0, ge=0, le=1)
    """The share of the control's requests of which the last arm sees a copy."""
    judges: tuple[CompiledJudge, ...] = ()

    @property
    def key(self) -> str:
        """By which it is known outside: `Experiment/shop`."""
        return f"{self.kind}/{self.name}"


class CompiledRouter(Spec):
    """A Route's learned router as a router sees it."""

    artifact: RouterName
    threshold: float | None
    """Requests of an estimate below it go to the light tier; None: none of them."""
    contract: Contract | None = None
    """By which the threshold was chosen."""
    promise: Promise | None = None
    """What is promised of the Route; None where nothing is."""
    broken: bool = False
    """The contract can no longer be believed: all requests go to the heavy tier but those that explore."""


class CompiledRoute(Spec):
    """A Route as a router sees it."""

    name: QualifiedName
    model: CallersName
    """The `model` that callers write."""
    revision: str = Field(pattern=r"^[0-9a-f]{0,12}$")
    """Changes exactly when the answers may: the first 12 hex digits of a sha256 over the Route and its Models."""
    light: tuple[str, ...]
    heavy: tuple[str, ...]
    threshold: float
    """Of the score, where there is no `router`."""
    router: CompiledRouter | None = None
    cache_ttl_seconds: float | None
    """None: no exact cache."""
    semantic: SemanticCache | None = None
    deadline_seconds: float
    resilience: Resilience = Resilience()
    prompt: CompiledPrompt | None = None
    sampling: Sampling | None = None
    trials: tuple[CompiledTrial, ...] = ()
    """What assigns arms to its requests, by kind and name. Its own revision does not depend on them."""

    @property
    def referees(self) -> frozenset[str]:
        """The Models that compare its answers for the semantic cache, in any arm, by qualified name."""
        caches = (arm.cache.semantic for trial in self.trials for arm in trial.arms if arm.cache)
        judges = (policy.judge for policy in (self.semantic, *caches) if policy)
        return frozenset(named_by(self.name, judge) for judge in judges if judge)


class CompiledTenant(Spec):
    """A Tenant as a router sees it."""

    name: QualifiedName
    keys: tuple[Key, ...]
    routes: tuple[str, ...] | None
    """None: all of them."""
    priority: int
    weight: float
    quotas: Quotas


class Content(Spec):
    """The part of a snapshot that decides: equal contents have equal hashes."""

    routes: tuple[CompiledRoute, ...] = ()
    backends: tuple[Backend, ...] = ()
    tenants: tuple[CompiledTenant, ...] = ()
    """None at all: whoever reaches the mesh may use it."""


class Snapshot(Spec):
    """Content with its number and provenance."""

    schema_version: int = SCHEMA_VERSION
    number: int = Field(ge=1)
    parent: int | None = None
    sha256: str
    author: str
    reason: str
    created_at: datetime
    content: Content

    @property
    def has_its_hash(self) -> bool:
        """Whether the content is what was published, in the form of its schema."""
        if self.schema_version == SCHEMA_VERSION - 1:
            before = self.content.model_dump(mode="json", exclude=_ADDED)
            return hashlib.sha256(canonical(before)).hexdigest() == self.sha256
        return digest(self.content) == self.sha256


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(part: Spec) -> str:
    """sha256 of the part's canonical JSON, in hex."""
    return hashlib.sha256(canonical(part.model_dump(mode="json"))).hexdigest()
