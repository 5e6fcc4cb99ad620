"""A keeper gives up a process that keeps dying, and says how it ended."""

import sys
from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from launcher.keepers import Keeper
from launcher.processes import Process
from launcher.restarts import MOST_QUICK_DEATHS, Restarts


async def nothing(name: str) -> None:
    """What died left nothing behind."""


async def no() -> bool:
    return False


async def test_a_process_that_keeps_dying_is_given_up_with_the_end_of_its_log(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import os; print('out of luck', flush=True); os.abort()")
    process = Process("router", argv, {}, tmp_path / "router.log", "")
    told: list[str] = []
    history = Restarts(total=MOST_QUICK_DEATHS, quick_deaths=MOST_QUICK_DEATHS)
    keeper = Keeper(process, no, told.append, nothing, lambda: None, restarts=history)
    with pytest.raises(TiermeshError) as caught:
        await keeper.keep()
    assert caught.value.message == f"router ended {MOST_QUICK_DEATHS + 1} times in a row, last with signal SIGABRT."
    assert "out of luck" in caught.value.hint
    assert told == []
