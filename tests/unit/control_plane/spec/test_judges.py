"""Judged metrics: what they compile to, who may judge, and under which name their marks are counted."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from control_plane.spec.compile import compile
from control_plane.spec.decisions import part_of
from control_plane.spec.errors import TiermeshError
from control_plane.spec.events import Mark
from control_plane.spec.feedback import Report
from control_plane.spec.metrics import RUBRIC, Metric, are_marks, number_of
from control_plane.spec.names import OutcomeName
from control_plane.spec.prompts import NO_PINS, Pins
from control_plane.spec.snapshots import CompiledTrial
from tests.unit.control_plane.samples import experiment, model, parsed, rollout, route, shop

JURY = model("jury", engine="openai", tier="heavy", url="http://jury/v1", source=None, faq=None)


def judged(name: str = "quality", model: str = "jury", **judge: Any) -> dict[str, Any]:
    """A judged metric."""
    return {"name": name, "kind": "mean", "of": "judge", "goal": "increase", "judge": {"model": model, **judge}}


def _trial(*documents: dict[str, Any], pins: Pins = NO_PINS) -> CompiledTrial:
    (found,) = compile(parsed(*shop(), JURY, *documents), pins=pins).routes[0].trials
    return found


def _wrong(*documents: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(TiermeshError) as caught:
        compile(parsed(*shop(), JURY, *documents))
    return [(error.field, error.message) for error in caught.value.errors]


def test_a_judged_metric_tells_routers_whom_to_ask_about_which_share_and_by_what() -> None:
    (judge,) = _trial(experiment(metrics=[judged(percent=25, rubric="Is it kind?", constrained=True)])).judges
    assert (judge.model, judge.share, judge.rubric, judge.constrained) == ("jury", 0.25, "Is it kind?", True)
    (usual,) = _trial(experiment(metrics=[judged()])).judges
    assert (usual.share, usual.rubric, usual.constrained) == (0.1, RUBRIC, False)


def test_a_judge_is_one_of_the_documents_own_namespace() -> None:
    documents = [{**one, "metadata": {**one["metadata"], "namespace": "team"}} for one in (*shop(), JURY)]
    mine = {**experiment(metrics=[judged()]), "metadata": {"name": "wording", "namespace": "team"}}
    (found,) = compile(parsed(*documents, mine)).routes[0].trials
    assert [judge.model for judge in found.judges] == ["team/jury"]


def test_another_judge_or_rubric_counts_apart_and_another_share_does_not() -> None:
    said = [judged(), judged(percent=50), judged(rubric="Is it short?"), judged(model="other"), judged("tone")]
    first, share, *others = [Metric.model_validate(one).marks for one in said]
    assert first == share
    assert len({first, *others}) == 4


def test_no_caller_can_report_what_a_judge_reports() -> None:
    marks = Metric.model_validate(judged()).marks
    event = {"id": "m", "at": "2026-01-01T00:00:00Z", "requestId": "r", "unit": "0" * 16, "value": 0.5}
    assert Mark.model_validate({**event, "name": marks}).value == 0.5
    for name in (marks, number_of(marks)):
        assert are_marks(name)
        with pytest.raises(ValidationError):
            TypeAdapter[str](OutcomeName).validate_python(name)
        with pytest.raises(ValidationError):
            Report.model_validate({"requestId": "r", "name": name})
    for wrong in ({"name": "resolved"}, {"name": number_of(marks)}, {"name": marks, "value": 1.1}):
        with pytest.raises(ValidationError):
            Mark.model_validate({**event, **wrong})


def test_a_rollout_has_judged_what_it_guards_and_nothing_else() -> None:
    guard = {"metric": "quality", "margin": {"absolute": 0.1}}
    pins = Pins({}, weights={"Rollout/heavier": {"stable": 95, "candidate": 5}})
    found = _trial(rollout(metrics=[judged(), judged("tone")], guardrails=[guard]), pins=pins)
    assert [judge.marks.split(":")[1] for judge in found.judges] == ["quality"]


def test_what_decides_about_a_route_names_its_judges_too() -> None:
    whole = compile(parsed(*shop(), JURY, model("unused"), experiment(metrics=[judged()])))
    assert {backend.name for backend in part_of(whole, "shop").backends} == {"assistant", "faq", "jury"}


_HEAVY = [{"name": "control"}, {"name": "candidate", "override": {"tiers": {"heavy": ["jury"]}}}]


@pytest.mark.parametrize(
    ("documents", "field", "cure"),
    [
        ([experiment(metrics=[judged(model="jurx")])], "metrics[0].judge.model", "did you mean 'jury'?"),
        ([experiment(metrics=[judged(model="faq")])], "metrics[0].judge.model", "name one that generates answers"),
        (
            [
                model("sums", engine="kserve", url="http://s", protocol="oip-http", source=None, faq=None),
                experiment(metrics=[judged(model="sums")]),
            ],
            "metrics[0].judge.model",
            "writes no text of its own",
        ),
        (
            [experiment(arms=_HEAVY, metrics=[judged()], state="draft")],
            "metrics[0].judge.model",
            "answers in some of the arms, and a Model favours its own answers: name one that answers in none",
        ),
    ],
)
def test_who_cannot_judge_is_refused_with_the_cure(documents: list[dict[str, Any]], field: str, cure: str) -> None:
    ((where, message),) = _wrong(*documents)
    assert (where, cure in message) == (f"Experiment/wording.spec.{field}", True), message


def test_a_rollouts_candidate_is_not_judged_by_itself() -> None:
    guard = {"metric": "quality", "margin": {"absolute": 0.1}}
    override = {"tiers": {"heavy": ["jury"]}}
    ((where, _),) = _wrong(rollout(override=override, metrics=[judged()], guardrails=[guard]))
    assert where == "Rollout/heavier.spec.metrics[0].judge.model"


def test_a_judge_that_answers_in_every_arm_favours_none() -> None:
    assert _trial(experiment(metrics=[judged(model="assistant")])).judges
    fallback = route(resilience={"fallbacks": ["jury"]})
    documents = [one for one in shop() if one["kind"] != "Route"]
    assert compile(parsed(*documents, JURY, fallback, experiment(arms=_HEAVY, metrics=[judged()]))).routes[0].trials
