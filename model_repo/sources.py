"""Where a model's weights are: a source URI becomes a local folder (or, for an encoder in a package, its name).

    hf://ORG/NAME[@REVISION]   a snapshot of a Hugging Face repository, downloaded once
    file://PATH                a folder on this machine, used where it lies; or an archive, unpacked once
    http(s)://HOST/PATH        an archive, or a manifest beside its files, fetched once: see `model_repo.artifacts`
    bundled://NAME             weights that a Python package carries: see `model_repo.bundled`

`models:/NAME@ALIAS` never comes here: the control plane puts the source of the version that it stands for in its place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import ModelSpec
from model_repo import bundled
from model_repo.artifacts import folders, pickles
from model_repo.artifacts.obtaining import Obtaining
from model_repo.artifacts.store import Store
from model_repo.settings import home, most_artifact_bytes

_FORMS = "Write hf://ORG/NAME[@REVISION], file://PATH, https://HOST/PATH or bundled://NAME."
_PICKLES = ("*.bin", "*.pkl", "*.pickle", "*.pt", "*.pth", "*.ckpt", "*.joblib")
"""What most repositories hold beside the safetensors; not downloaded where it would be refused."""


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed source URI. `revision` is a branch, tag or commit, and only `hf` has one."""

    scheme: Literal["hf", "file", "bundled", "http", "https"]
    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.name}" + (f"@{self.revision}" if self.revision else "")


def parse(uri: str) -> Source:
    """Take a source URI apart.

    Raises TiermeshError(SETUP) where it is none.
    """
    scheme, separator, rest = uri.partition("://")
    if uri.startswith("models:"):
        cure = "Run it beside a control plane, which knows the registry, or write where the weights are."
        raise _unusable(uri, "it is a version of the model registry", cure)
    if not separator or not rest:
        raise _unusable(uri, "it is not a source", _FORMS)
    match scheme:
        case "hf":
            name, _, revision = rest.partition("@")
            if name.count("/") != 1:
                raise _unusable(uri, "it names no repository", "Write hf://ORG/NAME, such as hf://Qwen/Qwen3-8B.")
            return Source("hf", name, revision or None)
        case "file" | "bundled" | "http" | "https":
            return Source(scheme, rest)
        case _:
            raise _unusable(uri, f"{scheme}:// is unknown", _FORMS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source, and what may come of it."""

    uri: str
    sha256: str | None = None
    allow_pickle: bool = False


def wanted(spec: ModelSpec) -> tuple[Wanted, ...]:
    """All that a Model's engine loads: its weights, then its adapters in their order."""
    adapters = (Wanted(adapter.source, adapter.sha256, spec.allow_pickle) for adapter in spec.adapters)
    return (Wanted(of(spec), spec.sha256, spec.allow_pickle), *adapters)


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


def folder(
    uri: str,
    state: Path | None = None,
    sha256: str | None = None,
    allow_pickle: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """The local folder with the weights, fetched or converted first where it must be; `tell` hears how far that is.

    `state` is TIERMESH_HOME where not given. Raises TiermeshError: SETUP with the cure where the package, the folder
    or the hub is missing, where the content is not what `sha256` promises, or where it holds pickles that nobody
    allowed; UNAVAILABLE where a URL cannot be fetched.
    """
    source = parse(uri)
    for package in needed_packages(source):
        if find_spec(package) is None:
            raise _unusable(uri, f"the package {package!r} is not installed", "Run `make install`.")
    if source.scheme == "bundled":
        return bundled.weights(source.name, state or home())
    obtaining = Obtaining(Store.of(state or home()), most_artifact_bytes(), tell)
    found = _found(source, uri, sha256, allow_pickle, obtaining)
    if not allow_pickle:
        pickles.refuse(found, uri)
    return found


def _found(source: Source, uri: str, sha256: str | None, allow_pickle: bool, obtaining: Obtaining) -> Path:
    if source.scheme in ("http", "https"):
        if sha256 is None:
            raise _unusable(uri, "it has no checksum", "Write its `sha256`.")
        return obtaining.from_url(uri, sha256)
    path = Path(source.name)
    if source.scheme == "hf":
        path = _download(source, () if allow_pickle else _PICKLES)
    elif path.is_file():
        return obtaining.from_file(path, sha256 or folders.checksum(path))
    elif not path.is_dir():
        raise _unusable(uri, "the folder does not exist", "Correct the path in `source`.")
    return obtaining.checked(path, uri, sha256) if sha256 else path


def _download(source: Source, without: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download  # deferred: 1 s to import, and only hf:// needs it
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(source.name, revision=source.revision, ignore_patterns=list(without)))
    except RepositoryNotFoundError as error:
        hint = "Correct the name; where the repository is private, set HF_TOKEN."
        raise _unusable(str(source), "Hugging Face has no such repository", hint) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        hint = "Connect once to fetch it, or give a local copy with file://PATH."
        raise _unusable(str(source), "it is not on this machine and the hub cannot be reached", hint) from error


def _unusable(uri: str, why: str, cure: str) -> TiermeshError:
    return TiermeshError(Code.SETUP, f"The model source {uri!r} cannot be used: {why}.", cure)
