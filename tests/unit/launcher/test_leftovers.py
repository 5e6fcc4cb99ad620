"""What a killed launcher left is ended; a process that only has a recorded id is not."""

import asyncio
import subprocess
import sys
from pathlib import Path

from launcher import leftovers, state
from launcher.home import Home
from launcher.identities import Identity
from launcher.state import Running, State


def test_a_recycled_process_id_is_never_touched(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]) as stranger:
        recycled = Identity(stranger.pid, "a start that was long ago")
        router = Running(
            name="router", identity=recycled, started_at=0, address="", ready_url=None, restarts=0, ready=True
        )
        state.save(home, State(launcher=recycled, phase="ready", processes=(router,), kin=(recycled,)))
        assert asyncio.run(leftovers.clear(home, grace_seconds=0.1)) == []
        assert stranger.poll() is None
        stranger.kill()
    assert state.load(home) is None
