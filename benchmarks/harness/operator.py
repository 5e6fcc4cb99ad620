"""An operator as a process that can be killed, and what it says of itself."""

import os
import sys
import time
from pathlib import Path

import httpx2

from benchmarks.harness.gateways import free_port
from benchmarks.harness.restarts import Restartable
from control_plane.spec.errors import Code, TiermeshError

_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.05


class Operator(Restartable):
    """One operator; its log is kept."""

    def __init__(self, name: str, folder: Path, kubeconfig: Path, control_plane: str, **settings: object) -> None:
        """`settings` are TIERMESH_OPERATOR_… without their prefix, in lower case."""
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        given = {"name": name, "control_plane_url": control_plane, "admin_port": port, **settings}
        left_out = ("TIERMESH_", "PYTHONDONTWRITEBYTECODE")
        env = {variable: value for variable, value in os.environ.items() if not variable.startswith(left_out)}
        env |= {f"TIERMESH_OPERATOR_{setting.upper()}": str(value) for setting, value in given.items()}
        env |= {"KUBECONFIG": str(kubeconfig), "TIERMESH_HOME": str(folder)}
        self.log = folder / f"{name}.log"
        super().__init__([sys.executable, "-m", "operators"], None, env, self.log)

    def state(self) -> str | None:
        """What /readyz says: `leads`, `stands by` …; None where nothing answers."""
        try:
            return httpx2.get(f"{self._url}/readyz", trust_env=False, verify=False).text.split("\n")[1]
        except httpx2.TransportError:
            return None

    def wait(self, state: str = "leads") -> None:
        """Until it says so. Raises TiermeshError(SETUP) where it does not."""
        ends = time.monotonic() + _READY_SECONDS
        while self.state() != state:
            if time.monotonic() > ends:
                said = self.log.read_text()[-2000:]
                raise TiermeshError(Code.SETUP, f"An operator does not say that it {state}: {said}")
            time.sleep(_LOOK_SECONDS)

    def metric(self, name: str) -> float:
        """The sum of a metric's children."""
        text = httpx2.get(f"{self._url}/metrics", trust_env=False, verify=False).text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return sum(float(value) for head, _, value in lines if head.partition("{")[0] == name)
