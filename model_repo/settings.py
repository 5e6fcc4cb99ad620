"""Settings of `python -m model_repo`, from TIERMESH_MODELS_… variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from control_plane.spec.settings import Folder, Settings

MAX_ARTIFACT_GIB = 200.0
"""The weights of 100 billion parameters, in 16 bits."""


class ModelsSettings(Settings):
    """Where Ray Serve listens, and which models it serves."""

    model_config = SettingsConfigDict(env_prefix="TIERMESH_MODELS_")

    documents: Folder
    """A file of Model documents, or a folder of such files. It is followed: what changes there changes here."""
    status_file: Folder | None = None
    """Where to write how each model is doing, as JSON. None: nowhere."""
    host: Literal["127.0.0.1", "localhost"] = "127.0.0.1"
    """The address that Ray Serve listens on. Loopback alone: there is no authentication yet."""
    port: int = Field(default=8000, ge=1, le=65535)
    """The port that Ray Serve listens on."""
    object_store_mib: int = Field(default=128, ge=80)
    """Shared memory for Ray's object store, which requests do not use; Ray's own default is 30% of all memory."""
    follow_seconds: float = Field(default=1, gt=0)
    """How often the documents and the models are looked at."""
    grace_seconds: float = Field(default=10, ge=0)
    """How long a replica that has to go may work on the answers it has begun."""
    max_artifact_gib: float = Field(default=MAX_ARTIFACT_GIB, gt=0)
    """Largest artifact that is fetched or unpacked, so that a wrong address cannot fill the disk."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Of this process and of the replicas."""


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """TIERMESH_HOME as a replica knows it, which has no other settings; ~/.tiermesh where it is not set."""
    return Path(environ.get("TIERMESH_HOME") or "~/.tiermesh").expanduser().absolute()


def most_artifact_bytes(environ: Mapping[str, str] = os.environ) -> int:
    """TIERMESH_MODELS_MAX_ARTIFACT_GIB in bytes, as a replica or the child that prepares it knows it."""
    return int(float(environ.get("TIERMESH_MODELS_MAX_ARTIFACT_GIB") or MAX_ARTIFACT_GIB) * 2**30)
