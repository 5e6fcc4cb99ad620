"""ScalingPolicy: how much of a Model to run, and when."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.names import Name

MOST_REPLICAS = 10_000


class Signal(StrEnum):
    """What is watched of a Model."""

    CONCURRENCY = "concurrency"
    """Requests under way to a replica; what waits for one counts too."""
    QUEUE = "queue"
    """Requests that wait, for each replica."""
    CPU = "cpu"
    """Percent of the processor time that a replica reserves."""
    GPU = "gpu"
    """Percent of the time in which a replica's GPU works."""


DEMAND = frozenset({Signal.CONCURRENCY, Signal.QUEUE})
"""What callers make: the only signals that there are of a Model without a replica."""


class Target(Spec):
    """A signal, and how much of it one replica should have."""

    metric: Signal
    target: float = Field(gt=0, le=1_000_000)
    """Of `concurrency` and `queue` requests, of `cpu` and `gpu` percent."""

    @model_validator(mode="after")
    def _is_a_share(self) -> Self:
        if self.metric not in DEMAND and self.target > 100:
            raise ValueError(f"target: {self.metric.value!r} is in percent: write 100 or less")
        return self


_CRON_FIELD = r"[0-9A-Za-z*/,-]{1,40}"
Cron = Annotated[str, Field(pattern=rf"^{_CRON_FIELD}( {_CRON_FIELD}){{4}}$")]
"""Minute, hour, day of the month, month, day of the week: `0 8 * * 1-5`."""


TimeZone = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$")]
"""Of the IANA database: `Europe/Berlin`. Whether there is such a one, the cluster knows."""


class Window(Spec):
    """A time in which more than `min` run, whatever the signals say."""

    start: Cron
    end: Cron
    timezone: TimeZone = "UTC"
    """Whose clock `start` and `end` are read from."""
    min: int = Field(ge=1, le=MOST_REPLICAS)
    """At least so many replicas."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.start == self.end:
            raise ValueError("end: the window ends when it starts: write another end")
        return self


class ScalingPolicySpec(Spec):
    """What a ScalingPolicy says. It takes the place of its Model's `replicas`."""

    model: Name
    """A Model of the same namespace; at most one policy names it."""
    min: int = Field(default=1, ge=0, le=MOST_REPLICAS)
    """0: none while nobody asks, so that the first request waits for a start."""
    max: int = Field(ge=1, le=MOST_REPLICAS)
    signals: tuple[Target, ...] = Field(default=(), max_length=8)
    """Whichever asks for the most replicas decides."""
    schedule: tuple[Window, ...] = Field(default=(), max_length=16)
    cooldown_seconds: int = Field(default=300, ge=0, le=24 * 3600)
    """How long less must be asked for before fewer run. More start at once."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) must not be greater than max ({self.max})")
        for index, window in enumerate(self.schedule):
            if not self.min <= window.min <= self.max:
                raise ValueError(f"schedule[{index}].min ({window.min}) must lie between min and max")
        return self

    @model_validator(mode="after")
    def _has_a_reason_to_move(self) -> Self:
        metrics = [signal.metric for signal in self.signals]
        if not self.signals and not self.schedule:
            raise ValueError("at least one of signals and schedule must be given: nothing else changes the replicas")
        if len(set(metrics)) < len(metrics):
            raise ValueError("signals: two watch one metric: keep one")
        if self.min == 0 and DEMAND.isdisjoint(metrics):
            raise ValueError("min: 0 needs a signal 'concurrency' or 'queue': nothing else shows while nothing runs")
        return self
