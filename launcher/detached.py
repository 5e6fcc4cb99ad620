"""`tiermesh up --detach`: a launcher of its own in the background, and this process returns when it is ready."""

import os
import subprocess
import sys
import time

from rich.console import Console

from control_plane.spec.errors import Code, TiermeshError
from launcher import state
from launcher.home import Home
from launcher.logs import set_aside
from launcher.progress import Progress
from launcher.settings import PREFIX, UpSettings

_LOOK_SECONDS = 0.2


def up_detached(settings: UpSettings, console: Console) -> bool:
    """Start a launcher in the background and show what it says until it is ready.

    Returns whether it is; where not, it has said why and is gone. A mesh that already runs is left as it is.
    Being interrupted stops it.
    """
    home, progress = Home(settings.home), Progress(console)
    home.prepare()
    with state.sole(home) as alone:
        if alone:
            set_aside(home.up_log)
    if not alone:
        return _already(home, progress)
    launcher = _start(settings, home)
    try:
        return _wait(launcher, home, progress)
    except BaseException:
        launcher.terminate()
        launcher.wait()
        raise


def _already(home: Home, progress: Progress) -> bool:
    running = state.load(home)
    if running is None or running.phase != "ready":
        raise TiermeshError(
            Code.SETUP,
            f"A mesh of {home.root} is {running.phase if running else 'starting'}:",
            "'tiermesh status' shows how far it is.",
        )
    progress.say(f"A mesh of {home.root} runs already (process {running.launcher.pid}).")
    return True


def _start(settings: UpSettings, home: Home) -> subprocess.Popen[bytes]:
    documents = {f"{PREFIX}DOCUMENTS": str(settings.documents)} if settings.documents else {}
    with home.up_log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "launcher"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | documents | {"TIERMESH_HOME": str(home.root)},
        )


def _wait(launcher: subprocess.Popen[bytes], home: Home, progress: Progress) -> bool:
    with home.up_log.open(encoding="utf-8", errors="replace") as log:
        while True:
            ended = launcher.poll() is not None
            running = state.load(home)
            ready = running is not None and running.launcher.pid == launcher.pid and running.phase == "ready"
            for line in log:
                progress.say(line.rstrip("\n"))
            if ended or ready:
                return ready and not ended
            time.sleep(_LOOK_SECONDS)
