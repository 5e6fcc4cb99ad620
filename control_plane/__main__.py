"""`python -m control_plane`: the control plane as a process."""

import asyncio
import gc
import signal
import sys

from control_plane.server import serve
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import TiermeshError
from observability import logging


def main() -> int:
    """Serve until told to stop; 1 and one sentence where that is not possible."""
    try:
        settings = ControlPlaneSettings.load()
        logging.configure(settings.log_level)
        asyncio.run(_serve(settings))
    except TiermeshError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


async def _serve(settings: ControlPlaneSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Documents make no cycles: with the default of 700 the collector looks through ten thousand of them again and again
    # while they are read.
    gc.set_threshold(50_000, 20, 20)
    await serve(settings, stop)


if __name__ == "__main__":
    sys.exit(main())
