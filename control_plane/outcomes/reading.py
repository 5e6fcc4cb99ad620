"""Reading: an arm's sums as the moments and histograms of metrics, in no time however many units there are."""

from collections.abc import Mapping

from control_plane.outcomes import measures
from control_plane.outcomes.arms import ArmSums
from control_plane.outcomes.measures import HITS, HITS_BEFORE, KNOWN, OWN, SPREAD, SUM, SUM_BEFORE, UNITS, Own
from control_plane.outcomes.roll import sums_of
from control_plane.spec.metrics import Kind, Measure, Measured, Metric, number_of
from control_plane.stats.histogram import Histogram
from control_plane.stats.moments import Moments
from control_plane.stats.period import Period, Sample
from control_plane.store import trial_arms, trials
from control_plane.store.database import Transaction
from control_plane.store.trials import Trial


class Reader:
    """Reads sums of one trial: it knows where its outcomes stand."""

    def __init__(self, trial: Trial) -> None:
        self._outcomes = trial.outcomes

    def sample(self, sums: ArmSums, metric: Metric) -> Sample:
        """What an arm knows of a metric."""
        y, d, x = self._places(metric)
        of = self._judged(metric, HITS) if metric.judge else UNITS
        # In the order of the fields of Moments.
        pairs = ((of, of), (of, y), (of, d), (of, x), (y, y), (d, d), (x, x), (y, d), (y, x), (d, x))
        return Sample(Moments(*(_entry(sums, *pair) for pair in pairs)), _histogram(sums, metric))

    def _places(self, metric: Metric) -> tuple[int | None, int | None, int | None]:
        """Where value, count and covariate are among the features; None is a value of 0."""
        if metric.judge is not None:
            return self._outcome(metric.marks, SUM), self._judged(metric, SUM), None
        ever = metric.kind is Kind.PROPORTION
        value, count = self._place(metric, ever), UNITS
        if metric.kind is Kind.QUANTILE:
            observed = KNOWN.get(OWN[metric.of], Own.REQUESTS)
            return value, measures.own_feature(observed), None
        before = self._outcome(metric.outcome, HITS_BEFORE if ever else SUM_BEFORE)
        if metric.kind is not Kind.RATIO:
            return value, count, before
        own = OWN.get(metric.of)
        if metric.over.of is Measured.REQUESTS and own in KNOWN:
            # What a Model did not say of a request is left out of both.
            return value, measures.own_feature(KNOWN[own]), before
        return value, self._place(metric.over, False), before

    def _place(self, measure: Measure, ever: bool) -> int | None:
        own = OWN.get(measure.of)
        if own is None:
            return self._outcome(measure.outcome, HITS if ever else SUM)
        return measures.ever_feature(own) if ever else measures.own_feature(own)

    def _judged(self, metric: Metric, what: int) -> int | None:
        """How many of a unit's answers have been marked, or whether any has: the others say nothing of the metric."""
        return self._outcome(number_of(metric.marks), what)

    def _outcome(self, name: str | None, what: int) -> int | None:
        if name is None or name not in self._outcomes:
            return None
        return measures.outcome_feature(self._outcomes.index(name), what)


def read(transaction: Transaction, key: str, metrics: Mapping[str, Metric]) -> list[Period]:
    """What is known of these metrics in the trial of this name that began last, by period and arm; empty where nothing
    is."""
    found = trials.of_key(transaction, key)
    if not found:
        return []
    trial = found[-1]
    reader, shares = Reader(trial), dict(trials.periods(transaction, trial.id))
    by_period: dict[int, dict[str, ArmSums]] = {since: {} for since in shares}
    for row in trial_arms.of_trial(transaction, trial.id):
        by_period.setdefault(row.period, {})[row.arm] = sums_of(row)
    return [
        Period(
            shares=shares.get(since, {}),
            units={arm: _entry(sums, UNITS, UNITS) for arm, sums in arms.items()},
            samples={
                arm: {name: reader.sample(sums, metric) for name, metric in metrics.items()}
                for arm, sums in arms.items()
            },
        )
        for since, arms in sorted(by_period.items())
    ]


def moved(transaction: Transaction, key: str) -> dict[str, int]:
    """Arm -> units of it that were seen in another arm later: their outcomes stay the first one's."""
    found: dict[str, int] = {}
    for trial in trials.of_key(transaction, key)[-1:]:
        for row in trial_arms.of_trial(transaction, trial.id):
            count = round(_entry(sums_of(row), UNITS, measures.MOVED))
            found[row.arm] = found.get(row.arm, 0) + count
    return found


def _entry(sums: ArmSums, row: int | None, column: int | None) -> float:
    # What no unit has had yet is not in the matrix.
    if row is None or column is None or max(row, column) >= len(sums.products):
        return 0.0
    return float(sums.products[row, column])


def _histogram(sums: ArmSums, metric: Metric) -> Histogram:
    if metric.kind is not Kind.QUANTILE:
        return Histogram()
    return Histogram(dict(measures.bins_of(sums.bins, SPREAD.index(metric.of))))
