"""Where nothing may be skipped, a skipped test is a failed one, and says what was skipped."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKIPPED = "import pytest\n\ndef test_one():\n    pytest.skip('nginx is not installed')\n"
SKIPPED_MODULE = "import pytest\n\npytest.skip('no GPU', allow_module_level=True)\n"
EXPECTED = "import pytest\n\n@pytest.mark.xfail\ndef test_one():\n    raise AssertionError\n"


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """pytest over a file of each kind."""
    for name, source in {"skipped": SKIPPED, "module": SKIPPED_MODULE, "expected": EXPECTED}.items():
        (folder / f"test_{name}.py").write_text(source, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name != "TIERMESH_NO_SKIPS"}
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none of them matters here, and each takes time
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, cwd=ROOT, env=inherited | variables, capture_output=True, text=True, check=False)


def test_where_something_may_be_skipped_it_is(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0
    assert "2 skipped, 1 xfailed in" in done.stdout


def test_where_nothing_may_be_skipped_a_skip_fails_with_its_reason_and_an_expected_failure_does_not(
    tmp_path: Path,
) -> None:
    done = run(tmp_path, TIERMESH_NO_SKIPS="1")
    assert done.returncode == 1
    assert "1 failed, 1 xfailed, 1 error in" in done.stdout
    for reason in ("nginx is not installed", "no GPU"):
        assert f"this was skipped: Skipped: {reason}" in done.stdout
