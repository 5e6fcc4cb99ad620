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
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.kubernetes.programs import Program, program

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.config.kubeconfig import KubeConfig

CHECKOUT = Path(__file__).parents[2]
LAZY = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Go collects garbage less often: a third of what the API server of custom resources does otherwise."""
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
        return os.environ | LAZY | {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home)}

    @cached_property
    def api(self) -> "Client":
        """Reads and writes quicker than kubectl starts."""
        from lightkube import Client

        return Client(config=self.config, trust_env=False)

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

    @contextmanager
    def namespace(self, name: str) -> Iterator[str]:
        """A namespace as long as the block runs."""
        from lightkube.models.meta_v1 import ObjectMeta
        from lightkube.resources.core_v1 import Namespace

        self.api.create(Namespace(metadata=ObjectMeta(name=name)))
        try:
            yield name
        finally:
            self.remove(name)

    def remove(self, *namespaces: str) -> None:
        """Delete namespaces, where the cluster stays; what is in them waits for an operator that is gone by then."""
        if not self.lasting:
            return
        from lightkube.generic_resource import create_namespaced_resource
        from lightkube.resources.core_v1 import Namespace
        from lightkube.types import PatchType

        from operators.kinds import GROUP, KINDS, VERSION

        free = {"metadata": {"finalizers": None}}
        for kind, plural in KINDS.items():
            found = create_namespaced_resource(GROUP, VERSION, kind, plural)
            for about in [one["metadata"] for one in self.api.list(found, namespace="*")]:
                if (namespace := about["namespace"]) in namespaces:
                    self.api.patch(found, about["name"], free, namespace=namespace, patch_type=PatchType.MERGE)
        for namespace in namespaces:
            self.api.delete(Namespace, namespace)

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
    with _found(home) as cluster:
        yield cluster
        cluster.api.close()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace."""
    with cluster.namespace(new_name()) as name:
        yield name


def new_name() -> str:
    """Of a namespace that nobody has."""
    return f"test-{uuid4().hex[:12]}"


@contextmanager
def _found(home: Path) -> Iterator[Cluster]:
    from benchmarks.harness.definitions import needed  # deferred: every start of pytest reads this file

    if given := os.environ.get("TIERMESH_TEST_KUBECONFIG"):
        found = Cluster(Path(given).absolute(), home, lasting=True)
        for path in needed():
            found.kubectl("apply", "--server-side", "--force-conflicts", "-f", path)
        yield found
    else:
        with _started(home, needed()) as kubeconfig:
            yield Cluster(kubeconfig, home, lasting=False)


@contextmanager
def _started(home: Path, definitions: list[Path]) -> Iterator[Path]:
    tool = Path(os.environ.get("TIERMESH_TEST_CLUSTER") or CHECKOUT.parent / "shared" / "k8s" / "cluster")
    if not tool.exists():
        pytest.skip("there is no Kubernetes API: set TIERMESH_TEST_KUBECONFIG to the kubeconfig of any cluster")
    where, log = home / "where", home / "log"
    hold = [sys.executable, "-c", _HOLD, str(where)]
    command = [str(tool), "run", "--crds", *map(str, definitions), "--", *hold]
    # Two at once would start half as fast each, and one of them might be given up.
    with log.open("wb") as output, Path(tempfile.gettempdir(), "tiermesh-test-cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            command,
            env=os.environ | LAZY,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
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
