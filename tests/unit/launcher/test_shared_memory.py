"""Only files that the ended processes had mapped, and that nobody maps any more, are removed from /dev/shm."""

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from launcher.shared_memory import mapped, remove_unused

pytestmark = pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this system has no /dev/shm")

_MAP = """
import mmap, sys
with open(sys.argv[1], "w+b") as file:
    file.truncate(4096)
    kept = mmap.mmap(file.fileno(), 4096)
    print("mapped", flush=True)
    sys.stdin.read()
"""


def mapper(file: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", _MAP, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"mapped\n"
    return process


def test_a_file_goes_when_its_last_user_is_gone() -> None:
    file, bystander = (Path("/dev/shm") / f"tiermesh-test-{uuid4().hex}" for _ in range(2))
    bystander.touch()
    try:
        with mapper(file) as first, mapper(file) as second:
            files = mapped([first.pid])
            assert files == {file}
            first.kill()
            first.wait()
            assert remove_unused(files) == []
            second.kill()
            second.wait()
        assert remove_unused(files) == [file]
        assert bystander.exists()
    finally:
        bystander.unlink()
        file.unlink(missing_ok=True)
