"""Watched: what is known in service of what Routes promise."""

from enum import StrEnum

from pydantic import Field

from control_plane.spec.base import Spec
from control_plane.spec.names import QualifiedName
from control_plane.spec.routes import Promise


class PromiseState(StrEnum):
    """What reports show of a promise, with its confidence, however often one looks."""

    UNSURE = "unsure"
    """Neither of the others, so far."""
    SHOWN = "shown"
    """No more is lost than was promised."""
    BROKEN = "broken"
    """More is: the Route goes to the heavy tier."""


class Bounds(Spec):
    """An estimate with its 95% interval, which holds at all times at once."""

    value: float
    low: float
    high: float


class PromiseStatus(Spec):
    """One promise."""

    route: QualifiedName
    promise: Promise
    current: bool
    """Whether the Route promises it; of what it promised before, all that was known is kept."""
    state: PromiseState
    seen: int = Field(ge=0)
    """Requests that explored, and of which it was reported how good the answer was."""
    below: int = Field(ge=0)
    """Of these, those that would have gone to the light tier."""
    loss: Bounds
    """Of quality a request, against sending all to the heavy tier; doubly robust."""
    by_propensity: Bounds
    """The same by inverse propensities alone."""
