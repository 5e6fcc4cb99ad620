"""`python -m launcher.tether PARENT COMMAND...`: becomes COMMAND, which gets SIGTERM should PARENT die without a word.

A separate program rather than code between fork and exec, where Python with threads may deadlock.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make orphaned descendants of this process its children, not init's, so that it can find them. Linux only."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def main() -> None:
    """Tie this process to its parent and become the command."""
    parent, *command = sys.argv[1:]
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # It died before the tie was made.
        sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
