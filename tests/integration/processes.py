"""Servers of others, started for a test and ended with all that they started."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil

STOP_SECONDS = 60


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, ready: str, seconds: float
) -> Iterator[None]:
    """A process from when `ready`, a URL, answers 200 until the end of the block. None of its family may be left then.

    It runs in a folder outside the checkout, and its log is kept there. Fails with the end of the log where the process
    ends by itself or is not ready in time.
    """
    log = folder / "log"
    with log.open("w") as output:
        process = psutil.Popen(command, env=dict(environment), cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + seconds
        while not _answers(ready):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        yield
    finally:
        left = _end(process)
    assert left == []


def _end(process: psutil.Popen) -> list[psutil.Process]:
    """Ask it to stop; returns who of its family did not, and kills them."""
    if process.poll() is not None:
        return []
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for each in left:
        each.kill()
    return left


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False
