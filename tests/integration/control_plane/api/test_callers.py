"""Every operation × everybody who may ask: the table is written here, the operations are the application's own."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.courses import Command
from control_plane.spec.documents import in_namespace
from control_plane.spec.people import Role
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.control_plane_server import running
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.unit.control_plane.people import issue
from tests.unit.control_plane.samples import experiment, model, policy, prompt, rollout, route, tenant


@dataclass(frozen=True)
class Row:
    """What an operation needs."""

    role: Role | None
    """None: nothing but a token."""
    where: str = "default"
    """The namespace: `default`, `*` for all of them, or `any` for one at least."""
    routers: bool = False
    body: Any = None
    params: str = ""


_VIEW, _TRY, _OPERATE, _ADMIN = Role
_DOCUMENTS = {
    "models": model("faq"),
    "routes": route(),
    "tenants": tenant(),
    "prompts": prompt(template="hi"),
    "experiments": experiment(),
    "rollouts": rollout(),
    "scalingpolicies": policy(),
}
_WRITERS = {plural: _TRY if plural == "experiments" else _OPERATE for plural in _DOCUMENTS}
_NAMES = {plural: body["metadata"]["name"] for plural, body in _DOCUMENTS.items()}
_SHA256 = "0" * 64
_REGISTRATION = {"source": "file:///weights", "sha256": _SHA256}
_RESULT = {"sha256": _SHA256, "evaluation": _SHA256, "against": "x", "all": {"passed": 1, "asked": 1}}
_PROMPTS, _MODELS = "/v1/registry/prompts", "/v1/registry/models"
_TABLE: dict[tuple[str, str], Row] = {
    **{("GET", f"/v1/{plural}"): Row(_VIEW) for plural in _DOCUMENTS},
    **{("GET", f"/v1/{plural}/{{name}}"): Row(_VIEW) for plural in _DOCUMENTS},
    **{("GET", f"/v1/{plural}/{{name}}/revisions"): Row(_VIEW) for plural in _DOCUMENTS},
    **{("PUT", f"/v1/{plural}/{{name}}"): Row(_WRITERS[plural], body=body) for plural, body in _DOCUMENTS.items()},
    **{("DELETE", f"/v1/{plural}/{{name}}"): Row(_WRITERS[plural]) for plural in _DOCUMENTS},
    ("GET", "/v1/documents"): Row(_VIEW, "any"),
    ("POST", "/v1/documents"): Row(_TRY, body={"documents": [experiment()]}),
    ("POST", "/v1/documents/read"): Row(None, body={"text": "a: 1"}),
    ("GET", "/v1/snapshots"): Row(_VIEW, "any"),
    ("GET", "/v1/snapshots/latest"): Row(_VIEW, "*", routers=True),
    ("GET", "/v1/snapshots/{number}"): Row(_VIEW, "*"),
    ("GET", "/v1/routers"): Row(_VIEW, "*"),
    ("POST", "/v1/snapshots/{number}/acks"): Row(_OPERATE, "*", routers=True, body={"router": "r"}),
    ("POST", "/v1/snapshots/{number}/rollback"): Row(_OPERATE, "*", body={}),
    ("PUT", "/v1/artifacts/{name}"): Row(_OPERATE, "any", body={"text": "{}"}),
    ("GET", "/v1/artifacts/{name}"): Row(_VIEW, "*", routers=True),
    ("GET", "/v1/promises"): Row(_VIEW, "any"),
    ("POST", "/v1/decisions"): Row(_ADMIN, "*", routers=True, body={"records": []}),
    ("GET", "/v1/decisions"): Row(_VIEW, "*"),
    ("GET", "/v1/decisions/{request_id}"): Row(_VIEW, "*"),
    ("POST", "/v1/events"): Row(_ADMIN, "*", routers=True, body={"events": []}),
    ("GET", "/v1/events"): Row(_VIEW, "*"),
    ("GET", "/v1/events/sources"): Row(_VIEW, "*"),
    ("POST", "/v1/feedback"): Row(_TRY, "*", routers=True, body={"items": []}),
    ("GET", "/v1/experiments/{name}/results"): Row(_VIEW),
    ("POST", "/v1/experiments/{name}/plan"): Row(_VIEW, body={}),
    ("POST", "/v1/experiments/{name}/start"): Row(_TRY, body={}),
    ("POST", "/v1/experiments/{name}/stop"): Row(_TRY, body={}),
    ("GET", "/v1/rollouts/{name}/status"): Row(_VIEW),
    **{("POST", f"/v1/rollouts/{{name}}/{command}"): Row(_OPERATE, body={}) for command in Command},
    ("GET", "/v1/whoami"): Row(None),
    ("GET", "/v1/tokens"): Row(_ADMIN, "any"),
    ("POST", "/v1/tokens"): Row(_ADMIN, body={"name": "new", "bindings": [{"role": "viewer", "namespace": "default"}]}),
    ("DELETE", "/v1/tokens/{name}"): Row(_ADMIN, "any"),
    ("GET", "/v1/audit"): Row(_ADMIN, "*"),
    ("GET", _PROMPTS): Row(_VIEW, "any"),
    ("GET", f"{_PROMPTS}/{{name}}/versions"): Row(_VIEW, "any"),
    ("POST", f"{_PROMPTS}/{{name}}/versions"): Row(_TRY, body={"prompt": {"template": "hi"}}),
    ("GET", f"{_PROMPTS}/{{name}}/versions/{{which}}"): Row(_VIEW, "any"),
    ("PUT", f"{_PROMPTS}/{{name}}/aliases/{{alias}}"): Row(_TRY, body={"version": 1}),
    ("GET", _MODELS): Row(_VIEW, "any"),
    ("GET", f"{_MODELS}/{{name}}"): Row(_VIEW, "any"),
    ("POST", f"{_MODELS}/{{name}}/versions"): Row(_OPERATE, body={"version": _REGISTRATION}),
    ("GET", f"{_MODELS}/{{name}}/versions/{{version}}"): Row(_VIEW, "any"),
    ("POST", f"{_MODELS}/{{name}}/versions/{{version}}/evaluations"): Row(_OPERATE, body={"result": _RESULT}),
    ("PUT", f"{_MODELS}/{{name}}/aliases/{{alias}}"): Row(_OPERATE, body={"version": 1}),
    ("GET", "/v1/registry/pins"): Row(_VIEW, "any"),
    ("GET", "/v1/registry/served"): Row(_VIEW, "any"),
    ("GET", "/v1/approvals"): Row(_VIEW, "any"),
    ("POST", "/v1/approvals/{number}/approve"): Row(_ADMIN, "*", body={}),
    ("POST", "/v1/approvals/{number}/reject"): Row(_TRY, "any", body={}),
    ("GET", "/v1/audit/verify"): Row(_ADMIN, "*"),
}


@dataclass(frozen=True)
class Asker:
    """Somebody who asks."""

    name: str
    role: Role | None = None
    namespace: str = ""
    ended: str = ""
    router: bool = False

    def may(self, row: Row) -> bool:
        """What the table says."""
        if self.role is None or row.role is None:
            return row.role is None or (self.router and row.routers)
        here = self.namespace == "*" or row.where in ("any", self.namespace)
        return here and list(Role).index(self.role) >= list(Role).index(row.role)


_KNOWN = [
    *(Asker(f"{role}-{where}", role, space) for role in Role for where, space in
      (("everywhere", "*"), ("here", "default"), ("elsewhere", "other"))),
    Asker("router", router=True),
]  # fmt: skip
_UNKNOWN = [
    Asker("expired", Role.ADMIN, "*", "expired"),
    Asker("revoked", Role.ADMIN, "*", "revoked"),
]


@pytest.fixture(scope="module")
def closed(
    tmp_path_factory: pytest.TempPathFactory, empty_registry: Path
) -> Iterator[tuple[httpx2.Client, dict[str, str]]]:
    """A control plane that lets nobody in without a token, and everybody's secrets."""
    home = tmp_path_factory.mktemp("closed")
    copied(empty_registry, home)
    settings = ControlPlaneSettings.load(home=home, port=0, admin_port=0, open_on_loopback=False)
    with running(settings) as addresses:
        secrets = {
            asker.name: issue(
                settings,
                asker.name,
                *([f"{asker.role}@{asker.namespace}"] if asker.role else []),
                ended=asker.ended,
                router=asker.router,
            )
            for asker in (*_KNOWN, *_UNKNOWN)
        }
        with httpx2.Client(base_url=addresses.api, trust_env=False, timeout=30, verify=False) as http:
            yield http, secrets


