"""A process is known by its id and its start: a recycled id is never taken for it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from launcher.identities import Identity, alive, descendants, identify
from launcher.identities import signal as send


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]) as process:
        yield process
        process.kill()


def known(pid: int) -> Identity:
    identity = identify(pid)
    assert identity
    return identity


def test_a_process_is_itself_until_it_ends(sleeper: subprocess.Popen[bytes]) -> None:
    identity = known(sleeper.pid)
    assert alive(identity)
    send(identity, signal.SIGKILL)
    sleeper.wait()
    assert not alive(identity)
    assert identify(sleeper.pid) is None


def test_a_zombie_is_nobody(sleeper: subprocess.Popen[bytes]) -> None:
    identity = known(sleeper.pid)
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(identity)


def test_a_recycled_id_gets_no_signal(sleeper: subprocess.Popen[bytes]) -> None:
    recycled = replace(known(sleeper.pid), started="another time")
    assert not alive(recycled)
    send(recycled, signal.SIGKILL)
    assert sleeper.poll() is None


def test_children_are_descendants(sleeper: subprocess.Popen[bytes]) -> None:
    assert known(sleeper.pid) in descendants(known(os.getpid()))
    assert descendants(known(sleeper.pid)) == []


def test_the_children_of_whoever_has_a_recycled_id_are_nobodys_descendants(sleeper: subprocess.Popen[bytes]) -> None:
    assert descendants(replace(known(os.getpid()), started="another time")) == []
