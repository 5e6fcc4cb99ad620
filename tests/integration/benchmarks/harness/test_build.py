import os
from pathlib import Path

import pytest

from benchmarks.harness import build
from control_plane.spec.errors import Code, TiermeshError


def test_a_program_is_compiled_once(tmp_path: Path) -> None:
    first = build.program("upstream", tmp_path)
    compiled_at = first.stat().st_mtime_ns
    second = build.program("upstream", tmp_path)

    assert first == second
    assert second.stat().st_mtime_ns == compiled_at
    assert os.access(first, os.X_OK)
    assert list(tmp_path.iterdir()) == [first]


def test_a_missing_compiler_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(TiermeshError, match="gcc is not installed") as raised:
        build.program("upstream", tmp_path)

    assert raised.value.code is Code.SETUP
    assert "apt install gcc" in raised.value.hint
