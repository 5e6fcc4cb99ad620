"""Every operation × everybody who may ask."""

import asyncio

import httpx2
import pytest
from fastapi.routing import APIRoute

from control_plane.aliases import Aliases
from control_plane.api.app import create_app
from control_plane.api.approvals import approval_routes
from control_plane.api.artifacts import artifact_routes
from control_plane.api.callers import need_of
from control_plane.api.decisions import decision_routes
from control_plane.api.experiments import experiment_routes
from control_plane.api.limits import refuse_unknown_parameters
from control_plane.api.outcomes import outcome_routes
from control_plane.api.promises import promise_routes
from control_plane.api.prompts import prompt_routes
from control_plane.api.rollouts import rollout_routes
from control_plane.api.routers import router_routes
from control_plane.api.texts import text_routes
from control_plane.api.versions import version_routes
from control_plane.api.waiting import WaitingRoom
from control_plane.api.witness import Witness
from control_plane.approvals import Approvals
from control_plane.auth.authenticator import Authenticator
from control_plane.drift import Drift
from control_plane.experiments.running import Experiments
from control_plane.models.promotions import Promotions
from control_plane.models.registry import ModelRegistry
from control_plane.outcomes.intake import Intake
from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from control_plane.publisher import Publisher
from control_plane.rollouts.evidence import shown
from control_plane.rollouts.steering import Rollouts
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.integration.control_plane.api.askers import KNOWN, UNKNOWN, Closed, bearer
from tests.integration.control_plane.api.operations import NAMES, TABLE
from tests.unit.control_plane.samples import experiment, route


def _ask(http: httpx2.Client, operation: tuple[str, str], secret: str | None) -> httpx2.Response:
    method, template = operation
    name = NAMES.get(template.split("/")[2], "faq")
    path = template.format(name=name, number=1, request_id="id", which="1", version=1, alias="canary")
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    return http.request(method, path, json=TABLE[operation].body, headers=headers)


def test_the_table_has_every_operation_and_no_other(closed: Closed) -> None:
    http, secrets = closed
    described = http.get("/v1/openapi.json", headers={"authorization": f"Bearer {secrets['viewer-here']}"}).json()
    found = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert found == set(TABLE)


def test_every_operation_declares_what_it_needs_and_refuses_parameters_that_it_does_not_know(
    database: Database,
) -> None:
    async def routes() -> list[APIRoute]:
        metrics = ControlPlaneMetrics()
        room = WaitingRoom(database, metrics, 1)
        publisher = Publisher(database, "http://127.0.0.1:8000", room.ring)
        door = Authenticator(database, is_open=False)
        connection = Connection("http://127.0.0.1:1", 1)
        registry, approvals = PromptRegistry(connection), Approvals(database)
        more = (
            decision_routes(database, 1, 1),
            outcome_routes(database, Intake(database, ControlPlaneMetrics())),
            prompt_routes(Aliases(registry, publisher, approvals, frozenset()), Drift(database, registry)),
            approval_routes(approvals),
            text_routes(),
            router_routes(database),
            artifact_routes(database),
            promise_routes(database),
            experiment_routes(Experiments(publisher)),
            rollout_routes(Rollouts(publisher, shown)),
            version_routes(Promotions(ModelRegistry(connection), publisher, approvals, frozenset())),
        )
        app = create_app(publisher, room, metrics, 1000, door, Witness(database), *more)
        return [route for route in app.routes if isinstance(route, APIRoute)]

    found = asyncio.run(routes())
    assert all(refuse_unknown_parameters in [each.call for each in one.dependant.dependencies] for one in found)
    declared = {
        (method, one.path): [(need.role, need.routers) for need in need_of(one)]
        for one in found
        for method in one.methods
    }
    assert declared == {operation: [(row.role, row.routers)] for operation, row in TABLE.items()}


@pytest.mark.parametrize("operation", TABLE, ids=" ".join)
def test_an_operation_is_for_those_whom_the_table_names_alone(closed: Closed, operation: tuple[str, str]) -> None:
    http, secrets = closed
    refused = {asker.name: _ask(http, operation, secrets[asker.name]).status_code for asker in UNKNOWN}
    refused |= {"nobody": _ask(http, operation, None).status_code, "anybody": _ask(http, operation, "x").status_code}
    assert set(refused.values()) == {401}
    row = TABLE[operation]
    answers = {asker: _ask(http, operation, secrets[asker.name]) for asker in KNOWN}
    assert {asker.name: answer.status_code != 403 for asker, answer in answers.items()} == {
        asker.name: asker.may(row) for asker in KNOWN
    }
    assert all(answer.status_code < 500 and answer.status_code != 401 for answer in answers.values())
    for asker, answer in answers.items():
        if not asker.may(row):
            assert answer.json()["code"] == "forbidden"
            assert f"needs {row.role}" in answer.json()["detail"]
            assert "tiermesh token create NAME --grant" in answer.json()["hint"]


def test_an_experimenter_writes_experiments_and_nothing_else_in_one_go(closed: Closed) -> None:
    http, secrets = closed
    headers = bearer(secrets["experimenter-here"])
    mixed = http.post("/v1/documents", json={"documents": [experiment("mine"), route("mine")]}, headers=headers)
    alone = http.post("/v1/documents", json={"documents": [experiment("mine", route="zoo")]}, headers=headers)
    assert (mixed.status_code, alone.status_code) == (403, 422)
    assert "there is no Route 'zoo'" in alone.text
