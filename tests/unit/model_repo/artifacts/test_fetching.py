from pathlib import Path

import pytest

from control_plane.spec.errors import Code, TiermeshError
from model_repo.artifacts import fetching
from tests.unit.model_repo.artifacts.server import Files

CONTENT = bytes(range(256)) * 4096
"""One MiB."""
PLENTY = 2**30


def fetch(files: Files, file: Path, most_bytes: int = PLENTY) -> list[int]:
    heard: list[int] = []
    with fetching.client() as http:
        fetching.fetch(http, f"{files.url}/weights", file, most_bytes, heard.append)
    return heard


def test_a_file_comes_whole_and_its_progress_is_told(files: Files, tmp_path: Path) -> None:
    files.put("/weights", CONTENT)
    assert fetch(files, tmp_path / "weights")[-1] == len(CONTENT)
    assert (tmp_path / "weights").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_a_cut_is_gone_on_with_from_where_it_was(files: Files, tmp_path: Path) -> None:
    files.put("/weights", CONTENT)
    files.cut_after, files.cuts = 300_000, 2
    fetch(files, tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == CONTENT
    assert [wanted for _, wanted in files.asked] == [None, "bytes=300000-", "bytes=600000-"]
    assert files.sent == len(CONTENT)


def test_another_process_goes_on_where_the_first_gave_up(files: Files, tmp_path: Path) -> None:
    files.put("/weights", CONTENT)
    files.cut_after, files.cuts = 10, 20
    with pytest.raises(TiermeshError, match="200 bytes of it are here") as raised:
        fetch(files, tmp_path / "weights")
    assert raised.value.code is Code.UNAVAILABLE
    fetch(files, tmp_path / "weights")
    assert files.asked[-1] == ("/weights", "bytes=200-")
    assert (tmp_path / "weights").read_bytes() == CONTENT


def test_a_file_that_changed_between_two_tries_is_fetched_anew(files: Files, tmp_path: Path) -> None:
    files.put("/weights", CONTENT)
    files.cut_after, files.cuts = 10, 20
    with pytest.raises(TiermeshError):
        fetch(files, tmp_path / "weights")
    files.put("/weights", CONTENT[::-1])
    fetch(files, tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == CONTENT[::-1]


def test_without_a_validator_nothing_is_gone_on_with(files: Files, tmp_path: Path) -> None:
    files.put("/weights", CONTENT)
    files.validates, files.cut_after, files.cuts = False, 300_000, 1
    fetch(files, tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == CONTENT
    assert [wanted for _, wanted in files.asked] == [None, None]


def test_a_server_that_is_busy_is_asked_again(files: Files, tmp_path: Path) -> None:
    files.put("/weights", CONTENT)
    files.refusals = [503, 429]
    fetch(files, tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_said_at_once(files: Files, tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="the server answered 404"):
        fetch(files, tmp_path / "weights")
    assert len(files.asked) == 1


def test_a_server_that_is_away_is_said_with_its_address(tmp_path: Path, files: Files) -> None:
    away = Files(url="http://127.0.0.1:9")
    with pytest.raises(TiermeshError, match=r"http://127.0.0.1:9/weights cannot be fetched") as raised:
        fetch(away, tmp_path / "weights")
    assert raised.value.retryable


def test_more_than_was_allowed_is_not_taken(files: Files, tmp_path: Path) -> None:
    files.put("/weights", CONTENT)
    with pytest.raises(TiermeshError, match="holds more than .* GiB"):
        fetch(files, tmp_path / "weights", most_bytes=1000)
    assert (tmp_path / "weights").stat().st_size <= 1000
