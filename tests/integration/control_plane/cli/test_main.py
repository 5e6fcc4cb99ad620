"""The installed command."""

import subprocess
import sys
from pathlib import Path


def test_a_control_plane_that_does_not_answer_is_one_line_with_the_address_and_a_cure() -> None:
    command = [str(Path(sys.executable).parent / "tiermesh"), "get", "models", "--server", "http://127.0.0.1:1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert ran.stderr.startswith("error: The control plane at http://127.0.0.1:1 does not answer (ConnectError).")
    assert "tiermesh up" in ran.stderr
