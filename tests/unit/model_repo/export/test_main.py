import re
import shutil
from pathlib import Path

import pytest
import yaml

from control_plane.spec.documents import dump
from model_repo.export import __main__ as command
from model_repo.export import onnx, tensorrt
from model_repo.export.network import SentenceEncoder
from model_repo.export.onnx import Say
from tests.unit.model_repo import tiny
from tests.unit.model_repo.samples import model
from tests.unit.model_repo.tiny import Exported


@pytest.fixture
def documents(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A folder with an encoder in float32, the same in INT8, and a model that is none."""
    faq = {"knowledge": f"file://{tmp_path}", "threshold": 0.5}
    light = {"engine": "faq", "tier": "light", "source": f"file://{tiny_encoder}"}
    written = [
        model("tiny", **light, faq=faq),
        model("small", **light, faq={**faq, "quantization": "int8"}),
        model("assistant"),
    ]
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump_all([dump(document) for document in written]))
    return path


def run(documents: Path, name: str, kind: str, out: Path, *more: str) -> int:
    return command.main([name, "--documents", str(documents), "--format", kind, "--out", str(out), *more])


def test_triton_is_a_repository_with_numbered_versions_and_what_is_done_is_said(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    earlier = out / "small" / "1" / "model.onnx"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"the first")
    assert run(documents, "small", "triton", out, "--version", "2") == 0
    said = capsys.readouterr()
    written = [out / "small" / name for name in ("2/model.onnx", "tokenizer.json", "config.pbtxt")]
    assert said.out.splitlines() == [str(path) for path in written]
    assert {path for path in out.rglob("*") if path.is_file()} == {earlier, *written}
    assert earlier.read_bytes() == b"the first"
    assert b"MatMulInteger" in written[0].read_bytes()
    assert "reading" in said.err and "translating" in said.err and "INT8" in said.err


def test_tensorrt_is_a_repository_with_an_engine_in_place_of_the_network(
    documents: Path, tmp_path: Path, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine itself needs a GPU: here a file stands for it."""

    def write(network: SentenceEncoder, tokenizer: object, folder: Path, say: Say, *, int8: bool) -> Path:
        assert not int8
        shutil.copytree(exported.folder, folder)
        return folder / "model.onnx"

    def build(source: Path, target: Path, most_texts: int, most_tokens: int, say: Say) -> None:
        assert source.is_file() and (most_texts, most_tokens) == (16, tiny.MOST_TOKENS)
        target.write_bytes(b"engine")

    monkeypatch.setattr(tensorrt, "check", lambda: None)
    monkeypatch.setattr(tensorrt, "build", build)
    monkeypatch.setattr(onnx, "write", write)
    assert run(documents, "small", "tensorrt", tmp_path / "out") == 0
    model = tmp_path / "out" / "small"
    written = {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()}
    assert written == {"1/model.plan", "config.pbtxt", "tokenizer.json"}
    assert 'backend: "tensorrt"' in (model / "config.pbtxt").read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "There is no Model 'nobody' in .*There are: assistant, small, tiny."),
        ("assistant", "'assistant' has engine 'vllm', and only encoders are exported. Name a Model of engine 'faq'."),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_sentence(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert run(documents, name, "onnx", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1 and captured.out == ""
    assert re.search(said, captured.err)


def test_a_machine_without_tensorrt_says_so_before_it_reads_the_network(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt, "find_spec", lambda name: None)
    assert run(documents, "tiny", "tensorrt", tmp_path / "out") == 1
    assert "the package 'tensorrt' is not installed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["0", "-1", "one"])
def test_a_version_that_triton_would_not_read_is_wrong_usage(documents: Path, tmp_path: Path, version: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(documents, "tiny", "triton", tmp_path / "out", f"--version={version}")
