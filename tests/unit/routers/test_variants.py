"""Variants: one for each combination of arms, made once, and never too many."""

from collections.abc import Callable
from typing import Any

import pytest

from control_plane.spec.documents import parse
from control_plane.spec.models import Operation
from routers import variants
from routers.decision import Match
from routers.pipeline import match
from routers.runtime import Runtime
from tests.unit.control_plane.samples import experiment
from tests.unit.routers.samples import call, chat, faq, model, route, snapshot

Ask = Callable[[str], Match]


def asking(override: dict[str, Any], *others: Any) -> Ask:
    """What becomes of a unit's request, where half of the units have this arm."""
    arms = [{"name": "control"}, {"name": "candidate", "override": override}]
    forced = {"control": ["ann"], "candidate": ["bob"]}
    documents = [model("light"), model("heavy", "heavy"), route(), *others, parse(experiment(arms=arms, forced=forced))]
    runtime = Runtime.build(snapshot(documents))
    return lambda unit: match(call(chat("hi")), runtime, {b"x-tiermesh-unit": unit.encode()})


def test_a_combination_of_arms_is_made_once() -> None:
    ask = asking({"complexity": {"threshold": 0.1}})
    assert ask("bob").route is ask("bob").route
    assert ask("bob").route is not ask("ann").route


def test_a_variant_is_its_route_but_for_what_its_arms_change() -> None:
    ask = asking({"complexity": {"threshold": 0.1}, "cache": {"exact": {"ttlSeconds": 5}}})
    control, candidate = ask("ann").route, ask("bob").route
    assert (control.threshold, candidate.threshold) == (0.7, 0.1)
    assert (control.cache_ttl_seconds, candidate.cache_ttl_seconds) == (300, 5)
    assert control.base is not None
    assert candidate.base is control.base
    assert candidate.backends == control.base.backends


def test_the_control_has_the_routes_own_revision_and_the_candidate_another() -> None:
    ask = asking({"complexity": {"threshold": 0.1}})
    control, candidate = ask("ann").route, ask("bob").route
    assert control.base is not None
    assert control.revision == control.base.revision != candidate.revision
    assert f"x-tiermesh-revision: {candidate.revision}\r\n" in candidate.headers


def test_an_arm_whose_cache_is_off_keeps_nothing() -> None:
    ask = asking({"cache": {"exact": {"enabled": False}}})
    assert ask("ann").cache_key is not None
    assert (ask("bob").cache_key, ask("bob").reasons[-1].code) == (None, "cache-off")


def test_an_arms_models_take_the_place_of_the_routes_where_they_can() -> None:
    candidate = asking({"tiers": {"light": ["faq"]}}, faq())("bob").route
    names = {
        operation: [one.name for one in candidate.light[operation] + candidate.heavy[operation]]
        for operation in (Operation.CHAT, Operation.EMBEDDINGS, Operation.COMPLETIONS)
    }
    assert list(names.values()) == [["faq"], ["faq"], ["light", "heavy"]]


def test_there_are_never_more_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "MAX_VARIANTS", 2)
    ask = asking({"complexity": {"threshold": 0.1}}, parse(experiment("two", traffic={"layer": "two"}, arms=[
        {"name": "x"}, {"name": "y"}, {"name": "z"}])))  # fmt: skip
    found = [ask(f"unit-{number}") for number in range(40)]
    assert len({one.arm for one in found}) == 6
    base = found[0].route.base
    assert base is not None
    assert base.armed is not None
    assert len(base.armed.variants) <= 2


def test_an_arms_answers_are_compared_by_the_judge_that_it_names() -> None:
    jury = model("jury", "heavy")
    ask = asking({"cache": {"semantic": {"compare": "judge", "judge": "jury"}}}, jury)
    control, candidate = ask("ann").route, ask("bob").route
    assert control.referee is None
    assert candidate.referee is not None and candidate.referee.name == "jury"
    assert "jury" not in [backend.name for backend in candidate.backends]
