import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.harness.definitions import OURS, needed, of_others
from control_plane.spec.errors import TiermeshError


def definition(kind: str) -> dict[str, Any]:
    return {"kind": "CustomResourceDefinition", "spec": {"names": {"kind": kind}}}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"TIERMESH_TEST_CRDS": str(tmp_path)}


def test_files_of_json_and_of_yaml_with_several_definitions_are_read(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "LICENSE").write_text("Do what you like.")
    (tmp_path / "keda").mkdir()
    one, several = tmp_path / "ray.json", tmp_path / "keda" / "all.yaml"
    one.write_text(json.dumps(definition("RayService")))
    several.write_text("---\n" + yaml.safe_dump_all([definition("ScaledObject"), definition("ScaledJob")]))
    found = [(file, each["spec"]["names"]["kind"]) for file, each in of_others(environ)]
    assert found == [(several, "ScaledObject"), (several, "ScaledJob"), (one, "RayService")]


def test_a_server_gets_the_files_in_which_a_kind_is_that_is_written_here_each_once_and_ours(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    files = {
        "a.yml": ("ScaledObject", "HTTPRoute"),
        "b.yaml": ("ScaledJob",),
        "c.yaml": ("Gateway",),
    }
    for name, kinds in files.items():
        (tmp_path / name).write_text(yaml.safe_dump_all(map(definition, kinds)))
    assert needed(environ) == [tmp_path / "a.yml", tmp_path / "c.yaml", OURS]


@pytest.mark.parametrize("content", ["kind: Deployment", "- 1", "a: [", "\x00"])
def test_a_file_that_holds_anything_else_is_refused_with_its_name(
    tmp_path: Path, environ: dict[str, str], content: str
) -> None:
    (tmp_path / "wrong.yaml").write_text(content)
    with pytest.raises(TiermeshError, match=r"wrong\.yaml"):
        needed(environ)


def test_a_folder_that_is_named_and_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="no folder"):
        needed({"TIERMESH_TEST_CRDS": str(tmp_path / "gone")})
