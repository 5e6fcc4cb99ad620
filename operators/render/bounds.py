"""How many replicas: what a ScalingPolicy says, or the Model's own `replicas`."""

from dataclasses import dataclass

from control_plane.spec.documents import Model, ScalingPolicy
from control_plane.spec.scaling import Target, Window


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one Model."""

    min: int
    max: int
    signals: tuple[Target, ...] = ()
    schedule: tuple[Window, ...] = ()
    cooldown_seconds: int = 300

    @classmethod
    def of(cls, document: Model, policy: ScalingPolicy | None) -> "Bounds":
        """A policy takes the place of `replicas`."""
        if policy is None:
            return cls(document.spec.replicas.min, document.spec.replicas.max)
        spec = policy.spec
        return cls(spec.min, spec.max, spec.signals, spec.schedule, spec.cooldown_seconds)

    @property
    def moves(self) -> bool:
        """Whether there is anything to decide."""
        return self.max > self.min
