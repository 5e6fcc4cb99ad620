import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.harness import processes
from benchmarks.harness.processes import Cores, running
from control_plane.spec.errors import TiermeshError

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""
WORKER = """
import signal, time
while time.process_time() < 0.2:
    pass
print("done", flush=True)
signal.pause()
"""


def first_core() -> int:
    return min(os.sched_getaffinity(0))


def test_a_tree_holds_a_process_and_its_children() -> None:
    with running([sys.executable, "-c", PARENT], first_core()) as process:
        assert process.stdout
        child = int(process.stdout.readline())

        assert processes.tree(process.pid) == {process.pid, child}


def test_a_process_runs_on_the_core_it_was_given_and_ends_with_its_block() -> None:
    with running([sys.executable, "-c", PARENT], first_core()) as process:
        assert process.stdout and process.stdout.readline()
        assert os.sched_getaffinity(process.pid) == {first_core()}

    assert process.returncode is not None


def test_work_shows_as_cpu_time_of_the_process_and_of_its_core() -> None:
    busy = processes.busy_seconds(first_core())
    with running([sys.executable, "-c", WORKER], first_core()) as process:
        assert process.stdout and process.stdout.readline() == "done\n"
        worked = processes.cpu_seconds([process.pid])

        assert worked > 0.1
        assert processes.resident_mb([process.pid]) > 1
    assert processes.busy_seconds(first_core()) > busy


def test_a_process_that_is_gone_costs_nothing() -> None:
    with running([sys.executable, "-c", ""], first_core()) as process:
        process.wait()

    assert processes.cpu_seconds([process.pid]) == 0
    assert processes.resident_mb([process.pid]) == 0


def test_errors_go_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "errors.log"
    with running([sys.executable, "-c", "import sys; sys.exit('no')"], first_core(), log=log) as process:
        process.wait()

    assert log.read_text() == "no\n"


def test_one_core_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})

    with pytest.raises(TiermeshError, match="needs two cores"):
        Cores.available()


def test_what_keeps_cores_awake_gives_way_to_all_others_and_ends_with_its_block() -> None:
    core = first_core()
    with processes.kept_awake(Cores(core, core)) as awake:
        assert [os.sched_getscheduler(pid) for pid in awake.keepers] == [os.SCHED_IDLE] * 2

    assert not any(_runs(pid) for pid in awake.keepers)


def test_a_core_is_not_charged_with_what_its_keepers_work() -> None:
    core = first_core()
    with running([sys.executable, "-c", WORKER], core) as keeper:
        assert keeper.stdout and keeper.stdout.readline() == "done\n"
        without, busy = processes.busy_seconds(core, [keeper.pid]), processes.busy_seconds(core)

        assert busy - without > 0.1


def test_a_keeper_ends_with_whoever_started_it() -> None:
    script = (
        "import sys; from benchmarks.harness.processes import Cores, kept_awake\n"
        f"with kept_awake(Cores({first_core()}, {first_core()})) as awake:\n"
        "    print(*awake.keepers, flush=True); import os; os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    for pid in map(int, killed.stdout.split()):
        while _runs(pid):
            time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
