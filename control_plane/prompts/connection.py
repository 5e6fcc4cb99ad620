"""Connection: MLflow's client, made when it is first needed, and its failures in our words.

MLflow's import takes seconds and 80 MB, and its first use of a new SQLite file makes a schema: a mesh without prompts
pays for neither. It may be away at any time; whoever asks hears so within seconds, and nobody else waits for it.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from control_plane.spec.errors import Code, TiermeshError

if TYPE_CHECKING:
    from mlflow.tracking.client import MlflowClient

T = TypeVar("T")

AT_ONCE = 4
"""Calls at the same time: a registry that hangs must not hold all threads that answer requests."""
TURN_SECONDS = 1.0
"""How long a call waits for its turn."""
REST_SECONDS = 1.0
"""After a failure to reach it, how long nobody tries again."""

_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_REFUSED = {
    "INVALID_PARAMETER_VALUE": Code.INVALID_REQUEST,
    "BAD_REQUEST": Code.INVALID_REQUEST,
    "RESOURCE_ALREADY_EXISTS": Code.CONFLICT,
    "RESOURCE_CONFLICT": Code.CONFLICT,
}
_NOT_THERE = re.compile("alias .* not found|registered as a model, not a prompt", re.IGNORECASE)


class Absent(Exception):
    """What was asked for is not in the registry."""


class Connection:
    """Asks MLflow. Safe for several threads."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        """`url` is sqlite:////PATH/FILE, used in process, or http(s):// of a tracking server."""
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._client: MlflowClient | None = None
        self._making = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._rests_until = 0.0

    def ask(self, question: "Callable[[MlflowClient], T]") -> T:
        """The answer.

        Raises Absent where there is no such thing, TiermeshError: INVALID_REQUEST or CONFLICT where MLflow refuses,
        UNAVAILABLE where it is away.
        """
        if time.monotonic() < self._rests_until:
            raise self._away("it did not a moment ago")
        if not self._turns.acquire(timeout=TURN_SECONDS):
            raise self._away(f"{AT_ONCE} others wait for it")
        try:
            with self._translated():
                return question(self._made())
        finally:
            self._turns.release()

    def _made(self) -> "MlflowClient":
        with self._making:
            if self._client is None:
                _quiet(self._timeout_seconds)
                from mlflow.tracking.client import MlflowClient

                client = MlflowClient(self._url, self._url)
                client.search_registered_models(max_results=1)  # a new file gets its schema now, by one thread
                self._client = client
            return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            message = f"MLflow is not installed here ({error})."
            raise TiermeshError(Code.UNAVAILABLE, message, "Install tiermesh[registry] and restart.") from error
        except _failures() as error:
            code = getattr(error, "error_code", type(error).__name__)
            said = str(error).removeprefix(f"{code}: ")
            # MLflow says of a missing alias, and of a prompt whose name a model has, that a parameter is wrong.
            if code in _ABSENT or (code == "INVALID_PARAMETER_VALUE" and _NOT_THERE.search(said)):
                raise Absent from error
            if code in _REFUSED:
                raise TiermeshError(_REFUSED[code], f"MLflow refuses: {said}", "Correct it, and try again.") from error
            raise self._failed(code) from error
        except (ValueError, KeyError, TypeError) as error:
            # What others have written there may be of any shape; that MLflow answers is not in doubt.
            raise self._away(f"what it holds cannot be read: {type(error).__name__}") from error

    def _failed(self, why: str) -> TiermeshError:
        self._rests_until = time.monotonic() + REST_SECONDS
        return self._away(why)

    def _away(self, why: str) -> TiermeshError:
        return TiermeshError(
            Code.UNAVAILABLE,
            f"MLflow at {shown(self._url)} does not answer ({why}).",
            "Start it, or correct TIERMESH_CONTROL_PLANE_MLFLOW_URL; Routes keep the prompts that they have.",
            retry_after_seconds=2,
        )


def _failures() -> tuple[type[Exception], ...]:
    """What MLflow and what it stands on raise; looked up where something was raised, when all of it is loaded."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, CommandError, OSError


def shown(url: str) -> str:
    """A URL without the password that may stand in it."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _quiet(timeout_seconds: float) -> None:
    """Before the first import: nothing is sent to anybody, nothing is printed, and no call takes for ever.

    What the operator has set stays.
    """
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_CONFIGURE_LOGGING": "false",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, round(timeout_seconds))),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
