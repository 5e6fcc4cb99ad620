"""What torch itself saves."""

from pathlib import Path

import pytest

from model_repo.artifacts import pickles


@pytest.mark.parametrize("new", [True, False])
def test_what_torch_saves_is_found_whatever_it_is_called(new: bool, tmp_path: Path) -> None:
    import torch  # deferred: it takes seconds, and only the process that runs this test needs it

    torch.save({"layer": torch.ones(3)}, tmp_path / "weights.safetensors", _use_new_zipfile_serialization=new)
    assert "pickle" in (pickles.found(tmp_path / "weights.safetensors") or "")
