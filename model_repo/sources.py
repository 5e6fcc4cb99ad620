"""Where a model's weights are: a source URI becomes a local folder (or, for an encoder in a package, its name).

    hf://ORG/NAME[@REVISION]   a snapshot of a Hugging Face repository, downloaded once
    file://PATH                a folder on this machine
    bundled://NAME             weights that a Python package carries: see `model_repo.bundled`

`python -m model_repo.sources URI` prepares one source and prints where it is: the models' supervisor does so in a
child process, because preparing may load libraries that it should not keep in its own memory.
"""

import argparse
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import ModelSpec
from model_repo import bundled
from model_repo.settings import home


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed source URI. `revision` is a branch, tag or commit, and only `hf` has one."""

    scheme: Literal["hf", "file", "bundled"]
    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.name}" + (f"@{self.revision}" if self.revision else "")


def parse(uri: str) -> Source:
    """Take a source URI apart.

    Raises TiermeshError(SETUP) where it is none.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or not rest:
        raise _unusable(uri, "it is not a source", "Write hf://ORG/NAME[@REVISION], file://PATH or bundled://NAME.")
    if scheme == "hf":
        name, _, revision = rest.partition("@")
        if name.count("/") != 1:
            raise _unusable(uri, "it names no repository", "Write hf://ORG/NAME, such as hf://Qwen/Qwen3-8B.")
        return Source("hf", name, revision or None)
    if scheme == "file":
        return Source("file", rest)
    if scheme == "bundled":
        return Source("bundled", rest)
    raise _unusable(uri, f"{scheme}:// is unknown", "Write hf://ORG/NAME[@REVISION], file://PATH or bundled://NAME.")


def of(spec: ModelSpec) -> str:
    """The source that a Model's engine loads: the one it names, or what is made of that where it is quantized here."""
    named = spec.source or ""
    converted = spec.faq is not None and spec.faq.quantization == "int8" and named == f"bundled://{bundled.ENCODER}"
    return f"bundled://{bundled.INT8_ENCODER}" if converted else named


def needed_packages(source: Source) -> tuple[str, ...]:
    """The import names that this source needs."""
    if source.scheme == "bundled":
        return bundled.packages(source.name)
    return ("huggingface_hub",) if source.scheme == "hf" else ()


def folder(uri: str, state: Path | None = None) -> Path:
    """The local folder with the weights, fetched or converted first where it must be.

    `state` is TIERMESH_HOME where not given. Raises TiermeshError(SETUP) with the cure where the package, the folder
    or the hub is missing.
    """
    source = parse(uri)
    for package in needed_packages(source):
        if find_spec(package) is None:
            raise _unusable(uri, f"the package {package!r} is not installed", "Run `make install`.")
    if source.scheme == "hf":
        return _download(source)
    if source.scheme == "bundled":
        return bundled.weights(source.name, state or home())
    path = Path(source.name)
    if not path.is_dir():
        raise _unusable(uri, "the folder does not exist", "Correct the path in `source`.")
    return path


def _download(source: Source) -> Path:
    from huggingface_hub import snapshot_download  # deferred: 1 s to import, and only hf:// needs it
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(source.name, revision=source.revision))
    except RepositoryNotFoundError as error:
        hint = "Correct the name; where the repository is private, set HF_TOKEN."
        raise _unusable(str(source), "Hugging Face has no such repository", hint) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        hint = "Connect once to fetch it, or give a local copy with file://PATH."
        raise _unusable(str(source), "it is not on this machine and the hub cannot be reached", hint) from error


def _unusable(uri: str, why: str, cure: str) -> TiermeshError:
    return TiermeshError(Code.SETUP, f"The model source {uri!r} cannot be used: {why}.", cure)


def main() -> int:
    """Prepare one source. Standard output gets the folder, standard error one sentence where it fails."""
    parser = argparse.ArgumentParser(prog="python -m model_repo.sources", description=__doc__)
    parser.add_argument("uri")
    try:
        sys.stdout.write(f"{folder(parser.parse_args().uri)}\n")
    except TiermeshError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