def _ask(http: httpx2.Client, operation: tuple[str, str], secret: str | None) -> httpx2.Response:
    method, template = operation
    name = _NAMES.get(template.split("/")[2], "faq")
    path = template.format(name=name, number=1, request_id="id", which="1", version=1, alias="canary")
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    return http.request(method, path, json=_TABLE[operation].body, headers=headers)


def test_the_table_has_every_operation_and_no_other(closed: tuple[httpx2.Client, dict[str, str]]) -> None:
    http, secrets = closed
    described = http.get("/v1/openapi.json", headers={"authorization": f"Bearer {secrets['viewer-here']}"}).json()
    found = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert found == set(_TABLE)


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
    assert declared == {operation: [(row.role, row.routers)] for operation, row in _TABLE.items()}


@pytest.mark.parametrize("operation", _TABLE, ids=" ".join)
def test_an_operation_is_for_those_whom_the_table_names_alone(
    closed: tuple[httpx2.Client, dict[str, str]], operation: tuple[str, str]
) -> None:
    http, secrets = closed
    refused = {asker.name: _ask(http, operation, secrets[asker.name]).status_code for asker in _UNKNOWN}
    refused |= {"nobody": _ask(http, operation, None).status_code, "anybody": _ask(http, operation, "x").status_code}
    assert set(refused.values()) == {401}
    row = _TABLE[operation]
    answers = {asker: _ask(http, operation, secrets[asker.name]) for asker in _KNOWN}
    assert {asker.name: answer.status_code != 403 for asker, answer in answers.items()} == {
        asker.name: asker.may(row) for asker in _KNOWN
    }
    assert all(answer.status_code < 500 and answer.status_code != 401 for answer in answers.values())
    for asker, answer in answers.items():
        if not asker.may(row):
            assert answer.json()["code"] == "forbidden"
            assert f"needs {row.role}" in answer.json()["detail"]
            assert "tiermesh token create NAME --grant" in answer.json()["hint"]


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/nothing", "/console/", "/v1/models/../tokens"])
def test_whoever_is_not_known_is_not_told_what_there_is(
    closed: tuple[httpx2.Client, dict[str, str]], path: str
) -> None:
    answer = closed[0].get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_whoever_is_not_known_does_not_make_us_read_what_they_send(
    closed: tuple[httpx2.Client, dict[str, str]],
) -> None:
    answer = closed[0].post("/v1/documents", content=b"{" * 100_000, headers={"content-type": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Basic YTpi", "Token x", "tmt-x", "Bearer tmt-x", "Bearer tm-a-key-of-the-mesh", "é"],
)
def test_an_authorization_that_is_no_token_never_falls_back_to_the_open_door(
    quiet_api: httpx2.Client, authorization: str
) -> None:
    answer = quiet_api.get("/v1/models", headers={b"authorization": authorization.encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_two_authorizations_are_none_though_each_is_good(closed: tuple[httpx2.Client, dict[str, str]]) -> None:
    http, secrets = closed
    bearer = ("authorization", f"Bearer {secrets['viewer-here']}")
    assert http.get("/v1/models", headers=[bearer]).status_code == 200
    assert http.get("/v1/models", headers=[bearer, bearer]).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"x-forwarded-for": "10.0.0.1"},
        {"forwarded": "for=10.0.0.1"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_web_pages_and_proxies_do_not_sit_at_this_machine(quiet_api: httpx2.Client, headers: dict[str, str]) -> None:
    assert quiet_api.get("/v1/models", headers=headers).status_code == 401


def test_whoever_sits_here_says_their_own_name_and_others_do_not(
    api: httpx2.Client, settings: ControlPlaneSettings
) -> None:
    api.put("/v1/models/faq", params={"author": "alice"}, json=model())
    bearer = {"authorization": f"Bearer {issue(settings, 'bob', 'operator@*')}"}
    refused = api.put("/v1/models/faq", params={"author": "alice"}, json=model(version="2"), headers=bearer)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (403, "author")
    for version, author in (("3", {}), ("4", {"author": "bob"})):
        body = {"documents": [model(version=version)], **author}
        assert api.post("/v1/documents", json=body, headers=bearer).status_code == 200
    api.delete("/v1/models/faq", headers=bearer)
    authors = [one["author"] for one in api.get("/v1/models/faq/revisions").json()["items"]]
    assert authors == ["bob", "bob", "bob", "alice"]


def test_a_batch_is_refused_whole_and_nothing_is_written_by_whoever_may_not(
    closed: tuple[httpx2.Client, dict[str, str]],
) -> None:
    http, secrets = closed
    documents = [in_namespace(model("mine"), "other"), model("mine")]
    bearer = _bearer(secrets["operator-elsewhere"])
    answer = http.post("/v1/documents", json={"documents": documents}, headers=bearer)
    assert answer.status_code == 403
    assert "needs operator in the namespace 'default'" in answer.json()["detail"]
    everybody = _bearer(secrets["viewer-everywhere"])
    for space in ("default", "other"):
        found = http.get("/v1/models/mine", params={"namespace": space}, headers=everybody)
        assert found.status_code == 404
    assert http.post("/v1/documents", json={"documents": documents[:1]}, headers=bearer).is_success


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/documents"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/faq"),
        ("GET", "/v1/models/faq/revisions"),
        ("PUT", "/v1/models/faq"),
        ("DELETE", "/v1/models/faq"),
    ],
)
def test_what_counts_is_the_namespace_that_the_request_names(
    closed: tuple[httpx2.Client, dict[str, str]], method: str, path: str
) -> None:
    http, secrets = closed
    body = in_namespace(model("faq"), "other") if method == "PUT" else None
    here, elsewhere = (
        http.request(method, path, params={"namespace": "other"}, json=body, headers=_bearer(secrets[name]))
        for name in ("admin-here", "operator-elsewhere")
    )
    assert (here.status_code, here.json()["code"]) == (403, "forbidden")
    assert "in the namespace 'other'" in here.json()["detail"]
    assert elsewhere.status_code in (200, 404)


