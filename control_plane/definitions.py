"""`python -m control_plane.definitions FOLDER`: write the custom resource definitions into a folder, one file each."""

import sys
from pathlib import Path
from typing import Any

import yaml

from control_plane.spec.crds import definitions

_HEAD = "# Written by `make generate` from control_plane/spec: change it there.\n"


def texts() -> dict[str, str]:
    """File name -> what it says."""
    return {f"{plural}.yaml": _HEAD + _yaml(one) for plural, one in definitions().items()}


def _yaml(definition: dict[str, Any]) -> str:
    return yaml.safe_dump(definition, sort_keys=False, width=120, allow_unicode=True)


def main(folder: Path) -> None:
    """Write what `texts` says, and leave nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    said = texts()
    for file in folder.glob("*.yaml"):
        if file.name not in said:
            file.unlink()
    for name, text in said.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
