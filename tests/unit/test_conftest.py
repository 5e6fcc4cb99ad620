"""Where nothing may be skipped, a skipped test is a failed one, and says what was skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = "import pytest\n\ndef test_one():\n    pytest.skip('nginx is not installed')\n"
SKIPPED_MODULE = "import pytest\n\npytest.skip('no GPU', allow_module_level=True)\n"
EXPECTED = "import pytest\n\n@pytest.mark.xfail\ndef test_one():\n    raise AssertionError\n"


def run(folder: Path, source: str, **variables: str) -> subprocess.CompletedProcess[str]:
    file = folder / "test_sample.py"
    file.write_text(source, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name != "TIERMESH_NO_SKIPS"}
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none of them matters here, and each takes time
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        str(file),
    ]
    return subprocess.run(command, cwd=ROOT, env=inherited | variables, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("source", "reason"), [(SKIPPED, "nginx is not installed"), (SKIPPED_MODULE, "no GPU")])
def test_a_skip_fails_where_nothing_may_be_skipped(tmp_path: Path, source: str, reason: str) -> None:
    assert run(tmp_path, source).returncode in (0, 5)
    done = run(tmp_path, source, TIERMESH_NO_SKIPS="1")
    assert done.returncode not in (0, 5)
    assert f"this was skipped: Skipped: {reason}" in done.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert run(tmp_path, EXPECTED, TIERMESH_NO_SKIPS="1").returncode == 0
