"""How each model is doing, for whoever started this process: a small JSON file, replaced in one step."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import orjson

State = Literal["starting", "running", "failed"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model. `seconds` is how long its last start took, or has taken so far."""

    state: State
    message: str
    seconds: float


class StatusFile:
    """Writes the file when what it would say has changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = b""

    def write(self, ray: Literal["starting", "running"], models: Mapping[str, ModelStatus]) -> None:
        """Say how things stand now."""
        text = orjson.dumps({"ray": ray, "models": {name: asdict(status) for name, status in models.items()}})
        if self._path is None or text == self._written:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        scratch.write_bytes(text)
        scratch.replace(self._path)
        self._written = text

    def remove(self) -> None:
        """Nothing runs any more."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
