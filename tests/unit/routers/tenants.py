"""Tenants of the router's tests, and the keys by which they call."""

import hashlib
from typing import Any

from control_plane.spec.documents import API_VERSION, Document, parse


def key(tenant: str) -> str:
    """A key that this tenant has."""
    return f"tm-{tenant}-key"


def authorized(tenant: str) -> dict[str, str]:
    """Request headers of this tenant."""
    return {"authorization": f"Bearer {key(tenant)}"}


def tenant(name: str = "acme", **spec: Any) -> Document:
    """A Tenant with one key."""
    entry = {"name": "only", "sha256": hashlib.sha256(key(name).encode()).hexdigest()}
    document = {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}}
    return parse({**document, "spec": {"keys": [entry], **spec}})
