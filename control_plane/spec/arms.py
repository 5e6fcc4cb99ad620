"""Arms: the ways in which an Experiment or a Rollout lets a Route answer, and the unit that is given one of them."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.prompts import RoutePrompt
from control_plane.spec.routes import Cache, Complexity, Tiers
from control_plane.spec.sampling import Sampling

UNIT_HEADER = "x-tiermesh-unit"
"""Where callers say whom a request is for, unless a document names another place."""
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})
"""What stands there is nobody's to write into documents or to tell units apart by."""
_FIELD_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,99}"


def _no_secret(name: str) -> str:
    if name in SECRET_HEADERS:
        raise ValueError(f"{name!r} holds a secret: write tenant: true, or name another header")
    return name


ArmName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
"""Lower case, digits and '-', at most 32 characters: it stands in a header of each answer."""
HeaderName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$"), AfterValidator(_no_secret)]
"""A request header, in lower case; over gRPC a key of the metadata."""
BodyField = Annotated[str, Field(pattern=rf"^{_FIELD_NAME}(\.{_FIELD_NAME}){{0,4}}$")]
"""A field of a request's JSON body, with dots into objects: `user`, `metadata.session_id`."""
UnitId = Annotated[str, Field(min_length=1, max_length=200)]
"""Whom or what a request is for, as its caller writes it."""
Salt = Annotated[str, Field(max_length=100, pattern=r"^[\x20-\x7e]*$")]
"""What makes one assignment independent of another."""
Percent = Annotated[float, Field(ge=0, le=100)]
Weight = Annotated[float, Field(ge=0, le=1e6)]


class Unit(Spec):
    """By what requests are told apart: all of one unit get the same arm. Exactly one place is named."""

    header: HeaderName | None = None
    field: BodyField | None = None
    """A text, or a whole number."""
    tenant: Literal[True] | None = None
    """The caller's Tenant, by its key."""
    request: Literal[True] | None = None
    """Each request by its id: nobody keeps an arm."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("must name exactly one of header, field, tenant and request")
        return self

    def __str__(self) -> str:
        """In words, as reasons write it."""
        if self.tenant or self.request:
            return "tenant" if self.tenant else "request"
        return f"header {self.header}" if self.header else f"field {self.field}"


BY_HEADER = Unit.model_validate({"header": UNIT_HEADER})
BY_REQUEST = Unit.model_validate({"request": True})


class Override(Spec):
    """What an arm does otherwise than its Route; what is left out stays the Route's."""

    prompt: RoutePrompt | None = None
    tiers: Tiers | None = None
    """All of the Route's Models but its fallbacks, an adapter as `MODEL:ADAPTER`."""
    sampling: Sampling | None = None
    complexity: Complexity | None = None
    """The score decides by this threshold, also where the Route has a router."""
    cache: Cache | None = None

    @model_validator(mode="after")
    def _no_router(self) -> Self:
        if self.complexity is not None and self.complexity.router is not None:
            raise ValueError("complexity.router: an arm has no router of its own; the Route names one, or none does")
        return self

    def says(self) -> Iterator[str]:
        """The fields that it overrides: `prompt`, `sampling.topP`."""
        for name in ("prompt", "tiers", "complexity", "cache"):
            if getattr(self, name) is not None:
                yield name
        if self.sampling is not None:
            yield from (f"sampling.{name}" for name in self.sampling.model_dump(exclude_none=True))


class Arm(Spec):
    """One way to answer."""

    name: ArmName
    weight: Weight = 1
    """Its share of the units is this of the sum of all weights. 0: nobody's but those who are forced into it."""
    override: Override = Override()
