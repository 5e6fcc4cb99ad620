"""TIERMESH_HOME/up.json: what `up` started, for `status`, for `down` and for whoever cleans up after a killed `up`."""

import contextlib
import fcntl
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from control_plane.spec.errors import Code, TiermeshError
from launcher.home import Home, write
from launcher.identities import Identity


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Running(_Record):
    """One process of the mesh."""

    name: str
    identity: Identity
    started_at: float
    """Seconds since the epoch."""
    address: str
    ready_url: str | None
    restarts: int
    ready: bool
    """What the launcher saw last."""


class State(_Record):
    """Everything one launcher started."""

    launcher: Identity
    phase: Literal["starting", "ready", "stopping"]
    processes: tuple[Running, ...] = ()
    """In the order of their start."""
    kin: tuple[Identity, ...] = ()
    """Their descendants, as last seen."""
    models_snapshot: int | None = None
    """The snapshot in force when the Model documents were last handed over."""


def load(home: Home) -> State | None:
    """What the last launcher wrote; None where it stopped in good order or never ran.

    Raises TiermeshError(SETUP) where the file is not a launcher's.
    """
    try:
        return State.model_validate_json(home.state.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise TiermeshError(
            Code.SETUP,
            f"{home.state} was not written by this version of Tiermesh.",
            "Stop what runs with the version that started it, or remove the file where nothing runs.",
        ) from error


def save(home: Home, state: State) -> None:
    """Replace the record in one step."""
    write(home.state, state.model_dump_json(indent=1))


def clear(home: Home) -> None:
    """Nothing runs any more."""
    home.state.unlink(missing_ok=True)


@contextlib.contextmanager
def sole(home: Home) -> Iterator[bool]:
    """Whether this process is the only launcher of the home; it stays so until the end of the block."""
    with home.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
