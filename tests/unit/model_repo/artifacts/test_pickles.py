import bz2
import gzip
import io
import lzma
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from control_plane.spec.errors import TiermeshError
from model_repo.artifacts import pickles
from tests.unit.model_repo.artifacts.archives import tar, zipped


class _Harm:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return print, ("harm",)


HARM = pickle.dumps(_Harm(), protocol=4)


def found(folder: Path, content: bytes, name: str = "weights.bin") -> str | None:
    file = folder / name
    file.write_bytes(content)
    return pickles.found(file)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_found_in_every_protocol(protocol: int, tmp_path: Path) -> None:
    assert found(tmp_path, pickle.dumps(_Harm(), protocol=protocol), "weights.safetensors") == "is a pickle"


@pytest.mark.parametrize("protocol", [0, 1])
def test_what_stands_before_the_call_hides_nothing(protocol: int, tmp_path: Path) -> None:
    harm = pickle.dumps(["x" * 200_000, *range(3000), _Harm()], protocol=protocol)
    assert found(tmp_path, harm) == "is a pickle"
    assert found(tmp_path, b"I1\n0" * 60_000 + b"." if protocol else b"N0" * 60_000) == "is a pickle"


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_compressed_pickle_is_found(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    assert found(tmp_path, compress(HARM)) == "is compressed, and what it holds is a pickle"


@pytest.mark.parametrize("pack", [zipped, tar, lambda files: tar(files, "w")])
def test_a_pickle_inside_an_archive_is_found(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    inner = pack({"readme": b"harmless", "deep/data": HARM})
    assert "holds deep/data, which is a pickle" in (found(tmp_path, inner) or "")
    assert "deep/data" in (found(tmp_path, zipped({"inner": inner})) or "")


def test_arrays_of_objects_are_found_and_arrays_of_numbers_are_not(tmp_path: Path) -> None:
    def saved(array: np.ndarray[Any, Any], archive: bool) -> bytes:
        buffer = io.BytesIO()
        np.savez(buffer, a=array) if archive else np.save(buffer, array)
        return buffer.getvalue()

    fields = np.zeros(2, dtype=[("number", "f4"), ("anything", "O")])
    for array in (np.array([{}], dtype=object), fields):
        assert all("array of Python objects" in (found(tmp_path, saved(array, it)) or "") for it in (True, False))
    assert not any(found(tmp_path, saved(np.ones((3, 4)), it)) for it in (True, False))


def test_bytes_that_read_like_an_odd_string_are_looked_at_without_a_word(tmp_path: Path) -> None:
    assert found(tmp_path, b"S'\\d'\n and so on") is None


@pytest.mark.parametrize("name", ["a.pkl", "a.PT", "a.ckpt", "a.joblib", "a.pth"])
def test_a_name_that_loaders_unpickle_is_enough(name: str, tmp_path: Path) -> None:
    assert "by its name" in (found(tmp_path, b"whatever", name) or "")
    assert "by its name" in (found(tmp_path, zipped({name: b"whatever"})) or "")


def test_what_models_are_made_of_is_harmless(tmp_path: Path) -> None:
    save_file({"weight": np.random.default_rng(7).normal(size=(64, 64))}, tmp_path / "model.safetensors")
    assert pickles.found(tmp_path / "model.safetensors") is None
    vocabulary = "cat\ndog\nbuild\nimport os\n(global)\n" * 100
    for content in (
        b'{"a": 1}',
        vocabulary.encode(),
        b"",
        b"\x80",
        b"\x80\x02",
        b"GGUF\x03\0\0\0",
        b"import os\nos.x()",
    ):
        assert found(tmp_path, content) is None, content[:20]


def test_a_folder_is_refused_with_the_file_and_the_cure(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    pickles.refuse(tmp_path, "hf://org/name")
    (tmp_path / "deep").mkdir()
    found(tmp_path / "deep", HARM)
    with pytest.raises(TiermeshError, match=r"deep/weights.bin is a pickle.*allowPickle: true"):
        pickles.refuse(tmp_path, "hf://org/name")
