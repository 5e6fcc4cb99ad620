"""The command as a whole."""

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
