"""Preparing a model's weights in a child process, which takes its libraries with it when it ends.

`python -m model_repo.preparing JSON` prepares all sources of the list (uri, sha256, allow_pickle each) and says on
standard output how far it is, a line each time; standard error gets one sentence where it fails.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Self

from control_plane.spec.errors import TiermeshError
from model_repo import sources
from model_repo.sources import Wanted

_SAY_SECONDS = 0.5
"""Between two lines; who reads them looks once a second."""
_PIPE_BYTES = 64 * 1024
_PREPARED, _FAILED, _PASSING = "prepared", "failed", "failed for now"
"""The child's last line. Its exit status tells nothing: Ray has the kernel forget the children of its processes."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a child failed, in one sentence, and whether that may pass: the network's failures do."""

    why: str
    passing: bool


class Preparing:
    """The child, as its parent sees it."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child
        self._said = b""

    @classmethod
    def start(cls, wanted: Iterable[Wanted], environment: Mapping[str, str]) -> Self:
        """Begin."""
        child = subprocess.Popen(
            [sys.executable, "-m", "model_repo.preparing", json.dumps([asdict(each) for each in wanted])],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert child.stdout
        os.set_blocking(child.stdout.fileno(), False)
        return cls(child)

    def news(self) -> str | None:
        """What the child said last, if it said something new. Never waits."""
        assert self._child.stdout
        with contextlib.suppress(BlockingIOError):
            self._said += os.read(self._child.stdout.fileno(), _PIPE_BYTES)
        *lines, rest = self._said.split(b"\n")
        said = [line.decode(errors="replace") for line in lines]
        self._said = rest
        if said and said[-1] in (_PREPARED, _FAILED, _PASSING):
            self._said = lines[-1] + b"\n" + rest  # stays for `failure`
            said.pop()
        return said[-1] if said else None

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self._child.poll() is not None

    def failure(self) -> Failure | None:
        """After its end: why it failed, or None where it did not."""
        rest, wrong = self._child.communicate()
        verdict = (self._said + rest).decode(errors="replace").splitlines()[-1:]
        if verdict == [_PREPARED]:
            return None
        said = wrong.decode(errors="replace").strip().splitlines()
        return Failure(said[-1] if said else "its source cannot be prepared", verdict == [_PASSING])

    def kill(self) -> None:
        """End it now; what it has fetched stays for the next."""
        self._child.kill()
        self._child.communicate()


def main() -> int:
    """Be the child."""
    last = -_SAY_SECONDS

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _SAY_SECONDS:
            last = time.monotonic()
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    try:
        for each in json.loads(sys.argv[1]):
            wanted = Wanted(**each)
            sources.folder(wanted.uri, sha256=wanted.sha256, allow_pickle=wanted.allow_pickle, tell=tell)
        verdict = _PREPARED
    except TiermeshError as error:
        sys.stderr.write(f"{error}\n")
        verdict = _PASSING if error.retryable else _FAILED
    except OSError as error:
        sys.stderr.write(f"The weights cannot be written: {error}.\n")
        verdict = _FAILED
    sys.stdout.write(f"{verdict}\n")
    return 0 if verdict == _PREPARED else 1


if __name__ == "__main__":
    sys.exit(main())
