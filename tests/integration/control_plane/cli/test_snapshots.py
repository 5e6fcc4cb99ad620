"""`tiermesh snapshot list | diff | rollback` against a running control plane."""

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.samples import route, shop


@pytest.fixture
def changed(tiermesh: Run, tmp_path: Path) -> Run:
    """The command after two snapshots, the second with a lower threshold."""
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump_all(shop()))
    tiermesh("apply", "-f", file, "--reason", "opening")
    file.write_text(yaml.safe_dump(route(complexity={"threshold": 0.2})))
    tiermesh("apply", "-f", file, "--reason", "cheaper")
    return tiermesh


def test_list_is_newest_first(changed: Run) -> None:
    lines = changed("snapshot", "list").out.splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in lines[1:]] == [("2", "cheaper"), ("1", "opening")]
    assert [item["number"] for item in json.loads(changed("snapshot", "list", "-o", "json").out)] == [2, 1]
    assert [item["parent"] for item in yaml.safe_load(changed("snapshot", "list", "-o", "yaml").out)] == [1, None]


def test_diff_shows_what_differs_and_says_so_with_its_exit_code(changed: Run) -> None:
    ran = changed("snapshot", "diff", 1, 2)
    assert ran.code == 1
    assert {
        "-- Route/shop generation 1",
        "+- Route/shop generation 2",
        "-  threshold: 0.7",
        "+  threshold: 0.2",
    } <= set(ran.out.splitlines())
    assert changed("snapshot", "diff", 2, 2).code == 0
    assert changed("snapshot", "diff", 2, 9).code == 2


def test_rollback_publishes_the_old_content_under_a_new_number(changed: Run) -> None:
    assert changed("snapshot", "rollback", 1, "--reason", "wrong answers").out.splitlines()[-1] == (
        "Snapshot 3 is in force."
    )
    assert changed("get", "routes").out.split()[-1] == "0.7"
    unknown = changed("snapshot", "rollback", 9)
    assert (unknown.code, unknown.err) == (
        1,
        "error: There is no snapshot 9. 'tiermesh snapshot list' shows those there are.\n",
    )
