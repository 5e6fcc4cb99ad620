"""Crds: the custom resource definitions of all kinds, made of the published language. Pure.

A custom resource is a document with two fields more: `spec.suspend`, which its operator heeds, and `status`, which it
writes.
"""

from dataclasses import dataclass
from typing import Any

from control_plane.spec import documents, statuses
from control_plane.spec.documents import API_VERSION, PLURALS
from control_plane.spec.rules.rule import Rule
from control_plane.spec.structural import Schema, structural, validation

GROUP, VERSION = API_VERSION.split("/")
LONGEST_NAME = 63

Columns = tuple[tuple[str, str, str], ...]
"""Of a table: name, type, path."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """How a kind is shown and written to, beyond its schema."""

    short: str
    """None is anybody else's: `ro` is Argo's, `routes` are OpenShift's too."""
    columns: Columns
    wide: Columns = ()
    """Those of `-o wide` too."""
    status: type[statuses.Status] = statuses.Status
    scale: Schema | None = None


def _ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


_READY: Columns = (("Ready", "string", _ready("status")),)
_WHY: Columns = (("Reason", "string", _ready("reason")),)
_AGE: Columns = (("Age", "date", ".metadata.creationTimestamp"),)
_DETAILS: Columns = (("Snapshot", "integer", ".status.snapshot"), ("Message", "string", _ready("message")))
_SCALE = {
    "specReplicasPath": ".spec.replicas.min",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}

_KINDS: dict[str, _Shown] = {
    "Model": _Shown(
        "tmm",
        (
            ("Engine", "string", ".spec.engine"),
            ("Tier", "string", ".spec.tier"),
            ("Replicas", "integer", ".status.replicas"),
        ),
        (("Version", "string", ".spec.version"), ("URL", "string", ".status.url")),
        statuses.ModelStatus,
        _SCALE,
    ),
    "Route": _Shown("tmr", (("Light", "string", ".spec.tiers.light"), ("Heavy", "string", ".spec.tiers.heavy"))),
    "Tenant": _Shown("tmt", (("Priority", "integer", ".spec.priority"), ("Routes", "string", ".spec.routes"))),
    "Prompt": _Shown("tmp", (("Change", "string", ".spec.message"),)),
    "Experiment": _Shown(
        "tme",
        (
            ("Route", "string", ".spec.route"),
            ("State", "string", ".spec.state"),
            ("Verdict", "string", ".status.verdict"),
            ("Arm", "string", ".status.arm"),
        ),
        (("Decided", "string", ".status.decided"),),
        statuses.ExperimentStatus,
    ),
    "Rollout": _Shown(
        "tmro",
        (
            ("Route", "string", ".spec.route"),
            ("Phase", "string", ".status.phase"),
            ("Step", "integer", ".status.step"),
            ("Steps", "integer", ".status.steps"),
            ("Weight", "number", ".status.weight"),
        ),
        (("Decided", "string", ".status.decided"),),
        statuses.RolloutStatus,
    ),
    "ScalingPolicy": _Shown(
        "tmsp",
        (
            ("Model", "string", ".spec.model"),
            ("Min", "integer", ".spec.min"),
            ("Max", "integer", ".spec.max"),
            ("Signals", "string", ".spec.signals[*].metric"),
        ),
    ),
}

_SUSPEND = {
    "type": "boolean",
    "description": "Whether the operator leaves this object alone for a while: it changes nothing for it, here or in "
    "the control plane. Default: false.",
}
_NAME = Rule(
    f"size(self.metadata.name) <= {LONGEST_NAME}",
    f"metadata.name must be at most {LONGEST_NAME} characters: shorten it",
)
_WAITING = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "Pending",
    "message": "No operator has looked at it yet: see that the operator of Tiermesh runs and watches this namespace.",
    "lastTransitionTime": "1970-01-01T00:00:00Z",
}
"""What is true of every custom resource that is new. The one default: nobody writes a status by hand."""


def definitions() -> dict[str, dict[str, Any]]:
    """The definition of each kind, by the plural of its name."""
    return {plural: _definition(plural, kind) for plural, kind in PLURALS.items()}


def _definition(plural: str, kind: str) -> dict[str, Any]:
    shown = _KINDS[kind]
    subresources: Schema = {"status": {}} | ({"scale": shown.scale} if shown.scale else {})
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [shown.short],
                "categories": ["tiermesh"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": subresources,
                    "additionalPrinterColumns": _columns(shown),
                    "schema": {"openAPIV3Schema": _schema(kind, shown)},
                }
            ],
        },
    }


def _columns(shown: _Shown) -> list[Schema]:
    usual = [_column(one) for one in (*shown.columns, *_READY, *_WHY)]
    wide = [_column(one) | {"priority": 1} for one in (*shown.wide, *_DETAILS)]
    return [*usual, *wide, *(_column(one) for one in _AGE)]


def _column(said: tuple[str, str, str]) -> Schema:
    name, kind, path = said
    return {"name": name, "type": kind, "jsonPath": path}


def _schema(kind: str, shown: _Shown) -> Schema:
    document = getattr(documents, kind)
    spec = structural(document.model_fields["spec"].annotation)
    spec["properties"] = {"suspend": _SUSPEND, **spec["properties"]}
    status = structural(shown.status)
    status["properties"]["conditions"]["default"] = [_WAITING]
    return {
        "type": "object",
        "description": document.__doc__,
        "required": ["spec"],
        "x-kubernetes-validations": [validation(_NAME)],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status | {"default": {}},
        },
    }
