"""Artifacts on this machine, each in a folder named by its checksum: `TIERMESH_HOME/artifacts/SHA256`.

A folder of that name is whole and was checked: it gets its name as the last step. What is still being fetched lies
beside it in `.staged`, one process at a time, and is gone on with after a cut or a crash.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model_repo.artifacts import folders


@dataclass(frozen=True, slots=True)
class Store:
    """All artifacts of one TIERMESH_HOME."""

    folder: Path

    @classmethod
    def of(cls, state: Path) -> "Store":
        """The one of a home."""
        return cls(state / "artifacts")

    def active(self, sha256: str) -> Path | None:
        """The folder with this checksum, or None where it is not here yet."""
        found = self.folder / sha256
        return found if found.is_dir() else None

    def bring(self, sha256: str, fetch: Callable[[Path], Path]) -> Path:
        """The folder with this checksum, made by `fetch` on the first call, however many processes call at once.

        `fetch` gets a folder to work in, with what an earlier call that failed left there, and returns the folder
        that becomes active. Where it raises, nothing becomes active.
        """
        with self._lock(sha256):
            if active := self.active(sha256):
                return active
            staged = self.folder / ".staged" / sha256
            staged.mkdir(parents=True, exist_ok=True)
            whole = fetch(staged)
            folders.sync(whole)
            target = self.folder / sha256
            whole.rename(target)
            shutil.rmtree(staged, ignore_errors=True)
            return target

    @contextlib.contextmanager
    def _lock(self, sha256: str) -> Iterator[None]:
        path = self.folder / ".staged" / f"{sha256}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
