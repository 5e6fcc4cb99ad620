"""`python -m model_repo.artifacts FOLDER`: the folder's manifest, as it has to be published beside the files.

`--checksum` prints the checksum for `spec.sha256` alone: of a folder that of these bytes, of an archive its own.
"""

import argparse
import sys
from pathlib import Path

from control_plane.spec.errors import TiermeshError
from model_repo.artifacts.folders import checksum, manifest_of


def main() -> int:
    """Read the folder; 1 and one sentence where it has no manifest."""
    parser = argparse.ArgumentParser(prog="python -m model_repo.artifacts", description=__doc__)
    parser.add_argument("path", type=Path, metavar="FOLDER|ARCHIVE")
    parser.add_argument("--checksum", action="store_true")
    given = parser.parse_args()
    try:
        if given.checksum and given.path.is_file():
            sys.stdout.write(f"{checksum(given.path)}\n")
            return 0
        found = manifest_of(given.path.absolute())
    except (TiermeshError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if given.checksum:
        sys.stdout.write(f"{found.sha256}\n")
    else:
        sys.stdout.buffer.write(found.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
