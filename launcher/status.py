"""`tiermesh status`: what runs, what is ready, and which snapshot each part has."""

import asyncio
import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from control_plane.client.http import Client
from control_plane.spec.errors import TiermeshError
from launcher import leftovers, state
from launcher.home import Home
from launcher.identities import alive
from launcher.processes import CONTROL_PLANE, MODELS, ROUTER
from launcher.readiness import ModelStatus, answers, read_models_status
from launcher.settings import UpSettings
from launcher.state import Running, State

_SNAPSHOTS_LOOKED_AT = 5
"""A router that is further behind than this is shown without a number."""


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True
    )


class ProcessReport(_Part):
    """One process of the mesh."""

    name: str
    pid: int
    uptime_seconds: float
    address: str
    ready: bool
    restarts: int
    snapshot: int | None
    """The snapshot it works by: published, handed over or acknowledged."""


class Report(_Part):
    """The whole mesh of one home."""

    home: str
    phase: Literal["stopped", "killed", "starting", "ready", "stopping"]
    """`killed`: the launcher is gone and processes of it are left."""
    processes: tuple[ProcessReport, ...] = ()
    models: dict[str, ModelStatus] = {}

    @property
    def healthy(self) -> bool:
        """Whether everything that was started is ready, and was started."""
        return self.phase == "ready" and all(process.ready for process in self.processes)


def status(settings: UpSettings) -> Report:
    """Look at the mesh of a home. Never raises for a part that does not answer: that is what it reports."""
    home = Home(settings.home)
    recorded = state.load(home)
    if recorded is None or not (alive(recorded.launcher) or leftovers.living(recorded)):
        return Report(home=str(home.root), phase="stopped")
    return Report(
        home=str(home.root),
        phase=recorded.phase if alive(recorded.launcher) else "killed",
        processes=asyncio.run(_processes(recorded, settings.token)),
        models=read_models_status(home.models_status).models,
    )


async def _processes(recorded: State, token: SecretStr | None) -> tuple[ProcessReport, ...]:
    snapshots = await asyncio.to_thread(_snapshots, recorded, token)
    ready = await asyncio.gather(*(_ready(running) for running in recorded.processes))
    return tuple(
        ProcessReport(
            name=running.name,
            pid=running.identity.pid,
            uptime_seconds=round(time.time() - running.started_at, 1),
            address=running.address,
            ready=is_ready,
            restarts=running.restarts,
            snapshot=snapshots.get(running.name),
        )
        for running, is_ready in zip(recorded.processes, ready, strict=True)
    )


async def _ready(running: Running) -> bool:
    if not alive(running.identity):
        return False
    return await answers(running.ready_url) if running.ready_url else running.ready


def _snapshots(recorded: State, token: SecretStr | None) -> dict[str, int | None]:
    """Process -> snapshot. The control plane is asked; where it is away, only what was handed over is known."""
    numbers: dict[str, int | None] = {MODELS: recorded.models_snapshot}
    address = next((running.address for running in recorded.processes if running.name == CONTROL_PLANE), None)
    if address is None:
        return numbers
    try:
        with Client(address, timeout_seconds=2, token=token) as client:
            newest = [summary.number for summary in client.snapshots()[:_SNAPSHOTS_LOOKED_AT]]
            served = (number for number in newest if _serves(client, number))
            return numbers | {CONTROL_PLANE: newest[0] if newest else None, ROUTER: next(served, None)}
    except TiermeshError:
        return numbers


def _serves(client: Client, number: int) -> bool:
    return any(ack.router == ROUTER and ack.error is None for ack in client.snapshot(number).acks)
