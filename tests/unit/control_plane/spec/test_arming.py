"""What Experiments and Rollouts compile to, and what keeps them from doing harm to each other."""

from collections.abc import Mapping
from typing import Any

import pytest

from control_plane.spec.arms import Override
from control_plane.spec.compile import compile
from control_plane.spec.documents import in_namespace
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.memory import Memory
from control_plane.spec.prompts import NO_PINS, PinnedPrompt, Pins
from control_plane.spec.snapshots import CompiledArm, CompiledRoute, CompiledTrial, Content, digest
from tests.unit.control_plane.samples import experiment, generating, model, parsed, prompt, rollout, route, shop, tenant

_SAMPLING = {"sampling": {"temperature": 0.1}}
_KEY = "Rollout/heavier"


def _compile(*documents: dict[str, Any], pins: Pins = NO_PINS) -> Content:
    return compile(parsed(*shop(), *documents), pins=pins)


def _trials(*documents: dict[str, Any], pins: Pins = NO_PINS) -> tuple[CompiledTrial, ...]:
    return _compile(*documents, pins=pins).routes[0].trials


def _arms(override: dict[str, Any], pins: Pins = NO_PINS) -> tuple[CompiledArm, ...]:
    arms = [{"name": "control"}, {"name": "candidate", "override": override}]
    (found,) = _trials(experiment(arms=arms), pins=pins)
    return found.arms


def _over(override: dict[str, Any], name: str = "other", **spec: Any) -> dict[str, Any]:
    return experiment(name, arms=[{"name": "control"}, {"name": "candidate", "override": override}], **spec)


def _rolling(**weights: float) -> Pins:
    return Pins({}, weights={_KEY: weights})


def test_a_running_experiment_gives_its_route_arms_and_changes_nothing_else() -> None:
    before, after = _compile().routes[0], _compile(experiment()).routes[0]
    (found,) = after.trials
    assert after.model_copy(update={"trials": ()}) == before
    assert (found.key, found.unit.header, found.begin, found.end) == ("Experiment/wording", "x-tiermesh-unit", 0, 1)
    assert [(arm.name, arm.weight, arm.threshold) for arm in found.arms] == [("control", 1, None), ("candidate", 1, 0)]


@pytest.mark.parametrize("state", ["draft", "stopped"])
def test_only_a_running_experiment_has_arms(state: str) -> None:
    assert _trials(experiment(state=state)) == ()


def test_an_arm_that_does_nothing_otherwise_has_no_revision_and_each_other_one_its_own() -> None:
    overrides: list[dict[str, Any]] = [
        {"complexity": {"threshold": 0}},
        {"complexity": {"threshold": 0.1}},
        {"tiers": {"light": ["faq"]}},
        {"tiers": {"heavy": ["assistant"]}},
        {"cache": {"exact": {"enabled": False}}},
        _SAMPLING,
        {"sampling": {"temperature": 0.2}},
        {"sampling": {"topP": 0.1}},
    ]
    arms = [_arms(override) for override in overrides]
    assert {control.revision for control, _ in arms} == {""}
    revisions = [candidate.revision for _, candidate in arms]
    assert len(set(revisions)) == len(revisions)
    assert "" not in revisions


def test_an_arms_revision_changes_with_its_models_and_not_with_its_weight() -> None:
    heavy = _over({"tiers": {"heavy": ["assistant"]}})
    (before,) = _trials(heavy)
    (after,) = compile(parsed(model(), generating(version="2"), route(), heavy)).routes[0].trials
    (weighed,) = _trials(heavy, pins=Pins({}, weights={"Experiment/other": {"control": 1, "candidate": 9}}))
    assert before.arms[1].revision not in ("", after.arms[1].revision)
    assert (weighed.arms[1].revision, weighed.arms[1].weight) == (before.arms[1].revision, 9)


def test_weights_in_force_count_while_they_are_of_exactly_its_arms() -> None:
    given = ({"control": 0.3, "candidate": 0.7}, {"control": 0.3}, {"control": 1, "candidate": 1, "gone": 1})
    found = [_trials(experiment(), pins=Pins({}, weights={"Experiment/wording": weights}))[0] for weights in given]
    assert [[arm.weight for arm in one.arms] for one in found] == [[0.3, 0.7], [1, 1], [1, 1]]


def test_a_rollout_has_arms_while_it_is_under_way() -> None:
    assert _trials(rollout()) == ()
    (found,) = _trials(rollout(), pins=_rolling(stable=95, candidate=5))
    assert [(arm.name, arm.weight, arm.heavy) for arm in found.arms] == [
        ("stable", 95, None),
        ("candidate", 5, ("assistant",)),
    ]
    assert found.unit.request


