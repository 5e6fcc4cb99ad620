"""`tiermesh up`: from nothing to a mesh that answers, until it is told to stop."""

import asyncio
import os
import signal
from contextlib import suppress

from rich.console import Console

from control_plane.spec.errors import Code, TiermeshError
from launcher import leftovers, state
from launcher.documents import expected, local
from launcher.greeting import greeting
from launcher.home import Home
from launcher.identities import Identity, identify
from launcher.logs import set_aside
from launcher.machine import look
from launcher.mesh import Mesh
from launcher.preflight import problems
from launcher.processes import plan
from launcher.progress import Progress
from launcher.settings import UpSettings
from launcher.tether import adopt_orphans

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(settings: UpSettings, console: Console) -> bool:
    """Start the mesh, keep it running until SIGINT, SIGTERM or SIGHUP, then stop all of it.

    Returns whether it was ever ready. Raises TiermeshError where it cannot be started or kept running; nothing that was
    started runs on then either.
    """
    home, progress = Home(settings.home), Progress(console)
    home.prepare()
    with state.sole(home) as alone:
        if not alone:
            raise already_running(home)
        adopt_orphans()
        return asyncio.run(_up(settings, home, progress))


def already_running(home: Home) -> TiermeshError:
    """The refusal to run two meshes on one home."""
    running = state.load(home)
    process = f" (process {running.launcher.pid})" if running else ""
    return TiermeshError(
        Code.SETUP,
        f"A mesh of {home.root} runs already{process}:",
        "'tiermesh status' shows it, 'tiermesh down' stops it, and another TIERMESH_HOME and ports give another.",
    )


async def _up(settings: UpSettings, home: Home, progress: Progress) -> bool:
    with progress.step("preflight") as step:
        await _clear(settings, home, progress)
        step.done(_preflight(settings, home))
    mesh = Mesh(settings, progress, _myself())
    _stop_on_signals(mesh)
    ready = False
    try:
        # Only the signals cancel, and being told to stop is not an error.
        with suppress(asyncio.CancelledError):
            route = await mesh.start()
            ready = True
            progress.say(greeting(settings, route))
            await mesh.run()
    finally:
        await mesh.stop()
    return ready


def _stop_on_signals(mesh: Mesh) -> None:
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert main

    def stop() -> None:
        if mesh.stopping:
            mesh.supervisor.hurry.set()
        else:
            main.cancel()

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP, and means it
            loop.add_signal_handler(number, stop)


async def _clear(settings: UpSettings, home: Home, progress: Progress) -> None:
    left = await leftovers.clear(home, settings.grace_seconds)
    if left:
        progress.say(f"stopped {len(left)} processes that a killed run had left")


def _preflight(settings: UpSettings, home: Home) -> str:
    models = local(expected(settings.documents, home))
    found = problems(look(settings.ports.values()), settings, models)
    if found:
        raise TiermeshError(Code.SETUP, "\n".join(found))
    for process in plan(settings):
        set_aside(process.log)
    return f"{len(models)} models to run here"


def _myself() -> Identity:
    myself = identify(os.getpid())
    assert myself
    return myself
