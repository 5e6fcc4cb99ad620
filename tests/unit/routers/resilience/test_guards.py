"""What is known of Models and Routes outlives a snapshot, is shared where it is the same, and goes with them."""

import weakref
from typing import Any

from control_plane.spec.documents import Document
from control_plane.spec.models import Operation
from observability.metrics import RouterMetrics
from routers.resilience.breaker import State, Verdict
from routers.resilience.guards import Guards, RouteGuard
from routers.resilience.hedging import Hedger
from routers.runtime import Runtime
from tests.unit.routers.samples import model, route, runtime

LIGHT, HEAVY = model("light"), model("heavy", "heavy")


class Swapping:
    """Guards that follow one snapshot after the other."""

    def __init__(self) -> None:
        self.metrics = RouterMetrics()
        self.guards = Guards(self.metrics)
        self.runtime: Runtime

    def swap(self, *documents: Document) -> RouteGuard:
        """The guard of the Route "shop" after it."""
        self.runtime = runtime(*documents)
        self.guards.follow(self.runtime)
        return self.of("shop")

    def of(self, name: str) -> RouteGuard:
        return self.guards.of(self.runtime.routes[name])


def resilience(**policy: Any) -> dict[str, Any]:
    return {"resilience": policy}


def test_a_snapshot_that_changes_nothing_here_keeps_all_state() -> None:
    swapping = Swapping()
    before = swapping.swap(LIGHT, HEAVY, route())
    after = swapping.swap(LIGHT, HEAVY, route(complexity={"threshold": 0.1}))
    assert after.models["light"].breaker is before.models["light"].breaker
    assert after.models["light"].endpoints is before.models["light"].endpoints
    assert (after.admission, after.budget, after.ladder) == (before.admission, before.budget, before.ladder)


def test_a_new_policy_version_or_address_begins_anew_with_what_it_concerns_alone() -> None:
    swapping = Swapping()
    before = swapping.swap(LIGHT, HEAVY, route())
    policy = swapping.swap(LIGHT, HEAVY, route(**resilience(breaker={"openSeconds": 2})))
    assert policy.models["light"].breaker is not before.models["light"].breaker
    assert policy.models["light"].endpoints is before.models["light"].endpoints
    version = swapping.swap(model("light", version="2"), HEAVY, route(**resilience(breaker={"openSeconds": 2})))
    assert version.models["light"].breaker is not policy.models["light"].breaker
    assert version.models["heavy"].breaker is policy.models["heavy"].breaker
    moved = swapping.swap(model("light", url="http://127.0.0.1:2/v1", version="2"), HEAVY, route())
    assert moved.models["light"].endpoints is not version.models["light"].endpoints


def test_routes_of_one_policy_share_what_is_known_of_a_model_and_nothing_of_themselves() -> None:
    swapping = Swapping()
    swapping.swap(LIGHT, HEAVY, route(), route("zoo"), route("lax", **resilience(breaker={"enabled": False})))
    shop, zoo, lax = (swapping.of(name) for name in ("shop", "zoo", "lax"))
    assert shop.models["light"].breaker is zoo.models["light"].breaker
    assert shop.models["light"].breaker is not lax.models["light"].breaker
    assert shop.admission is not zoo.admission and shop.budget is not zoo.budget


def test_what_no_snapshot_names_any_more_is_forgotten() -> None:
    swapping = Swapping()
    models = swapping.swap(LIGHT, HEAVY, route()).models
    light, heavy = (weakref.ref(models[name].breaker) for name in ("light", "heavy"))
    del models
    without = swapping.swap(HEAVY, route(light=[])).models
    assert set(without) == {"heavy"}
    assert without["heavy"].breaker is heavy()
    assert light() is None


def test_a_state_that_a_request_still_holds_is_found_again_when_the_snapshot_names_it_again() -> None:
    swapping = Swapping()
    under_way = swapping.swap(LIGHT, HEAVY, route())
    swapping.swap(HEAVY, route(light=[]))
    assert swapping.swap(LIGHT, HEAVY, route()).models["light"].breaker is under_way.models["light"].breaker


def test_a_request_that_came_before_a_swap_still_finds_its_route() -> None:
    swapping = Swapping()
    swapping.swap(LIGHT, HEAVY, route(**resilience(fallbacks=["light"])))
    old = swapping.runtime.routes["shop"]
    swapping.swap(HEAVY, route(light=[]))
    assert set(swapping.guards.of(old).models) == {"light", "heavy"}


def test_each_kind_of_call_has_a_hedger_of_its_own() -> None:
    hedgers = Swapping().swap(LIGHT, HEAVY, route()).models["light"].hedgers
    kinds = {id(hedgers.of(operation, stream)): stream for operation in Operation for stream in (False, True)}
    assert len(kinds) == 2 * len(Operation)
    assert hedgers.of(Operation.CHAT, True) is hedgers.of(Operation.CHAT, True)
    assert isinstance(hedgers.of(Operation.CHAT, True), Hedger)


def test_the_gauges_tell_the_worst_of_a_model_that_several_routes_use() -> None:
    swapping = Swapping()
    policy = resilience(breaker={"consecutiveFailures": 1})
    swapping.swap(LIGHT, HEAVY, route(**policy), route("zoo"))
    breaker = swapping.of("shop").models["light"].breaker
    breaker.record(0, 0, Verdict.BAD, 0)
    assert breaker.state is State.OPEN
    swapping.of("zoo").admission.enter()
    swapping.guards.report()
    text = "".join(swapping.metrics.exposition())
    for line in ('breaker_open{model="light"} 1.0', 'breaker_open{model="heavy"} 0.0', 'under_way{route="zoo"} 1.0'):
        assert f"tiermesh_router_{line}" in text
    assert swapping.of("shop").describe()["step"] == "full"