def test_a_rollout_that_warms_up_says_how_much_the_candidate_sees() -> None:
    pins = Pins({}, weights={_KEY: {"stable": 1, "candidate": 0}}, mirrors={_KEY: 10})
    (found,) = _trials(rollout(), pins=pins)
    assert (found.mirror, found.arms[1].weight) == (0.1, 0)


def test_a_rollout_that_follows_changes_has_the_candidate_that_it_is_given() -> None:
    follows = rollout(override=None, onChange=["prompt"])
    weights = {_KEY: {"stable": 95, "candidate": 5}}
    next_one = Override.model_validate({"prompt": {"name": "support", "version": 4}})
    said = {"support/4": PinnedPrompt(name="support", version=4, template="Be brief.")}
    (found,) = _trials(follows, pins=Pins(said, weights=weights, overrides={_KEY: next_one}))
    assert found.arms[1].prompt is not None
    assert found.arms[1].prompt.version == 4
    assert _trials(follows, pins=Pins(said, weights=weights)) == ()
    _refused([follows], "Rollout/heavier.spec.onChange", "leads nowhere", Pins({}, {}, weights, {}, {_KEY: next_one}))


def test_an_arms_prompt_is_compiled_as_a_routes_is() -> None:
    pins = Pins({"support@next": PinnedPrompt(name="support", version=4, template="Speak {{language}}.")})
    said: dict[str, Any] = {"prompt": {"name": "support", "alias": "next", "variables": {"language": "German"}}}
    _, candidate = _arms(said, pins)
    of_route = compile(parsed(model(), generating(), route(**said)), pins=pins).routes[0].prompt
    assert candidate.prompt == of_route


def test_hold_out_segment_and_layer_are_told_to_the_router_by_salts_of_their_own() -> None:
    held = route(holdout={"percent": 10, "salt": "2026"})
    segment = experiment(traffic={"layer": "wording", "from": 20, "percent": 30}, salt="again")
    (found,) = compile(parsed(model(), generating(), held, segment)).routes[0].trials
    assert (found.salt, found.layer, found.holdout) == ("again", "shop layer wording", "shop holdout 2026")
    assert (found.begin, found.end, found.held_out) == (0.2, 0.5, 0.1)


def test_names_of_another_namespace_are_qualified() -> None:
    arms = [{"name": "a"}, {"name": "b", "override": {"tiers": {"heavy": ["assistant"]}}}]
    written = [*shop(), tenant(), experiment(arms=arms, targeting={"tenants": ["acme"]})]
    (found,) = compile(parsed(*(in_namespace(one, "team") for one in written))).routes[0].trials
    assert (found.key, found.salt, found.arms[1].heavy) == (
        "Experiment/team/wording",
        "Experiment/team/wording",
        ("team/assistant",),
    )
    assert found.targeting.tenants == ("team/acme",)


def test_what_is_remembered_compiles_to_the_same() -> None:
    memory = Memory()
    documents = parsed(*shop(), experiment(), rollout(), route("other"))
    for pins in (NO_PINS, NO_PINS, _rolling(stable=0, candidate=1), NO_PINS):
        found = compile(documents, pins=pins, memory=memory)
        memory.keep()
        assert digest(found) == digest(compile(documents, pins=pins))


def test_routes_without_arms_stay_the_very_objects_that_they_were() -> None:
    memory = Memory()
    documents = parsed(*shop(), route("other"), experiment())
    found: list[Mapping[str, CompiledRoute]] = []
    for pins in (NO_PINS, Pins({}, weights={"Experiment/wording": {"control": 1, "candidate": 3}})):
        found.append({one.name: one for one in compile(documents, pins=pins, memory=memory).routes})
        memory.keep()
    before, after = found
    assert after["other"] is before["other"]
    assert after["shop"] != before["shop"]


