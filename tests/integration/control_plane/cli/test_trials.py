"""`tiermesh experiment` and `tiermesh rollout`: looked at and steered from a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.cli import rollouts
from control_plane.client.http import Client
from control_plane.settings import ControlPlaneSettings
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.outcomes.samples import batch, exposure
from tests.unit.control_plane.samples import experiment, model, parsed, rollout, route, shop

_FAILING = {
    "name": "failing",
    "kind": "proportion",
    "of": "errors",
    "goal": "decrease",
    "primary": True,
    "minimumEffect": {"absolute": 0.02},
}


@pytest.fixture
def settings(tmp_path: Path) -> ControlPlaneSettings:
    """A control plane that looks at Rollouts all the time."""
    return ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0, rollout_seconds=0.1)


def _expose(client: Client, arms: dict[str, int], trial: str) -> None:
    """400 requests of each arm, so many of which failed."""
    snapshot = client.snapshot().number
    events = [
        exposure(f"{arm}{index}", 1, f"{arm}{index}", arm, trial=trial, failed=index < failed, snapshot=snapshot)
        for arm, failed in arms.items()
        for index in range(400)
    ]
    client._call("POST", "/v1/events", json=batch(1, *events).model_dump(mode="json"))


def test_an_experiment_is_started_watched_and_stopped(tiermesh: Run, client: Client) -> None:
    client.apply(parsed(*shop(), experiment(metrics=[_FAILING], state="draft")), "alice")
    assert tiermesh("experiment", "start", "wording").out == "Experiment wording runs since snapshot 2.\n"
    assert "not every arm has been measured" in tiermesh("experiment", "results", "wording").out
    _expose(client, {"control": 120, "candidate": 4}, "Experiment/wording")
    found = json.loads(tiermesh("experiment", "results", "wording", "-o", "json").out)
    assert (found["verdict"]["code"], found["verdict"]["arm"]) == ("winner", "candidate")
    listed = tiermesh("experiment", "list").out
    assert "wording  shop   running  800    winner" in listed
    assert "stopped" in tiermesh("experiment", "stop", "wording", "--reason", "shown").out
    shown = tiermesh("experiment", "results", "wording", "--watch").out.splitlines()
    assert shown[0].startswith("wording on Route shop: stopped, since")
    assert shown[0].endswith("control 400 units, candidate 400 units")
    assert "failing  primary  candidate  30%      1%" in shown[2]
    assert "-29 points" in shown[2] and "●" in shown[2]
    assert shown[-1].startswith("Verdict: winner. candidate wins: failing 1% against 30%")


def test_an_experiment_is_planned_before_it_is_applied(tiermesh: Run, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "wording.yaml"
    file.write_text(yaml.safe_dump(experiment(metrics=[_FAILING], plan={"unitsPerDay": 1000})))
    asked = ("experiment", "plan", "wording", "-f", file)
    (planned,) = json.loads(tiermesh(*asked, "--baseline", "failing=0.1", "-o", "json").out)["items"]
    assert planned["days"] == -(-planned["units"] // 1000)
    assert "give --baseline failing=VALUE" in tiermesh(*asked).out
    assert f"{planned['units']:,.0f}" in tiermesh(*asked, "--baseline", "failing=0.1").out
    assert client.list("Experiment") == []
    assert tiermesh(*asked, "--baseline", "failing").code == 2
    assert tiermesh("experiment", "plan", "other", "-f", file).code == 2


def _slow(**spec: Any) -> dict[str, Any]:
    guardrails = [{"metric": "errors", "margin": {"absolute": 0.02}}]
    steps = [{"setWeight": 5}, {"analysis": {"minutes": 60}}, {"pause": {}}, {"setWeight": 50}]
    return rollout(steps=steps, guardrails=guardrails, **spec)


def test_a_rollout_is_steered_from_the_terminal(tiermesh: Run, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "WATCH_SECONDS", 0.05)
    client.apply(parsed(*shop(), _slow()), "alice")
    _until(tiermesh, "analysing")
    assert tiermesh("rollout", "pause", "heavier").out == "heavier of Route shop: paused, the candidate has 5%\n"
    assert "analysing" in tiermesh("rollout", "resume", "heavier").out
    wrong = tiermesh("rollout", "resume", "heavier")
    assert (wrong.code, "was paused by nobody" in wrong.err) == (1, True)
    assert "paused" in tiermesh("rollout", "promote", "heavier").out
    shown = tiermesh("rollout", "status", "heavier").out
    assert "  ▸ 3. pause until it is promoted" in shown.splitlines()
    assert "errors     open" in shown
    assert "somebody said promote" in shown
    assert "heavier  shop   paused  3 of 4  5%" in tiermesh("rollout", "list").out
    assert "promoted" in tiermesh("rollout", "promote", "heavier", "--full", "--reason", "good").out
    watched = tiermesh("rollout", "status", "heavier", "--watch", "-o", "json").out.splitlines()
    assert [json.loads(line)["phase"] for line in watched] == ["promoted"]
    changed = client.get("Route", "shop").model_dump(mode="json", exclude_unset=True)
    assert changed["spec"]["tiers"] == {"heavy": ["assistant"]}


def test_harm_that_routers_measure_takes_a_rollout_back_by_itself(tiermesh: Run, client: Client) -> None:
    client.apply(parsed(*shop(), _slow()), "alice")
    _until(tiermesh, "analysing")
    _expose_shares(client, failed=20)
    found = _until(tiermesh, "rolled-back")
    assert found["history"][0]["reasons"][0]["code"] == "guardrail-broken"
    assert found["history"][0]["by"] == "rollout heavier"
    assert not client.snapshot().content.routes[0].trials


def _expose_shares(client: Client, failed: int) -> None:
    """Requests in the shares that the arms have: of the candidate's, so many failed."""
    snapshot = client.snapshot().number
    answers = [("stable", False)] * 950 + [("candidate", index < failed) for index in range(50)]
    events = [
        exposure(f"r{index}", 1, f"u{index}", arm, trial="Rollout/heavier", failed=bad, snapshot=snapshot)
        for index, (arm, bad) in enumerate(answers)
    ]
    client._call("POST", "/v1/events", json=batch(1, *events).model_dump(mode="json"))


def _until(tiermesh: Run, phase: str, *more: str) -> dict[str, Any]:
    """The status, once it is there; it takes a few looks."""
    for _ in range(200):
        found: dict[str, Any] = json.loads(tiermesh("rollout", "status", "heavier", "-o", "json", *more).out)
        if found["phase"] == phase:
            return found
    raise AssertionError(found)


def test_one_of_another_namespace_is_named_with_its_namespace(tiermesh: Run, client: Client) -> None:
    documents = [model(), route(tiers={"light": ["faq"]}), _slow(override={"complexity": {"threshold": 0}})]
    for document in documents:
        document["metadata"]["namespace"] = "team"
    client.apply(parsed(*documents), "alice")
    _until(tiermesh, "analysing", "-n", "team")  # what has not begun goes on by itself, perhaps before the command
    assert "aborted" in tiermesh("rollout", "abort", "heavier", "-n", "team").out
    assert "team/heavier" in tiermesh("rollout", "list", "-n", "*").out
    assert "-n or ?namespace=" in tiermesh("rollout", "status", "heavier").err
