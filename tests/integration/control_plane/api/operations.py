"""Operations: what each of them needs, written here and not taken from the application."""

from dataclasses import dataclass
from typing import Any

from control_plane.spec.courses import Command
from control_plane.spec.people import Role
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
NAMES = {plural: body["metadata"]["name"] for plural, body in _DOCUMENTS.items()}
_SHA256 = "0" * 64
_REGISTRATION = {"source": "file:///weights", "sha256": _SHA256}
_RESULT = {"sha256": _SHA256, "evaluation": _SHA256, "against": "x", "all": {"passed": 1, "asked": 1}}
_PROMPTS, _MODELS = "/v1/registry/prompts", "/v1/registry/models"
TABLE: dict[tuple[str, str], Row] = {
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