def test_a_document_cannot_say_another_namespace_than_the_one_that_was_permitted(
    closed: tuple[httpx2.Client, dict[str, str]],
) -> None:
    http, secrets = closed
    answer = http.put(
        "/v1/models/faq", json=in_namespace(model("faq"), "other"), headers=_bearer(secrets["operator-here"])
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "metadata.namespace")


@pytest.mark.parametrize("path", ["/v1/tenants?namespace=*", "/v1/documents"])
def test_lists_show_what_the_caller_may_view(closed: tuple[httpx2.Client, dict[str, str]], path: str) -> None:
    http, secrets = closed
    for space, name in (("default", "operator-here"), ("other", "operator-elsewhere")):
        params = {"namespace": space}
        assert http.put("/v1/tenants/acme", params=params, json=tenant(), headers=_bearer(secrets[name])).is_success
    seen = {
        name: {
            item["metadata"].get("namespace", "default")
            for item in http.get(path, headers=_bearer(secrets[name])).json()["items"]
        }
        for name in ("viewer-here", "viewer-elsewhere", "viewer-everywhere")
    }
    expected = {"viewer-here": {"default"}, "viewer-elsewhere": {"other"}, "viewer-everywhere": {"default", "other"}}
    assert seen == expected


def test_an_unknown_name_is_not_answered_with_what_the_caller_may_not_view(
    closed: tuple[httpx2.Client, dict[str, str]],
) -> None:
    http, secrets = closed
    params = {"namespace": "other"}
    hidden = _bearer(secrets["operator-elsewhere"])
    assert http.put("/v1/tenants/hidden", params=params, json=tenant("hidden"), headers=hidden).is_success
    for path in ("/v1/tenants/hidden", "/v1/tenants/hidden/revisions"):
        hints = {
            name: "namespace 'other'" in http.get(path, headers=_bearer(secrets[name])).json()["hint"]
            for name in ("viewer-here", "viewer-everywhere")
        }
        assert hints == {"viewer-here": False, "viewer-everywhere": True}


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_an_experimenter_writes_experiments_and_nothing_else_in_one_go(
    closed: tuple[httpx2.Client, dict[str, str]],
) -> None:
    http, secrets = closed
    headers = _bearer(secrets["experimenter-here"])
    mixed = http.post("/v1/documents", json={"documents": [experiment("mine"), route("mine")]}, headers=headers)
    alone = http.post("/v1/documents", json={"documents": [experiment("mine", route="zoo")]}, headers=headers)
    assert (mixed.status_code, alone.status_code) == (403, 422)
    assert "there is no Route 'zoo'" in alone.text
