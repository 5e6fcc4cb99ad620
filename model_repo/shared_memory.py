"""Files in /dev/shm that a killed replica leaves behind: vLLM's processes talk through them, unknown to anyone else.

On systems without /dev/shm there is nothing to do.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil

_SHM = Path("/dev/shm")


class SharedMemory:
    """Remembers which files this process's descendants have had mapped."""

    def __init__(self) -> None:
        self._seen: set[Path] = set()

    def look(self) -> None:
        """Remember what is mapped now."""
        self._seen |= _mapped(process.pid for process in psutil.Process().children(recursive=True))

    def remove_unused(self) -> None:
        """Remove what has been seen and what no process has mapped any more."""
        left = {file for file in self._seen if file.exists()}
        if left:
            left -= _mapped(psutil.pids())
        for file in left:
            file.unlink(missing_ok=True)


def _mapped(pids: Iterable[int]) -> set[Path]:
    """The files that these processes have mapped. By inode: a semaphore is mapped under another name than it keeps."""
    inodes = {inode for pid in pids for inode in _inodes(pid)}
    found = set()
    for file in _SHM.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_ino in inodes:
                found.add(file)
    return found


def _inodes(pid: int) -> Iterable[int]:
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # gone, or another user's
        return
    for line in lines:  # address permissions offset device inode path
        if f"{_SHM}/" in line:
            yield int(line.split(maxsplit=5)[4])
