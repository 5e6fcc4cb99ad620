"""What the harness talks to: the stub upstream, nginx before it, and any other gateway before it."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.build import program
from benchmarks.harness.processes import Cores, running
from control_plane.spec.errors import Code, TiermeshError

CHAT_PATH = "/v1/chat/completions"
_START_SECONDS = 60.0
_PROBE_SECONDS = 0.1

_NGINX_CONFIG = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-errors.log;
events {{ worker_connections 8192; multi_accept on; }}
http {{
  access_log off;
  keepalive_requests 1000000; keepalive_timeout 120s; tcp_nodelay on;
  client_body_buffer_size 64k;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream stub {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://stub; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""
"""The least a proxy can do: nothing is parsed but HTTP, upstream connections are kept, streams are not buffered."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """An address on this machine to which chat requests go; `pid` is the root of its processes."""

    name: str
    port: int
    pid: int
    path: str = CHAT_PATH
    model: str = "bench"
    header: str = ""
    """A line that each request carries, such as an API key."""


@contextlib.contextmanager
def stub_upstream(cores: Cores, port: int = 0) -> Iterator[Gateway]:
    """The stub of the OpenAI API, on the load's core: what all gateways forward to, and `direct` in comparisons."""
    with running([program("upstream"), str(port)], cores.load) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            hint = f"Stop what uses port {port}." if port else "Its own words are above."
            raise TiermeshError(Code.SETUP, "The stub upstream does not start.", hint)
        yield Gateway("direct", int(line), process.pid)


def answered(stub: Gateway) -> int:
    """How many chat requests have reached the stub so far."""
    connection = http.client.HTTPConnection("127.0.0.1", stub.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return int(json.loads(connection.getresponse().read())["answered"])


@contextlib.contextmanager
def nginx(cores: Cores, stub: Gateway, folder: Path) -> Iterator[Gateway | None]:
    """nginx's proxy_pass before the stub, on the gateway's core; None where nginx is not installed."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        yield None
        return
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(_NGINX_CONFIG.format(folder=folder, port=port, upstream=stub.port))
    # -e: until the configuration is read, errors would go to the system's own log.
    command: list[str | Path] = [binary, "-c", config, "-e", folder / "nginx-errors.log"]
    with gateway("nginx", command, port, cores, folder) as started:
        yield started


@contextlib.contextmanager
def gateway(
    name: str,
    command: Sequence[str | Path],
    port: int,
    cores: Cores,
    folder: Path,
    env: Mapping[str, str] | None = None,
    header: str = "",
) -> Iterator[Gateway]:
    """A gateway that `command` starts on the gateway's core, as soon as it answers.

    Raises TiermeshError(SETUP), with the end of its log, where it does not.
    """
    log = folder / f"{name}.log"
    # Without bytecode on disk, a Python gateway would spend its start compiling.
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with running(command, cores.gateway, env={**inherited, **(env or {})}, log=log) as process:
        started = Gateway(name, port, process.pid, header=header)
        _wait_until_it_answers(started, process, log)
        yield started


def _wait_until_it_answers(gateway: Gateway, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    problem = "it does not listen"
    while process.poll() is None and time.monotonic() < deadline:
        try:
            status, answer = ask(gateway, f"ready? {time.monotonic_ns()}")
        except OSError as error:
            problem = str(error)
        else:
            if status == 200:
                return
            problem = f"{status} {answer[:300]!r}"
        time.sleep(_PROBE_SECONDS)
    tail = "\n".join(log.read_text().splitlines()[-10:])
    raise TiermeshError(Code.SETUP, f"{gateway.name} does not answer: {problem}.", f"Its last words:\n{tail}")


def ask(gateway: Gateway, question: str) -> tuple[int, bytes]:
    """One chat request: status and body. Raises OSError where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    body = json.dumps({"model": gateway.model, "messages": [{"role": "user", "content": question}]})
    name, _, value = gateway.header.partition(": ")
    headers = {"content-type": "application/json", **({name: value} if name else {})}
    with contextlib.closing(connection):
        connection.request("POST", gateway.path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()


def free_port() -> int:
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
