import hashlib
import json
import pickle
from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo import sources
from model_repo.artifacts import folders
from model_repo.artifacts.obtaining import Obtaining
from model_repo.artifacts.store import Store
from tests.unit.model_repo.artifacts.archives import tar, zipped
from tests.unit.model_repo.artifacts.server import Files

CONTENTS = {"config.json": b'{"a": 1}', "deep/weights.safetensors": bytes(range(256)) * 400, "naïve é.txt": b"x"}
SHA256 = "0" * 64


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def manifest(files: Files, contents: dict[str, bytes], **changed: object) -> str:
    """Publish files with their manifest; its checksum."""
    said = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in contents.items()
    }
    for name, content in contents.items():
        files.put(f"/m/{name}".replace(" ", "%20").replace("ï", "%C3%AF").replace("é", "%C3%A9"), content)
    return files.put("/m/manifest.json", json.dumps({"files": said | changed}).encode())


def held(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in folders.files(folder)}


@pytest.mark.parametrize("pack", [tar, zipped])
def test_an_archive_becomes_a_folder_named_by_its_checksum(pack: object, files: Files, home: Path) -> None:
    assert callable(pack)
    sha256 = files.put("/model.tar.gz", pack(CONTENTS))
    said: list[str] = []
    folder = sources.folder(f"{files.url}/model.tar.gz", home, sha256, tell=said.append)
    assert folder == home / "artifacts" / sha256
    assert held(folder) == CONTENTS
    assert any("fetching" in each for each in said)
    assert sources.folder(f"{files.url}/model.tar.gz", home, sha256) == folder
    assert len(files.asked) == 1, "what is here is not fetched again"


def test_a_manifests_files_are_fetched_from_beside_it(files: Files, home: Path) -> None:
    sha256 = manifest(files, CONTENTS)
    said: list[str] = []
    folder = sources.folder(f"{files.url}/m/manifest.json", home, sha256, tell=said.append)
    assert held(folder) == CONTENTS
    assert any(each.endswith("100% (0 of 0 MiB)") for each in said)


def test_a_manifest_as_it_is_printed_has_the_checksum_of_its_folder(files: Files, home: Path, tmp_path: Path) -> None:
    for name, content in CONTENTS.items():
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_bytes(content)
        files.put(f"/m/{name}".replace(" ", "%20").replace("ï", "%C3%AF").replace("é", "%C3%A9"), content)
    printed = folders.manifest_of(tmp_path / "made")
    assert files.put("/m/manifest.json", printed.text) == printed.sha256
    assert held(sources.folder(f"{files.url}/m/manifest.json", home, printed.sha256)) == CONTENTS
    assert sources.folder(f"file://{tmp_path}/made", home, printed.sha256) == tmp_path / "made"


def test_after_a_cut_only_what_is_missing_is_fetched(files: Files, home: Path) -> None:
    sha256 = manifest(files, CONTENTS)
    url = f"{files.url}/m/manifest.json"
    files.contents["/m/deep/weights.safetensors"], whole = b"", files.contents["/m/deep/weights.safetensors"]
    with pytest.raises(TiermeshError, match="deep/weights.safetensors"):
        sources.folder(url, home, sha256)
    assert Store.of(home).active(sha256) is None
    files.contents["/m/deep/weights.safetensors"] = whole
    files.asked.clear()
    assert held(sources.folder(url, home, sha256)) == CONTENTS
    assert "/m/config.json" not in [path for path, _ in files.asked]


def test_what_is_not_what_was_promised_never_becomes_active(files: Files, home: Path) -> None:
    promised = hashlib.sha256(tar(CONTENTS)).hexdigest()
    files.put("/model.tar.gz", tar({**CONTENTS, "config.json": b'{"a": 2}'}))
    for _ in range(2):
        with pytest.raises(TiermeshError, match=f"{promised} was promised"):
            sources.folder(f"{files.url}/model.tar.gz", home, promised)
    assert Store.of(home).active(promised) is None
    assert len(files.asked) == 2, "the wrong content is not kept to be gone on with"


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "a\\b", ""])
def test_no_name_in_a_manifest_leaves_the_folder(name: str, files: Files, home: Path) -> None:
    sha256 = manifest(files, {}, **{name: {"sha256": SHA256, "size": 1}})
    with pytest.raises(TiermeshError, match="manifest is not valid"):
        sources.folder(f"{files.url}/m/manifest.json", home, sha256)


def test_a_manifest_is_bounded_before_anything_of_it_is_fetched(files: Files, home: Path) -> None:
    sha256 = manifest(files, {}, huge={"sha256": SHA256, "size": 2**60})
    with pytest.raises(TiermeshError, match="holds more than 200 GiB.*TIERMESH_MODELS_MAX_ARTIFACT_GIB"):
        sources.folder(f"{files.url}/m/manifest.json", home, sha256)
    assert len(files.asked) == 1


def test_an_artifact_that_unpacks_to_too_much_never_becomes_active(files: Files, home: Path) -> None:
    sha256 = files.put("/model.zip", zipped({"zeros": bytes(2**21)}))
    with pytest.raises(TiermeshError, match="holds more than"):
        Obtaining(Store.of(home), 2**20).from_url(f"{files.url}/model.zip", sha256)
    assert Store.of(home).active(sha256) is None


def test_pickles_are_refused_unless_they_are_allowed(files: Files, home: Path) -> None:
    sha256 = files.put("/model.tar", tar({"weights.bin": pickle.dumps(CONTENTS, protocol=4)}))
    with pytest.raises(TiermeshError, match="weights.bin is a pickle"):
        sources.folder(f"{files.url}/model.tar", home, sha256)
    assert list(held(sources.folder(f"{files.url}/model.tar", home, sha256, allow_pickle=True))) == ["weights.bin"]
    with pytest.raises(TiermeshError, match="weights.bin is a pickle"):
        sources.folder(f"{files.url}/model.tar", home, sha256)


def test_an_archive_on_this_machine_is_unpacked_once(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.tar.gz"
    file.write_bytes(tar(CONTENTS))
    sha256 = folders.checksum(file)
    assert sources.folder(f"file://{file}", home) == sources.folder(f"file://{file}", home, sha256)
    with pytest.raises(TiermeshError, match="was promised"):
        sources.folder(f"file://{file}", home, SHA256)


def test_a_folder_that_is_not_what_its_checksum_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TiermeshError, match="was promised"):
        sources.folder(f"file://{tmp_path}", sha256=SHA256)


def test_a_folder_behind_a_link_is_not_looked_past(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "more").symlink_to(tmp_path / "real")
    with pytest.raises(TiermeshError, match="'more' in it links to a folder"):
        sources.folder(f"file://{tmp_path}/model")


def test_a_page_that_is_no_artifact_is_said_to_be_none(files: Files, home: Path) -> None:
    sha256 = files.put("/page", b"<html>not found</html>")
    with pytest.raises(TiermeshError, match="neither an archive nor a manifest"):
        sources.folder(f"{files.url}/page", home, sha256)
    with pytest.raises(TiermeshError, match="no checksum"):
        sources.folder(f"{files.url}/page", home)
