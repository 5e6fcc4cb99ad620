"""A real supervisor over small real processes: it restarts what dies, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from launcher import leftovers, state
from launcher.home import Home
from launcher.identities import Identity, alive, identify

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans can be adopted on Linux only")

# Each writes its own process id last, so that what it wrote before is there once it is ready.
READY = "open(sys.argv[1] + '.part', 'w').write(str(os.getpid())); os.rename(sys.argv[1] + '.part', sys.argv[1])\n"
SLEEP = f"import os, sys, time\n{READY}time.sleep(120)"
STUBBORN = f"import os, signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{READY}time.sleep(120)"
STUBBORN_GRANDCHILD = f"""
import os, signal, subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(120)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
open(sys.argv[1] + ".other", "w").write(str(child.pid))
{READY}time.sleep(120)
"""
# Leaves its session and its parent, and keeps no file of theirs: what Ray's own daemons do.
DAEMON = f"""
import os, sys, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writer, b"%d" % os.getpid())
        time.sleep(120)
    os._exit(0)
os.wait()
open(sys.argv[1] + ".other", "wb").write(os.read(reader, 20))
{READY}time.sleep(120)
"""
BROKEN = "raise SystemExit('the database is locked')"


class Launcher:
    """The supervising process, its output and its home."""

    def __init__(self, process: subprocess.Popen[str], home: Home) -> None:
        self.process = process
        self.home = home

    def read_until(self, beginning: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line.rstrip()
        raise AssertionError(f"the launcher ended before it said {beginning!r}")

    def child(self, index: int = 0, suffix: str = "") -> Identity:
        identity = identify(int((self.home.root / f"{index}.pid{suffix}").read_text()))
        assert identity
        return identity

    def grandchild(self) -> Identity:
        return self.child(suffix=".other")


@contextmanager
def launched(home: Path, *programs: str, grace_seconds: float = 20) -> Iterator[Launcher]:
    command = [sys.executable, "-m", "tests.integration.launcher.supervise", str(home), str(grace_seconds), *programs]
    with ExitStack() as cleanup:
        process = cleanup.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        cleanup.callback(process.kill)
        yield Launcher(process, Home(home))


def wait(condition: Callable[[], bool]) -> None:
    while not condition():  # the test's own time limit ends it
        time.sleep(0.02)


def stop(launcher: Launcher) -> None:
    launcher.process.send_signal(signal.SIGTERM)
    assert launcher.process.wait() == 0


def test_stopping_ends_a_grandchild_that_ignores_sigterm(tmp_path: Path) -> None:
    with launched(tmp_path, STUBBORN_GRANDCHILD, grace_seconds=0.2) as launcher:
        launcher.read_until("ready")
        child, grandchild = launcher.child(), launcher.grandchild()
        stop(launcher)
        assert not alive(child)
        assert not alive(grandchild)


def test_stopping_ends_a_grandchild_that_made_itself_a_daemon(tmp_path: Path) -> None:
    with launched(tmp_path, DAEMON, SLEEP) as launcher:
        launcher.read_until("ready")
        everything = [launcher.child(), launcher.grandchild(), launcher.child(1)]
        stop(launcher)
        assert not any(map(alive, everything))


def test_stopping_leaves_alone_what_others_started(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]) as other:
        with launched(tmp_path, SLEEP) as launcher:
            launcher.read_until("ready")
            stop(launcher)
        assert other.poll() is None
        other.kill()


def test_being_told_twice_does_not_wait_for_a_stubborn_process(tmp_path: Path) -> None:
    with launched(tmp_path, STUBBORN, grace_seconds=3600) as launcher:
        launcher.read_until("ready")
        child = launcher.child()
        launcher.process.send_signal(signal.SIGINT)
        launcher.read_until("stopping")
        launcher.process.send_signal(signal.SIGINT)
        launcher.read_until("stopped")
        assert not alive(child)


def test_a_process_that_dies_is_started_again_and_what_it_left_is_ended(tmp_path: Path) -> None:
    with launched(tmp_path, DAEMON) as launcher:
        launcher.read_until("ready")
        child, daemon = launcher.child(), launcher.grandchild()
        os.kill(child.pid, signal.SIGKILL)
        assert launcher.read_until("p0 ended") == "p0 ended with signal SIGKILL; it is started again"
        launcher.read_until("p0 is ready again")
        assert not alive(daemon)
        assert alive(launcher.child())
        assert launcher.child() != child
        stop(launcher)


def test_a_process_that_dies_before_it_is_ready_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    with launched(tmp_path, SLEEP, BROKEN) as launcher:
        error = launcher.read_until("error")
        first = launcher.child()
        assert error.startswith("error: p1 ended with exit code 1 before it was ready. Its log")
        launcher.read_until("  the database is locked")
        launcher.read_until("stopped")
        assert not alive(first)


def test_the_record_names_the_processes_and_their_kin(tmp_path: Path) -> None:
    with launched(tmp_path, DAEMON) as launcher:
        launcher.read_until("ready")

        def recorded() -> bool:
            record = state.load(launcher.home)
            return bool(record and launcher.grandchild() in record.kin)

        wait(recorded)
        record = state.load(launcher.home)
        assert record
        assert [running.identity for running in record.processes] == [launcher.child()]
        assert record.launcher.pid == launcher.process.pid
        stop(launcher)


def test_the_children_of_a_killed_launcher_are_told_to_end(tmp_path: Path) -> None:
    with launched(tmp_path, SLEEP) as launcher:
        launcher.read_until("ready")
        child = launcher.child()
        launcher.process.kill()
        wait(lambda: not alive(child))


async def test_what_outlives_a_killed_launcher_is_found_by_its_record(tmp_path: Path) -> None:
    with launched(tmp_path, STUBBORN) as launcher:
        launcher.read_until("ready")
        child = launcher.child()
        launcher.process.kill()
        launcher.process.wait()
        assert alive(child)
        assert await leftovers.clear(launcher.home, grace_seconds=0.1) == [child]
        assert not alive(child)
        assert await leftovers.clear(launcher.home, grace_seconds=0.1) == []
