import re
from pathlib import Path

import pytest
import yaml

from control_plane.spec.documents import dump
from model_repo.export import __main__ as command
from model_repo.export import tensorrt
from tests.unit.model_repo.samples import model


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A file with an encoder, which is never read here, and a model that is none."""
    faq = {"knowledge": f"file://{tmp_path}", "threshold": 0.5}
    written = [
        model("tiny", engine="faq", tier="light", source=f"file://{tmp_path / 'encoder'}", faq=faq),
        model("assistant"),
    ]
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump_all([dump(document) for document in written]))
    return path


def run(documents: Path, name: str, kind: str, out: Path, *more: str) -> int:
    return command.main([name, "--documents", str(documents), "--format", kind, "--out", str(out), *more])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "There is no Model 'nobody' in .*There are: assistant, tiny."),
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
