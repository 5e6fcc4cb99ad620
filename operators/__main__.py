"""`python -m operators`: the operator as a process."""

import asyncio
import gc
import sys

from control_plane.spec.errors import TiermeshError
from observability import logging
from operators import handlers
from operators.app import serve
from operators.settings import OperatorSettings


def main() -> int:
    """Exit codes: 0 stopped, 1 could not start, or leads no more."""
    try:
        settings = OperatorSettings.load()
        logging.configure(settings.log_level)
        handlers.hush()
        gc.freeze()  # what is imported stays
        asyncio.run(serve(settings))
    except TiermeshError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
