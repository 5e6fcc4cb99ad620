"""Analyse: from a design and sufficient statistics to all that an experiment or rollout has shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.stats import words
from control_plane.stats.comparison import Comparison, compare
from control_plane.stats.design import Design
from control_plane.stats.mismatch import Mismatch
from control_plane.stats.period import Period
from control_plane.stats.verdict import Verdict, decide


@dataclass(frozen=True, slots=True)
class Analysis:
    """May be made and acted on at any time, as often as one likes: that is what its error probabilities allow for."""

    comparisons: tuple[Comparison, ...]
    """In the design's order of metrics, then arms. One that an arm has nothing of is not there."""
    mismatch: Mismatch
    verdict: Verdict
    words: str
    """The verdict in one sentence."""
    units: float
    seconds: float

    def of(self, metric: str, arm: str) -> Comparison:
        """One comparison. Raises KeyError where there is none yet."""
        for each in self.comparisons:
            if (each.question.metric, each.arm) == (metric, arm):
                return each
        raise KeyError(f"Nothing is known of {metric} in {arm}.")


def analyse(design: Design, periods: Sequence[Period], seconds: float) -> Analysis:
    """`seconds` have passed since the start. Takes milliseconds, however many units there are."""
    comparisons = compare(design, periods)
    mismatch = Mismatch.of(design.arms, periods)
    units = sum(mismatch.seen.values())
    verdict = decide(design, comparisons, mismatch.p, units, seconds)
    said = words.sentence(design, verdict, mismatch)
    return Analysis(tuple(comparisons), mismatch, verdict, said, units, seconds)
