"""Shared-memory files that killed processes leave in /dev/shm. On systems without it, there is nothing to do."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_SHM = Path("/dev/shm")


def mapped(pids: Iterable[int]) -> set[Path]:
    """The files of /dev/shm that these processes have mapped now."""
    return {file for pid in pids for file in _maps(pid)}


def remove_unused(files: set[Path]) -> list[Path]:
    """Remove those of the files that are still there and that no process maps. Returns what was removed."""
    left = {file for file in files if file.exists()}
    if left:
        left -= {file for entry in Path("/proc").glob("[0-9]*") for file in _maps(int(entry.name))}
    for file in left:
        with suppress(OSError):
            file.unlink()
    return sorted(left)


def _maps(pid: int) -> Iterable[Path]:
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, slash, name = line.partition(f"{_SHM}/")
        if slash and not name.endswith(" (deleted)"):
            yield _SHM / name
