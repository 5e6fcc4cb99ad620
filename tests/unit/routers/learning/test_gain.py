"""A fitted model tells hard from easy, one at a time as many at once, and remembers the conversation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.learning.design import Texts
from routers.learning.features import CARRIED, MEASURES, features
from routers.learning.fitting import FAR, NEAR, Penalty, estimates, fit
from routers.learning.gain import INHERITED, GainModel
from routers.learning.pairs import Pairs
from tests.unit.routers.learning.samples import questions

_ALIKE = "Which?\nA. wrong\nB. wrong, not\nC. not"
_APART = "How many?\nA. 1000 of it\nB. 2000 of it, or more"


@pytest.fixture(scope="module")
def model() -> GainModel:
    data = questions()
    return fit(data.texts, data.pairs, NEAR)


def test_hard_words_are_learnt(model: GainModel) -> None:
    assert model.gain(["prove w1 w2 w3 w4 w5 w6"]) > model.gain(["greet w1 w2 w3 w4 w5 w6"]) + 0.2


def test_one_at_a_time_is_as_many_at_once(model: GainModel) -> None:
    data = questions(40, seed=2)
    assert [model.of(features(prompt)) for prompt in data.pairs.prompts] == pytest.approx(
        estimates(model, data.texts).tolist()
    )


def test_the_mean_estimate_is_the_mean_gain() -> None:
    data = questions(2000)
    model = fit(data.texts, data.pairs, Penalty())
    assert estimates(model, data.texts).mean() == pytest.approx(data.pairs.gains.mean(), abs=0.02)


def test_a_short_answer_to_a_hard_plan_stays_with_the_heavy_tier(model: GainModel) -> None:
    plan, yes = "prove w1 w2 w3 w4 w5 w6", "greet w1"
    assert model.gain([plan, yes]) == pytest.approx(INHERITED * model.gain([plan]))
    assert model.gain([yes, plan]) == model.gain([plan])


def test_of_what_comes_from_elsewhere_most_is_one_difficulty_of_both_tiers() -> None:
    data = questions()
    model = fit(data.texts, data.pairs, FAR)
    light, heavy = model.light, model.heavy
    assert not (light.terms or heavy.terms or light.embedding or heavy.embedding)
    of_light, of_heavy = (np.array(odds.slopes[CARRIED:]) for odds in (light, heavy))
    steeper = np.abs(of_heavy).max() / np.abs(of_light).max()
    assert of_heavy == pytest.approx(steeper * of_light) and steeper > 1


def test_of_what_comes_from_elsewhere_neither_the_easy_nor_the_hopeless_gains_most() -> None:
    formulas = np.tile(np.arange(13), 200)
    prompts = ["= " * count + "w " * (12 - count) for count in formulas]
    weak, strong = (1 / (1 + np.exp(1.2 * (formulas - middle))) for middle in (4, 8))
    model = fit(Texts.of(prompts), Pairs(tuple(prompts), weak, strong), FAR)
    easy, middling, hopeless = (model.gain([prompts[count]]) for count in (0, 6, 12))
    assert middling > max(easy, hopeless) + 0.2


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_tier_that_is_always_or_never_right_has_odds_too(right: float) -> None:
    data = questions()
    pairs = replace(data.pairs, strong=np.full(len(data.pairs), right))
    found = estimates(fit(data.texts, pairs, NEAR), data.texts)
    assert found.mean() == pytest.approx(pairs.gains.mean(), abs=0.03)


def test_marks_of_a_domain_lean_on_its_mean() -> None:
    data = questions()  # whose domains say nothing of who is right
    prove, greet = (f"{word} w1 w2 w3 w4 w5 w6" for word in ("prove", "greet"))
    alone, pooled = (fit(data.texts, data.pairs, Penalty(pooled=share)) for share in (0.0, 0.9))
    assert 0 < pooled.gain([prove]) - pooled.gain([greet]) < 0.5 * (alone.gain([prove]) - alone.gain([greet]))


def test_vectors_are_learnt_too() -> None:
    data = questions()
    hard = data.pairs.gains > 0
    vectors = np.where(hard[:, None], [1, 0], [0, 1]).astype(np.float32)
    texts = data.texts.__class__.of(data.pairs.prompts, vectors)
    model = fit(texts, data.pairs, Penalty(measures=0, terms=False, embedding=1))
    assert model.gain(["w1"], [1.0, 0.0]) - model.gain(["w1"], [0.0, 1.0]) > 0.3


@given(st.text(max_size=400))
def test_any_text_has_features_and_an_estimate(model: GainModel, text: str) -> None:
    found = features(text)
    assert len(found.measures) == len(MEASURES)
    assert np.isfinite(model.gain([text]))


def test_chinese_is_told_apart_by_its_characters() -> None:
    assert {"证", "明", ("证", "明")} <= set(features("证明一下，3.5 吗？").terms())
    assert features("12 apples, 7 pears").words == ["00", "apples", "0", "pears"]


def test_answers_to_choose_from_are_compared() -> None:
    measures = [dict(zip(MEASURES, features(text).measures, strict=True)) for text in (_ALIKE, _APART, "How many?")]
    assert [found["words that options share"] for found in measures] == [0.5, 0, 0]
    assert [found["numbers in the options"] for found in measures] == [0, 1, 0]
