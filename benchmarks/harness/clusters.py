"""A Kubernetes API to measure against, and the first document of a control plane beside it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import definitions
from benchmarks.harness.tiermesh import document
from control_plane.spec.documents import Document, parse
from control_plane.spec.errors import Code, TiermeshError

_CHECKOUT = Path(__file__).parents[2]
_HOLD = "import os, sys; print(os.environ['KUBECONFIG'], flush=True); sys.stdin.read()"


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """The kubeconfig of the cluster that TIERMESH_TEST_KUBECONFIG names, or of one that is started for this.

    Raises TiermeshError(SETUP) where there is neither, or the definitions that it needs are wrong.
    """
    if given := os.environ.get("TIERMESH_TEST_KUBECONFIG"):
        yield Path(given).absolute()
        return
    tool = Path(os.environ.get("TIERMESH_TEST_CLUSTER") or _CHECKOUT.parent / "shared" / "k8s" / "cluster")
    if not tool.exists():
        message = "There is no Kubernetes API to measure against."
        raise TiermeshError(Code.SETUP, message, "Set TIERMESH_TEST_KUBECONFIG to the kubeconfig of any cluster.")
    hold = [sys.executable, "-c", _HOLD]
    with (
        (folder / "cluster.log").open("w") as log,
        subprocess.Popen(
            [str(tool), "run", "--crds", *map(str, definitions.needed()), "--", *hold],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield _kubeconfig(process, folder)
        finally:
            if process.stdin:
                process.stdin.close()


def _kubeconfig(process: "subprocess.Popen[str]", folder: Path) -> Path:
    for line in process.stdout or ():
        if line.strip().endswith("kubeconfig") and Path(line.strip()).exists():
            return Path(line.strip())
    said = (folder / "cluster.log").read_text()[-1000:]
    raise TiermeshError(Code.SETUP, f"The cluster does not start: {said}")


def first() -> list[Document]:
    """Something to publish: a router is ready once it serves a snapshot."""
    model = document("Model", "first", {"engine": "openai", "tier": "light", "url": "http://127.0.0.1:9/v1"})
    return [parse(model)]
