"""The child process itself: what it says, and how it ends."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_repo.preparing import Failure, Preparing
from model_repo.sources import Wanted
from tests.unit.model_repo.artifacts.archives import tar
from tests.unit.model_repo.artifacts.server import Files, serving


def prepared(home: Path, *wanted: Wanted) -> tuple[list[str], Failure | None]:
    """What it said, and why it failed."""
    preparing, said = Preparing.start(wanted, os.environ | {"TIERMESH_HOME": str(home)}), list[str]()
    deadline = time.monotonic() + 60
    while not preparing.ended:
        assert time.monotonic() < deadline
        said += filter(None, [preparing.news()])
        time.sleep(0.05)
    said += filter(None, [preparing.news()])
    return said, preparing.failure()


@pytest.fixture
def files() -> Iterator[Files]:
    with serving() as served:
        yield served


def test_all_sources_are_prepared_and_the_progress_is_said(files: Files, tmp_path: Path) -> None:
    sha256 = files.put("/model.tar", tar({"config.json": b"{}"}))
    said, failure = prepared(tmp_path, Wanted(f"file://{tmp_path}"), Wanted(f"{files.url}/model.tar", sha256))
    assert failure is None
    assert said[0].startswith(f"fetching {files.url}/model.tar")
    assert (tmp_path / "artifacts" / sha256 / "config.json").is_file()


def test_a_failure_is_one_sentence_and_says_whether_it_may_pass(tmp_path: Path) -> None:
    said, failure = prepared(tmp_path, Wanted(f"file://{tmp_path}/gone"))
    assert said == [] and failure and "does not exist" in failure.why and not failure.passing
    _, failure = prepared(tmp_path, Wanted("http://127.0.0.1:9/model.tar", "0" * 64))
    assert failure and "cannot be fetched" in failure.why and failure.passing


def test_a_failure_is_one_where_nobody_keeps_exit_statuses_too(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as Ray has it in the process that starts children
    try:
        assert prepared(tmp_path, Wanted(f"file://{tmp_path}/gone"))[1] is not None
        assert prepared(tmp_path, Wanted(f"file://{tmp_path}"))[1] is None
    finally:
        signal.signal(signal.SIGCHLD, before)
