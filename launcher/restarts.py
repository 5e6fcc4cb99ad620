"""When a process that died is started again: pure."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Restarts:
    """The history of one process, as far as it decides about the next start."""

    total: int = 0
    quick_deaths: int = 0
    """Deaths in a row that each came soon after a start."""

    def died(self, lived_seconds: float) -> Self:
        """The history after one more death. A life of at least a minute forgives the deaths before it."""
        quick = 1 if lived_seconds >= FORGIVEN_AFTER_SECONDS else self.quick_deaths + 1
        return replace(self, total=self.total + 1, quick_deaths=quick)

    @property
    def hopeless(self) -> bool:
        """Whether another start would end like the last ones."""
        return self.quick_deaths > MOST_QUICK_DEATHS

    @property
    def wait_seconds(self) -> float:
        """How long to wait before the next start: at once after a first death, then twice as long each time."""
        return 0.0 if self.quick_deaths <= 1 else min(0.5 * 2.0 ** (self.quick_deaths - 2), LONGEST_WAIT_SECONDS)


FORGIVEN_AFTER_SECONDS = 60.0
MOST_QUICK_DEATHS = 5
LONGEST_WAIT_SECONDS = 10.0
