"""Who gets which arm: fair, the same everywhere, and moved by no more than has to move."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, parse
from control_plane.spec.events import unit_hash
from control_plane.spec.models import Operation
from control_plane.spec.prompts import Pins
from control_plane.spec.snapshots import CompiledTrial
from routers.assignment import Seen, Trial, hashed, point
from routers.protocols.tensors import TensorRequest, Tensors
from tests.unit.control_plane.samples import experiment, tenant
from tests.unit.routers.samples import call, chat, model, route

UNITS = [hashed(b"shopper-%d" % number) for number in range(4000)]
FEW = UNITS[:300]


def arms(*weights: float) -> list[dict[str, Any]]:
    """So many arms, `a` the control."""
    return [{"name": name, "weight": weight} for name, weight in zip("abcdefgh", weights, strict=False)]


def trials(*documents: dict[str, Any], **spec: Any) -> list[Trial]:
    """Running Experiments on one Route, compiled and ready."""
    mesh: list[Document] = [model("light"), model("heavy", "heavy"), route(**spec)]
    (found,) = compile([*mesh, *map(parse, documents)], pins=Pins({})).routes
    return [Trial(trial) for trial in found.trials]


def trial(**spec: Any) -> Trial:
    """One Experiment."""
    (found,) = trials(experiment(**spec))
    return found


def given_arms(of: Trial, units: Sequence[bytes] = UNITS) -> list[str | None]:
    """What each unit gets."""
    return [of.rule(unit, True).arm for unit in units]


_WEIGHTS = st.lists(st.floats(0, 100).map(lambda weight: round(weight, 2)), min_size=2, max_size=5).filter(any)


@settings(max_examples=25)
@given(_WEIGHTS)
def test_shares_are_the_weights(weights: list[float]) -> None:
    counts = Counter(given_arms(trial(arms=arms(*weights))))
    for name, weight in zip("abcde", weights, strict=False):
        share = weight / sum(weights)
        error = math.sqrt(len(UNITS) * share * (1 - share))
        # These are the same 4000 units each time; over all weights the worst of them is further out than one is.
        assert abs(counts[name] - len(UNITS) * share) <= 5 * error + 1


@given(_WEIGHTS, st.data())
def test_a_unit_moves_only_into_an_arm_that_grew_more_than_the_one_it_leaves(
    before: list[float], data: st.DataObject
) -> None:
    size = len(before)
    after = data.draw(st.lists(st.floats(0, 100), min_size=size, max_size=size).filter(any))
    first, then = trial(arms=arms(*before)), trial(arms=arms(*after))
    old, new = dict(zip("abcde", before, strict=False)), dict(zip("abcde", after, strict=False))
    for left, entered in zip(given_arms(first, FEW), given_arms(then, FEW), strict=True):
        if left != entered:
            assert left is not None
            assert entered is not None
            assert new[entered] * old[left] >= new[left] * old[entered]


@given(_WEIGHTS, st.integers(0, 4), st.floats(0, 100))
def test_one_weight_that_changes_moves_units_into_its_arm_or_out_of_it_alone(
    before: list[float], place: int, weight: float
) -> None:
    place %= len(before)
    after = [*before[:place], weight, *before[place + 1 :]]
    if not any(after):
        return
    changed, grew = "abcde"[place], weight > before[place]
    moved = {
        (left, entered)
        for left, entered in zip(
            given_arms(trial(arms=arms(*before)), FEW), given_arms(trial(arms=arms(*after)), FEW), strict=True
        )
        if left != entered
    }
    assert all((entered if grew else left) == changed for left, entered in moved)


@pytest.mark.parametrize("steps", [(5, 20, 50, 100), (1, 2, 3)])
def test_a_ramp_takes_units_and_gives_none_back(steps: tuple[int, ...]) -> None:
    inside: set[bytes] = set()
    for percent in steps:
        found = given_arms(trial(arms=arms(100 - percent, percent)))
        now = {unit for unit, arm in zip(UNITS, found, strict=True) if arm == "b"}
        assert inside < now
        inside = now


def test_a_wider_segment_takes_new_units_and_leaves_the_others_as_they_are() -> None:
    narrow, wide = (given_arms(trial(traffic={"from": 10, "percent": percent})) for percent in (20, 60))
    assert {one for one in narrow if one} == {"control", "candidate"}
    assert all(one is None or one == other for one, other in zip(narrow, wide, strict=True))
    assert sum(one is None for one in narrow) > sum(one is None for one in wide) > 0


def test_what_was_assigned_once_is_assigned_for_ever() -> None:
    """Whoever changes the hash deals every running Experiment out anew."""
    found = "".join(arm or "-" for arm in given_arms(trial(arms=arms(1, 2, 3), traffic={"percent": 50}), UNITS[:40]))
    assert found == "cc-cc--bc-ab---bcccbc--cb---bb-b-cabb--c"


def test_neither_the_order_of_arms_nor_what_they_do_matters() -> None:
    turned = list(reversed(arms(1, 2, 3)))
    doing = [{**arm, "override": {"complexity": {"threshold": 0.1}}} for arm in turned]
    assert given_arms(trial(arms=arms(1, 2, 3))) == given_arms(trial(arms=doing))


def _correlation(pairs: list[tuple[bool, bool]]) -> float:
    """Phi of two yes-or-no values; its standard error is 1 / sqrt(n) where they are independent."""
    count = len(pairs)
    both, one, other = (sum(map(kind, pairs)) for kind in (all, lambda pair: pair[0], lambda pair: pair[1]))
    spread = math.sqrt(one * (count - one) * other * (count - other))
    return float((count * both - one * other) / spread)


@pytest.mark.parametrize("second", [{"traffic": {"layer": "two"}}, {"traffic": {"layer": "two"}, "salt": "x"}])
def test_layers_do_not_know_of_each_other(second: dict[str, Any]) -> None:
    other = [{"name": "control"}, {"name": "candidate", "override": {"sampling": {"temperature": 0}}}]
    one, two = trials(experiment("one"), experiment("two", arms=other, **second))
    both = zip(given_arms(one), given_arms(two), strict=True)
    pairs = [(left == "candidate", right == "candidate") for left, right in both]
    assert abs(_correlation(pairs)) < 4 / math.sqrt(len(pairs))


def test_the_arm_does_not_depend_on_the_segment_or_the_hold_out() -> None:
    inside, everywhere = trials(experiment(traffic={"percent": 50}), holdout={"percent": 50}), trials(experiment())
    both = zip(given_arms(inside[0]), given_arms(everywhere[0]), strict=True)
    pairs = [(arm is not None, other == "candidate") for arm, other in both]
    assert abs(_correlation(pairs)) < 4 / math.sqrt(len(pairs))


@settings(max_examples=25)
@given(st.floats(1, 99), st.integers(0, 10))
def test_experiments_of_one_layer_share_no_unit_and_leave_none_out(border: float, salt: int) -> None:
    first = experiment("one", traffic={"percent": border}, salt=f"a{salt}")
    second = experiment("two", traffic={"from": border, "percent": 100 - border}, salt=f"b{salt}")
    one, two = trials(first, second)
    assert all((left is None) != (right is None) for left, right in zip(given_arms(one), given_arms(two), strict=True))


def test_another_salt_deals_out_anew_and_the_same_one_deals_out_alike() -> None:
    own, other, same = (given_arms(trial(salt=salt)) for salt in ("x", "y", "x"))
    assert own == same
    pairs = [(left == "candidate", right == "candidate") for left, right in zip(own, other, strict=True)]
    assert abs(_correlation(pairs)) < 4 / math.sqrt(len(pairs))


def test_held_out_units_are_in_no_experiment_of_the_route() -> None:
    one, two = trials(
        experiment("one"),
        experiment("two", arms=arms(1, 1), traffic={"layer": "two"}),
        holdout={"percent": 10, "salt": "2026"},
    )
    out = [{of.rule(unit, True).reason.code == "held-out" for of in (one, two)} for unit in UNITS]
    assert set(map(len, out)) == {1}
    share = sum(held == {True} for held in out) / len(UNITS)
    assert share == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / len(UNITS)))


def _seen(of: Trial, headers: dict[bytes, bytes] | None = None, tenant: str = "default", **fields: Any) -> Seen:
    return of.see(call(chat(**fields), tenant=tenant), headers or {})


@pytest.mark.parametrize(
    ("unit", "headers", "fields", "tenant", "whom"),
    [
        ({"header": "x-tiermesh-unit"}, {b"x-tiermesh-unit": b"ann"}, {}, "", "ann"),
        ({"header": "x-tiermesh-unit"}, {b"x-tiermesh-unit": "安".encode()}, {}, "", "安"),
        ({"header": "x-tiermesh-unit"}, {}, {"user": "ann"}, "", None),
        ({"header": "x-tiermesh-unit"}, {b"x-tiermesh-unit": b""}, {}, "", None),
        ({"field": "user"}, {}, {"user": "ann"}, "", "ann"),
        ({"field": "user"}, {}, {"user": 7}, "", "7"),
        ({"field": "user"}, {}, {"user": True}, "", None),
        ({"field": "user"}, {}, {"user": ["ann"]}, "", None),
        ({"field": "user"}, {}, {"user": ""}, "", None),
        ({"field": "user"}, {b"user": b"ann"}, {}, "", None),
        ({"field": "metadata.session_id"}, {}, {"metadata": {"session_id": "s-1"}}, "", "s-1"),
        ({"field": "metadata.session_id"}, {}, {"metadata": "s-1"}, "", None),
        ({"tenant": True}, {}, {}, "acme", "acme"),
        ({"request": True}, {}, {}, "", "id-1"),
    ],
)
def test_the_unit_is_found_where_the_document_says(
    unit: dict[str, Any], headers: dict[bytes, bytes], fields: dict[str, Any], tenant: str, whom: str | None
) -> None:
    seen = _seen(trial(unit=unit), headers, tenant, **fields)
    assert seen.unit == (None if whom is None else unit_hash(whom).encode())
    assert (seen.ruling.reason.code == "no-unit") is (whom is None)


def test_a_tester_gets_the_arm_whatever_else_holds() -> None:
    of = trial(
        unit={"field": "user"},
        forced={"candidate": ["tester-1"]},
        traffic={"from": 99, "percent": 1},
        targeting={"fields": {"user": ["somebody"]}},
    )
    seen = _seen(of, user="tester-1")
    assert (seen.ruling.arm, seen.ruling.forced, seen.ruling.reason.code) == ("candidate", True, "arm-forced")
    assert _seen(of, user="tester-2").ruling.reason.code == "not-targeted"
    assert "tester-1" not in repr(of.compiled)


@pytest.mark.parametrize(
    ("targeting", "headers", "fields", "tenant", "holds"),
    [
        ({"tenants": ["acme"]}, {}, {}, "acme", True),
        ({"tenants": ["acme"]}, {}, {}, "other", False),
        ({"headers": {"x-country": ["de", "at"]}}, {b"x-country": b"at"}, {}, "", True),
        ({"headers": {"x-country": ["de", "at"]}}, {b"x-country": b"us"}, {}, "", False),
        ({"headers": {"x-country": ["de", "at"]}}, {}, {}, "", False),
        ({"fields": {"metadata.plan": ["pro"]}}, {}, {"metadata": {"plan": "pro"}}, "", True),
        ({"fields": {"n": ["2"], "store": ["true"]}}, {}, {"n": 2, "store": True}, "", True),
        ({"fields": {"n": ["2"]}}, {}, {"n": [2]}, "", False),
        ({"headers": {"x-country": ["de"]}, "fields": {"n": ["2"]}}, {b"x-country": b"de"}, {"n": 1}, "", False),
    ],
)
def test_only_requests_that_are_meant_take_part(
    targeting: dict[str, Any], headers: dict[bytes, bytes], fields: dict[str, Any], tenant: str, holds: bool
) -> None:
    seen = _seen(_for_acme(unit={"request": True}, targeting=targeting), headers, tenant, **fields)
    assert seen.targeted is holds
    assert (seen.ruling.arm is not None) is holds


def _for_acme(**spec: Any) -> Trial:
    (found,) = trials(experiment(**spec), tenant())
    return found


def test_tensors_are_told_apart_by_their_parameters() -> None:
    asked = replace(
        call(),
        operation=Operation.INFER,
        fields={},
        tensors=Tensors(b"", TensorRequest((), parameters={"user": "ann"})),
    )
    assert trial(unit={"field": "user"}).see(asked, {}).unit == unit_hash("ann").encode()


def test_weights_that_are_all_zero_give_nobody_an_arm() -> None:
    of = trial()
    nobody = of.compiled.model_copy(
        update={"arms": tuple(arm.model_copy(update={"weight": 0.0}) for arm in of.compiled.arms)}
    )
    assert set(given_arms(Trial(nobody))) == {None}


def test_weights_too_small_to_divide_by_are_shares_all_the_same() -> None:
    assert set(given_arms(trial(arms=arms(0, 5e-324)), FEW)) == {"b"}
    assert Counter(given_arms(trial(arms=arms(5e-324, 5e-324)))) == Counter(given_arms(trial(arms=arms(1, 1))))


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=40))
def test_a_point_lies_between_0_and_1(salt: bytes, unit: bytes) -> None:
    assert 0 < point(salt, unit) <= 1


def test_a_trial_that_was_sent_is_the_one_that_was_compiled() -> None:
    compiled = trial(arms=arms(1, 2, 3), forced={"b": ["t"]}).compiled
    assert CompiledTrial.model_validate_json(compiled.model_dump_json()) == compiled
