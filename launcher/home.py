"""TIERMESH_HOME: which file of it is whose."""

import os
from dataclasses import dataclass
from pathlib import Path

from control_plane.spec.errors import Code, TiermeshError


@dataclass(frozen=True, slots=True)
class Home:
    """The launcher's files in the one folder that holds all state."""

    root: Path

    @property
    def state(self) -> Path:
        """What runs: process ids with their start times. Written by `up`, read by `status` and `down`."""
        return self.root / "up.json"

    @property
    def lock(self) -> Path:
        """Locked while a launcher runs; the kernel lets go of it however the launcher ends."""
        return self.root / "up.lock"

    @property
    def models(self) -> Path:
        """The Model documents that `model_repo` follows."""
        return self.root / "models.yaml"

    @property
    def models_status(self) -> Path:
        """What `model_repo` says about each of them."""
        return self.root / "models-status.json"

    def log(self, process: str) -> Path:
        """Standard output and error of one process."""
        return self.root / "logs" / f"{process}.log"

    @property
    def up_log(self) -> Path:
        """What a detached `up` would have said on the terminal."""
        return self.log("up")

    def prepare(self) -> None:
        """Create the folders.

        Raises TiermeshError(SETUP) where they cannot be written to.
        """
        try:
            (self.root / "logs").mkdir(parents=True, exist_ok=True)
            self.lock.touch()
        except OSError as error:
            raise TiermeshError(
                Code.SETUP,
                f"The state folder {self.root} cannot be written to ({error.strerror}):",
                "set TIERMESH_HOME to a folder that can.",
            ) from error


def write(path: Path, text: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new one, never a part.

    Raises TiermeshError(SETUP) where it cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        raise TiermeshError(
            Code.SETUP,
            f"{path} cannot be written ({error.strerror}):",
            "make room, or set TIERMESH_HOME to another folder.",
        ) from error
