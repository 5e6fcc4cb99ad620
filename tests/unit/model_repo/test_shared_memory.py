import mmap
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from model_repo.shared_memory import SharedMemory

pytestmark = pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this system has no /dev/shm")

MAP = "import mmap, sys; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0); print(flush=True); input()"
SEMAPHORE = "import _multiprocessing as m, sys; s = m.SemLock(0, 1, 1, sys.argv[1], False); print(flush=True); input()"


def seen_and_killed(program: str, argument: str) -> SharedMemory:
    """What remembers a child's files, after the child was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", program, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        memory = SharedMemory()
        memory.look()
        memory.remove_unused()
        child.kill()
    return memory


def test_what_a_killed_child_leaves_is_removed_once_nobody_has_it_mapped() -> None:
    file = Path(f"/dev/shm/tiermesh-{uuid4().hex}")
    file.write_bytes(bytes(4096))
    with file.open("r+b") as mine, mmap.mmap(mine.fileno(), 0):
        memory = seen_and_killed(MAP, str(file))
        memory.remove_unused()
        assert file.exists()
    memory.remove_unused()
    assert not file.exists()


def test_a_killed_childs_semaphore_is_removed_too() -> None:
    name = f"tiermesh-{uuid4().hex}"
    memory = seen_and_killed(SEMAPHORE, f"/{name}")
    assert Path(f"/dev/shm/sem.{name}").exists()
    memory.remove_unused()
    assert not Path(f"/dev/shm/sem.{name}").exists()
