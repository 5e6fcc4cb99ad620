"""Askers: everybody who may ask a control plane that lets nobody in without a token."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from control_plane.settings import ControlPlaneSettings
from control_plane.spec.people import Role
from tests.control_plane_server import running
from tests.integration.control_plane.api.operations import Row
from tests.registry import copied
from tests.unit.control_plane.people import issue

Closed = tuple[httpx2.Client, dict[str, str]]
"""A client, and everybody's secrets."""


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


KNOWN = [
    *(Asker(f"{role}-{where}", role, space) for role in Role for where, space in
      (("everywhere", "*"), ("here", "default"), ("elsewhere", "other"))),
    Asker("router", router=True),
]  # fmt: skip
UNKNOWN = [
    Asker("expired", Role.ADMIN, "*", "expired"),
    Asker("revoked", Role.ADMIN, "*", "revoked"),
]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Iterator[Closed]:
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
            for asker in (*KNOWN, *UNKNOWN)
        }
        with httpx2.Client(base_url=addresses.api, trust_env=False, timeout=30, verify=False) as http:
            yield http, secrets


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}
