"""Of control planes that share a database, the one that leads follows the aliases in MLflow; the others do not."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import replicas
from benchmarks.harness.postgres import PostgresServer
from benchmarks.harness.replicas import Replica
from control_plane.client.http import Client
from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from control_plane.spec.prompts import Template
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.unit.control_plane.samples import generating, model, parsed, route

_SECONDS = 30
"""Longest wait: following looks every tenth of a second here, and leading takes a beat or two."""


def _registry(empty: Path, folder: Path) -> PromptRegistry:
    """What the control plane of this folder asks: a prompt with three versions, of which the alias leads to the first.

    Each has its own, so that what is published tells who has followed.
    """
    made = PromptRegistry(Connection(copied(empty, folder), 10))
    for number in (1, 2, 3):
        made.write("support", Template(template=f"Text {number}."), "", "alice")
    made.move("support", "canary", 1)
    return made


def _published(url: str) -> list[int]:
    """The prompt's version in each snapshot, oldest first."""
    with Client(url) as client:
        found = [client.snapshot(one.number).content.routes for one in reversed(client.snapshots())]
    return [each.prompt.version for routes in found for each in routes if each.prompt]


def _wait(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_the_leader_alone_follows_and_whoever_leads_next_goes_on(
    postgres_server: PostgresServer, empty_registry: Path, tmp_path: Path
) -> None:
    url = postgres_server.empty()
    registries = {name: _registry(empty_registry, tmp_path / name) for name in ("one", "other")}
    with contextlib.ExitStack() as life:
        pair = [Replica(name, tmp_path / name, None, url, FOLLOW_SECONDS=0.1) for name in registries]
        for replica in pair:
            life.enter_context(replica)
        for replica in pair:
            replica.wait()
        leading = replicas.leader(pair)
        (waiting,) = (replica for replica in pair if replica is not leading)
        with Client(waiting.url) as client:
            asking = route(prompt={"name": "support", "alias": "canary"})
            client.apply(parsed(model(), generating(), asking), "alice")
        registries[waiting.name].move("support", "canary", 3)
        registries[leading.name].move("support", "canary", 2)
        _wait(lambda: len(_published(waiting.url)) > 1)
        assert _published(waiting.url) == [1, 2]
        leading.kill()
        _wait(lambda: len(_published(waiting.url)) > 2)
        assert _published(waiting.url) == [1, 2, 3]
