"""What the benchmarks' command lines have in common."""

import argparse
import signal
import sys
from collections.abc import Callable

from benchmarks.harness.load import Window
from benchmarks.report import Report, emit
from control_plane.spec.errors import TiermeshError

_WINDOW, _QUICK_WINDOW = Window(1.0, 3.0), Window(0.5, 1.0)


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """`--json`, `--quick` and `--rounds`; the benchmark adds its own."""
    found = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    found.add_argument("--json", action="store_true", help="print one JSON object")
    found.add_argument("--quick", action="store_true", help="short windows: a look, not figures to quote")
    found.add_argument("--rounds", type=_positive, default=3, help="rounds in turns (default 3)")
    return found


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def window(options: argparse.Namespace) -> Window:
    """How long each load is measured."""
    return _QUICK_WINDOW if options.quick else _WINDOW


def say(line: str) -> None:
    """Progress, beside the report."""
    print(line, file=sys.stderr)


def report(measure: Callable[[], Report], options: argparse.Namespace) -> int:
    """Measure and print. Returns the exit code: 0 every bar holds, 1 one does not, or nothing could be measured."""
    # A benchmark that is told to stop stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return emit(measure(), options.json)
    except TiermeshError as error:
        say(f"error: {error}")
        return 1
