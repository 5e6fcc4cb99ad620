"""Learned routers in service: the estimate in place of the score, what explores, and what each request is told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, parse
from control_plane.spec.errors import TiermeshError
from control_plane.spec.learned import name_of
from control_plane.spec.models import Tier
from control_plane.spec.prompts import Pins
from control_plane.spec.routes import Complexity, promise_of
from control_plane.spec.snapshots import Content
from routers import estimate
from routers.decision import Decision
from routers.estimate import Estimate
from routers.pipeline import choose, decide, match
from routers.reasons import REASONS
from routers.runtime import Runtime
from routers.shelf import Shelf
from tests.learned import NAME, complexity, pins, saved, text
from tests.unit.control_plane.samples import experiment
from tests.unit.routers.samples import EASY, call, chat, model, route, snapshot

PLAN = "Compare three plans for moving a warehouse to another country, with costs, risks and dates."


def content(said: dict[str, Any] | None = None, broken: Sequence[str] = (), *more: Any) -> Content:
    """A Route with the learned router over both tiers."""
    heavy = model("heavy", "heavy", modalities=["text", "image"])
    documents = [model("light", modalities=["text", "image"]), heavy, route(complexity=said or complexity()), *more]
    return compile(documents, pins=Pins({}, routers=pins(text(), text(None)), broken=frozenset(broken)))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    for one in (text(), text(None)):
        saved(tmp_path, one)
    return Shelf(tmp_path)


def runtime(shelf: Shelf, *given: Any) -> Runtime:
    return Runtime.build(snapshot(content(*given)), shelf=shelf)


def chosen(ready: Runtime, fields: dict[str, Any], chance: float) -> Decision:
    asked = call(fields)
    return choose(asked, match(asked, ready), lambda: chance)


def gain(decision: Decision) -> float:
    assert isinstance(decision.score, Estimate)
    return decision.score.gain


def test_the_estimate_decides_in_place_of_the_score(shelf: Shelf) -> None:
    ready = runtime(shelf)
    easy, hard = (decide(call(chat(text)), ready) for text in (EASY, PLAN))
    assert (easy.tier, hard.tier) == (Tier.LIGHT, Tier.HEAVY)
    assert gain(easy) == pytest.approx(-0.1, abs=0.01)
    assert easy.reasons[-1].code == "below-threshold"
    assert easy.reasons[-1].text == "gain -0.101 < 0.05, so that at most 0.02 is lost: light tier first"
    assert hard.reasons[-1].code == "at-threshold"


def test_a_threshold_without_a_contract_promises_nothing(shelf: Shelf) -> None:
    decision = decide(call(chat(EASY)), runtime(shelf, {"router": NAME, "threshold": -0.5}))
    assert decision.reasons[-1].text == "gain -0.101 >= -0.5: heavy tier"


def test_what_follows_a_hard_question_stays_with_the_heavy_tier(shelf: Shelf) -> None:
    said = [("user", PLAN), ("assistant", "Here it is."), ("user", "yes, do it")]
    messages = [{"role": role, "content": content} for role, content in said]
    decision = decide(call(chat() | {"messages": messages}), runtime(shelf))
    hard = gain(decide(call(chat(PLAN)), runtime(shelf)))
    assert gain(decision) == pytest.approx(0.9 * hard)
    assert decision.tier is Tier.HEAVY


LOOKING = [{"type": "text", "text": EASY}, {"type": "image_url", "image_url": {"url": "x"}}]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"messages": [{"role": "user", "content": LOOKING}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
    ],
)
def test_what_the_light_tier_cannot_do_goes_to_the_heavy_one_and_never_explores(
    shelf: Shelf, fields: dict[str, Any]
) -> None:
    decision = chosen(runtime(shelf, complexity(exploration=0.5)), chat(EASY) | fields, chance=0.3)
    assert decision.tier is Tier.HEAVY
    assert decision.reasons[-1].code == "structure"


def test_a_contract_that_could_not_be_shown_sends_everything_to_the_heavy_tier(shelf: Shelf) -> None:
    decision = decide(call(chat(EASY)), runtime(shelf, complexity(name_of(text(None)))))
    assert (decision.tier, decision.reasons[-1].code) == (Tier.HEAVY, "contract-unshown")


def test_a_broken_contract_sends_everything_to_the_heavy_tier_but_what_explores(shelf: Shelf) -> None:
    promise = promise_of("shop", Complexity.model_validate(complexity()))
    assert promise is not None
    ready = runtime(shelf, complexity(), [promise])
    decision = decide(call(chat(EASY)), ready)
    assert (decision.tier, decision.reasons[-1].code) == (Tier.HEAVY, "contract-broken")
    assert chosen(ready, chat(EASY), chance=0.015).tier is Tier.LIGHT


@pytest.mark.parametrize(
    ("chance", "tier"), [(0.0, Tier.HEAVY), (0.049, Tier.HEAVY), (0.05, Tier.LIGHT), (0.099, Tier.LIGHT)]
)
@pytest.mark.parametrize("asked", [EASY, PLAN])
def test_half_of_what_explores_goes_to_each_tier_whatever_the_estimate(
    shelf: Shelf, chance: float, tier: Tier, asked: str
) -> None:
    decision = chosen(runtime(shelf, complexity(exploration=0.1)), chat(asked), chance)
    assert (decision.tier, decision.reasons[-1].code) == (tier, "explores")
    assert decision.candidates[0].name == tier.value
    assert decision.match.cache_key is None


def test_what_does_not_explore_may_be_kept(shelf: Shelf) -> None:
    decision = chosen(runtime(shelf, complexity(exploration=0.1)), chat(EASY), chance=0.1)
    assert decision.reasons[-1].code == "below-threshold"
    assert decision.match.cache_key is not None


@pytest.mark.parametrize("asked", [EASY, PLAN])
def test_the_tiers_probabilities_are_one_together(shelf: Shelf, asked: str) -> None:
    ready = runtime(shelf, complexity(exploration=0.1))
    decision = decide(call(chat(asked)), ready)
    router, score = ready.routes["shop"].router, decision.score
    assert router is not None
    assert isinstance(score, Estimate)
    shares = {tier: estimate.propensity(tier, score, router) for tier in Tier}
    assert shares[decision.tier] == pytest.approx(0.95)
    assert sum(shares.values()) == pytest.approx(1)


def test_an_arm_that_answers_otherwise_is_not_watched_and_one_with_a_threshold_goes_by_the_score(shelf: Shelf) -> None:
    cached = {"cache": {"exact": {"enabled": False}}}
    arms = [{"name": "a", "override": cached}, {"name": "b", "override": {"complexity": {"threshold": 0}}}]
    forced = {"a": ["ann"], "b": ["bob"]}
    ready = runtime(shelf, complexity(exploration=0.5), (), parse(experiment(arms=arms, forced=forced)))
    decisions = {}
    for unit in ("ann", "bob"):
        asked = call(chat(EASY))
        decisions[unit] = choose(asked, match(asked, ready, {b"x-tiermesh-unit": unit.encode()}), lambda: 0.0)
    assert decisions["ann"].reasons[-1].code == "below-threshold"
    assert isinstance(decisions["ann"].score, Estimate)
    assert decisions["bob"].reasons[-1].text.startswith("score ")


def test_every_reason_is_in_the_list() -> None:
    assert {"structure", "contract-unshown", "contract-broken", "explores"} <= set(REASONS)


def test_a_router_that_lacks_the_artifact_refuses_the_snapshot_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match=f"learned router '{NAME}' cannot be used here: .*cannot be read"):
        Runtime.build(snapshot(content()), shelf=Shelf(tmp_path))


def test_decisions_can_be_made_again_without_the_artifact() -> None:
    assert Runtime.build(snapshot(content()), None).routes["shop"].gains is None


def test_a_hard_word_counts_where_the_artifact_knows_it(tmp_path: Path) -> None:
    knows = text(terms={"where": 3.0})
    path = saved(tmp_path, knows)
    name = path.name.split(".")[0]
    documents: list[Document] = [model("light"), model("heavy", "heavy"), route(complexity=complexity(name))]
    ready = Runtime.build(snapshot(compile(documents, pins=Pins({}, routers=pins(knows)))), shelf=Shelf(tmp_path))
    assert decide(call(chat(EASY)), ready).tier is Tier.HEAVY
    assert decide(call(chat("Is it here?")), ready).tier is Tier.LIGHT
