"""`tiermesh audit`."""

import json
from pathlib import Path

import pytest

from control_plane.client.http import Client
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.samples import model, parsed


@pytest.fixture
def busy(tiermesh: Run, client: Client) -> Run:
    """The command after three changes and the first start's."""
    for version in "123":
        client.apply(parsed(model(version=version)), "alice", f"version {version}")
    return tiermesh


def _export(busy: Run, file: Path) -> list[str]:
    ran = busy("audit", "export", "--file", file)
    assert (ran.code, ran.out) == (0, "")
    return file.read_text().splitlines(keepends=True)


def test_the_list_says_who_did_what_when_and_why(busy: Run) -> None:
    lines = busy("audit", "list", "--limit", 2).out.splitlines()
    assert [line.split()[0] for line in lines] == ["NUMBER", "4", "3"]
    assert "alice" in lines[1]
    assert "Model/faq generation 3 changed (snapshot 3)" in lines[1]
    assert "version 3" in lines[1]
    assert [one["sequence"] for one in json.loads(busy("audit", "list", "--before", 3, "-o", "json").out)] == [2, 1]
    assert "action: apply" in busy("audit", "list", "-o", "yaml").out


def test_what_was_written_holds_on_the_server_and_in_an_export(busy: Run, tmp_path: Path) -> None:
    ran = busy("audit", "verify")
    assert (ran.code, "4 entries, as they were written; the anchor is 4:" in ran.out) == (0, True)
    anchor = ran.out.split()[-1]
    _export(busy, tmp_path / "a.jsonl")
    again = busy(
        "audit", "verify", "--file", tmp_path / "a.jsonl", "--anchor", anchor, "--server", "http://127.0.0.1:1"
    )
    assert (again.code, again.out) == (0, ran.out)
    assert busy("audit", "verify", "--anchor", anchor).code == 0


def test_an_export_to_standard_output_keeps_the_anchor_apart(busy: Run) -> None:
    ran = busy("audit", "export")
    assert len([json.loads(line) for line in ran.out.splitlines()]) == 4
    assert "4 entries; the anchor is 4:" in ran.err


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda lines: [*lines[:1], *lines[2:]], ["2", "missing: 2"]),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], ["2", "stands behind 3"]),
        (lambda lines: [lines[0], lines[1].replace("alice", "mallory"), *lines[2:]], ["2", "was edited"]),
        (lambda lines: [*lines[:2], "{}\n", *lines[2:]], ["place 3 cannot be read"]),
        (lambda lines: lines[:-1], ["4", "is gone: the end behind 3 was cut off"]),
    ],
    ids=["dropped", "exchanged", "edited", "put in", "cut off"],
)
def test_a_changed_export_is_found_and_the_place_named(busy: Run, tmp_path: Path, change, named: list[str]) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "a.jsonl"
    lines = _export(busy, file)
    anchor = busy("audit", "verify").out.split()[-1]
    file.write_text("".join(change(lines)))
    ran = busy("audit", "verify", "--file", file, "--anchor", anchor)
    assert (ran.code, "NOT as they were written" in ran.out) == (1, True)
    assert all(word in ran.out for word in named)
    assert json.loads(busy("audit", "verify", "--file", file, "-o", "json", "--anchor", anchor).out)["faults"]
    assert "faults:" in busy("audit", "verify", "--file", file, "-o", "yaml", "--anchor", anchor).out


@pytest.mark.parametrize(
    "arguments", [["--file", "/nowhere/a.jsonl"], ["--anchor", "4"], ["--server", "http://127.0.0.1:1"]]
)
def test_what_could_not_be_found_out_is_exit_code_2(run: Run, arguments: list[str]) -> None:
    ran = run("audit", "verify", *arguments)
    assert (ran.code, ran.err.startswith("error: ")) == (2, True)
