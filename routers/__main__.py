"""`python -m routers`: run a router by the settings in the environment."""

import sys

import uvloop

from control_plane.spec.errors import TiermeshError
from observability import logging
from routers.app import serve
from routers.settings import RouterSettings


def main() -> int:
    """Exit codes: 0 stopped, 1 could not start or went wrong."""
    try:
        settings = RouterSettings.load()
        logging.configure(settings.log_level)
        uvloop.run(serve(settings))
    except TiermeshError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
