"""The mesh of one machine: what is started, in which order, and what ties the parts together."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from control_plane.client.files import artifacts_beside, read_documents
from control_plane.client.http import Client
from control_plane.spec.documents import Route
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import EVERY_NAMESPACE
from launcher import state
from launcher.documents import bundled
from launcher.following import Following
from launcher.home import Home
from launcher.identities import Identity
from launcher.processes import MODELS, Process, plan
from launcher.progress import Progress, Step
from launcher.readiness import answers, read_models_status
from launcher.recording import Recording
from launcher.settings import UpSettings
from launcher.supervisor import Supervisor

_STATUS_EVERY_SECONDS = 0.5
_AUTHOR = "tiermesh up"


@dataclass(slots=True)
class Mesh:
    """Starts the mesh, holds it, stops it."""

    settings: UpSettings
    progress: Progress
    launcher: Identity
    stopping: bool = False
    home: Home = field(init=False)
    supervisor: Supervisor = field(init=False)
    following: Following = field(init=False)
    recording: Recording = field(init=False)

    def __post_init__(self) -> None:
        self.home = Home(self.settings.home)
        self.supervisor = Supervisor(self.settings.grace_seconds, self.progress.say, self._changed)
        url, token = self.settings.control_plane_url, self.settings.token
        self.following = Following(url, self.home, self._changed, self.progress.say, token)
        self.recording = Recording(self.home, self.launcher, self.supervisor, self.following)

    async def start(self) -> str | None:
        """Start everything and wait until the router is ready. Returns the `model` of its first route, if it has one.

        Raises TiermeshError where a part does not become ready.
        """
        control_plane, _, router = plan(self.settings)
        self.supervisor.watch("recording", self.recording.record())
        with self.progress.step("control plane") as step:
            await self._start_http(control_plane)
            step.done(control_plane.address)
        with self.progress.step("documents") as step:
            step.done(await self.supervisor.unless_given_up(asyncio.to_thread(self._apply, self.settings.documents)))
            await self.supervisor.unless_given_up(self.following.catch_up())
        if self.following.names:
            with self.progress.step("models") as step:
                await self._start_models(step)
        self.supervisor.watch("following", self.following.follow())
        with self.progress.step("router") as step:
            await self._start_http(router)
            step.done(router.address)
        return await asyncio.to_thread(self._first_route)

    async def run(self) -> None:
        """Say that it is ready, and hold it until cancelled.

        Raises TiermeshError(SETUP) where a process is given up.
        """
        self.recording.phase = "ready"
        self._changed()
        await self.supervisor.unless_given_up(asyncio.Event().wait())

    async def stop(self) -> None:
        """Stop everything that was started. Setting `supervisor.hurry` makes it quick.

        Raises TiermeshError(SETUP) where the kernel does not let go of a process.
        """
        self.stopping = True
        self.recording.phase = "stopping"
        with suppress(TiermeshError):  # A full disk must not keep anything from being stopped.
            self.recording.now()
        self.progress.say("stopping; Ctrl-C stops at once")
        with self.progress.step("stop"):
            stuck = await self.supervisor.stop()
        if stuck:
            pids = ", ".join(str(identity.pid) for identity in stuck)
            raise TiermeshError(Code.SETUP, f"These processes outlive even SIGKILL: {pids}.", "Restart the machine.")
        state.clear(self.home)

    async def _start_http(self, process: Process) -> None:
        assert process.ready_url
        await self.supervisor.start(process, partial(answers, process.ready_url), self.settings.process_ready_seconds)

    async def _start_models(self, step: Step) -> None:
        _, models, _ = plan(self.settings)
        notes = self.supervisor.watch("models' status", self._note_status(step))
        try:
            await self.supervisor.start(models, self._models_ready, self.settings.models_ready_seconds)
        finally:
            notes.cancel()
        step.done(read_models_status(self.home.models_status).words())

    async def _note_status(self, step: Step) -> None:
        """Say what the models are doing; raise what the first of them to fail says."""
        while True:
            status = read_models_status(self.home.models_status)
            step.note(status.words())
            for name, why in status.failed(self.following.names).items():
                raise TiermeshError(
                    Code.SETUP, f"Model {name!r} does not start: {why}", f"The log is {self.home.log(MODELS)}."
                )
            await asyncio.sleep(_STATUS_EVERY_SECONDS)

    async def _models_ready(self) -> bool:
        return read_models_status(self.home.models_status).running(self.following.names)

    def _changed(self) -> None:
        """Record it; and start Ray Serve with the first Model that needs it."""
        self.recording.now()
        follows = self.recording.phase == "ready"
        if follows and self.following.names and MODELS not in self.supervisor.keepers:
            _, models, _ = plan(self.settings)
            self.supervisor.keep(models, self._models_ready)

    def _apply(self, given: Path | None) -> str:
        """Apply the given documents; the bundled ones only to an empty control plane, since people change theirs."""
        with Client(self.settings.control_plane_url, token=self.settings.token) as client:
            held = [*client.list("Model", EVERY_NAMESPACE), *client.list("Route", EVERY_NAMESPACE)]
            if held and given is None:
                return f"{len(held)} of the last run ({self.home.root})"
            source = given or bundled()
            documents = read_documents(source)
            for name, text in artifacts_beside(documents, source).items():
                client.keep_artifact(name, text)
            client.apply(documents, _AUTHOR, f"tiermesh up, {source}")
            return f"{len(documents)} of {source}"

    def _first_route(self) -> str | None:
        with Client(self.settings.control_plane_url, token=self.settings.token) as client:
            routes = [document for document in client.list("Route", EVERY_NAMESPACE) if isinstance(document, Route)]
        return next((route.spec.model or route.metadata.qualified_name for route in routes), None)
