"""What a person sees while a mesh starts."""

import io

import pytest
from rich.console import Console

from launcher.progress import Progress, took


def plain() -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    return Progress(Console(file=out, width=80)), out


def test_without_a_terminal_each_new_note_is_one_plain_line() -> None:
    progress, out = plain()
    with progress.step("models") as step:
        step.note("Ray is starting")
        step.note("Ray is starting")
        step.note("[faq] starting")
        step.done("faq runs")
    first, second, last = out.getvalue().splitlines()
    assert first.split(maxsplit=1) == ["models", "Ray is starting"]
    assert second.split(maxsplit=1) == ["models", "[faq] starting"]
    assert last.startswith("✓ models")
    assert last.endswith("faq runs")


def test_a_step_that_fails_is_marked_and_claims_no_result() -> None:
    progress, out = plain()
    with pytest.raises(ValueError, match="bad"), progress.step("models") as step:
        step.done("loaded")
        raise ValueError("bad")
    assert out.getvalue().startswith("✗ models")
    assert "loaded" not in out.getvalue()


def test_on_a_terminal_the_finished_step_stays() -> None:
    out = io.StringIO()
    progress = Progress(Console(file=out, width=80, force_terminal=True))
    with progress.step("router") as step:
        step.note("waiting")
        step.done("http://127.0.0.1:1/v1")
    assert "✓ router" in out.getvalue().splitlines()[-1]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (65, "1 min 5 s"), (3600 + 120, "1 h 2 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert took(seconds) == words


class _Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    progress = Progress(Console(file=_Gone(), width=80))
    with progress.step("stop"):
        progress.say("stopping")
