"""Learned routers in documents: what a Route may say of one, and the threshold that its contract chooses."""

from typing import Any

import pytest

from control_plane.spec import learned
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import name_of
from control_plane.spec.prompts import Pins
from control_plane.spec.routes import Complexity, promise_of
from control_plane.spec.snapshots import CompiledRoute
from routers.learning.features import VERSION
from tests.learned import NAME, PROMISE, complexity, pins, summary, text
from tests.unit.control_plane.samples import experiment, generating, model, parsed, route


def compiled(said: dict[str, Any], known: Pins | None = None) -> CompiledRoute:
    found = known or Pins({}, routers=pins())
    content = compile(parsed(model(), generating(), route(complexity=said)), pins=found)
    return content.routes[0]


def test_a_contract_chooses_the_threshold_that_was_shown_to_keep_it() -> None:
    found = compiled(complexity()).router
    assert found is not None
    assert (found.artifact, found.threshold, found.broken) == (NAME, 0.05, False)
    assert found.contract is not None
    assert (found.contract.exploration, found.contract.outcome) == (0.02, "quality")


def test_what_was_not_shown_to_be_kept_sends_everything_to_the_heavy_tier() -> None:
    unshown = text(threshold=None)
    found = compiled(complexity(name_of(unshown)), Pins({}, routers=pins(unshown))).router
    assert found is not None
    assert found.threshold is None


def test_a_weaker_promise_is_kept_too() -> None:
    found = compiled(complexity(maxQualityLoss=0.05, confidence=0.9)).router
    assert found is not None
    assert found.threshold == 0.05


@pytest.mark.parametrize("more", [{"maxQualityLoss": 0.01}, {"confidence": 0.99}])
def test_a_stronger_promise_than_was_shown_is_refused_with_the_command(more: dict[str, Any]) -> None:
    asked = PROMISE | more
    cure = f"train it with --max-quality-loss {asked['maxQualityLoss']:g} --confidence {asked['confidence']:g}"
    with pytest.raises(TiermeshError, match=cure) as refused:
        compiled(complexity(**more))
    assert refused.value.errors[0].field == "Route/shop.spec.complexity.contract"


def test_an_artifact_that_is_not_there_is_refused_with_the_command() -> None:
    with pytest.raises(TiermeshError, match=f"tiermesh router push {NAME}.router.json") as refused:
        compiled(complexity(), Pins({}))
    assert refused.value.errors[0].field == "Route/shop.spec.complexity.router"


def test_a_threshold_of_its_own_needs_no_contract() -> None:
    found = compiled({"router": NAME, "threshold": -0.1}).router
    assert found is not None
    assert (found.threshold, found.contract) == (-0.1, None)


def test_without_a_router_the_score_decides_as_before() -> None:
    assert (compiled({}).threshold, compiled({}).router) == (0.7, None)
    assert compiled({"threshold": 0.4}).threshold == 0.4


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ({"contract": {}}, "contract needs router"),
        ({"router": NAME}, "give one"),
        ({"router": NAME, "threshold": 0.1, "contract": {}}, "give one"),
        ({"threshold": -0.1}, "a score is never below 0"),
        ({"router": "small"}, "should match pattern"),
        ({"router": NAME, "contract": {"exploration": 0.6}}, "less than or equal to 0.5"),
        ({"router": NAME, "contract": {"maxLoss": 0.6}}, "unknown field 'maxLoss'"),
    ],
)
def test_what_does_not_go_together_is_refused(said: dict[str, Any], cure: str) -> None:
    with pytest.raises(TiermeshError) as refused:
        parse(route(complexity=said))
    assert cure in "; ".join(error.message for error in refused.value.errors)


def test_an_arm_has_no_router_of_its_own() -> None:
    arms = [{"name": "a"}, {"name": "b", "override": {"complexity": complexity()}}]
    with pytest.raises(TiermeshError) as refused:
        parse(experiment(arms=arms))
    assert "an arm has no router of its own" in refused.value.errors[0].message


def test_a_promise_that_is_broken_says_so_and_changes_the_revision() -> None:
    promise = promise_of("shop", Complexity.model_validate(complexity()))
    assert promise is not None
    kept, broken = (
        compiled(complexity(), Pins({}, routers=pins(), broken=frozenset(names))) for names in ((), (promise,))
    )
    assert (kept.router and kept.router.broken, broken.router and broken.router.broken) == (False, True)
    assert kept.revision != broken.revision


def test_other_terms_and_other_artifacts_are_other_promises_and_how_it_is_watched_is_not() -> None:
    def promise(route: str = "shop", name: str = NAME, **contract: Any) -> str | None:
        return promise_of(route, Complexity.model_validate(complexity(name, **contract)))

    others = [promise("bank"), promise(name="0" * 16), promise(maxQualityLoss=0.03), promise(outcome="resolved")]
    assert len({promise(), *others}) == 5
    assert promise(exploration=0.5) == promise()
    assert promise_of("shop", Complexity.model_validate({"router": NAME, "threshold": 0.1})) is None


def test_a_text_under_another_name_is_refused() -> None:
    with pytest.raises(TiermeshError, match="does not hold what its name says") as refused:
        learned.read("0" * 16, text())
    assert refused.value.code is Code.INVALID_DOCUMENT


def test_a_text_that_is_no_artifact_is_refused_by_the_field() -> None:
    other = text().replace('"GainModel"', '"Oracle"')
    with pytest.raises(TiermeshError, match="is no router's artifact: kind"):
        learned.read(name_of(other), other)


def test_what_it_says_beside_is_the_routers_to_read() -> None:
    assert summary().features == VERSION
    assert summary().encoder is None
