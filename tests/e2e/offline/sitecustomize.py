"""On PYTHONPATH, refuses every Python process whatever lies outside this machine, and writes down who asked for it.

What is refused would have failed without a network, perhaps after a long wait; what is written down must not be asked
for by a second start.
"""

import os
import socket
from pathlib import Path
from typing import Any

_LOG = Path(os.environ["OFFLINE_LOG"])
_connect = socket.socket.connect
_getaddrinfo = socket.getaddrinfo
_NAMES = {"localhost", "localhost.localdomain", socket.gethostname(), ""}


def _here(host: object) -> bool:
    """Whether this address is one of this machine's own: only to such an address can a socket be bound."""
    if host is None or host in _NAMES:
        return True
    family = socket.AF_INET6 if ":" in str(host) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(host), 0))
        except OSError:
            return False
    return True


def _refuse(what: object) -> None:
    with _LOG.open("a", encoding="utf-8") as log:
        log.write(f"{os.getpid()} {what}\n")
    raise OSError(f"offline: {what}")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    # A datagram socket is "connected" to learn this machine's own address; nothing is sent.
    if self.family in (socket.AF_INET, socket.AF_INET6) and self.type == socket.SOCK_STREAM and not _here(address[0]):
        _refuse(address)
    _connect(self, address)


def _guarded_getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if not _here(name):
        _refuse(name)
    return _getaddrinfo(host, *arguments, **options)


socket.socket.connect = _guarded_connect  # type: ignore[assignment,method-assign]  # every client goes through it
socket.getaddrinfo = _guarded_getaddrinfo
