"""Definitions: the custom resources that a Kubernetes API has to know for what the operator and the chart write.

Ours come with the chart; those of others lie in the folder that `TIERMESH_TEST_CRDS` names, by default one beside the
checkout.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from control_plane.spec.errors import Code, TiermeshError
from operators.render import KNOWN

_CHECKOUT = Path(__file__).parents[2]
OURS = _CHECKOUT / "charts" / "tiermesh" / "files" / "crds"
OF_THE_CHART = ("Gateway", "GRPCRoute", "PrometheusRule")
"""Kinds of others that only the chart writes."""
_VARIABLE = "TIERMESH_TEST_CRDS"


def needed(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Files and folders: the definitions of others in which something here is written, and our own. A server reads all
    that it has whenever it is asked for what it serves.

    Raises TiermeshError(SETUP).
    """
    written = {*KNOWN, *OF_THE_CHART}
    found = [file for file, definition in of_others(environ) if definition["spec"]["names"]["kind"] in written]
    return [*dict.fromkeys(found), OURS]


def of_others(environ: Mapping[str, str] = os.environ) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The definitions of others, each with its file: JSON, or YAML with one or several. None, where nobody has any.

    Raises TiermeshError(SETUP) where the folder that is named is not there, or a file holds something else.
    """
    given = environ.get(_VARIABLE)
    folder = Path(given) if given else _CHECKOUT.parent / "shared" / "crds"
    if given and not folder.is_dir():
        raise TiermeshError(Code.SETUP, f"{_VARIABLE} names {given}, which is no folder.", "Correct or unset it.")
    for file in sorted(folder.rglob("*")):
        for definition in _read(file):
            if not isinstance(definition, dict) or definition.get("kind") != "CustomResourceDefinition":
                raise _wrong(file, "it holds something that is no CustomResourceDefinition")
            yield file, definition


def _read(file: Path) -> list[Any]:
    """The documents of a file; none of a licence."""
    try:
        if file.suffix == ".json":
            return [json.loads(file.read_bytes())]
        if file.suffix in (".yaml", ".yml"):
            return [one for one in yaml.load_all(file.read_bytes(), yaml.CSafeLoader) if one is not None]
    except (ValueError, yaml.YAMLError) as error:
        raise _wrong(file, f"it cannot be read ({' '.join(str(error).split())})") from error
    return []


def _wrong(file: Path, why: str) -> TiermeshError:
    message = f"{file} cannot be installed: {why}."
    return TiermeshError(Code.SETUP, message, f"Mend it, or take it out of the folder that {_VARIABLE} names.")
