"""What is said of arms whose shares a bandit chose, over simulated experiments."""

import numpy as np
import pytest

from control_plane.stats import bandit
from control_plane.stats.comparison import contrast_of
from control_plane.stats.design import Design, Goal, Question, Role
from control_plane.stats.estimate import Estimate, Kind
from control_plane.stats.moments import Moments
from control_plane.stats.period import Period, Sample


def test_what_a_bandit_chose_does_not_bias_what_is_said_of_it() -> None:
    """Arms do not differ, and all get better day by day. Pooled, one that had less traffic later is to blame."""
    rng = np.random.default_rng(2)
    question = Question("thumbs", Kind.MEAN, Goal.INCREASE, Role.PRIMARY)
    design = Design(("a", "b"), (question,))
    pooled, corrected, held = [], [], 0
    for _ in range(200):
        periods: list[Period] = []
        totals = {"a": Moments(), "b": Moments()}
        shares = {"a": 0.5, "b": 0.5}
        for day in range(8):
            treated = rng.random(400) < shares["b"]
            values = rng.normal(0.3 * day, 1, 400)
            seen = {arm: Moments.from_arrays(values[treated == (arm == "b")]) for arm in "ab"}
            units = {arm: float(each.units) for arm, each in seen.items()}
            periods.append(Period(shares, units, {arm: {"thumbs": Sample(each)} for arm, each in seen.items()}))
            totals = {arm: totals[arm] + seen[arm] for arm in "ab"}
            known = {arm: Estimate.of(total, Kind.MEAN) for arm, total in totals.items()}
            shares = bandit.shares(known, Goal.INCREASE, 0.1)
        contrast = contrast_of(design, question, "b", periods)
        assert contrast is not None
        low, high = contrast.interval(0.05)
        held += low <= 0 <= high
        corrected.append(contrast.value)
        pooled.append(abs(float(known["b"].value - known["a"].value)))
    assert held >= 0.95 * 200
    assert np.mean(corrected) == pytest.approx(0, abs=0.02)
    assert np.mean(pooled) > 3 * np.mean(np.abs(corrected))
