"""`python -m model_repo`: Ray Serve on this machine, serving the Models of a documents file and following it."""

import logging
import os
import signal
import sys
import threading

from control_plane.spec.errors import TiermeshError
from model_repo import capacity, cluster, documents
from model_repo.settings import ModelsSettings
from model_repo.shared_memory import SharedMemory
from model_repo.status import StatusFile
from observability.logging import configure

_log = logging.getLogger("model_repo")


def main() -> int:
    """Serve until SIGTERM or SIGINT. 0: ended as asked; 1: could not start, with one sentence that says why."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        chosen = ModelsSettings.load()
        configure(chosen.log_level)
        wanted = documents.read(chosen.documents)
        cluster.check_port(chosen)
        capacity.check(capacity.competing(wanted.values()), capacity.look())
    except TiermeshError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _serve(chosen, stop)
    return 0


def _serve(chosen: ModelsSettings, stop: threading.Event) -> None:
    status = StatusFile(chosen.status_file)
    status.write("starting", {})
    environment = dict(os.environ)
    try:
        with cluster.running(chosen) as shared_memory:
            for number in (signal.SIGTERM, signal.SIGINT):  # Ray has set its own
                signal.signal(number, lambda *_: stop.set())
            _follow(chosen, environment, status, stop, shared_memory)
    finally:
        status.remove()


def _follow(
    chosen: ModelsSettings,
    environment: dict[str, str],
    status: StatusFile,
    stop: threading.Event,
    shared_memory: SharedMemory,
) -> None:
    from model_repo.fleet import Fleet  # deferred: imports Ray, whose settings stand in the environment by now

    fleet = Fleet(chosen, environment)
    following = documents.following(chosen.documents)
    wanted: documents.Models = {}
    wrong = ""
    try:
        while not stop.is_set():
            try:
                found = following.next()
                wanted = wanted if found is None else found
                fleet.follow(wanted)
                wrong = ""
            except TiermeshError as error:
                if str(error) != wrong:
                    wrong = str(error)
                    _log.error("keeping the models as they are", extra={"fields": {"error": wrong}})
            status.write("running", fleet.statuses())
            shared_memory.look()
            stop.wait(chosen.follow_seconds)
    finally:
        fleet.close()


if __name__ == "__main__":
    sys.exit(main())
