"""Cluster: a real Kubernetes API for tests, and a namespace of it for each.

`TIERMESH_TEST_KUBECONFIG` names any cluster. Without it, the tool at `TIERMESH_TEST_CLUSTER` starts one on this
machine, by default the one beside the checkout. With neither, the tests that need one are skipped.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.kubernetes.programs import Program, program

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import KubeConfig

CHECKOUT = Path(__file__).parents[2]
CRDS = CHECKOUT / "charts" / "tiermesh" / "files" / "crds"
"""Our own."""
START_SECONDS = 240.0
COMMAND_SECONDS = 120.0
_HOLD = "import os, sys; open(sys.argv[1], 'w').write(os.environ['KUBECONFIG']); sys.stdin.read()"
"""What the cluster runs for: it says where it is, and waits until this process lets go of it or ends."""


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes API that answers, with our custom resources and those of others installed."""

    kubeconfig: Path
    home: Path
    """What kubectl and helm keep, so that nothing of another cluster is taken for this one's."""
    lasting: bool
    """Whether it is there after the tests, so that they have to clean up."""

    @property
    def config(self) -> "KubeConfig":
        """For lightkube: `Client(config=cluster.config)`."""
        from lightkube.config.kubeconfig import KubeConfig  # deferred, as all of lightkube: for every start of pytest

        return KubeConfig.from_file(self.kubeconfig)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to reach it."""
        return os.environ | {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home)}

    def run(self, name: Program, *arguments: object, text: str = "") -> subprocess.CompletedProcess[str]:
        """What the program answered, however it ended; `text` is its standard input."""
        command = [str(program(name)), *map(str, arguments)]
        return subprocess.run(
            command,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def remove(self, *namespaces: str) -> None:
        """Delete namespaces, where the cluster stays; what is in them waits for an operator that is gone by then."""
        if not self.lasting:
            return
        from lightkube import Client
        from lightkube.generic_resource import create_namespaced_resource
        from lightkube.resources.core_v1 import Namespace
        from lightkube.types import PatchType

        from operators.kinds import GROUP, KINDS, VERSION

        with closing(Client(config=self.config, trust_env=False)) as client:
            free = {"metadata": {"finalizers": None}}
            for kind, plural in KINDS.items():
                found = create_namespaced_resource(GROUP, VERSION, kind, plural)
                for about in [one["metadata"] for one in client.list(found, namespace="*")]:
                    if (namespace := about["namespace"]) in namespaces:
                        client.patch(found, about["name"], free, namespace=namespace, patch_type=PatchType.MERGE)
            for namespace in namespaces:
                client.delete(Namespace, namespace)

    def kubectl(self, *arguments: object, text: str = "") -> str:
        """What it printed. Fails the test with what it said where it did not succeed."""
        return _succeeded(self.run("kubectl", *arguments, text=text))

    def helm(self, *arguments: object, text: str = "") -> str:
        """The same of helm."""
        return _succeeded(self.run("helm", *arguments, text=text))


def _succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{' '.join(done.args)}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster; one for all tests of a process."""
    home = tmp_path_factory.mktemp("kube")
    if given := os.environ.get("TIERMESH_TEST_KUBECONFIG"):
        found = Cluster(Path(given).absolute(), home, lasting=True)
        for folder in _folders():
            found.kubectl("apply", "--server-side", "--force-conflicts", "--recursive", "-f", folder)
        yield found
    else:
        with _started(home) as kubeconfig:
            yield Cluster(kubeconfig, home, lasting=False)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace."""
    name = f"test-{uuid4().hex[:12]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.remove(name)


@contextmanager
def _started(home: Path) -> Iterator[Path]:
    tool = Path(os.environ.get("TIERMESH_TEST_CLUSTER") or CHECKOUT.parent / "shared" / "k8s" / "cluster")
    if not tool.exists():
        pytest.skip("there is no Kubernetes API: set TIERMESH_TEST_KUBECONFIG to the kubeconfig of any cluster")
    where, log = home / "where", home / "log"
    hold = [sys.executable, "-c", _HOLD, str(where)]
    command = [str(tool), "run", "--crds", *map(str, _folders()), "--", *hold]
    # Two at once would start half as fast each, and one of them might be given up.
    with log.open("wb") as output, Path(tempfile.gettempdir(), "tiermesh-test-cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True)
        try:
            kubeconfig = _awaited(process, where, log)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
    try:
        yield kubeconfig
    finally:
        process.communicate(timeout=60)


def _awaited(process: subprocess.Popen[bytes], where: Path, log: Path) -> Path:
    until = time.monotonic() + START_SECONDS
    while not (where.exists() and (found := where.read_text())):
        if process.poll() is not None or time.monotonic() > until:
            process.terminate()
            pytest.fail(f"no cluster started:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)
    return Path(found)


def _folders() -> list[Path]:
    """Custom resource definitions: those of others, and our own."""
    others = Path(os.environ.get("TIERMESH_TEST_CRDS") or CHECKOUT.parent / "shared" / "crds")
    return [folder for folder in (others, CRDS) if folder.exists()]
