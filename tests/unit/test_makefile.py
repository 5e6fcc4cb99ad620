"""`make install` installs what is pinned, once; the second time it does nothing, and so needs no network."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Stands for Python and, once "installed", for the virtual environment's: it only writes down what it is asked to do.
PYTHON = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-c import torch") exit "${TORCH_EXIT:-0}" ;;
esac
"""


class Checkout:
    """A copy of what `make install` reads, with a Python that only writes down its calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "calls"
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, root)
        self.python = root / "python"
        self.python.write_text(PYTHON, encoding="utf-8")
        self.python.chmod(0o755)

    def install(self, **variables: str) -> list[str]:
        """Run `make install`. Returns what Python was asked to do."""
        self.log.write_text("", encoding="utf-8")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        environment = inherited | {"CALLS": str(self.log), "PYTHON": str(self.python)} | variables
        subprocess.run(["make", "install"], cwd=self.root, env=environment, check=True, capture_output=True)
        return self.log.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_first_install_takes_the_pins_and_nothing_beside_them(checkout: Checkout) -> None:
    venv, pins, torch, project = checkout.install()
    assert venv == "-m venv .venv"
    assert pins.endswith("install --no-deps -r constraints.txt")
    assert torch == "-c import torch"
    assert project.endswith("install --no-deps --no-build-isolation -e .")


def test_a_second_install_does_nothing(checkout: Checkout) -> None:
    checkout.install()
    assert checkout.install() == []


def test_new_pins_are_installed(checkout: Checkout) -> None:
    checkout.install()
    stamp = (checkout.root / ".venv" / ".installed").stat()
    os.utime(checkout.root / "constraints.txt", (stamp.st_atime + 1, stamp.st_mtime + 1))
    assert any("constraints.txt" in call for call in checkout.install())


def test_a_torch_that_cannot_be_imported_is_installed_with_what_it_depends_on(checkout: Checkout) -> None:
    *_, torch, project = checkout.install(TORCH_EXIT="1")
    assert torch.startswith("-m pip")
    assert "--no-deps" not in torch
    assert "torch==" in torch
    assert "-e ." in project


def test_every_pin_is_exact_and_names_no_index_or_local_build() -> None:
    for pin in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, exact, version = pin.partition("==")
        assert name and exact and version, pin
        assert not set(pin) & set("+@/; "), pin
