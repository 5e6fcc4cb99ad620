"""A fitted model tells hard from easy, one at a time as many at once, and remembers the conversation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.learning.features import MEASURES, features
from routers.learning.fitting import LENGTH, NEAR, Penalty, estimates, fit
from routers.learning.gain import INHERITED, GainModel
from tests.unit.routers.learning.samples import questions


@pytest.fixture(scope="module")
def model() -> GainModel:
    data = questions()
    return fit(data.texts, data.pairs.gains, NEAR)


def test_hard_words_are_learnt(model: GainModel) -> None:
    assert model.gain(["prove w1 w2 w3 w4 w5 w6"]) > model.gain(["greet w1 w2 w3 w4 w5 w6"]) + 0.2


def test_one_at_a_time_is_as_many_at_once(model: GainModel) -> None:
    data = questions(40, seed=2)
    assert [model.of(features(prompt)) for prompt in data.pairs.prompts] == pytest.approx(
        estimates(model, data.texts).tolist()
    )


def test_the_mean_estimate_is_the_mean_gain() -> None:
    data = questions(2000)
    model = fit(data.texts, data.pairs.gains, Penalty())
    assert estimates(model, data.texts).mean() == pytest.approx(data.pairs.gains.mean(), abs=0.02)


def test_a_short_answer_to_a_hard_plan_stays_with_the_heavy_tier(model: GainModel) -> None:
    plan, yes = "prove w1 w2 w3 w4 w5 w6", "greet w1"
    assert model.gain([plan, yes]) == pytest.approx(INHERITED * model.gain([plan]))
    assert model.gain([yes, plan]) == model.gain([plan])


def test_without_worth_only_length_counts() -> None:
    data = questions()
    line = fit(data.texts, data.pairs.gains, LENGTH)
    assert not line.terms and [part.slope for part in line.lines[1:]] == [0] * (len(MEASURES) - 1)


def test_vectors_are_learnt_too() -> None:
    data = questions()
    hard = data.pairs.gains > 0
    vectors = np.where(hard[:, None], [1, 0], [0, 1]).astype(np.float32)
    texts = data.texts.__class__.of(data.pairs.prompts, vectors)
    model = fit(texts, data.pairs.gains, Penalty(measures=0, terms=0, embedding=1))
    assert model.gain(["w1"], [1.0, 0.0]) - model.gain(["w1"], [0.0, 1.0]) > 0.5


@given(st.text(max_size=400))
def test_any_text_has_features_and_an_estimate(model: GainModel, text: str) -> None:
    found = features(text)
    assert len(found.measures) == len(MEASURES)
    assert np.isfinite(model.gain([text]))


def test_chinese_is_told_apart_by_its_characters() -> None:
    assert {"证", "明", ("证", "明")} <= set(features("证明一下，3.5 吗？").terms())
    assert features("12 apples, 7 pears").words == ["00", "apples", "0", "pears"]
