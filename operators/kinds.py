"""Kinds: what is watched and written, and how it is told apart."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from control_plane.spec.documents import API_VERSION, PLURALS
from control_plane.spec.names import Key

Object = dict[str, Any]
"""A Kubernetes object as JSON has it."""

GROUP, VERSION = API_VERSION.split("/")
FINALIZER = f"{GROUP}/operator"
FIELD_MANAGER = "tiermesh-operator"
KINDS = {kind: plural for plural, kind in PLURALS.items()}
"""Kind of a custom resource -> its plural."""

EVERYWHERE: Mapping[str, str] = {"Deployment": "apps/v1", "Service": "v1", "ConfigMap": "v1"}
"""What each cluster has of what is rendered: kind -> apiVersion."""


class ChildKey(NamedTuple):
    """A child among those of its owner."""

    api_version: str
    kind: str
    name: str


def child_key(body: Mapping[str, Any]) -> ChildKey:
    """Of a rendered or a live object."""
    return ChildKey(body["apiVersion"], body["kind"], body["metadata"]["name"])


def plural(kind: str) -> str:
    """As paths name a kind; so it is of all that are known here."""
    return KINDS.get(kind, f"{kind.lower()}s")


def group_of(api_version: str) -> str:
    """The group of an apiVersion; the core group has no name."""
    return api_version.rpartition("/")[0]


def owner_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The reference to the custom resource that controls an object, where one does."""
    for reference in body["metadata"].get("ownerReferences", ()):
        if reference.get("controller") and group_of(reference["apiVersion"]) == GROUP:
            found: Mapping[str, Any] = reference
            return found
    return None


def owner_key(reference: Mapping[str, Any], namespace: str) -> Key:
    """The custom resource that a reference names."""
    return Key(reference["kind"], reference["name"], namespace)
