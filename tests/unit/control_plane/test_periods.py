"""Those who count outcomes are told with each snapshot what is compared, and with which shares."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from control_plane.outcomes.counting import count
from control_plane.outcomes.register import MOST_OUTCOMES
from control_plane.publisher import Publisher
from control_plane.rollouts.steering import Rollouts
from control_plane.spec.courses import Evidence
from control_plane.spec.events import Event
from control_plane.store import trials
from control_plane.store.database import Database
from tests.unit.control_plane.outcomes.samples import exposure, feedback
from tests.unit.control_plane.samples import experiment, model, parsed, rollout, shop

_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])
_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_STEPS: dict[str, Any] = {"steps": [{"setWeight": 5}, {"pause": {"minutes": 1}}, {"setWeight": 20}, {"pause": {}}]}


@pytest.fixture
def publisher(database: Database) -> Publisher:
    return Publisher(database, "http://h", lambda _: None, lambda: _NOW)


def _counted(publisher: Publisher, key: str) -> list[tuple[int, list[tuple[int, dict[str, float]]]]]:
    """Since when each of this name is counted, and its periods."""
    with publisher.database.read() as transaction:
        found = trials.of_key(transaction, key)
        return [
            (one.since, [(each.since, each.shares) for each in trials.periods(transaction, one.id)]) for one in found
        ]


def test_an_experiment_is_counted_from_the_snapshot_that_it_runs_in_and_begins_anew_with_other_arms(
    publisher: Publisher,
) -> None:
    publisher.apply(parsed(*shop(), experiment()), "alice")
    publisher.apply(parsed(experiment(plan={"alpha": 0.01})), "alice")
    even = {"control": 1.0, "candidate": 1.0}
    assert _counted(publisher, "Experiment/wording") == [(1, [(1, even)])]
    arms = [{"name": "control"}, {"name": "candidate", "weight": 3, "override": {"complexity": {"threshold": 0}}}]
    publisher.apply(parsed(experiment(arms=arms)), "alice")
    assert _counted(publisher, "Experiment/wording") == [(1, [(1, even), (2, even | {"candidate": 3.0})])]
    publisher.apply(parsed(experiment(salt="anew")), "alice")
    publisher.apply(parsed(experiment(salt="anew", state="stopped")), "alice")
    publisher.apply(parsed(experiment(salt="anew")), "alice")
    assert [since for since, _ in _counted(publisher, "Experiment/wording")] == [1, 3, 5]


@pytest.mark.parametrize(("unit", "begins"), [({"request": True}, [2]), ({"field": "user"}, [2, 3])])
def test_a_ramp_is_another_period_of_requests_and_another_comparison_of_units_that_come_again(
    publisher: Publisher, unit: dict[str, Any], begins: list[int]
) -> None:
    publisher.apply(parsed(*shop(), rollout(unit=unit, **_STEPS)), "alice")
    clock = iter([_NOW] * 20 + [_NOW + timedelta(minutes=1)] * 100)
    moving = replace(publisher, now=lambda: next(clock))
    for _ in range(30):
        Rollouts(moving, lambda _transaction, _rollout: Evidence()).follow()
    counted = _counted(publisher, "Rollout/heavier")
    assert [since for since, _ in counted] == begins
    shares = [shares for _, found in counted for _, shares in found]
    assert shares == [{"stable": 95.0, "candidate": 5.0}, {"stable": 80.0, "candidate": 20.0}]


def _outcome(name: str, **more: Any) -> dict[str, Any]:
    return {"name": f"m-{name}", "kind": "ratio", "of": "outcome", "outcome": name, "goal": "increase"} | more


def test_what_documents_name_is_counted_however_many_other_names_callers_report(publisher: Publisher) -> None:
    guarded: dict[str, Any] = {"guardrails": [{"metric": "m-thumbs", "margin": {"absolute": 0.1}}]}
    guarded["metrics"] = [_outcome("thumbs"), _outcome("spare")]
    draft = experiment("draft", metrics=[_outcome("click")], state="draft")
    publisher.apply(parsed(*shop(), experiment(), draft, rollout(**guarded)), "alice")
    Rollouts(publisher, lambda _transaction, _rollout: Evidence()).follow()
    noise = [feedback(f"f{number}", 1, f"noise-{number}", unit="ann") for number in range(MOST_OUTCOMES + 1)]
    seen = [exposure("r", 0, "ann", trial=key, snapshot=2) for key in ("Experiment/wording", "Rollout/heavier")]
    with publisher.database.write() as transaction:
        count(transaction, _EVENTS.validate_python([*seen, *noise]), 0)
    # No router answers otherwise for it: it is counted all the same, and as much as a document may name.
    many = [_outcome(f"o-{n}", per={"of": "outcome", "outcome": f"p-{n}"}) for n in range(50)]
    applied = publisher.apply(parsed(experiment(metrics=many)), "alice")
    assert not applied.published
    with publisher.database.read() as transaction:
        found = {key: trials.of_key(transaction, key) for key in ("Experiment/wording", "Rollout/heavier")}
        assert trials.of_key(transaction, "Experiment/draft") == []
    assert {*found["Experiment/wording"][0].outcomes} >= {f"{one}-{n}" for one in "op" for n in range(50)}
    assert found["Rollout/heavier"][0].outcomes[0] == "thumbs"
    assert len(found["Rollout/heavier"][0].outcomes) == MOST_OUTCOMES


def test_a_trial_asks_for_its_judges_marks_and_another_rubric_begins_no_other_comparison(publisher: Publisher) -> None:
    jury = model("jury", engine="openai", tier="heavy", url="http://jury/v1", source=None, faq=None)

    def judged(*rubrics: str, **spec: Any) -> dict[str, Any]:
        metrics = [{"name": f"m{number}", "kind": "mean", "of": "judge", "goal": "increase",
                    "judge": {"model": "jury", "rubric": rubric}} for number, rubric in enumerate(rubrics)]  # fmt: skip
        return experiment(metrics=metrics, **spec)

    def outcomes() -> list[int]:
        with publisher.database.read() as transaction:
            return [len(one.outcomes) for one in trials.of_key(transaction, "Experiment/wording")]

    publisher.apply(parsed(*shop(), jury, experiment()), "alice")
    found = [outcomes()]
    for document in (judged("kind?"), judged("kind?", "short?"), judged("kind!", "short?"), judged("x", salt="anew")):
        publisher.apply(parsed(document), "alice")
        found.append(outcomes())
    assert found == [[0], [2], [4], [6], [6, 2]]
    assert [len(each) for _, each in _counted(publisher, "Experiment/wording")] == [1, 1]
