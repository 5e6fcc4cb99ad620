"""`python -m launcher`: `tiermesh up` without a command line, for `--detach`. Settings come from the environment."""

import sys

from rich.console import Console

from control_plane.spec.errors import TiermeshError
from launcher.settings import UpSettings
from launcher.up import up


def main() -> int:
    """Run the mesh. Returns 0 where it was ready and was told to stop, else 1."""
    try:
        return 0 if up(UpSettings.load(), Console()) else 1
    except TiermeshError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
