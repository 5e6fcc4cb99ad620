"""Compiles the harness's C programs at first use. C, because a load generator in Python would measure itself."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from control_plane.spec.errors import Code, TiermeshError

CACHE = Path(__file__).parents[2] / ".benchmarks"
"""Compiled programs, named by their source's hash: an edited source is compiled anew."""


def program(name: str, cache: Path = CACHE) -> Path:
    """The executable of `name`.c in this folder.

    Raises TiermeshError(SETUP) where gcc is missing or does not compile it.
    """
    source = Path(__file__).with_name(f"{name}.c")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    executable = cache / f"{name}-{digest}"
    if not executable.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _compile(source, executable)
    return executable


def _compile(source: Path, executable: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        hint = "Install it, on Debian or Ubuntu with: apt install gcc libc6-dev"
        raise TiermeshError(Code.SETUP, f"gcc is not installed, and {source.name} has to be compiled.", hint)
    # Another run may compile the same source: the finished file takes its place in one step.
    unfinished = executable.with_suffix(f".{os.getpid()}")
    done = subprocess.run([gcc, "-O2", "-o", unfinished, source], capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"gcc does not compile {source.name}: {done.stderr.strip()}"
        raise TiermeshError(Code.SETUP, message, "It needs Linux 5.11 and glibc 2.35, or newer.")
    unfinished.rename(executable)
