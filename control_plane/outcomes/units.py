"""Unit: whom requests were for, in one trial: its arm, and what it has brought so far."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from control_plane.outcomes.measures import HITS, HITS_BEFORE, SUM, SUM_BEFORE, Own, code_of, outcome_place
from control_plane.spec.events import Exposure
from control_plane.stats.histogram import bin_of

PICODOLLARS = 1e12
"""Of a dollar."""


class First(NamedTuple):
    """A unit's first request, by the clock of its router; of two at one moment the same one, whichever comes first."""

    at: int
    arm: str
    snapshot: int


class Place(NamedTuple):
    """Where a unit counts."""

    trial: int
    period: int
    arm: str


@dataclass(slots=True)
class Unit:
    """One unit in one trial. Its first arm keeps all that it brings, whatever arm it has later (intention to treat)."""

    unit: int
    trial: int
    first: First | None = None
    """None while it is only known to be left out."""
    period: int = 0
    moved: bool = False
    """It was seen in another arm, too."""
    forced: bool = False
    """A tester: counts nowhere, from the first request on."""
    sums: list[float] = field(default_factory=lambda: [0.0] * len(Own))
    bins: dict[int, int] = field(default_factory=dict)
    """How often each bin came, as it is kept."""
    added: Counter[int] = field(default_factory=Counter)
    """And since."""

    @property
    def place(self) -> Place | None:
        """Where it counts; None where it does not."""
        if self.first is None or self.forced:
            return None
        return Place(self.trial, self.period, self.first.arm)

    def force(self) -> None:
        """Leave it out."""
        self.forced = True

    def meet(self, first: First, period: int) -> bool:
        """It had an arm. Whether that is its first request, as far as is known."""
        known = self.first
        if known is not None:
            self.moved = self.moved or known.arm != first.arm
            if known <= first:
                return False
        self.first, self.period = first, period
        return True

    def ask(self, numbers: Iterable[tuple[Own, float]], codes: Iterable[int]) -> None:
        """Count a request: what `measured` made of it."""
        for own, value in numbers:
            self.sums[own] += value
        self.added.update(codes)

    def report(self, index: int, at: int | None, value: float) -> None:
        """Count a value of the outcome at `index`; `at` is None where it is about a request of the trial."""
        before = at is not None and self.first is not None and at < self.first.at
        self._add(index, SUM_BEFORE if before else SUM, value)

    def redate(self, index: int, value: float) -> None:
        """A value that was taken for one of before counts, since the first request was earlier than it was thought."""
        self._add(index, SUM_BEFORE, value, -1)
        self._add(index, SUM, value)

    def _add(self, index: int, what: int, value: float, times: int = 1) -> None:
        missing = outcome_place(index + 1, 0) - len(self.sums)
        self.sums.extend([0.0] * missing)
        self.sums[outcome_place(index, what)] += times * value
        hits = HITS_BEFORE if what == SUM_BEFORE else HITS
        self.sums[outcome_place(index, hits)] += times * (value != 0)


def measured(exposure: Exposure) -> tuple[list[tuple[Own, float]], list[int]]:
    """A request's numbers, and the codes of its bins; what is not known adds nothing."""
    tokens = exposure.input_tokens, exposure.output_tokens
    spread = (
        exposure.seconds,
        exposure.first_token_seconds,
        None if tokens == (None, None) else float(sum(each or 0 for each in tokens)),
        None if exposure.picodollars is None else exposure.picodollars / PICODOLLARS,
    )
    numbers = [(Own.REQUESTS, 1.0)]
    flags = (Own.ERRORS, exposure.failed), (Own.FALLBACKS, exposure.fallback), (Own.CACHE_HITS, exposure.cache_hit)
    numbers += [(own, 1.0) for own, set_ in flags if set_]
    codes = []
    for index, (own, known, value) in enumerate(zip(_SPREAD, _KNOWN, spread, strict=True)):
        if value is not None:
            numbers.append((own, value))
            if known is not None:
                numbers.append((known, 1.0))
            codes.append(code_of(index, bin_of(value)))
    return numbers, codes


_SPREAD = (Own.LATENCY, Own.FIRST_TOKEN, Own.TOKENS, Own.COST)
_KNOWN = (None, Own.WITH_FIRST_TOKEN, Own.WITH_TOKENS, Own.WITH_COST)
