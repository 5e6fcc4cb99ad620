"""What a person sees while a mesh starts: which step, how long, what it is doing."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

_TITLE_WIDTH = 15


class Step:
    """One step of a start, as the block that does it sees it."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._noted = ""
        self.result = ""

    def note(self, text: str) -> None:
        """What the step is doing now; shown when it says something new."""
        if text != self._noted:
            self._show(text)
        self._noted = text

    def done(self, result: str) -> None:
        """What came of it; stays on the terminal."""
        self.result = result


class Progress:
    """Steps on a terminal, with a spinner and a clock; one plain line for each event elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str = "") -> None:
        """Print text as it is. A terminal that is gone must not keep a mesh from being stopped: then, silence."""
        try:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        except (OSError, SystemExit):  # rich turns a closed pipe into SystemExit
            self._console = Console(file=io.StringIO())

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """One step, from its beginning to a line that says how long it took."""
        began, mark, result = time.monotonic(), "✗", ""
        try:
            with self._shown(title) as show:
                step = Step(show)
                yield step
            mark, result = "✓", step.result
        finally:
            self.say(f"{mark} {title:<{_TITLE_WIDTH}} {took(time.monotonic() - began):>9}  {result}".rstrip())

    @contextmanager
    def _shown(self, title: str) -> Iterator[Callable[[str], None]]:
        if not self._console.is_terminal:
            yield lambda text: self.say(f"  {title:<{_TITLE_WIDTH}} {text}")
            return
        columns = (SpinnerColumn(), TextColumn("{task.fields[title]}"), TimeElapsedColumn())
        note = TextColumn("{task.fields[note]}", markup=False)
        with Bar(*columns, note, console=self._console, transient=True) as bar:
            task = bar.add_task("", title=f"{title:<{_TITLE_WIDTH}}", note="")
            yield lambda text: bar.update(task, note=text)


def took(seconds: float) -> str:
    """A duration as people say it: 1.2 s, 3 min 5 s, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
