"""The command as a whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.control_plane.cli.commands import COMMANDS, Command
from tests.unit.control_plane.cli.conftest import Run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(run: Run, command: Command) -> None:
    ran = run(*command, "--help")
    assert ran.code == 0
    _, _, example = " ".join(ran.out.split()).partition("Example: ")
    assert f"tiermesh {' '.join(command)}" in example


def test_the_command_without_arguments_lists_what_there_is(run: Run) -> None:
    ran = run()
    listed = " ".join((ran.out + ran.err).split())
    for command in (
        "apply",
        "get",
        "describe",
        "delete",
        "diff",
        "snapshot",
        "route",
        "router",
        "up",
        "down",
        "status",
    ):
        assert f" {command} " in listed


@pytest.mark.parametrize(
    "arguments", [["aply"], ["get"], ["get", "models", "-o", "xml"], ["snapshot", "rollback", "x"]]
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


def test_a_control_plane_that_does_not_answer_is_one_line_with_the_address_and_a_cure() -> None:
    command = [str(Path(sys.executable).parent / "tiermesh"), "get", "models", "--server", "http://127.0.0.1:1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert ran.stderr.startswith("error: The control plane at http://127.0.0.1:1 does not answer (ConnectError).")
    assert "tiermesh up" in ran.stderr
