import shutil
from pathlib import Path

import pytest
import yaml

from control_plane.spec.documents import dump
from model_repo.export import __main__ as command
from model_repo.export import onnx, tensorrt
from model_repo.export.network import SentenceEncoder
from model_repo.export.ports import Say
from tests.integration.model_repo import tiny
from tests.integration.model_repo.tiny import Exported
from tests.unit.model_repo.samples import model


@pytest.fixture
def documents(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A file with one encoder, which is to be in INT8."""
    faq = {"knowledge": f"file://{tmp_path}", "threshold": 0.5, "quantization": "int8"}
    written = model("small", engine="faq", tier="light", source=f"file://{tiny_encoder}", faq=faq)
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(dump(written)))
    return path


def run(documents: Path, kind: str, out: Path, *more: str) -> int:
    return command.main(["small", "--documents", str(documents), "--format", kind, "--out", str(out), *more])


def test_triton_is_a_repository_with_numbered_versions_and_what_is_done_is_said(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    earlier = out / "small" / "1" / "model.onnx"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"the first")
    assert run(documents, "triton", out, "--version", "2") == 0
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
    assert run(documents, "tensorrt", tmp_path / "out") == 0
    model = tmp_path / "out" / "small"
    written = {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()}
    assert written == {"1/model.plan", "config.pbtxt", "tokenizer.json"}
    assert 'backend: "tensorrt"' in (model / "config.pbtxt").read_text()
