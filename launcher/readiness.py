"""Whether a process is ready: asked over HTTP, or read from the models' status file."""

import asyncio
from collections.abc import Awaitable, Callable, Set
from pathlib import Path
from typing import Literal

import httpx2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Probe = Callable[[], Awaitable[bool]]

_ANSWER_SECONDS = 2.0


async def answers(url: str) -> bool:
    """Whether `url` answers 200."""
    try:
        async with httpx2.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False, verify=False) as client:
            return (await client.get(url)).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


class ModelStatus(BaseModel):
    """One model, as `model_repo` sees it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    state: Literal["starting", "running", "failed"]
    message: str = ""
    """What it is doing, or why it failed."""
    seconds: float = 0
    """How long the start took, or has taken so far."""


class ModelsStatus(BaseModel):
    """The status file. Fields of a newer `model_repo` are passed over."""

    model_config = ConfigDict(frozen=True)

    ray: Literal["starting", "running"] = "starting"
    models: dict[str, ModelStatus] = Field(default_factory=dict)

    def failed(self, names: Set[str]) -> dict[str, str]:
        """Name -> why, of those of these models that failed."""
        found = {name: model for name, model in self.models.items() if name in names}
        return {name: model.message for name, model in found.items() if model.state == "failed"}

    def running(self, names: Set[str]) -> bool:
        """Whether Ray and all these models run."""
        return self.ray == "running" and all(
            name in self.models and self.models[name].state == "running" for name in names
        )

    def words(self) -> str:
        """One line for the terminal; changes only when something happened."""
        if self.ray != "running":
            return "Ray is starting"
        parts = (
            f"{name} runs after {model.seconds:.0f} s"
            if model.state == "running"
            else f"{name} {model.state}" + (f" ({model.message})" if model.message else "")
            for name, model in sorted(self.models.items())
        )
        return "; ".join(parts) or "Ray is running"


def read_models_status(file: Path) -> ModelsStatus:
    """The status file; everything is starting where there is none yet or none that can be read."""
    try:
        return ModelsStatus.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return ModelsStatus()


async def until(probe: Probe, every_seconds: float = 0.25) -> None:
    """Wait until the probe says yes."""
    while not await probe():  # noqa: ASYNC110 - what another process does raises no event here
        await asyncio.sleep(every_seconds)
