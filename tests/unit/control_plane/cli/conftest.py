"""The command as a person runs it, in this process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from control_plane.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`tiermesh ARGUMENTS…`."""

    def run_main(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tiermesh", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return run_main
