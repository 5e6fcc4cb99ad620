"""`python -m model_repo.artifacts FOLDER`: the folder's manifest, and its checksum for `spec.sha256`.

The manifest goes to standard output, as it has to be published beside the files; the checksum, of these bytes as of
the folder, to standard error.
"""

import argparse
import sys
from pathlib import Path

from control_plane.spec.errors import TiermeshError
from model_repo.artifacts.folders import manifest_of


def main() -> int:
    """Read the folder; 1 and one sentence where it has no manifest."""
    parser = argparse.ArgumentParser(prog="python -m model_repo.artifacts", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    try:
        found = manifest_of(folder.absolute())
    except TiermeshError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(found.text)
    sys.stderr.write(f"sha256: {found.sha256}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