@pytest.mark.parametrize(
    ("documents", "field", "cure"),
    [
        ([experiment(route="shp")], "Experiment/wording.spec.route", "there is no Route 'shp'; did you mean 'shop'?"),
        ([rollout(route="zoo")], "Rollout/heavier.spec.route", "there is no Route 'zoo'; there are: shop"),
        (
            [_over({"tiers": {"heavy": ["asistant"]}}, state="draft")],
            "Experiment/other.spec.arms[1].override.tiers.heavy[0]",
            "did you mean 'assistant'?",
        ),
        (
            [_over({"tiers": {"heavy": ["faq"]}})],
            "Experiment/other.spec.arms[1].override.tiers.heavy[0]",
            "of tier 'light'",
        ),
        (
            [rollout(override={"tiers": {"light": ["x"]}})],
            "Rollout/heavier.spec.override.tiers.light[0]",
            "no Model 'x'",
        ),
        (
            [_over({"prompt": {"name": "support", "version": 3}})],
            "Experiment/other.spec.arms[1].override.prompt",
            "'support/3' leads nowhere",
        ),
        (
            [experiment(targeting={"tenants": ["acme"]})],
            "Experiment/wording.spec.targeting.tenants[0]",
            "no Tenant 'acme'",
        ),
        (
            [
                experiment(
                    metrics=[
                        {
                            "name": "m",
                            "kind": "mean",
                            "of": "judge",
                            "goal": "increase",
                            "judge": {"model": "jury", "rubric": "?"},
                        }
                    ]
                )
            ],
            "Experiment/wording.spec.metrics[0].judge.model",
            "there is no Model 'jury'",
        ),
        (
            [
                model("shade"),
                route("quiet", resilience={"mirror": {"model": "shade", "share": 0.1}}),
                _over({"tiers": {"light": ["shade"]}}, route="quiet"),
            ],
            "Experiment/other.spec.arms[1].override.tiers.light[0]",
            "is the shadow of Route 'quiet'",
        ),
        (
            [experiment(traffic={"percent": 30}), experiment("zz", traffic={"from": 20, "percent": 50})],
            "Experiment/zz.spec.traffic",
            "Experiment 'wording' has 0 to 30 of layer 'default'; free: 30 to 100",
        ),
        (
            [experiment(), experiment("zz")],
            "Experiment/zz.spec.traffic",
            "free: nothing: stop one, or use another layer",
        ),
        (
            [experiment(traffic={"percent": 30}), experiment("zz", traffic={"layer": "two"})],
            "Experiment/zz.spec.arms[0].override",
            "Experiment 'wording' overrides complexity too: put both into one layer",
        ),
        ([experiment(name) for name in "abcdefghi"], "Experiment/i.spec.route", "9 Experiments and Rollouts"),
    ],
)
def test_what_does_not_fit_is_refused_by_field_and_cure(documents: list[dict[str, Any]], field: str, cure: str) -> None:
    _refused(documents, field, cure)


def _refused(documents: list[dict[str, Any]], field: str, cure: str, pins: Pins = NO_PINS) -> None:
    with pytest.raises(TiermeshError) as raised:
        _compile(*documents, pins=pins)
    assert raised.value.code is Code.INVALID_DOCUMENT
    found = {wrong.field: wrong.message for wrong in raised.value.errors}
    assert cure in found.get(field, f"nothing but {found}")


def test_an_experiment_and_a_rollout_of_one_route_may_not_have_one_name_or_one_field() -> None:
    pins = Pins({}, weights={_KEY: {"stable": 1, "candidate": 0}})
    _refused([rollout(), experiment("heavier")], "Rollout/heavier.metadata.name", "give one of them another name", pins)
    tiers = _over({"tiers": {"light": ["faq"]}})
    _refused([rollout(), tiers], "Rollout/heavier.spec.override", "'other' overrides tiers too", pins)


@pytest.mark.parametrize(
    "others",
    [
        [experiment("zz", state="draft")],
        [experiment("zz", state="stopped")],
        [rollout(override={"complexity": {"threshold": 1}})],
        [route("second"), experiment("zz", route="second")],
        [_over(_SAMPLING, traffic={"layer": "sampling"})],
    ],
    ids=["a draft", "a stopped one", "a rollout that waits", "another Route", "another field in another layer"],
)
def test_what_does_not_meet_may_stand_beside_each_other(others: list[dict[str, Any]]) -> None:
    assert _compile(experiment(), *others).routes[0].trials


def test_two_experiments_share_a_layer_side_by_side() -> None:
    assert len(_trials(experiment(traffic={"percent": 30}), experiment("b", traffic={"from": 30, "percent": 70}))) == 2


@pytest.mark.parametrize(("begin", "percent", "following"), [(0.1, 0.2, 0.3), (0.7, 0.1, 0.8), (20, 13.3, 33.3)])
def test_segments_that_touch_as_people_write_them_do_not_overlap(
    begin: float, percent: float, following: float
) -> None:
    """As machines add, 0.1 + 0.2 is more than 0.3."""
    first, second = _trials(
        experiment("a", traffic={"from": begin, "percent": percent}),
        experiment("b", traffic={"from": following, "percent": percent}),
    )
    assert first.end == second.begin


def test_prompts_that_nobody_names_are_none_of_its_business() -> None:
    assert _trials(prompt(template="hi"), experiment())
