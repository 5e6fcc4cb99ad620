"""What an installed wheel needs beside its modules."""

import subprocess
import sys
import zipfile
from pathlib import Path

from control_plane.console.assets import FOLDER

ROOT = Path(__file__).parents[2]


def test_the_wheel_carries_the_example_shop_the_consoles_pages_and_the_types_of_every_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shop = {file.relative_to(ROOT / "examples") for file in (ROOT / "examples" / "shop").rglob("*.yaml")}
    assert shop
    assert {f"launcher/bundled/{path}" for path in shop} <= names
    for package in ("control_plane", "launcher", "model_repo", "observability", "operators", "routers"):
        assert f"{package}/py.typed" in names
    pages = {file.relative_to(ROOT).as_posix() for file in FOLDER.rglob("*.*")}
    assert "control_plane/console/static/index.html" in pages
    assert pages <= names
