"""Ray and Ray Serve on this machine: started with what a small machine needs, and ended without a trace.

HTTP goes through HAProxy, which comes with Ray as a wheel: 0.8 ms a request where Ray's own proxy takes 8 ms, which
would be a fourth of the light tier's whole answer. It is set up by environment variables, which must stand before Ray
is imported.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from control_plane.spec.errors import Code, TiermeshError
from model_repo.settings import ModelsSettings
from model_repo.shared_memory import SharedMemory

_log = logging.getLogger(__name__)

_DRAIN_SECONDS = 1
"""How long HAProxy may take to hear that a replica goes away, before that replica stops listening."""

_ENVIRONMENT = {
    # Ray's workers start at niceness 15, which starves a replica on a busy machine.
    "RAY_worker_niceness": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # A replica that dies, even by SIGKILL, takes its own children along: vLLM's engine is one.
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(_DRAIN_SECONDS),
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    # Weights are fetched before a replica starts; a replica never waits for the network.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_PORTS = ("RAY_SERVE_HAPROXY_METRICS_PORT", "RAY_SERVE_HAPROXY_STATS_PORT", "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT")
_FILES = {
    "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "haproxy.cfg",
    "RAY_SERVE_HAPROXY_SOCKET_PATH": "a",
    "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": "m",
    "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": "",
    "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "state",
}


def check_port(settings: ModelsSettings) -> None:
    """Raises TiermeshError(SETUP) where the port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            probe.listen(1)
        except OSError as error:
            message = f"Port {settings.port} cannot be listened on: {error.strerror}."
            raise TiermeshError(Code.SETUP, message, "Free it, or set TIERMESH_MODELS_PORT to another.") from error


@contextlib.contextmanager
def running(settings: ModelsSettings) -> Iterator[SharedMemory]:
    """Ray and Ray Serve while the block runs; afterwards no process, port or file of theirs is left.

    Let the yielded SharedMemory look from time to time.
    """
    shared_memory = SharedMemory()
    with _folder() as folder:
        _set_environment(folder)
        try:
            _start(settings, folder)
            yield shared_memory
        finally:
            _end()
            shared_memory.remove_unused()


def _start(settings: ModelsSettings, folder: Path) -> None:
    import ray
    from ray import serve

    ray.init(
        address="local",
        include_dashboard=False,
        num_cpus=os.cpu_count(),
        object_store_memory=settings.object_store_mib * 2**20,
        _temp_dir=str(folder),
        logging_level=logging.WARNING,
    )
    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": settings.host, "port": settings.port},
        logging_config={"enable_access_log": False, "log_level": settings.log_level},
    )


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A new folder for Ray's and HAProxy's sockets and logs, removed afterwards.

    They put sockets some 80 characters below it, and a socket's path holds at most 107, so TIERMESH_HOME may be too
    long for them. Folders of processes that were killed are removed first: nobody holds their locks any more.
    """
    for left in Path("/tmp").glob("tm-*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError, PermissionError), (left / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="tm-", dir="/tmp"))
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _set_environment(folder: Path) -> None:
    os.environ.update(_ENVIRONMENT)
    # A token of this run alone: whoever does not inherit it cannot run code through Ray's ports.
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    os.environ.update({variable: str(folder / name) for variable, name in _FILES.items()})
    os.environ.update({variable: str(port) for variable, port in zip(_PORTS, _free_ports(len(_PORTS)), strict=True)})
    # With it, every worker would compile every import again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _free_ports(count: int) -> list[int]:
    """Ports for what Ray has fixed ones for, so that two meshes run on one machine."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("", 0))
        return [probe.getsockname()[1] for probe in probes]


def _end() -> None:
    import ray
    from ray import serve

    started = psutil.Process().children(recursive=True)
    if ray.is_initialized():
        serve.shutdown()
    ray.shutdown()
    _, left = psutil.wait_procs(started, timeout=3)
    for process in left:
        _log.warning("ending a process that outlived Ray", extra={"fields": {"process": process.pid}})
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=3)
