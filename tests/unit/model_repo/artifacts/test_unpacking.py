import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo.artifacts.unpacking import is_archive, unpack
from tests.unit.model_repo.artifacts.archives import tar, zipped

FILES = {"config.json": b"{}", "weights/part.safetensors": b"1" * 1000}
PLENTY = 2**20
Pack = Callable[[Mapping[str, bytes]], bytes]


def unpacked(folder: Path, content: bytes, most_bytes: int = PLENTY) -> dict[str, bytes]:
    archive = folder / "archive"
    archive.write_bytes(content)
    assert is_archive(archive)
    target = folder / "content"
    unpack(archive, target, most_bytes)
    return {
        path.relative_to(target).as_posix(): path.read_bytes() for path in sorted(target.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("pack", [tar, zipped, lambda files: tar(files, "w"), lambda files: tar(files, "w:xz")])
def test_every_kind_of_archive_gives_its_files(pack: Pack, tmp_path: Path) -> None:
    assert unpacked(tmp_path, pack(FILES)) == FILES


def test_one_folder_around_all_the_rest_is_left_out(tmp_path: Path) -> None:
    assert unpacked(tmp_path, tar({f"model-1/{name}": content for name, content in FILES.items()})) == FILES


@pytest.mark.parametrize("pack", [tar, zipped])
@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/outside", "a\\..\\outside", "c:outside", "a//b"])
def test_no_name_leaves_the_folder(pack: Pack, name: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(TiermeshError, match="relative path"):
        unpacked(inner, pack({name: b"x"}))
    assert not list(tmp_path.rglob("outside"))


def test_links_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="link or device"):
        unpacked(tmp_path, tar(FILES, link="passwd"))


@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_bomb_is_stopped_by_what_it_unpacks_to(pack: Pack, tmp_path: Path) -> None:
    bomb = pack({"zeros": bytes(4 * PLENTY)})
    assert len(bomb) < PLENTY / 10
    with pytest.raises(TiermeshError, match="holds more than"):
        unpacked(tmp_path, bomb)
    assert sum(path.stat().st_size for path in (tmp_path / "content").rglob("*")) <= PLENTY


def test_a_broken_archive_is_said_to_be_one(tmp_path: Path) -> None:
    contents = {"weights": bytes(range(256)) * 400}
    half = tar(contents, "w")[:50_000]
    spoilt = zipped(contents).replace(b"weights", b"weighty", 1)
    for place, content in enumerate((half, spoilt)):
        folder = tmp_path / str(place)
        folder.mkdir()
        with pytest.raises(TiermeshError, match="broken"):
            unpacked(folder, content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(zipped({"a": b"1"}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("a", b"2")
    with pytest.raises(TiermeshError, match="broken"):
        unpacked(tmp_path, buffer.getvalue())
