from pathlib import Path

import orjson

from model_repo.status import ModelStatus, StatusFile


def test_the_file_says_how_each_model_is_doing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "status.json"
    StatusFile(path).write("running", {"faq": ModelStatus("starting", "loading", 1.5)})
    said = {"ray": "running", "models": {"faq": {"state": "starting", "message": "loading", "seconds": 1.5}}}
    assert orjson.loads(path.read_bytes()) == said
    assert list(path.parent.iterdir()) == [path]


def test_the_file_is_written_only_when_something_changed(tmp_path: Path) -> None:
    status = StatusFile(tmp_path / "s")
    status.write("starting", {})
    first = (tmp_path / "s").stat().st_ino
    status.write("starting", {})
    assert (tmp_path / "s").stat().st_ino == first
    status.write("running", {})
    assert (tmp_path / "s").stat().st_ino != first


def test_the_file_goes_with_the_process(tmp_path: Path) -> None:
    status = StatusFile(tmp_path / "s")
    status.write("running", {})
    status.remove()
    assert not list(tmp_path.iterdir())
    StatusFile(None).write("running", {})
