"""A launcher over any programs: `python -m tests.integration.launcher.supervise HOME GRACE_SECONDS PROGRAM...`.

Each PROGRAM is Python source; it is ready once it wrote its process id into the file `argv[1]`. The supervisor runs in
a process of its own because it takes every child of its process for something it has to stop.
"""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

from control_plane.spec.errors import TiermeshError
from launcher.following import Following
from launcher.home import Home
from launcher.identities import identify
from launcher.processes import Process
from launcher.recording import Recording
from launcher.supervisor import Supervisor
from launcher.tether import adopt_orphans


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def exists(file: Path) -> bool:
    return await asyncio.to_thread(file.exists)


async def main(root: str, grace_seconds: str, *programs: str) -> None:
    home, myself = Home(Path(root)), identify(os.getpid())
    assert myself
    home.prepare()
    supervisor = Supervisor(float(grace_seconds), say)
    recording = Recording(home, myself, supervisor, Following("http://127.0.0.1:1", home, lambda: None, say))
    supervisor.changed = recording.now
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: (supervisor.hurry if stop.is_set() else stop).set()
        )
    try:
        for index, source in enumerate(programs):
            ready = home.root / f"{index}.pid"
            process = Process(
                f"p{index}", (sys.executable, "-c", source, str(ready)), {}, home.log(f"p{index}"), "", stale=(ready,)
            )
            await supervisor.start(process, partial(exists, ready), 30)
        say("ready")
        await supervisor.unless_given_up(stop.wait())
    except TiermeshError as error:
        say(f"error: {error}")
    finally:
        say("stopping")
        stop.set()
        await supervisor.stop()
        say("stopped")


if __name__ == "__main__":
    adopt_orphans()
    asyncio.run(main(*sys.argv[1:]))
