import json
import math

import numpy as np
import pytest

from benchmarks import statistics
from benchmarks.trials import fallbacks, large, peeking, regressions
from control_plane.stats import quantiles
from control_plane.stats.analyse import analyse
from control_plane.stats.design import Design
from control_plane.stats.histogram import GROWTH, Histogram
from control_plane.stats.quantiles import Evidence, Quantiles


def test_the_report_has_a_row_for_each_claim_and_fails_where_one_is_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(statistics, "QUICK_RUNS", 4)
    monkeypatch.setattr(large, "UNITS", 200_000)
    code = statistics.main(["--quick", "--json"])
    bars = {bar["what"]: bar for bar in json.loads(capsys.readouterr().out)["bars"]}
    limited = [what for what, bar in bars.items() if bar["limit"] is not None]
    assert len([what for what in limited if what.startswith("false verdicts")]) == 9
    assert len([what for what in limited if "median units exposed" in what]) == 3
    assert any("5 arms, 8 metrics" in what for what in limited)
    assert code == (0 if all(bar["holds"] for bar in bars.values()) else 1)


def test_peeking_shows_what_it_is_there_to_show() -> None:
    """In 40 runs, of which two may be false: the fixed test is wrong in many more, once it may look at any time."""
    world = peeking.worlds()[0]
    found = peeking.peek(world, 40, seed=1)
    assert found.anytime[-1] <= 0.1 < 0.25 < found.fixed[-1]
    assert list(found.fixed) == sorted(found.fixed) and len(found.anytime) == peeking.PEEKS
    assert peeking.peek(world, 40, seed=1) == found, "seeded"
    assert peeking.limit(0.05, 2000) == pytest.approx(0.05 + 2 * 0.00487, abs=1e-4)


@pytest.mark.parametrize("times", [1.0, 1.1, 0.9])
def test_the_simulated_quantiles_are_judged_as_real_ones_are(times: float) -> None:
    rng = np.random.default_rng(2)
    values = rng.lognormal(0, 0.5, (3, peeking.UNITS))
    treated = rng.random(values.shape) < 0.5
    values = np.where(treated, times * values, values)
    bins = np.ceil(np.log(values) / np.log(GROWTH) - 1e-9).astype(np.int64)
    first, size = int(bins.min()), int(np.ptp(bins)) + 1
    control, after = (peeking.below(bins - first, chosen, size) for chosen in (~treated, treated))
    needed = -math.log(0.05 / 2)
    for run, look in ((0, 199), (1, 60), (2, 20)):
        seen = slice(0, (look + 1) * peeking.EVERY)
        histograms = [Histogram.from_array(values[run, seen][chosen[run, seen]]) for chosen in (~treated, treated)]
        before, later = (Evidence.of(histogram, 0.95, 2500.0) for histogram in histograms)
        estimates = [quantiles.estimate(histogram, 0.95) for histogram in histograms]
        real = Quantiles(estimates[0], estimates[1], before=before, after=later)
        found = peeking.differ(control[run, [look]], after[run, [look]], 0.95, 5000.0, 0.5, needed)
        assert found[0] == (max(real.log_e_above(), real.log_e_below()) >= needed)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_threshold_is_as_often_false_as_it_may_be_and_fails_a_worse_candidate_more(number: int) -> None:
    regression = regressions.regressions()[number]
    for rule in regressions._thresholds(regression, 0.05):
        assert rule.false_rollbacks() == pytest.approx(0.05, abs=1e-4)
        assert rule.fails_worse > rule.fails_fine
        assert rule.false_rollbacks(10) > 0.5


def test_a_thresholds_median_is_that_of_simulated_rollouts() -> None:
    rule = regressions._of_counts(0.01, 0.015)(500, 0.02)
    rng = np.random.default_rng(3)
    failed = (rng.random((4000, 400)) < rule.fails_worse).cumsum(axis=1) >= regressions.FAILED_CHECKS
    assert rule.median_exposed == np.median(failed.argmax(axis=1) + 1) * 500
    # Between two whole numbers of errors, as often as it may.
    errors = rng.binomial(500, 0.01, 400_000)
    count = int(np.quantile(errors, 0.98))
    assert (errors > count).mean() <= 0.02 <= (errors >= count).mean()


def test_a_worse_candidate_is_caught_and_a_fine_one_is_not() -> None:
    for regression in regressions.regressions():
        rng = np.random.default_rng(4)
        assert regression.decides(rng, 6, True).any(axis=1).mean() > 0.5
        assert not regression.decides(rng, 6, False).any()


def test_the_truth_of_the_fallbacks_is_what_assignment_changes() -> None:
    tenth = sum(part * fallbacks.FALLS_BACK[hard] for hard, part in ((True, fallbacks.HARD), (False, 0.8)))
    assert tenth == pytest.approx(0.1)
    assert fallbacks.truth() == pytest.approx(0.06 * 0.9)
    found = fallbacks.measure(60, seed=5)
    assert found.anytime >= 0.95 and found.fixed > 0.85 > found.answered


def test_a_large_experiment_is_what_it_says() -> None:
    seen = large.period(10_000, seed=1)
    analysis = analyse(Design(large.ARMS, large.QUESTIONS), [seen], 60)
    assert len(analysis.comparisons) == 8 * 4
    assert analysis.units == 10_000
