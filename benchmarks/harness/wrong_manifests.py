"""Manifests that are wrong in one thing each, who refuses them, and what the message has to name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from control_plane.spec.documents import API_VERSION

_FOLDER = Path(__file__).parent / "wrong"
_KINDS = {"models": "Model", "routes": "Route"}
Refuser = Literal["api", "change", "condition"]


@dataclass(frozen=True)
class Wrong:
    """One of them."""

    what: str
    name: str
    manifest: dict[str, Any]
    field: str
    says: str
    """A part of the cure."""
    by: Refuser
    before: dict[str, Any] | None = None
    """What is there already, where it is the change that is wrong."""
    beside: tuple[dict[str, Any], ...] = ()
    """Documents that are in force."""
    shown: str = ""
    """The cure that a cluster shows in the place of `says`, where the operator itself knows better."""


def wrong_manifests(*refusers: Refuser) -> list[Wrong]:
    """All, or those that these refuse."""
    found = [
        _read(said, f"{file.stem}-{number}", _KINDS.get(file.stem, ""))
        for file in sorted(_FOLDER.glob("*.yaml"))
        for number, said in enumerate(yaml.safe_load(file.read_text(encoding="utf-8")))
    ]
    return [one for one in found if not refusers or one.by in refusers]


def _read(said: dict[str, Any], name: str, usual: str) -> Wrong:
    kind, name = str(said.get("kind", usual)), str(said.get("name", name))
    before, beside = said.get("before"), said.get("beside", ())
    return Wrong(
        said["wrong"],
        name,
        _manifest(kind, name, said["spec"]),
        said["field"],
        said["says"],
        said["by"],
        _manifest(kind, name, before) if before else None,
        tuple(_manifest(one["kind"], one["name"], one["spec"]) for one in beside),
        said.get("shown", ""),
    )


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
