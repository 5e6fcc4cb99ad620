"""Decoder: what is fuzzed, and what counts as a finding."""

import contextlib
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from hypothesis import strategies as st

from control_plane.spec.errors import TiermeshError

HANG_SECONDS = 10.0
"""Of the processor's time for one example, which takes a millisecond: a process that is stopped does not hang.
What waits without computing is not noticed here; then the session does not end."""


@dataclass(frozen=True)
class Decoder:
    """Something that reads what strangers send."""

    name: str
    examples: st.SearchStrategy[Any]
    read: Callable[[Any], None]
    """Reads one example and checks what comes of it."""

    def check(self, example: Any) -> None:
        """Raises whatever should not happen: any error but a TiermeshError below 500, or TimeoutError for a hang."""
        try:
            with _time_limit():
                self.read(example)
        except TiermeshError as error:
            if error.status == 500:
                raise AssertionError(f"{error.code.value}: {error}") from error


def place_of(error: BaseException) -> str:
    """Where in the product (or, failing that, in the fuzzer) an error was raised: the same place is the same bug."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame for frame in frames if "/site-packages/" not in frame.filename and "/lib/python" not in frame.filename
    ]
    product = [frame for frame in ours if "/tests/" not in frame.filename]
    frame = (product or ours or frames)[-1]
    return f"{type(error).__name__} at {frame.filename.rpartition('/')[2]}:{frame.lineno} in {frame.name}"


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no end after {HANG_SECONDS:g} s of computing")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
