"""Experiments and Rollouts over HTTP: what is asked wrongly is refused with the field and the cure."""

from typing import Any

import httpx2
import pytest

from control_plane.client.http import Client
from tests.unit.control_plane.samples import experiment, parsed, rollout, shop


def test_a_plan_is_made_of_the_document_that_the_path_names(api: httpx2.Client) -> None:
    answer = api.post("/v1/experiments/other/plan", json={"document": experiment()})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "document")
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.post("/v1/experiments/wording/plan", json={"document": experiment()}).json()["items"] == []
    assert api.post("/v1/experiments/wording/plan", json={}).status_code == 404


@pytest.mark.parametrize(
    ("command", "body", "status"),
    [
        ("promote", {"step": -1}, 400),
        ("promote", {"fully": True}, 400),
        ("promote", {"step": 4}, 409),
        ("resume", {}, 409),
        ("abort", {"reason": "no"}, 200),
    ],
)
def test_a_rollout_is_told_only_what_makes_sense(
    client: Client, api: httpx2.Client, command: str, body: dict[str, Any], status: int
) -> None:
    client.apply(parsed(*shop(), rollout(steps=[{"pause": {}}])), "alice")
    answer = api.post(f"/v1/rollouts/heavier/{command}", json=body)
    assert answer.status_code == status
    assert status == 200 or answer.json()["hint"]
