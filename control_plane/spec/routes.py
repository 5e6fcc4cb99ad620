"""Route: the name that callers use, and how its requests are answered."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.learned import RouterName
from control_plane.spec.names import Answering, CallersName, OutcomeName
from control_plane.spec.prompts import RoutePrompt
from control_plane.spec.resilience import Resilience
from control_plane.spec.sampling import Sampling

SCORE_THRESHOLD = 0.7
"""Where a Route says nothing else."""


class Tiers(Spec):
    """The Models of each tier, in the order in which they are tried; `MODEL:ADAPTER` for an adapter of one."""

    light: tuple[Answering, ...] = Field(default=(), max_length=32)
    heavy: tuple[Answering, ...] = Field(default=(), max_length=32)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.light and not self.heavy:
            raise ValueError("at least one of light and heavy must name a Model")
        names = self.light + self.heavy
        if len(set(names)) < len(names):
            raise ValueError("a Model may stand only once")
        return self


class Contract(Spec):
    """What is promised against sending all requests to the heavy tier, and how it is watched."""

    max_quality_loss: float = Field(default=0.02, gt=0, lt=1)
    """Quality that a request loses on average, at most; quality lies between 0 and 1."""
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    """How sure the bound is."""
    exploration: float = Field(default=0.02, ge=0, le=0.5)
    """The share of the requests whose tier is drawn by chance, each with 1/2: by what comes of them the contract is
    watched. 0 watches nothing."""
    outcome: OutcomeName = "quality"
    """As which callers report how good an answer was, from 0 to 1, with its request's id."""


class Complexity(Spec):
    """When a request is too hard for the light tier."""

    threshold: float | None = Field(default=None, ge=-1, le=1)
    """From here on, a request goes to the heavy tier at once: 0.7 of the score of `routers.complexity`, or, with a
    `router` and no contract, of the estimated gain."""
    router: RouterName | None = None
    """An artifact of `tiermesh router train`, by its name: its estimate takes the place of the score."""
    contract: Contract | None = None
    """By it the threshold is chosen, out of those that the artifact was shown to keep."""

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.router is None and self.contract is not None:
            raise ValueError("contract needs router: train one with 'tiermesh router train', or set threshold alone")
        if self.router is not None and (self.contract is None) == (self.threshold is None):
            raise ValueError("a router needs either contract, which chooses the threshold, or threshold: give one")
        if self.router is None and (self.threshold or 0) < 0:
            raise ValueError("threshold: a score is never below 0; only the estimates of a router are")
        return self

    @property
    def score_threshold(self) -> float:
        """Of the score, which decides where there is no router."""
        return SCORE_THRESHOLD if self.threshold is None else self.threshold


Promise = Annotated[str, Field(max_length=500)]
"""What is promised of a Route, in words that tell it from every other promise."""


def promise_of(route: str, complexity: Complexity) -> Promise | None:
    """What is promised of a Route, by its qualified name: another artifact or other terms are another promise, of which
    nothing is known yet. None where nothing is promised."""
    contract = complexity.contract
    if complexity.router is None or contract is None:
        return None
    terms = f"{contract.max_quality_loss:g} of {contract.outcome} at {contract.confidence:g}"
    return f"{route} by {complexity.router}: {terms}"


class ExactCache(Spec):
    """Whether the same question gets the same answer without asking a model again."""

    enabled: bool = True
    ttl_seconds: float = Field(default=300, gt=0, le=30 * 24 * 3600)
    """An answer older than this is asked for again."""


LEAST_SIMILARITY = 0.95


class SemanticCache(Spec):
    """What may be answered with the answer to another question that means the same."""

    max_error_rate: float = Field(default=0.01, gt=0, le=0.5)
    """Wrong hits among all requests, at most. In place of a similarity: which one is near enough, the cache learns."""
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    """How sure the bound is."""
    ttl_seconds: float = Field(default=24 * 3600, gt=0, le=30 * 24 * 3600)
    """An answer older than this is no longer given."""
    compare: Literal["equal", "embedding", "judge"] = "equal"
    """When two answers are the same: their texts are equal but for space; or their embeddings are at least
    `leastSimilarity` alike, and the same numbers, names and negations stand in both; or the `judge` says so."""
    least_similarity: float | None = Field(default=None, ge=0.5, le=1)
    """A cosine, for `compare: embedding` alone; 0.95 if you say nothing. docs/cache.md says what lies above it."""
    judge: Answering | None = Field(default=None, exclude_if=lambda name: name is None)
    """For `compare: judge` alone: a Model of the Route's namespace that says whether two answers say the same. It is
    asked about requests that explore, at most three times each, and nobody's budget pays for it."""

    @model_validator(mode="after")
    def _similarity_is_compared(self) -> Self:
        if self.least_similarity is not None and self.compare != "embedding":
            raise ValueError("leastSimilarity is for compare: embedding; remove one, or say the other")
        return self

    @model_validator(mode="after")
    def _judge_compares(self) -> Self:
        if (self.judge is None) == (self.compare == "judge"):
            raise ValueError("compare: judge needs judge, the name of a Model, and no other has it: give both or none")
        return self

    @property
    def same_from(self) -> float | None:
        """The similarity from which on answers are the same; None: it does not count."""
        if self.compare != "embedding":
            return None
        return LEAST_SIMILARITY if self.least_similarity is None else self.least_similarity


class Cache(Spec):
    """Cache policy."""

    exact: ExactCache = ExactCache()
    semantic: SemanticCache | None = None
    """None: only the same question gets the same answer."""

    @model_validator(mode="after")
    def _exact_first(self) -> Self:
        if self.semantic is not None and not self.exact.enabled:
            raise ValueError("semantic needs the exact cache, which is asked first: leave exact.enabled true")
        return self


class Holdout(Spec):
    """Units that none of the Route's Experiments takes, so that what all of them came to can be measured."""

    percent: float = Field(ge=0, le=100)
    salt: str = Field(default="", max_length=100, pattern=r"^[\x20-\x7e]*$")
    """Another salt holds out other units."""


class RouteSpec(Spec):
    """What a Route says."""

    model: CallersName | None = None
    """The `model` callers write; by default this document's name."""
    tiers: Tiers
    complexity: Complexity = Complexity()
    cache: Cache = Cache()
    resilience: Resilience = Resilience()
    prompt: RoutePrompt | None = None
    sampling: Sampling | None = None
    holdout: Holdout | None = None

    @model_validator(mode="after")
    def _its_own_namespace(self) -> Self:
        mirror, fallbacks = self.resilience.mirror, self.resilience.fallbacks
        for name in fallbacks + ((mirror.model,) if mirror else ()):
            if "/" in name:  # as compiled content may say, and documents may not
                raise ValueError(f"resilience names {name!r}: a Route names Models of its own namespace alone")
        return self

    @model_validator(mode="after")
    def _a_shadow_answers_nobody(self) -> Self:
        mirror, answering = self.resilience.mirror, self.tiers.light + self.tiers.heavy + self.resilience.fallbacks
        if mirror and mirror.model in answering:
            raise ValueError("resilience.mirror.model: a Model that answers cannot be the shadow too: name another")
        return self
