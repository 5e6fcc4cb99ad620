from pathlib import Path

import pytest

from control_plane.spec.errors import Code, TiermeshError
from model_repo import capacity
from model_repo.capacity import Machine
from model_repo.export import tensorrt


@pytest.mark.parametrize(
    ("installed", "gpus", "said"),
    [
        (False, 1, "here: the package 'tensorrt' is not installed."),
        (True, 0, "here: this machine has no NVIDIA GPU."),
        (False, 0, "here: the package 'tensorrt' is not installed and this machine has no NVIDIA GPU."),
    ],
    ids=["no package", "no GPU", "neither"],
)
def test_what_is_missing_is_said_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: bool, gpus: int, said: str
) -> None:
    monkeypatch.setattr(tensorrt, "find_spec", lambda name: object() if installed else None)
    monkeypatch.setattr(capacity, "look", lambda: Machine(memory_gib=8, cpus=2, gpus=gpus))
    with pytest.raises(TiermeshError, match=said) as error:
        tensorrt.build(tmp_path / "model.onnx", tmp_path / "model.plan", 16, 512, lambda text: None)
    assert error.value.code is Code.SETUP and "--format triton" in error.value.hint


def test_with_both_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt, "find_spec", lambda name: object())
    monkeypatch.setattr(capacity, "look", lambda: Machine(memory_gib=8, cpus=2, gpus=1))
    tensorrt.check()
